"""Where the genetic side of a cohort lies: the four settings that every cohort and `gwas.py`
share."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GeneticFiles:
    """The files that a scan needs beside its phenotypes; None for those that a cohort has not."""

    genotypes: str | None = None
    """PLINK or BGEN prefix, a prefix up to the chromosome's number, or a pattern with
    `{chromosome}`."""
    covariates: str | None = None
    """Table with IID (and FID, visit) and one column per covariate."""
    categorical: Sequence[str] = ()
    """Columns of the covariates' table that are labels, not amounts."""
    planted: str | None = None
    """Table of the planted variants of a simulated cohort."""
