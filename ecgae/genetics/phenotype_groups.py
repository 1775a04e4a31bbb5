"""From phenotypes to models: what cannot be tested is refused or dropped, the rest transformed and
grouped."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ecgae.errors import InputError
from ecgae.genetics.scan import ACAT, M_REGLE, OMNIBUS, ScanInput
from ecgae.statistics.association import (
    TRANSFORMS,
    Model,
    covariate_basis,
    fit,
    is_constant,
    missingness_patterns,
)
from ecgae.statistics.omnibus import combined, normal_components, normal_radii

COMBINED = (OMNIBUS, M_REGLE, ACAT)
"""Tests of several phenotypes at once."""

FEWEST_OTHERS = 20
"""People who must differ from a phenotype's most common value: the default of the minor allele
count, for the same reason."""
LARGEST_SHARE = 0.5
"""Largest share of people with one value for ranks to mean anything: ties are broken by the
covariates."""


class Group(NamedTuple):
    """Phenotypes that are known for the same people."""

    columns: Int[np.ndarray, " column"]
    people: Int[np.ndarray, " person"]
    model: Model


class Together(NamedTuple):
    """Phenotypes that are tested as one, in the people in whom all of them are known."""

    name: str
    people: Int[np.ndarray, " person"]
    model: Model


class Prepared(NamedTuple):
    """What a scan needs of its phenotypes."""

    names: tuple[str, ...]
    dropped: tuple[str, ...]
    groups: list[Group]
    together: list[Together]


def prepare(
    inputs: ScanInput, transform: str, constant_phenotypes: str, tests: Sequence[str] = ()
) -> Prepared:
    """The models of a scan; `tests`: of several phenotypes at once, some of `COMBINED`.

    Raises `InputError` for a phenotype that cannot be tested.
    """
    _refuse_unusable(inputs)

    reasons = [_unfit(column[~np.isnan(column)], transform) for column in inputs.phenotypes.T]
    constant = _constant(inputs) | np.array([reason is not None for reason in reasons])
    if constant.any():
        _refuse_or_name(inputs.names, constant, reasons, constant_phenotypes)

    names = tuple(np.array(inputs.names, dtype=object)[~constant])
    dropped = tuple(np.array(inputs.names, dtype=object)[constant])
    phenotypes, covariates = inputs.phenotypes[:, ~constant], inputs.covariates
    together = _together(phenotypes, names, covariates, transform, tests) if len(names) > 1 else []
    return Prepared(
        names=names,
        dropped=dropped,
        groups=groups_of(phenotypes, covariates, transform),
        together=together,
    )


def groups_of(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    covariates: Float[np.ndarray, "individual covariate"],
    transform: str,
) -> list[Group]:
    """One model per pattern of missing phenotypes, each transformed among the people it is
    about."""
    groups = []
    for columns, present in missingness_patterns(phenotypes):
        basis = covariate_basis(covariates[present])
        values = TRANSFORMS[transform](phenotypes[np.ix_(present, columns)], basis)
        groups.append(Group(columns, np.flatnonzero(present), fit(values, basis)))
    return groups


def _together(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    names: Sequence[str],
    covariates: Float[np.ndarray, "individual covariate"],
    transform: str,
    tests: Sequence[str],
) -> list[Together]:
    """The tests of all phenotypes at once, and of those of each lead; too few people are said and
    not tested."""
    together = []
    wanted = [test for test in COMBINED if test in tests and test != ACAT]
    for lead, columns in ({"": list(range(len(names)))} | leads_of(names)).items():
        present = ~np.isnan(phenotypes[:, columns]).any(axis=1)
        basis = covariate_basis(covariates[present])
        if present.sum() < basis.shape[1] + 2 * len(columns) + 2:
            print(
                f"omnibus{lead}: {present.sum():,} individuals have all {len(columns)} phenotypes: too few to test."
            )
            continue

        values = phenotypes[np.ix_(present, columns)]
        for test in wanted:
            ranks = (
                {OMNIBUS: normal_radii, M_REGLE: normal_components}[test]
                if transform == "rint"
                else None
            )
            together.append(
                Together(f"{test}{lead}", np.flatnonzero(present), combined(values, basis, ranks))
            )
    return together


def leads_of(names: Sequence[str]) -> dict[str, list[int]]:
    """The columns of each lead's latents, where a lead is a sample of its own; none where all are of
    one lead. Keys begin with a space, to follow the name of a test ("omnibus V1").

    >>> leads_of(["I_latent_01", "V1_latent_01", "I_latent_02"])
    {' I': [0, 2], ' V1': [1]}
    """
    leads: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        lead, latent, _ = name.partition("_latent_")
        if latent:
            leads.setdefault(f" {lead}", []).append(column)
    return leads if len(leads) > 1 else {}


def _refuse_unusable(inputs: ScanInput) -> None:
    """Raises `InputError` for infinite values, and for a phenotype known for too few people."""
    infinite = np.isinf(inputs.phenotypes).any(axis=0)
    if infinite.any():
        raise InputError(
            f"Phenotypes must be finite or missing; {inputs.names[infinite.argmax()]} has infinite values."
        )

    covariates = inputs.covariates.shape[1]
    known = (~np.isnan(inputs.phenotypes)).sum(axis=0)
    fewest = int(known.argmin())
    if known[fewest] > covariates + 2:
        return
    if not known[fewest]:
        raise InputError(
            f"Phenotypes must have values; {inputs.names[fewest]} is missing for everybody. Remove the column."
        )
    raise InputError(
        f"There must be more individuals than parameters; {inputs.names[fewest]} is known for {known[fewest]:,}, and "
        f"{covariates} covariates, an intercept and a variant are {covariates + 2} parameters. "
        "Use fewer covariates or more people."
    )


def _unfit(values: Float[np.ndarray, " known"], transform: str) -> str | None:
    """Why values that do vary still cannot be tested; None if they can."""
    ordered = np.sort(values)
    if (np.diff(ordered) > 0).all():
        return None
    _, counts = np.unique(ordered, return_counts=True)
    others = len(values) - counts.max(initial=0)
    if len(counts) > 1 and len(values) >= 2 * FEWEST_OTHERS and others < FEWEST_OTHERS:
        return f"all but {others} individuals have the same value"
    if transform == "rint" and len(counts) > 1 and counts.max() > LARGEST_SHARE * len(values):
        share = counts.max() / len(values)
        return f"{share:.0%} of individuals have the same value, which have no ranks: set engine.transform=zscore"
    return None


def _constant(inputs: ScanInput) -> Bool[np.ndarray, " phenotype"]:
    """Which phenotypes do not vary beyond what the covariates say."""
    constant = np.zeros(len(inputs.names), dtype=bool)
    for columns, present in missingness_patterns(inputs.phenotypes):
        basis = covariate_basis(inputs.covariates[present])
        constant[columns] = is_constant(inputs.phenotypes[np.ix_(present, columns)], basis)
    return constant


def _refuse_or_name(
    names: Sequence[str],
    constant: Bool[np.ndarray, " phenotype"],
    reasons: list[str | None],
    policy: str,
) -> None:
    """Raises `InputError` where constant phenotypes are refused or none is left, else prints
    them."""
    which = np.flatnonzero(constant).tolist()
    told = [f"{names[i]} ({reasons[i]})" if reasons[i] else names[i] for i in which]
    named = ", ".join(told[:10]) + (f" and {len(told) - 10} more" if len(told) > 10 else "")
    if policy == "fail" or constant.all():
        raise InputError(
            f"Phenotypes must vary, and beyond what the covariates say; that fails for {named}. "
            f"Remove {'it' if len(which) == 1 else 'them'}"
            + ("." if constant.all() else ", or set engine.constant_phenotypes=drop.")
        )
    print(f"{len(which):,} of {len(names):,} phenotypes are constant and not tested: {named}.")
