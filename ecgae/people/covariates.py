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
) -> pd.DataFrame:
    """A table as from `tables.read_table`; of UK Biobank's fields, covariates are built for each
    visit.

    `where` are the conditions on who is analysed. A column that they name is a flag, not a
    covariate, if it is the same for all who meet them. `table.attrs` says which columns are
    "flags", and which of a UK Biobank table "categorical".
    """
    names = column_names(path)
    conditions = [Condition.parse(text) for text in where]
    if are_fields(names):
        table = read_ukb_covariates(
            Path(path), names, adjustment, [condition.column for condition in conditions]
        )
        for condition in conditions:
            condition.holds(
                table
            )  # a condition that cannot be met is an error of today, not of after the training
    else:
        table = read_table(path)
        table.attrs["flags"] = _flags(table, conditions)
    adjustment.check(
        covariate_names(table), table.attrs.get("categorical", ()), table.attrs["source"]
    )
    return table


def _flags(table: pd.DataFrame, conditions: Sequence[Condition]) -> list[str]:
    """The columns that conditions name and that say nothing more about those who meet all of
    them."""
    those = table
    for condition in conditions:
        those = those[condition.holds(those)]
    named = dict.fromkeys(
        condition.column for condition in conditions if condition.column != "visit"
    )
    flags = [name for name in named if those[name].nunique() <= 1]
    if flags:
        print(
            f"{', '.join(flags)} of {table.attrs['source']} says who is analysed and is no covariate"
        )
    return flags


def covariate_names(table: pd.DataFrame) -> list[str]:
    """The columns of a table that are covariates: not the visit, and not what only says who is
    analysed."""
    return [
        str(name) for name in table if name != "visit" and name not in table.attrs.get("flags", ())
    ]


def design_matrix(
    table: pd.DataFrame,
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"] | None = None,
    categorical: Sequence[str] = (),
    adjustment: Adjustment = AS_THEY_ARE,
) -> Design:
    """The covariates of the given people, in their order; `table` as from `read_covariates`.

    Where both sides have visits, rows are matched by person and visit: age and centre belong to the
    visit of the ECG. A constant column and one that follows from those before it are not used, and
    accounted for. Raises `InputError` for a person without a row, text in a cell, a gap unless gaps
    are filled, and fewer people than parameters.
    """
    source = table.attrs.get("source", "the covariates")
    rows = covariate_rows(table, sample_ids, visits)
    if (rows < 0).any():
        raise InputError(
            f"{(rows < 0).sum():,} of {len(rows):,} individuals have no row in {source}, "
            f"e.g. {sample_ids[rows < 0][0]}. "
            "Set people=shared to leave them out."
        )
    labels = labelled(table, categorical)
    adjustment.check(covariate_names(table), labels, source)
    account: list[str] = []
    covariates: dict[str, Columns] = {}
    for name in covariate_names(table):
        values = table[name].iloc[rows]
        if values.isna().any():
            values = _filled(values, name in labels, adjustment, source, account)
        covariates[name] = _indicators(values) if name in labels else _numbers(values, source)
    terms = [term.columns(covariates) for term in adjustment.products]
    columns: dict[str, np.ndarray] = {}
    for part in (*covariates.values(), *terms):
        columns |= {name: numbers for name, numbers in part.items() if name not in columns}
    return _design(columns, len(rows), source, account)


def covariate_rows(
    table: pd.DataFrame,
    sample_ids: Shaped[np.ndarray, " individual"],
    visits: Int[np.ndarray, " individual"] | None,
) -> Int[np.ndarray, " individual"]:
    """The row of each person (at the visit, where both sides have visits), -1 for none."""
    if "visit" in table and visits is not None:
        near = np.flatnonzero(table.index.isin(sample_ids))
        index = pd.MultiIndex.from_arrays([table.index[near], table["visit"].iloc[near]])
        places = index.get_indexer(pd.MultiIndex.from_arrays([sample_ids, visits]))
        return np.append(near, -1)[places]
    if not table.index.is_unique or ("visit" in table and table.attrs.get("fields")):
        raise InputError(
            f"{table.attrs.get('source', 'the covariates')} must have one row per individual where the phenotypes have "
            "no visit; it has rows of visits. Add a visit column to the phenotypes, or keep one row of each."
        )
    return table.index.get_indexer(pd.Index(sample_ids))


def labelled(table: pd.DataFrame, categorical: Sequence[str]) -> set[str]:
    """The columns that are labels: those named, and those that the table says. Raises `InputError`
    for another name."""
    unknown = [name for name in categorical if name not in table]
    if unknown:
        source = table.attrs.get("source", "the covariates")
        there = ", ".join(covariate_names(table))
        raise InputError(
            f"categorical must name columns of {source}; got {unknown[0]}. There are {there}."
        )
    return {*categorical, *table.attrs.get("categorical", ())}


def _filled(
    values: pd.Series, is_label: bool, adjustment: Adjustment, source: str, account: list[str]
) -> pd.Series:
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
    found = independent(columns)
    account += [
        f"covariate {name} of {source} is not used: {why}" for name, why in found.reasons.items()
    ]
    p = len(found.names)
    if n < p + 3:
        raise InputError(
            f"There must be more individuals than parameters: {p} covariates, an intercept and a variant need at least "
            f"{p + 3}; got {n}. Use fewer covariates or more people."
        )
    matrix = np.stack([columns[name] for name in found.names], axis=1) if p else np.empty((n, 0))
    return Design(found.names, matrix, account)
