"""Reads text tables with one row per person, as PLINK and its relatives write them.

The first line names the columns: `IID` (or `#IID`; `sample_id` and `eid` do too), optionally `FID`, optionally `visit`,
then the data. Tab, comma or spaces separate. Ids are text: leading zeros stay. Missing is NA, nan, or an empty cell.
-9 is a value here, although PLINK 1 took it for missing: write NA.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from ecgae.errors import InputError

ID_COLUMNS = ("IID", "#IID", "sample_id", "eid")
FAMILY_COLUMNS = ("FID", "#FID")
MISSING = ("NA", "na", "NaN", "nan", "")


class Phenotypes(NamedTuple):
    """What is tested: one row per person (and visit), NaN = missing."""

    sample_ids: Shaped[np.ndarray, " individual"]
    """Text."""
    visits: Int[np.ndarray, " individual"] | None
    names: list[str]
    values: Float[np.ndarray, "individual phenotype"]
    source: str
    """Where they come from, for messages."""


def read_table(path: Path | str) -> pd.DataFrame:
    """The table, indexed by `sample_id`; columns of numbers as numbers, all others as text, `visit` as an integer.

    `table.attrs["source"]` is the file's name, for messages.
    """
    path = Path(path)
    if not path.is_file():
        what = "which is a folder" if path.is_dir() else "which does not exist"
        raise InputError(f"Table must be a file; got {path}, {what}. Check the path.")
    cells = _read_cells(path)
    ids = [column for column in cells if column in ID_COLUMNS]
    if len(ids) != 1:
        found = "none of them" if not ids else " and ".join(ids)
        raise InputError(
            f"{path} must have one column of ids, {', '.join(ID_COLUMNS)}; it has {found} among "
            f"{', '.join(cells)[:100]!r}. Name the column of ids IID, and separate columns by tabs, commas or spaces."
        )
    table = cells.set_index(ids[0]).rename_axis("sample_id")
    table = table.drop(columns=[column for column in FAMILY_COLUMNS if column in table])
    table = table.mask(table.isin(MISSING)).apply(_numbers)
    if "visit" in table:
        table["visit"] = _visits(table["visit"], path)
    _refuse_bad_keys(table, path)
    table.attrs["source"] = path.name
    return table


def read_phenotypes(path: Path | str) -> Phenotypes:
    """Every column of a table but the ids and `visit`, as numbers.

    Raises `InputError` for text or an infinite value in a cell, naming the file, the column and the value.
    """
    table = read_table(path)
    values = table.drop(columns="visit", errors="ignore")
    if values.shape[1] == 0:
        raise InputError(f"{path} must have at least one phenotype beside the ids; it has none.")
    for name in values:
        refuse_text(values[name], Path(path).name)
    return Phenotypes(
        sample_ids=table.index.to_numpy(dtype=str),
        visits=table["visit"].to_numpy(dtype=np.int64) if "visit" in table else None,
        names=list(values),
        values=values.to_numpy(dtype=np.float64),
        source=Path(path).name,
    )


def refuse_text(column: pd.Series, source: str) -> None:
    """Raises `InputError` with the first cell of a column that is neither a finite number nor missing."""
    number = pd.to_numeric(column, errors="coerce")
    bad = column[(number.isna() & column.notna()) | np.isinf(number)]
    if len(bad):
        raise InputError(
            f"Column {column.name} of {source} must hold finite numbers; got {str(bad.iloc[0])[:40]!r} in {len(bad):,} "
            f"of {len(column):,} rows. Write NA where a value is missing."
        )


def _read_cells(path: Path) -> pd.DataFrame:
    """All cells as text, so that no id and no value is interpreted on the way."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names, *rows = _rows(file) or [[]]
    except UnicodeDecodeError:
        raise InputError(f"{path} must be a text file in UTF-8; it is not. Is it the table you mean?") from None
    except csv.Error as error:
        raise InputError(f"{path} must be a table of text; {error}. Is it the table you mean?") from None
    if not rows:
        raise InputError(f"{path} must have a header line and at least one row; it has none.")
    uneven = [number for number, row in enumerate(rows, start=2) if len(row) != len(names)]
    if uneven:
        raise InputError(
            f"{path} must have {len(names)} cells in every row, as it has names; row {uneven[0]} has "
            f"{len(rows[uneven[0] - 2])}, and {len(uneven):,} rows differ. Write NA where a value is missing."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path} must name each column once; {', '.join(twice)} occurs more than once.")
    return pd.DataFrame(rows, columns=names, dtype=str)


def _rows(file: TextIO) -> list[list[str]]:
    """The cells of every line that is not blank; quotes have a meaning in comma-separated files only."""
    header = file.readline()
    file.seek(0)
    rows: Iterable[list[str]]
    if "\t" in header:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    elif "," in header:
        rows = csv.reader(file)
    else:
        rows = (line.split() for line in file)
    stripped = ([cell.strip() for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def _numbers(column: pd.Series) -> pd.Series:
    number = pd.to_numeric(column, errors="coerce")
    return column if (number.isna() & column.notna()).any() else number


def _visits(column: pd.Series, path: Path) -> pd.Series:
    number = pd.to_numeric(column, errors="coerce")
    if number.isna().any() or (number % 1 != 0).any():
        raise InputError(f"Column visit of {path} must hold whole numbers without gaps; it does not.")
    return number.astype(np.int64)


def _refuse_bad_keys(table: pd.DataFrame, path: Path) -> None:
    if (table.index == "").any():
        raise InputError(f"{path} must have an id in every row; {int((table.index == '').sum()):,} rows have none.")
    keys = table.set_index("visit", append=True).index if "visit" in table else table.index
    twice = keys[keys.duplicated()]
    if len(twice):
        raise InputError(
            f"{path} must have one row per individual{' and visit' if 'visit' in table else ''}; {twice.nunique():,} "
            f"have more than one, e.g. {table.index[keys.duplicated()][0]}. Keep one row of each."
        )
