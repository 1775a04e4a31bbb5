"""Who runs the association scan: one file per engine, all giving the same tables.

An engine is a frozen dataclass, called with the genotypes, the analysed people's rows in them, and their phenotypes and
covariates in the same order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ecgae.genotypes import Genotypes


class QQ(NamedTuple):
    """Quantiles of the p-values, as -log10, at probabilities common to all phenotypes."""

    expected: Float[np.ndarray, " quantile"]
    observed: dict[str, Float[np.ndarray, " quantile"]]


class Scan(NamedTuple):
    """What a scan found, small enough to hold; everything reported is in the association table."""

    phenotypes: tuple[str, ...]
    """Those tested."""
    dropped: tuple[str, ...]
    """Those left out because they are constant."""
    n_individuals: int
    n_variants: int
    """Variants tested, with at least one phenotype."""
    n_excluded: int
    """Variants whose rarer allele is too rare to be tested."""
    n_untested: int
    """Variants that are constant or follow from the covariates."""
    genomic_inflation: Float[np.ndarray, " phenotype"]
    variants: pd.DataFrame
    """The tested variants, indexed by their place in `Genotypes.variants`: its columns, then `neg_log_10_p_value` (the
    largest over phenotypes), `phenotype` (where it is that), `effect_allele_frequency` and `n` (there)."""
    alpha: float
    candidates: pd.DataFrame
    """Every association with p below `alpha`, in the columns of the association table, indexed like `variants`."""
    qq: QQ


@runtime_checkable
class Engine(Protocol):
    """Tests every phenotype on every variant and writes the association table."""

    def __call__(
        self,
        genotypes: Genotypes,
        individuals: Int[np.ndarray, " individual"],
        phenotypes: Float[np.ndarray, "individual phenotype"],
        names: Sequence[str],
        covariates: Float[np.ndarray, "individual covariate"],
        associations: Path,
        alpha: float = 5e-8,
    ) -> Scan: ...
