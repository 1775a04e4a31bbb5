"""The scan in this process: ordinary least squares, exact for missing calls and missing phenotypes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32, Int
from tqdm import tqdm

from ecgae.association import (
    TRANSFORMS,
    Model,
    associate,
    covariate_basis,
    fit,
    is_constant,
    minor_allele_count,
    missingness_patterns,
    neg_log10_p,
)
from ecgae.calibration import genomic_inflation, qq_quantiles
from ecgae.engine import QQ, Scan
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.sumstats import Statistics, association_table, association_writer, to_frame


class _Group(NamedTuple):
    """Phenotypes that are known for the same people."""

    columns: Int[np.ndarray, " column"]
    people: Int[np.ndarray, " person"]
    model: Model


@dataclass(frozen=True)
class OLS:
    """Regresses every phenotype on every variant beside the covariates; unrelated people only.

    transform: what happens to phenotypes first: none | zscore | rint (residuals to normal ranks).
    min_minor_allele_count: rarer variants, among the people of a phenotype, are not tested.
    report_below: associations with a larger p are not written; 1 writes all.
    block_size: variants at a time; memory grows by about 30 bytes per person and variant of a block.
    constant_phenotypes: fail | drop (and name them), as a latent that the model does not use.
    """

    transform: str = "rint"
    min_minor_allele_count: float = 20
    report_below: float = 1.0
    block_size: int = 1024
    constant_phenotypes: str = "fail"

    def __post_init__(self) -> None:
        if self.transform not in TRANSFORMS:
            raise InputError(f"engine.transform must be one of {', '.join(TRANSFORMS)}; got {self.transform!r}.")
        if self.constant_phenotypes not in ("fail", "drop"):
            raise InputError(f"engine.constant_phenotypes must be fail or drop; got {self.constant_phenotypes!r}.")
        if not self.min_minor_allele_count >= 0:
            raise InputError(f"engine.min_minor_allele_count must be 0 or more; got {self.min_minor_allele_count}.")
        if not 0 < self.report_below <= 1:
            raise InputError(f"engine.report_below must be a p-value above 0, at most 1; got {self.report_below}.")
        if self.block_size < 1:
            raise InputError(f"engine.block_size must be at least 1 variant; got {self.block_size}.")

    def __call__(
        self,
        genotypes: Genotypes,
        individuals: Int[np.ndarray, " individual"],
        phenotypes: Float[np.ndarray, "individual phenotype"],
        names: Sequence[str],
        covariates: Float[np.ndarray, "individual covariate"],
        associations: Path,
        alpha: float = 5e-8,
    ) -> Scan:
        """Writes the association table; `individuals` are rows of the genotypes, in the order of the other arrays.

        `alpha`: p-value below which an association is also returned, in `Scan.candidates`.
        Raises `InputError` for no more people than parameters, and for constant phenotypes.
        """
        _refuse_unusable(phenotypes, names, covariates)
        constant = self._constant(phenotypes, names, covariates)
        dropped = tuple(name for name, left_out in zip(names, constant, strict=True) if left_out)
        names = [name for name, left_out in zip(names, constant, strict=True) if not left_out]
        groups = self._groups(phenotypes[:, ~constant], covariates)
        tally = _Tally(genotypes.variants, names, alpha)
        with association_writer(associations) as writer:
            blocks = genotypes.blocks(individuals, self.block_size)
            total = -(-len(genotypes.variants) // self.block_size)
            for start, dosage in tqdm(blocks, total=total, desc="Association scan", unit="block"):
                statistics, frequent = self._test(dosage, groups, len(names))
                block = genotypes.variants.iloc[start : start + dosage.shape[1]]
                reported = statistics.neg_log_10_p_value >= -np.log10(self.report_below)
                writer.write_table(association_table(block, names, statistics, reported))
                tally.add(block, statistics, frequent)
        return tally.scan(len(individuals), dropped)

    def _constant(
        self,
        phenotypes: Float[np.ndarray, "individual phenotype"],
        names: Sequence[str],
        covariates: Float[np.ndarray, "individual covariate"],
    ) -> Bool[np.ndarray, " phenotype"]:
        """Which phenotypes are to be left out."""
        constant = np.zeros(len(names), dtype=bool)
        for columns, present in missingness_patterns(phenotypes):
            constant[columns] = is_constant(phenotypes[np.ix_(present, columns)], covariate_basis(covariates[present]))
        if not constant.any():
            return constant
        named = ", ".join(np.array(names)[constant])
        if self.constant_phenotypes == "fail" or constant.all():
            raise InputError(
                f"Phenotypes must vary, and beyond what the covariates say; that fails for {named}. "
                f"Remove {'it' if constant.sum() == 1 else 'them'}"
                + ("." if constant.all() else ", or set engine.constant_phenotypes=drop.")
            )
        print(f"{constant.sum():,} of {len(names):,} phenotypes are constant and not tested: {named}.")
        return constant

    def _groups(
        self,
        phenotypes: Float[np.ndarray, "individual phenotype"],
        covariates: Float[np.ndarray, "individual covariate"],
    ) -> list[_Group]:
        groups = []
        for columns, present in missingness_patterns(phenotypes):
            basis = covariate_basis(covariates[present])
            values = TRANSFORMS[self.transform](phenotypes[np.ix_(present, columns)], basis)
            groups.append(_Group(columns, np.flatnonzero(present), fit(values, basis)))
        return groups

    def _test(
        self, dosage: Float32[np.ndarray, "individual variant"], groups: list[_Group], n_phenotypes: int
    ) -> tuple[Statistics, Bool[np.ndarray, " variant"]]:
        """The block's results, and which variants are frequent enough for at least one phenotype."""
        statistics = Statistics.empty(dosage.shape[1], n_phenotypes)
        frequent = np.zeros(dosage.shape[1], dtype=bool)
        for group in groups:
            mine = dosage if len(group.people) == len(dosage) else dosage[group.people]
            tested = np.flatnonzero(minor_allele_count(mine) >= self.min_minor_allele_count)
            frequent[tested] = True
            found = associate(mine[:, tested], group.model)
            pairs = np.ix_(tested, group.columns)
            statistics.beta[pairs] = found.beta
            statistics.standard_error[pairs] = found.standard_error
            statistics.neg_log_10_p_value[pairs] = neg_log10_p(found.t, found.df[:, None])
            statistics.effect_allele_frequency[pairs] = found.effect_allele_frequency[:, None]
            statistics.n[pairs] = found.n[:, None]
        return statistics, frequent


def _refuse_unusable(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    names: Sequence[str],
    covariates: Float[np.ndarray, "individual covariate"],
) -> None:
    infinite = np.isinf(phenotypes).any(axis=0)
    if infinite.any():
        raise InputError(f"Phenotypes must be finite or missing; {names[infinite.argmax()]} has infinite values.")
    parameters = covariates.shape[1] + 2
    known = (~np.isnan(phenotypes)).sum(axis=0)
    if (known <= parameters).any():
        fewest = int(known.argmin())
        if not known[fewest]:
            raise InputError(
                f"Phenotypes must have values; {names[fewest]} is missing for everybody. Remove the column."
            )
        raise InputError(
            f"There must be more individuals than parameters; {names[fewest]} is known for {known[fewest]:,}, and "
            f"{covariates.shape[1]} covariates, an intercept and a variant are {parameters} parameters. "
            "Use fewer covariates or more people."
        )


class _Tally:
    """Gathers what a scan returns, block by block: four bytes per pair, and a row per variant."""

    def __init__(self, variants: pd.DataFrame, names: list[str], alpha: float):
        self.names, self.alpha = names, alpha
        self.neg_log_10_p = np.full((len(variants), len(names)), np.nan, dtype=np.float32)
        self.n_excluded = self.n_untested = 0
        self.variants: list[pd.DataFrame] = []
        self.candidates: list[pd.DataFrame] = []

    def add(self, block: pd.DataFrame, statistics: Statistics, frequent: Bool[np.ndarray, " variant"]) -> None:
        values = statistics.neg_log_10_p_value
        self.neg_log_10_p[block.index] = values
        tested = np.flatnonzero(~np.isnan(values).all(axis=1))
        self.n_excluded += int((~frequent).sum())
        self.n_untested += int(frequent.sum()) - len(tested)
        best = tested, np.nanargmax(values[tested], axis=1)
        self.variants.append(
            block.iloc[tested].assign(
                neg_log_10_p_value=values[best],
                phenotype=np.array(self.names)[best[1]],
                effect_allele_frequency=statistics.effect_allele_frequency[best],
                n=statistics.n[best],
            )
        )
        found = values > -np.log10(self.alpha)
        table = to_frame(association_table(block, self.names, statistics, found))
        self.candidates.append(table.set_axis(block.index[np.nonzero(found)[0]]))

    def scan(self, n_individuals: int, dropped: tuple[str, ...]) -> Scan:
        expected, observed = qq_quantiles(self.neg_log_10_p)
        return Scan(
            phenotypes=tuple(self.names),
            dropped=dropped,
            n_individuals=n_individuals,
            n_variants=sum(map(len, self.variants)),
            n_excluded=self.n_excluded,
            n_untested=self.n_untested,
            genomic_inflation=genomic_inflation(self.neg_log_10_p),
            variants=pd.concat(self.variants),
            alpha=self.alpha,
            candidates=pd.concat(self.candidates),
            qq=QQ(expected, dict(zip(self.names, observed.T, strict=True))),
        )
