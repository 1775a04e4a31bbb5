"""Association tables on disk: Parquet in the columns of GWAS-SSF, plus `n`, `phenotype` and the
ids.

The columns follow Hayhurst et al. 2022 (doi 10.1101/2022.07.15.500230); beta belongs to the effect
allele.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("chromosome", TEXT),
        ("base_pair_location", pa.int64()),
        ("effect_allele", TEXT),
        ("other_allele", TEXT),
        ("beta", pa.float64()),
        ("standard_error", pa.float64()),
        ("effect_allele_frequency", pa.float64()),
        ("neg_log_10_p_value", pa.float64()),
        ("variant_id", TEXT),
        ("rsid", TEXT),
        ("n", pa.int32()),
        ("phenotype", TEXT),
    ]
)


class Statistics(NamedTuple):
    """Results of a block of variants; NaN where a variant was not tested with a phenotype."""

    beta: Float[np.ndarray, "variant phenotype"]
    standard_error: Float[np.ndarray, "variant phenotype"]
    neg_log_10_p_value: Float[np.ndarray, "variant phenotype"]
    effect_allele_frequency: Float[np.ndarray, "variant phenotype"]
    n: Int[np.ndarray, "variant phenotype"]

    @classmethod
    def empty(cls, variants: int, phenotypes: int) -> "Statistics":
        """Results of a block in which nothing is tested yet."""
        beta, error, p, frequency = np.full((4, variants, phenotypes), np.nan)
        return cls(beta, error, p, frequency, np.zeros((variants, phenotypes), dtype=np.int32))


def association_table(
    variants: pd.DataFrame,
    phenotypes: Sequence[str],
    statistics: Statistics,
    reported: Bool[np.ndarray, "variant phenotype"],
) -> pa.Table:
    """One row per reported pair of a variant and a phenotype, variant by variant; `variants` has the
    columns of `Genotypes.variants`.

    >>> variants = pd.DataFrame(
    ...     {"chromosome": ["1"], "base_pair_location": [10], "effect_allele": ["A"],
    ...      "other_allele": ["G"], "variant_id": ["1_10_G_A"], "rsid": ["rs1"]}
    ... )
    >>> statistics = Statistics.empty(variants=1, phenotypes=2)
    >>> statistics.beta[0, 1] = 0.5
    >>> table = association_table(variants, ["pr", "qt"], statistics, ~np.isnan(statistics.beta))
    >>> to_frame(table)[["variant_id", "phenotype", "beta"]].values.tolist()
    [['1_10_G_A', 'qt', 0.5]]
    """
    variant, phenotype = np.nonzero(reported)
    columns = {name: getattr(statistics, name)[variant, phenotype] for name in Statistics._fields}

    columns["base_pair_location"] = variants["base_pair_location"].to_numpy()[variant]
    columns["phenotype"] = pa.DictionaryArray.from_arrays(
        pa.array(phenotype, pa.int32()), pa.array(phenotypes, pa.string())
    )
    for name in ("chromosome", "effect_allele", "other_allele", "variant_id", "rsid"):
        text = pa.array(variants[name], pa.string(), from_pandas=True).dictionary_encode()
        columns[name] = text.take(pa.array(variant))
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


@contextmanager
def association_writer(path: Path) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that takes its name when the block ends well, and vanishes when it does
    not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
            yield writer
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """The table in pandas, its text as plain text."""
    plain = [field.with_type(pa.string()) if field.type == TEXT else field for field in SCHEMA]
    return table.cast(pa.schema(plain)).to_pandas()


def read_associations(path: Path, phenotype: str | None = None) -> pd.DataFrame:
    """The associations of one phenotype, or of all; text is categorical, since there can be
    millions of rows."""
    return pq.read_table(
        path, filters=None if phenotype is None else [("phenotype", "==", phenotype)]
    ).to_pandas()
