"""Covariates from UK Biobank's own columns: one row per person becomes one row per person and
visit.

Age and centre are those of the visit of the ECG. Nothing is ever taken from another visit: the
resting ECGs were recorded years after recruitment, in other centres.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ecgae.errors import InputError
from ecgae.people.adjustment import Adjustment
from ecgae.people.covariate_table import Covariates
from ecgae.people.tables import FAMILY_COLUMNS, ID_COLUMNS, read_table
from ecgae.people.ukb_fields import (
    AGE,
    BATCH,
    CENTRE,
    GENETIC_PC,
    GENETIC_SEX,
    SEX,
    Field,
    by_field,
    by_visit,
)

SEX_DIFFERS = "reported_sex_differs"
"""Flag of those whose reported sex is not the genetic one: their samples may have been
exchanged."""

MEANINGS = {
    "age": "21003",
    "sex": "22001, else 31",
    "centre": "54",
    "array": "22000",
    "genetic_pc_1": "22009",
}
"""The covariates that are built, and the fields that they are made of."""

Sources = dict[str, dict[int | None, str]]
"""For each covariate the column that holds it at each visit, or at None where it is the same at
all."""


def read_ukb_covariates(
    path: Path, names: Sequence[str], adjustment: Adjustment, asked: Sequence[str]
) -> Covariates:
    """Covariates and flags, one row per person and visit; prints what was built from what.

    `names` are the columns of the file, `asked` what conditions name. What they name beside the
    covariates built is a flag, and what a term names another covariate: a column of the file, or a
    field by its number (22006), at the visit of the ECG if it has visits.
    """
    if "visit" in names:
        raise InputError(
            f"{path} must have either a column visit or UK Biobank's instances; it has both. Remove visit."
        )

    columns = by_field(names, str(path))
    extras = {
        name: _extra(name, columns, names, path)
        for name in (*adjustment.factors, *asked)
        if not _is_built(name)
    }
    derived = [
        columns[Field(number)] for number in (SEX, GENETIC_SEX, BATCH) if Field(number) in columns
    ]
    sources = _sources(columns, adjustment.genetic_pcs, path) | extras

    used = {column for source in sources.values() for column in source.values()}.union(derived)
    wide = _with_derived(read_table(path, used.__contains__), columns)
    table = _long(
        wide,
        sources | {name: {None: name} for name in ("sex", "array", SEX_DIFFERS) if name in wide},
    )

    known = used.union(
        ID_COLUMNS,
        FAMILY_COLUMNS,
        (columns[field] for field in columns if field.number == GENETIC_PC),
    )
    _report(table, path.name, [name for name in names if name not in known])

    flags = [
        name for name in (*extras, SEX_DIFFERS) if name in table and name not in adjustment.factors
    ]
    return Covariates(
        table=table,
        source=path.name,
        flags=tuple(flags),
        categorical=("centre",) if "centre" in table else (),
        by_visit=True,
    )


def _is_built(name: str) -> bool:
    """Whether a name is one of the covariates that are built, or the visit."""
    return name in MEANINGS or name == "visit" or name.startswith("genetic_pc_")


def _sources(columns: Mapping[Field, str], genetic_pcs: int, path: Path) -> Sources:
    """Where each covariate that is built comes from; sex and array are added once they are
    derived."""
    sources = {
        "age": by_visit(columns, AGE),
        "sex": {},
        "centre": by_visit(columns, CENTRE),
        "array": {},
    }

    pcs = {field.array: column for field, column in columns.items() if field.number == GENETIC_PC}
    lacking = [number for number in range(1, genetic_pcs + 1) if number not in pcs]
    if pcs and lacking:
        raise InputError(
            f"{path} must have the first {genetic_pcs} genetic PCs (field 22009); it lacks number {lacking[0]}. "
            f"Add it, or set adjustment.genetic_pcs={lacking[0] - 1}."
        )
    if pcs:
        sources |= {
            f"genetic_pc_{number}": {None: pcs[number]} for number in range(1, genetic_pcs + 1)
        }
    return sources


def _extra(
    name: str, columns: Mapping[Field, str], names: Sequence[str], path: Path
) -> dict[int | None, str]:
    """The columns of what a condition or a term names."""
    if name in names:
        return {None: name}
    bare = re.fullmatch(r"p?(\d{2,5})", name)
    source = by_visit(columns, int(bare[1])) if bare else {}
    if not source:
        raise InputError(
            f"individuals.where and adjustment.terms must name fields or columns of {path.name}, or age, sex, centre, "
            f"array or genetic_pc_1 ...; got {name}. Is it among the columns that you extracted?"
        )
    return source


def _with_derived(wide: pd.DataFrame, columns: Mapping[Field, str]) -> pd.DataFrame:
    """Adds sex (genetic, or else reported; 1 male), whether the two differ, and the array (1
    Axiom)."""
    fields = {field.number: wide[column] for field, column in columns.items() if column in wide}
    derived: dict[str, pd.Series] = {}
    sexes = [_sex(fields[number]) for number in (GENETIC_SEX, SEX) if number in fields]
    if sexes:
        derived["sex"] = sexes[0].fillna(sexes[-1])
        derived[SEX_DIFFERS] = sexes[0].notna() & sexes[-1].notna() & (sexes[0] != sexes[-1])
    if BATCH in fields:
        derived["array"] = _array(fields[BATCH])
    return wide.assign(**derived)


def _sex(values: pd.Series) -> pd.Series:
    """Sex as a number: 1 male, 0 female."""
    codes = (
        values
        if pd.api.types.is_numeric_dtype(values)
        else values.str.lower().map({"female": 0.0, "male": 1.0})
    )
    return _coded(values, codes.where(codes.isin([0, 1])), "0 and 1, or Female and Male")


def _array(values: pd.Series) -> pd.Series:
    """The genotyping array as a number: 1 UK Biobank Axiom (batch above 0, Batch_b001 ...), 0 UK
    BiLEVE (below 0, UKBiLEVEAX_b1 ...)."""
    if pd.api.types.is_numeric_dtype(values):
        return (values > 0).astype(float).where(values.notna())
    starts = {"Batch": 1.0, "UKBiL": 0.0}
    return _coded(
        values,
        values.str[:5].map(starts),
        "genotyping batches, numbers or Batch_b001, UKBiLEVEAX_b1 ...",
    )


def _coded(values: pd.Series, codes: pd.Series, must: str) -> pd.Series:
    """The codes; raises `InputError` where a value that is there has none."""
    unknown = values[codes.isna() & values.notna()]
    if len(unknown):
        raise InputError(
            f"{values.name} must hold {must}; got {unknown.iloc[0]} in {len(unknown):,} rows."
        )
    return codes.astype(float)


def _long(wide: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """The rows of all visits, one visit after the other."""
    visits: Sequence[int | None] = sorted(
        {visit for source in sources.values() for visit in source if visit is not None}
    )

    parts = []
    for visit in visits or [None]:
        columns = {
            name: source.get(None, source.get(visit)) for name, source in sources.items() if source
        }
        part = pd.DataFrame(
            {name: np.nan if column is None else wide[column] for name, column in columns.items()},
            index=wide.index,
        )
        if visit is not None:
            part.insert(0, "visit", visit)
        parts.append(part)
    return pd.concat(parts)


def _report(table: pd.DataFrame, source: str, unused: Sequence[str]) -> None:
    """Prints which covariates were built, which could not be, and which columns are not used."""
    visits = f", visits {', '.join(map(str, table['visit'].unique()))}" if "visit" in table else ""
    built = [f"{name} ({fields})" for name, fields in MEANINGS.items() if name in table]
    absent = [f"{name} ({fields})" for name, fields in MEANINGS.items() if name not in table]
    pcs = sum(str(name).startswith("genetic_pc_") for name in table)

    print(
        f"covariates built from {source}{visits}: {', '.join(built)}".replace(
            "pc_1 (", f"pc_1 to {pcs} ("
        )
    )
    if absent:
        print(f"{source} has no {', no '.join(absent)}: not adjusted for")
    if unused:
        named = ", ".join(unused[:20]) + (" ..." if len(unused) > 20 else "")
        print(f"{len(unused):,} other columns of {source} are not used: {named}")
