"""What an association is adjusted for: a table of people to a matrix of numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from ecgae.errors import InputError
from ecgae.people.adjustment import AS_THEY_ARE, Adjustment, Columns
from ecgae.people.conditions import Condition
from ecgae.people.covariate_table import Covariates
from ecgae.people.tables import column_names, read_table, refuse_text
from ecgae.people.ukb_covariates import read_ukb_covariates
from ecgae.people.ukb_fields import are_fields
from ecgae.statistics.collinearity import independent

NO_LEVEL = "missing"
"""The level of those whose level is not known, where missing values are filled."""


class Design(NamedTuple):
    """Covariates as numbers, without the intercept: linearly independent of it and of each
    other."""

    names: list[str]
    """A column of the table, `column=level` for each level of a categorical one but the most
    frequent, or a term."""
    matrix: Float[np.ndarray, "individual covariate"]
    account: Sequence[str] = ()
    """Lines that say which columns are not used, and why, and where missing values were filled."""


def read_covariates(
    path: Path | str, adjustment: Adjustment = AS_THEY_ARE, where: Sequence[str] = ()
) -> Covariates:
    """The table as it is; of UK Biobank's fields, covariates are built for each visit.

    `where` are the conditions on who is analysed. A column that they name is a flag, not a
    covariate, if it is the same for all who meet them.
    """
    names = column_names(path)
    conditions = [Condition.parse(text) for text in where]

    if are_fields(names):
        asked = [condition.column for condition in conditions]
        covariates = read_ukb_covariates(Path(path), names, adjustment, asked)
        for condition in conditions:  # one that cannot be met is refused before the training
            condition.holds(covariates.table, covariates.source)
    else:
        table, source = read_table(path), Path(path).name
        covariates = Covariates(table, source, flags=_flags(table, source, conditions))

    adjustment.check(covariates.names, covariates.categorical, covariates.source)
    return covariates


def _flags(table: pd.DataFrame, source: str, conditions: Sequence[Condition]) -> tuple[str, ...]:
    """The columns that conditions name and that say nothing more about those who meet all of
    them."""
    those = table
    for condition in conditions:
        those = those[condition.holds(those, source)]
    named = dict.fromkeys(
        condition.column for condition in conditions if condition.column != "visit"
    )
    flags = tuple(name for name in named if those[name].nunique() <= 1)
    if flags:
        print(f"{', '.join(flags)} of {source} says who is analysed and is no covariate")
    return flags


def design_matrix(
    covariates: Covariates,
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"] | None = None,
    categorical: Sequence[str] = (),
    adjustment: Adjustment = AS_THEY_ARE,
) -> Design:
    """The covariates of the given people as columns of numbers, in the order of the people.

    Where both sides have visits, rows are matched by person and visit: age and centre belong to the
    visit of the ECG. A constant column and one that follows from those before it are not used, and
    accounted for. Raises `InputError` for a person without a row, text in a cell, a gap unless gaps
    are filled, and fewer people than parameters.

    >>> ages = pd.DataFrame({"age": [50.0, 62, 57, 70]}, index=["p1", "p2", "p3", "p4"])
    >>> people = np.array(["p4", "p1", "p3", "p2"])
    >>> design_matrix(Covariates(ages), people).matrix[:, 0]
    array([70., 50., 57., 62.])
    """
    source = covariates.source
    rows = covariate_rows(covariates, sample_ids, visits)
    if (rows < 0).any():
        raise InputError(
            f"{(rows < 0).sum():,} of {len(rows):,} individuals have no row in {source}, "
            f"e.g. {sample_ids[rows < 0][0]}. "
            "Set people=shared to leave them out."
        )
    labels = labelled(covariates, categorical)
    adjustment.check(covariates.names, labels, source)

    account: list[str] = []
    numbers_of: dict[str, Columns] = {}
    for name in covariates.names:
        values = covariates.table[name].iloc[rows]
        if values.isna().any():
            values = _filled(values, name in labels, adjustment, source, account)
        numbers_of[name] = _indicators(values) if name in labels else _numbers(values, source)

    terms = [term.columns(numbers_of) for term in adjustment.products]
    columns: dict[str, np.ndarray] = {}
    for part in (*numbers_of.values(), *terms):
        columns |= {name: numbers for name, numbers in part.items() if name not in columns}
    return _design(columns, len(rows), source, account)


def covariate_rows(
    covariates: Covariates,
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"] | None,
) -> Int[np.ndarray, " individual"]:
    """The row of each person (at the visit, where both sides have visits), -1 for none."""
    table = covariates.table
    if covariates.has_visits and visits is not None:
        near = np.flatnonzero(table.index.isin(sample_ids))
        index = pd.MultiIndex.from_arrays([table.index[near], table["visit"].iloc[near]])
        places = index.get_indexer(pd.MultiIndex.from_arrays([sample_ids, visits]))
        return np.append(near, -1)[places]

    if not table.index.is_unique or (covariates.has_visits and covariates.by_visit):
        raise InputError(
            f"{covariates.source} must have one row per individual where the phenotypes have no visit; it has rows of "
            "visits. Add a visit column to the phenotypes, or keep one row of each."
        )
    return table.index.get_indexer(pd.Index(sample_ids))


def labelled(covariates: Covariates, categorical: Sequence[str]) -> set[str]:
    """The columns that are labels: those named, and those that the table says. Raises `InputError`
    for another name."""
    unknown = [name for name in categorical if name not in covariates.table]
    if unknown:
        there = ", ".join(covariates.names)
        raise InputError(
            f"categorical must name columns of {covariates.source}; got {unknown[0]}. There are {there}."
        )
    return {*categorical, *covariates.categorical}


def _filled(
    values: pd.Series, is_label: bool, adjustment: Adjustment, source: str, account: list[str]
) -> pd.Series:
    """The values with their gaps filled, by the mean or by a level of their own."""
    gaps = values.isna()
    if adjustment.missing != "mean":
        raise InputError(
            f"Covariate {values.name} of {source} must be known for everybody analysed; {gaps.sum():,} of "
            f"{len(values):,} values are missing, e.g. that of {values.index[gaps][0]}. "
            "Set people=shared to leave these people out, or adjustment.missing=mean."
        )
    if gaps.all():
        raise InputError(
            f"Covariate {values.name} of {source} must be known for somebody analysed; all {len(values):,} values are "
            "missing. Is it of the right visit?"
        )

    if is_label:
        account.append(
            f"{gaps.sum():,} have no {values.name} in {source}: {values.name}={NO_LEVEL}"
        )
        return values.astype(object).where(~gaps, NO_LEVEL)

    refuse_text(values, source)
    account.append(
        f"{gaps.sum():,} have no {values.name} in {source}: the mean of the others is used"
    )
    return values.fillna(values.mean())


def _numbers(values: pd.Series, source: str) -> Columns:
    try:
        refuse_text(values, source)
    except InputError as error:
        raise InputError(f"{error} If it holds labels, name it in categorical.") from None
    return {str(values.name): values.to_numpy(dtype=np.float64)}


def _indicators(values: pd.Series) -> Columns:
    """One column for each level but the most frequent known one, in order; of a single level,
    itself: constant."""
    levels = sorted(values.unique(), key=lambda level: (isinstance(level, str), level))
    count = dict(values.value_counts())
    reference = max(
        (level for level in levels if level != NO_LEVEL), key=count.__getitem__, default=levels[0]
    )
    kept = [level for level in levels if level != reference] or levels
    return {
        f"{values.name}={_label(level)}": (values == level).to_numpy(dtype=np.float64)
        for level in kept
    }


def _label(level: object) -> str:
    return f"{level:.12g}" if isinstance(level, float) else str(level)


def _design(columns: Columns, n: int, source: str, account: list[str]) -> Design:
    chosen = independent(columns)
    account += [
        f"covariate {name} of {source} is not used: {why}" for name, why in chosen.reasons.items()
    ]
    p = len(chosen.names)
    if n < p + 3:
        raise InputError(
            f"There must be more individuals than parameters: {p} covariates, an intercept and a variant need at least "
            f"{p + 3}; got {n}. Use fewer covariates or more people."
        )
    matrix = np.stack([columns[name] for name in chosen.names], axis=1) if p else np.empty((n, 0))
    return Design(chosen.names, matrix, account)
