"""What is tested in an association scan, and what comes out: the same for every engine."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.variant_filter import VariantFilter
from ecgae.statistics.tally import Tally

ASSOCIATIONS = "associations.parquet"

OMNIBUS, M_REGLE, ACAT = "omnibus", "m_regle", "acat"
"""Names of the tests of several phenotypes at once; "omnibus V1" is that of the latents of lead
V1."""

SUMMARIES = (
    "neg_log_10_p_value",
    "phenotype",
    "effect_allele_frequency",
    "n",
    "mean_chi2",
    "omnibus_excess",
)
"""What `Scan.variants` says of each variant beside its place and alleles."""


class ScanInput(NamedTuple):
    """What is to be tested, for every engine alike. The people are in the same order everywhere."""

    genotypes: Genotypes
    individuals: Int[np.ndarray, " individual"]
    """The people analysed, as rows of the genotypes."""
    phenotypes: Float[np.ndarray, "individual phenotype"]
    """Phenotypes as they were given, before any transform; NaN = missing."""
    names: tuple[str, ...]
    """The names of the phenotypes."""
    covariates: Float[np.ndarray, "individual covariate"]
    """Covariates as numbers without a gap, without the intercept."""
    covariate_names: tuple[str, ...]
    filter: VariantFilter
    """Which variants are tested, by what is counted among these people."""
    variants: Int[np.ndarray, " variant"] | None = None
    """Rows of `Genotypes.variants` to test; None: all that the filter's regions and lists leave."""
    chromosomes: tuple[str, ...] | None = None
    """The chromosomes to scan, where this is a part of a scan; None: all."""

    def in_file_order(self) -> "ScanInput":
        """The same scan with its people in the order of the genotypes, so that calls need not be
        sorted."""
        order = np.argsort(self.individuals, kind="stable")
        return self._replace(
            individuals=self.individuals[order],
            phenotypes=self.phenotypes[order],
            covariates=self.covariates[order],
        )


class Combined(NamedTuple):
    """Tests of many phenotypes at once, one result per variant and test."""

    tally: Tally
    """The statistics counted, where `phenotypes` are the tests: "omnibus" (all phenotypes), "omnibus
    V1" (those of a lead), "acat", ..."""
    candidates: pd.DataFrame
    """Associations in the form of `Scan.candidates`, where `phenotype` names the test, and beta and standard_error are
    NaN."""


class Scan(NamedTuple):
    """The results of a scan, small enough to hold in memory."""

    phenotypes: tuple[str, ...]
    """The phenotypes tested."""
    dropped: tuple[str, ...]
    """The phenotypes left out because they are constant."""
    n_individuals: int
    n_variants: int
    """Variants tested, with at least one phenotype."""
    excluded: dict[str, int]
    """Numbers of variants that were not tested, by reason."""
    report_below: float
    """p-value above which associations are only counted."""
    variants: pd.DataFrame
    """The tested variants, indexed by their place in `Genotypes.variants`: its columns, then
    `neg_log_10_p_value` (the largest over phenotypes; in single precision where it is above
    `report_below`), `phenotype` (where it is that), `effect_allele_frequency` and `n` (there),
    `mean_chi2` over the phenotypes, and `omnibus_excess`: the statistic of all phenotypes at once
    less their number, 0 on average where nothing is associated (`omnibus.excess`); NaN where the
    engine makes no such test."""
    candidates: pd.DataFrame
    """Every association with p of at most `report_below`, exact, in the columns of the association
    table, indexed like `variants`."""
    tally: Tally
    combined: Combined | None
    """Tests of several phenotypes at once; None where the engine makes none."""
