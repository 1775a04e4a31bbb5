"""loci.tsv and omnibus_loci.tsv: tables of loci, as a scan writes and everybody else reads them."""

from pathlib import Path

import pandas as pd

TEXT = (
    *(
        "chromosome",
        "index_variant",
        "rsid",
        "effect_allele",
        "other_allele",
        "phenotype",
        "phenotypes",
    ),
    *("known", "planted"),
)
"""Columns that hold text even where every cell is empty or looks like a number."""


def read_loci(file: Path) -> pd.DataFrame:
    """One row per locus; an empty cell is missing."""
    return pd.read_csv(file, sep="\t", dtype=dict.fromkeys(TEXT, str))
