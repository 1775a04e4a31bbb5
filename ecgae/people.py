"""Who is analysed: people joined by id over phenotypes, genotypes and covariates, with an account of the others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from ecgae.covariates import covariate_rows
from ecgae.errors import InputError
from ecgae.genotypes import Genotypes
from ecgae.tables import Phenotypes

PEOPLE = ("all", "shared")


class Joined(NamedTuple):
    """The people analysed, in the order of the phenotypes."""

    sample_ids: Shaped[np.ndarray, " individual"]
    """Text."""
    visits: Int[np.ndarray, " individual"] | None
    phenotype_rows: Int[np.ndarray, " individual"]
    genotype_rows: Int[np.ndarray, " individual"]
    account: list[str]
    """Lines that say how many came from where and how many were left out, and why."""


def join(
    phenotypes: Phenotypes, genotypes: Genotypes, covariates: pd.DataFrame | None = None, people: str = "all"
) -> Joined:
    """Finds each phenotyped person among the genotypes and covariates.

    people="all" demands that everybody with a phenotype has genotypes and every covariate; "shared" leaves out and
    counts those who have not. People with genotypes alone are normal either way.
    """
    if people not in PEOPLE:
        raise InputError(f"people must be one of {', '.join(PEOPLE)}; got {people!r}.")
    _refuse_repeats(phenotypes)
    genotype_rows = pd.Index(genotypes.sample_ids).get_indexer(pd.Index(phenotypes.sample_ids))
    fam = genotypes.files[0].with_suffix(".fam").name
    lacks = {f"have no genotypes in {fam}": genotype_rows < 0}
    if covariates is not None:
        source = covariates.attrs.get("source", "the covariates")
        rows = covariate_rows(covariates, phenotypes.sample_ids, phenotypes.visits)
        gaps = covariates.isna().any(axis=1).to_numpy()
        genotyped = genotype_rows >= 0  # everybody is counted at the first thing that they lack
        lacks[f"have no row in {source}"] = genotyped & (rows < 0)
        lacks[f"have a missing value in {source}"] = genotyped & (rows >= 0) & gaps[rows]
    kept = ~np.any(list(lacks.values()), axis=0)
    if not kept.any():
        raise InputError(_no_overlap(phenotypes, lacks))
    if people == "all":
        _refuse_losses(phenotypes, lacks)
    phenotype_rows = np.flatnonzero(kept)
    return Joined(
        sample_ids=phenotypes.sample_ids[phenotype_rows],
        visits=None if phenotypes.visits is None else phenotypes.visits[phenotype_rows],
        phenotype_rows=phenotype_rows,
        genotype_rows=genotype_rows[phenotype_rows],
        account=_account(phenotypes, genotypes, lacks, kept, int((genotype_rows >= 0).sum())),
    )


def known_of(
    table: pd.DataFrame | None,
    names: Sequence[str],
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"],
) -> dict[str, Float[np.ndarray, " individual"]]:
    """Those columns of a table that are there and are numbers, for these people; NaN where the table has nothing."""
    if table is None:
        return {}
    rows = covariate_rows(table, sample_ids, visits)
    numbers = [name for name in names if name in table and pd.api.types.is_numeric_dtype(table[name])]
    return {name: np.where(rows >= 0, table[name].to_numpy(dtype=float)[rows], np.nan) for name in numbers}


def _refuse_repeats(phenotypes: Phenotypes) -> None:
    unique, count = np.unique(phenotypes.sample_ids, return_counts=True)
    if (count > 1).any():
        raise InputError(
            f"{phenotypes.source} must have one row per individual; {(count > 1).sum():,} have several, e.g. "
            f"{unique[count > 1][0]}. Keep one visit of each."
        )


def _refuse_losses(phenotypes: Phenotypes, lacks: dict[str, Bool[np.ndarray, " individual"]]) -> None:
    for lack, who in lacks.items():
        if who.any():
            raise InputError(
                f"{who.sum():,} of {len(who):,} individuals in {phenotypes.source} {lack}, "
                f"e.g. {phenotypes.sample_ids[who][0]}. Set people=shared to analyse only those that occur everywhere."
            )


def _no_overlap(phenotypes: Phenotypes, lacks: dict[str, Bool[np.ndarray, " individual"]]) -> str:
    counts = " and ".join(f"{who.sum():,} {lack}" for lack, who in lacks.items() if who.any())
    example = f", e.g. {phenotypes.sample_ids[0]}" if len(phenotypes.sample_ids) else ""
    return (
        f"Somebody must occur everywhere, but of {len(phenotypes.sample_ids):,} individuals in "
        f"{phenotypes.source}{example} {counts or 'nobody is left'}. "
        "Compare how the ids are written, and look for empty columns."
    )


def _account(
    phenotypes: Phenotypes,
    genotypes: Genotypes,
    lacks: dict[str, Bool[np.ndarray, " individual"]],
    kept: Bool[np.ndarray, " individual"],
    genotyped: int,
) -> list[str]:
    fam = genotypes.files[0].with_suffix(".fam").name
    lines = [
        f"{len(kept):,} individuals in {phenotypes.source}, {len(genotypes.sample_ids):,} in {fam} "
        f"({len(genotypes.sample_ids) - genotyped:,} of them without a phenotype)"
    ]
    lines += [f"{who.sum():,} left out: they {lack}" for lack, who in lacks.items() if who.any()]
    return [*lines, f"{kept.sum():,} analysed"]
