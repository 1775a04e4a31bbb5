"""Who is analysed: people joined by id over phenotypes, genotypes and covariates, with an account
of the others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from ecgae.errors import InputError
from ecgae.genetics.genotypes import Genotypes
from ecgae.people.covariate_table import Covariates
from ecgae.people.covariates import covariate_rows
from ecgae.people.ids import other_spelling
from ecgae.people.individuals import Individuals
from ecgae.people.tables import Phenotypes
from ecgae.people.ukb_covariates import SEX_DIFFERS

PEOPLE = ("all", "shared")
EVERYBODY = Individuals()
"""Rules that leave nobody out on purpose."""

Mask = Bool[np.ndarray, " individual"]
Reasons = dict[str, Mask]
"""Who is left out, by a reason that goes on after "they", such as "have no genotypes"."""


class Joined(NamedTuple):
    """The people analysed, in the order of the phenotypes."""

    sample_ids: Shaped[np.ndarray, " individual"]
    """Ids as text."""
    visits: Int[np.ndarray, " individual"] | None
    phenotype_rows: Int[np.ndarray, " individual"]
    """The people's rows of the phenotypes."""
    genotype_rows: Int[np.ndarray, " individual"]
    """The people's rows of the genotypes."""
    account: list[str]
    """Lines that say how many came from where and how many were left out, and why."""


def join(
    phenotypes: Phenotypes,
    genotypes: Genotypes,
    covariates: Covariates | None = None,
    people: str = "all",
    individuals: Individuals = EVERYBODY,
    missing: str = "people",
) -> Joined:
    """Finds each phenotyped person among the genotypes and covariates, less those whom
    `individuals` leaves out.

    people="all" demands that everybody else with a phenotype has genotypes and every covariate;
    "shared" leaves out and counts those who have not. People with genotypes alone are normal either
    way. `missing` is `Adjustment.missing`: a missing covariate costs people unless it is filled.
    Relatives come last: nobody is left out for a relative who is not analysed.
    """
    if people not in PEOPLE:
        raise InputError(f"people must be one of {', '.join(PEOPLE)}; got {people!r}.")
    _refuse_repeats(phenotypes)

    ids = phenotypes.sample_ids
    genotype_rows = pd.Index(genotypes.sample_ids).get_indexer(pd.Index(ids))
    rows = (
        np.full(len(ids), -1)
        if covariates is None
        else covariate_rows(covariates, ids, phenotypes.visits)
    )

    listed = individuals.listed(ids)
    unwanted = listed.reasons | individuals.unfit(covariates, rows) | _sex_differs(covariates, rows)
    lacks = {f"have no genotypes in {genotypes.people_file}": genotype_rows < 0} | _lacks(
        covariates, rows, missing
    )
    reasons = _at_first(unwanted | lacks, len(ids))

    kept = ~np.any(list(reasons.values()), axis=0)
    if people == "all" and kept.any():
        _refuse_losses(phenotypes, {reason: reasons[reason] for reason in lacks})
    for reason, related in individuals.related(ids[kept]).items():
        reasons[reason] = _among(kept, related)
        kept &= ~reasons[reason]
    if not kept.any():
        raise InputError(_nobody(phenotypes, genotypes, covariates, reasons))

    phenotype_rows = np.flatnonzero(kept)
    return Joined(
        sample_ids=ids[phenotype_rows],
        visits=None if phenotypes.visits is None else phenotypes.visits[phenotype_rows],
        phenotype_rows=phenotype_rows,
        genotype_rows=genotype_rows[phenotype_rows],
        account=_account(phenotypes, genotypes, listed.notes, reasons, kept),
    )


def known_of(
    covariates: Covariates | None,
    names: Sequence[str],
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"],
) -> dict[str, Float[np.ndarray, " individual"]]:
    """The columns `names` of a table, those that it has and that are numbers, for these people; NaN
    where the table has nothing."""
    if covariates is None:
        return {}
    table, rows = covariates.table, covariate_rows(covariates, sample_ids, visits)
    numbers = [
        name for name in names if name in table and pd.api.types.is_numeric_dtype(table[name])
    ]
    return {
        name: np.where(rows >= 0, table[name].to_numpy(dtype=float)[rows], np.nan)
        for name in numbers
    }


def _refuse_repeats(phenotypes: Phenotypes) -> None:
    """Raises `InputError` where somebody has several rows."""
    unique, count = np.unique(phenotypes.sample_ids, return_counts=True)
    if (count > 1).any():
        raise InputError(
            f"{phenotypes.source} must have one row per individual; {(count > 1).sum():,} have several, e.g. "
            f"{unique[count > 1][0]}. Keep one visit of each."
        )


def _sex_differs(covariates: Covariates | None, rows: Int[np.ndarray, " individual"]) -> Reasons:
    """Whose reported sex is not the genetic one, where the covariates say it."""
    if covariates is None or SEX_DIFFERS not in covariates.flags:
        return {}
    differs = covariates.table[SEX_DIFFERS].to_numpy(dtype=bool)
    return {"have a reported sex that is not the genetic one": (rows >= 0) & differs[rows]}


def _lacks(
    covariates: Covariates | None, rows: Int[np.ndarray, " individual"], missing: str
) -> Reasons:
    """Who has no covariates, or not all of them."""
    if covariates is None:
        return {}
    source, there = covariates.source, rows >= 0
    lacks = {f"have no row in {source}{' for the visit' if covariates.has_visits else ''}": ~there}
    if missing == "people":
        gaps = covariates.table[covariates.names].iloc[rows[there]].isna()
        named = [str(name) for name in gaps if gaps[name].any()]
        what = f" ({', '.join(named[:5])}{' ...' if len(named) > 5 else ''})" if named else ""
        lacks[f"have a missing value in {source}{what}"] = _among(
            there, gaps.any(axis=1).to_numpy()
        )
    return lacks


def _among(some: Mask, who: Bool[np.ndarray, " one"]) -> Mask:
    """A choice among some of the people as a choice among all.

    >>> _among(np.array([True, False, True]), np.array([False, True])).tolist()
    [False, False, True]
    """
    chosen = some.copy()
    chosen[some] = who
    return chosen


def _at_first(reasons: Mapping[str, Mask], individuals: int) -> Reasons:
    """The same reasons, each person only at the first that holds."""
    counted, first = np.zeros(individuals, dtype=bool), {}
    for reason, who in reasons.items():
        first[reason] = who & ~counted
        counted |= who
    return first


def _refuse_losses(phenotypes: Phenotypes, lacks: Reasons) -> None:
    """Raises `InputError` where somebody lacks something."""
    for lack, who in lacks.items():
        if who.any():
            raise InputError(
                f"{who.sum():,} of {len(who):,} individuals in {phenotypes.source} {lack}, "
                f"e.g. {phenotypes.sample_ids[who][0]}. Set people=shared to analyse only those that occur everywhere."
            )


def _nobody(
    phenotypes: Phenotypes, genotypes: Genotypes, covariates: Covariates | None, reasons: Reasons
) -> str:
    """What to say where nobody is left, with a hint where ids agree but for how they are
    written."""
    ids = phenotypes.sample_ids
    counts = " and ".join(f"{who.sum():,} {reason}" for reason, who in reasons.items() if who.any())
    example = f", e.g. {ids[0]}" if len(ids) else ""
    hint = "Compare how the ids are written, and look for empty columns."
    others = [genotypes.sample_ids] + (
        [] if covariates is None else [covariates.table.index.unique()]
    )
    for other in others:
        if not np.isin(ids, other).any():
            hint = other_spelling(ids, other) or hint
    return (
        f"Somebody must occur everywhere, but of {len(ids):,} individuals in {phenotypes.source}{example} "
        f"{counts or 'nobody is left'}. {hint}"
    )


def _account(
    phenotypes: Phenotypes, genotypes: Genotypes, notes: Sequence[str], reasons: Reasons, kept: Mask
) -> list[str]:
    """Lines that say how many people came from where, and how many were left out, and why."""
    without = len(genotypes.sample_ids) - int(
        np.isin(phenotypes.sample_ids, genotypes.sample_ids).sum()
    )
    return [
        f"{len(kept):,} individuals in {phenotypes.source}, {len(genotypes.sample_ids):,} in {genotypes.people_file} "
        f"({without:,} of them without a phenotype)",
        *notes,
        *(f"{who.sum():,} left out: they {reason}" for reason, who in reasons.items() if who.any()),
        f"{kept.sum():,} analysed",
    ]
