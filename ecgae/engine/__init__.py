"""Who runs the association scan: one file per engine, all giving the same tables.

An engine is a frozen dataclass, called with what is to be tested and with a folder for its files.
"""

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ecgae.genotypes import Genotypes
from ecgae.tally import Tally
from ecgae.variant_filter import VariantFilter

ASSOCIATIONS = "associations.parquet"
SUMMARIES = ("neg_log_10_p_value", "phenotype", "effect_allele_frequency", "n", "mean_chi2", "omnibus_excess")
"""What `Scan.variants` says of each variant beside its place and alleles."""


class Task(NamedTuple):
    """What is to be tested, for every engine alike. The people are in the same order everywhere."""

    genotypes: Genotypes
    individuals: Int[np.ndarray, " individual"]
    """Rows of the genotypes."""
    phenotypes: Float[np.ndarray, "individual phenotype"]
    """As they were given, before any transform; NaN = missing."""
    names: tuple[str, ...]
    """Of the phenotypes."""
    covariates: Float[np.ndarray, "individual covariate"]
    """Numbers without a gap, without the intercept."""
    covariate_names: tuple[str, ...]
    filter: VariantFilter
    """Which of them are tested, by what is counted among these people."""
    variants: Int[np.ndarray, " variant"] | None = None
    """Rows of `Genotypes.variants` to test; None: all that the filter's regions and lists leave."""
    chromosomes: tuple[str, ...] | None = None
    """Only these, as a part of a scan; None: all."""

    def in_file_order(self) -> "Task":
        """People as they stand in the genotypes, so that calls need not be sorted."""
        order = np.argsort(self.individuals, kind="stable")
        return self._replace(
            individuals=self.individuals[order], phenotypes=self.phenotypes[order], covariates=self.covariates[order]
        )


class Combined(NamedTuple):
    """Tests of many phenotypes at once, one result per variant and test."""

    tally: Tally
    """Its `phenotypes` are the tests: "omnibus" (all phenotypes), "omnibus V1" (those of a lead), "acat", ..."""
    candidates: pd.DataFrame
    """As `Scan.candidates`, where `phenotype` names the test, and beta and standard_error are NaN."""


class Scan(NamedTuple):
    """What a scan found, small enough to hold."""

    phenotypes: tuple[str, ...]
    """Those tested."""
    dropped: tuple[str, ...]
    """Those left out because they are constant."""
    n_individuals: int
    n_variants: int
    """Variants tested, with at least one phenotype."""
    excluded: dict[str, int]
    """Variants that were not tested, by reason."""
    report_below: float
    """p-value."""
    variants: pd.DataFrame
    """The tested variants, indexed by their place in `Genotypes.variants`: its columns, then `neg_log_10_p_value` (the
    largest over phenotypes; in single precision where it is above `report_below`), `phenotype` (where it is that),
    `effect_allele_frequency` and `n` (there), `mean_chi2` over the phenotypes, and `omnibus_excess`: the statistic of
    all phenotypes at once less their number, 0 on average where nothing is associated (`omnibus.excess`); NaN where the
    engine makes no such test."""
    candidates: pd.DataFrame
    """Every association with p of at most `report_below`, exact, in the columns of the association table, indexed like
    `variants`."""
    tally: Tally
    combined: Combined | None
    """None where the engine makes no such tests."""


@runtime_checkable
class Engine(Protocol):
    """Tests every phenotype on every variant.

    Writes `associations.parquet` into `folder`: the candidates. What it leaves there unfinished is its own and lets the
    same call go on later.
    """

    @property
    def transform(self) -> str:
        """What happens to phenotypes first: none | zscore | rint."""
        ...

    @property
    def report_below(self) -> float:
        """p-value above which associations are only counted."""
        ...

    def __call__(self, task: Task, folder: Path) -> Scan: ...
