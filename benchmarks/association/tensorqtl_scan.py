"""tensorQTL's `map_trans` from files to hits, by a Python that has it: prefix, phenotypes,
covariates, hits, p."""

import sys

import numpy as np
import pandas as pd
from tensorqtl import genotypeio, trans


def main() -> None:
    prefix, phenotypes, covariates, hits, p = sys.argv[1:]
    read = genotypeio.load_genotypes(prefix)
    genotypes = read[0] if isinstance(read, tuple) else read
    tables = [
        pd.read_csv(file, sep="\t", dtype={"FID": str, "IID": str})
        .set_index("IID")
        .drop(columns="FID")
        for file in (phenotypes, covariates)
    ]
    genotypes.columns = genotypes.columns.astype(str)
    found = trans.map_trans(
        genotypes[tables[0].index],
        tables[0].T,
        tables[1],
        batch_size=4096,
        return_sparse=True,
        pval_threshold=float(p),
        maf_threshold=0,
        verbose=False,
    )
    names = {"variant_id": "rsid", "phenotype_id": "phenotype", "b": "beta"}
    table = found.rename(columns=names).assign(neg_log_10_p_value=-np.log10(found["pval"]))
    table[["rsid", "phenotype", "beta", "neg_log_10_p_value"]].to_csv(hits, index=False)


if __name__ == "__main__":
    main()
