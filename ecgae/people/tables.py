"""Reads text tables with one row per person, as PLINK and its relatives write them.

The first line names the columns: `IID` (or `#IID`; `sample_id` and UK Biobank's `eid` do too),
optionally `FID`, optionally `visit`, then the data. Tab, comma or spaces separate. Ids are text:
leading zeros stay. Missing is NA, nan, or an empty cell. -9 is a value here, although PLINK 1 took
it for missing: write NA.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, Int, Shaped
from pyarrow import csv as arrow_csv

from ecgae.errors import InputError

ID_COLUMNS = ("IID", "#IID", "sample_id", "eid", "f.eid", "n_eid", "participant.eid")
"""The last four are UK Biobank's, in the spellings of its converters and of its research analysis
platform."""

FAMILY_COLUMNS = ("FID", "#FID")
MISSING = ("NA", "na", "NaN", "nan", "")


class Phenotypes(NamedTuple):
    """What is tested: one row per person (and visit), NaN = missing."""

    sample_ids: Shaped[np.ndarray, " individual"]
    """The ids, as text."""
    visits: Int[np.ndarray, " individual"] | None
    names: list[str]
    values: Float[np.ndarray, "individual phenotype"]
    source: str
    """The name of the file or model that the phenotypes come from, for messages."""
    people: str = "none"
    """Whose phenotypes they are. select: people who were not trained on; all: those who were trained
    on too; another part of the split; none: nobody was in training."""


def column_names(path: Path | str) -> list[str]:
    """What the first line of a table says; nothing else is read."""
    with _opened(Path(path)) as file:
        return [name.strip() for name in next(_rows(file), [])]


def read_table(path: Path | str, wanted: Callable[[str], bool] = lambda name: True) -> pd.DataFrame:
    """The table, indexed by `sample_id`; columns of numbers as numbers, all others as text, `visit`
    as an integer.

    `wanted` says of a column's name whether to keep it; ids are kept anyway, and what is not kept
    takes no memory.
    """
    path = Path(path)

    def kept(name: str) -> bool:
        return name in ID_COLUMNS or wanted(name)

    cells = _read_plain(path, kept)
    if cells is None:
        cells = _read_cells(path, kept)

    ids = [column for column in cells if column in ID_COLUMNS]
    if len(ids) != 1:
        there = "none of them" if not ids else " and ".join(ids)
        raise InputError(
            f"{path} must have one column of ids, {', '.join(ID_COLUMNS)}; it has {there} among "
            f"{', '.join(column_names(path))[:100]!r}. "
            "Name the column of ids IID, and separate columns by tabs, commas or spaces."
        )

    table = cells.set_index(ids[0]).rename_axis("sample_id")
    table = table.drop(columns=[column for column in FAMILY_COLUMNS if column in table])
    for name in table.select_dtypes(exclude="number"):
        table[name] = _numbers(table[name])
    if "visit" in table:
        table["visit"] = _visits(table["visit"], path)
    _refuse_bad_keys(table, path)
    return table


def read_phenotypes(path: Path | str) -> Phenotypes:
    """Every column of a table but the ids and `visit`, as numbers.

    Raises `InputError` for text or an infinite value in a cell, naming the file, the column and the
    value.
    """
    table = read_table(path)
    values = table.drop(columns="visit", errors="ignore")
    if values.shape[1] == 0:
        raise InputError(f"{path} must have at least one phenotype beside the ids; it has none.")

    for name in values.select_dtypes(exclude="number"):
        refuse_text(values[name], Path(path).name)
    numbers = values.to_numpy(dtype=np.float64)
    for column in np.flatnonzero(np.isinf(numbers).any(axis=0)):
        refuse_text(values.iloc[:, column], Path(path).name)

    return Phenotypes(
        sample_ids=table.index.to_numpy(dtype=str),
        visits=table["visit"].to_numpy(dtype=np.int64) if "visit" in table else None,
        names=list(values),
        values=numbers,
        source=Path(path).name,
    )


def refuse_text(column: pd.Series, source: str) -> None:
    """Raises `InputError` with the first cell of a column that is neither a finite number nor
    missing."""
    number = (
        column if pd.api.types.is_numeric_dtype(column) else pd.to_numeric(column, errors="coerce")
    )
    bad = column[(number.isna() & column.notna()) | np.isinf(number)]
    if len(bad):
        raise InputError(
            f"Column {column.name} of {source} must hold finite numbers; got {str(bad.iloc[0])[:40]!r} in {len(bad):,} "
            f"of {len(column):,} rows. Write NA where a value is missing."
        )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The file as text; what shows only while it is read is met with a sentence too."""
    if not path.is_file():
        what = "which is a folder" if path.is_dir() else "which does not exist"
        raise InputError(f"Table must be a file; got {path}, {what}. Check the path.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise InputError(
            f"{path} must be a text file in UTF-8; it is not. Is it the table you mean?"
        ) from None
    except csv.Error as error:
        raise InputError(
            f"{path} must be a table of text; {error}. Is it the table you mean?"
        ) from None


def _read_plain(path: Path, wanted: Callable[[str], bool]) -> pd.DataFrame | None:
    """A table without any peculiarity, thirty times as fast as cell by cell; None: read it cell by
    cell.

    Columns of plain numbers come as numbers, all others as text.
    """
    header = _plain_header(path)
    if header is None:
        return None
    delimiter, names = header
    table = _read_arrow(path, delimiter, [name for name in names if wanted(name)])
    if table is None or not _is_plain(table):
        return None
    frame = _frame_of(table)
    return frame if _is_sound(frame) else None


def _plain_header(path: Path) -> tuple[str, list[str]] | None:
    """The delimiter, tab or comma, and the names of the columns; None where a name is empty, quoted,
    padded or there twice, or where there are no two of them."""
    with _opened(path) as file:
        header = file.readline()
    delimiter = "\t" if "\t" in header else ","
    names = header.strip("\r\n").split(delimiter)
    if len(names) < 2 or len(set(names)) < len(names):
        return None
    plain = all(name and name == name.strip(' "') for name in names)
    return (delimiter, names) if plain else None


def _read_arrow(path: Path, delimiter: str, columns: list[str]) -> pa.Table | None:
    """These columns as Arrow reads them, ids as text; None where it cannot, since reading cell by
    cell then finds the sentence to say."""
    parse = arrow_csv.ParseOptions(
        delimiter=delimiter, quote_char=False if delimiter == "\t" else '"'
    )
    convert = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in (*ID_COLUMNS, *FAMILY_COLUMNS)},
        null_values=MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        include_columns=columns,
    )
    try:
        return arrow_csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid:
        return None


def _is_plain(table: pa.Table) -> bool:
    """Whether there are rows, of numbers and text alone, each with its id."""
    plain = {pa.int64(), pa.float64(), pa.string(), pa.null()}
    return (
        len(table) > 0
        and {field.type for field in table.schema} <= plain
        and not any(table[name].null_count for name in table.column_names if name in ID_COLUMNS)
    )


def _frame_of(table: pa.Table) -> pd.DataFrame:
    """The table in pandas: text without spaces around it, missing cells as NaN but among ids."""
    frame = table.to_pandas()
    for field in table.schema:
        if field.type == pa.null():
            frame[field.name] = np.nan
        elif field.type == pa.string():
            cells = frame[field.name].astype(object).str.strip()
            is_id = field.name in ID_COLUMNS
            frame[field.name] = cells if is_id else cells.where(~cells.isin(MISSING))
    return frame


def _is_sound(frame: pd.DataFrame) -> bool:
    """Whether no id is empty and no number infinite or too large for a float, which cell by cell is
    text."""
    infinite = np.isinf(frame.select_dtypes("float").to_numpy()).any()
    return not infinite and not any(
        (frame[name] == "").any() for name in frame if name in ID_COLUMNS
    )


def _read_cells(path: Path, wanted: Callable[[str], bool]) -> pd.DataFrame:
    """The cells of these columns as text, so that no id and no value is interpreted on the way."""
    cells, uneven = [], []
    with _opened(path) as file:
        rows = _rows(file)
        names = [name.strip() for name in next(rows, [])]
        places = [place for place, name in enumerate(names) if wanted(name)]
        for number, row in enumerate(rows, start=2):
            if len(row) == len(names):
                cells.append([row[place].strip() for place in places])
            else:
                uneven.append((number, len(row)))

    if not cells and not uneven:
        raise InputError(f"{path} must have a header line and at least one row; it has none.")
    if uneven:
        raise InputError(
            f"{path} must have {len(names)} cells in every row, as it has names; row {uneven[0][0]} has "
            f"{uneven[0][1]}, and {len(uneven):,} rows differ. Write NA where a value is missing."
        )
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise InputError(
            f"{path} must name each column once; {', '.join(twice)} occurs more than once."
        )
    return pd.DataFrame(cells, columns=[names[place] for place in places], dtype=str)


def _rows(file: TextIO) -> Iterator[list[str]]:
    """The cells of every line that is not blank; quotes have a meaning in comma-separated files
    only."""
    header = file.readline()
    file.seek(0)
    rows: Iterable[list[str]]
    if "\t" in header:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    elif "," in header:
        rows = csv.reader(file)
    else:
        rows = (line.split() for line in file)
    return (row for row in rows if any(map(str.strip, row)))


def _numbers(column: pd.Series) -> pd.Series:
    """The column as numbers where every cell is one or missing, else as it is; missing cells as
    NaN."""
    number = pd.to_numeric(column, errors="coerce")
    missing = column.isna() | column.isin(MISSING)
    return number if missing[number.isna()].all() else column.mask(missing)


def _visits(column: pd.Series, path: Path) -> pd.Series:
    """The column as whole numbers; raises `InputError` where it holds something else."""
    number = pd.to_numeric(column, errors="coerce")
    if number.isna().any() or (number % 1 != 0).any():
        raise InputError(
            f"Column visit of {path} must hold whole numbers without gaps; it does not."
        )
    return number.astype(np.int64)


def _refuse_bad_keys(table: pd.DataFrame, path: Path) -> None:
    """Raises `InputError` for an empty id, and for a person (and visit) with several rows."""
    if (table.index == "").any():
        raise InputError(
            f"{path} must have an id in every row; {int((table.index == '').sum()):,} rows have none."
        )
    keys = table.set_index("visit", append=True).index if "visit" in table else table.index
    twice = keys[keys.duplicated()]
    if len(twice):
        raise InputError(
            f"{path} must have one row per individual{' and visit' if 'visit' in table else ''}; {twice.nunique():,} "
            f"have more than one, e.g. {table.index[keys.duplicated()][0]}. Keep one row of each."
        )
