"""The tables beside genotype files: variants (`.bim`, `.pvar`) and people (`.fam`, `.psam`,
`.sample`), ids as text.

Formats: https://www.cog-genomics.org/plink/2.0/formats,
https://www.chg.ox.ac.uk/~gav/qctool/documentation/sample_file_formats.html
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from ecgae.errors import InputError

VARIANT_COLUMNS = ("chromosome", "base_pair_location", "effect_allele", "other_allele", "rsid")
"""What every format says of a variant; `Genotypes.variants` adds `variant_id`."""

PVAR_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT")


def read_bim(path: Path) -> pd.DataFrame:
    """The variants of a `.bim`; the effect allele is column 5, PLINK's A1."""
    cells = _columns(path, 6, ["0", "1", "3", "4", "5"])
    return variant_table(
        path,
        cells["0"],
        cells["3"],
        effect_allele=cells["4"],
        other_allele=cells["5"],
        rsid=cells["1"],
    )


def read_pvar(path: Path) -> pd.DataFrame:
    """The variants of a `.pvar` or `.pvar.zst`; the effect allele is ALT, which has commas where
    there are several."""
    with _opened(path) as file:
        header = _pvar_header(file, path)
        separator = "\t" if "\t" in header else r"\s+"
        names = header.split("\t") if "\t" in header else header.split()

        missing = [name for name in PVAR_COLUMNS if name not in names]
        if missing:
            raise InputError(
                f"{path} must have the columns {', '.join(PVAR_COLUMNS)}; it lacks {', '.join(missing)}. "
                "Rewrite it with plink2 --make-pgen."
            )
        cells = _cells(file, path, separator, names, PVAR_COLUMNS)

    _refuse_gaps(path, cells)
    chromosome, position, rsid, other, effect = (cells[name] for name in PVAR_COLUMNS)
    return variant_table(
        path, chromosome, position, effect_allele=effect, other_allele=other, rsid=rsid
    )


def variant_table(
    path: Path,
    chromosome: pd.Series,
    position: pd.Series,
    *,
    effect_allele: pd.Series,
    other_allele: pd.Series,
    rsid: pd.Series,
) -> pd.DataFrame:
    """The table of a file's variants: `chromosome` (text, without the prefix chr or leading zeros),
    `base_pair_location` (whole numbers), `effect_allele`, `other_allele`, `rsid` (NA where the file
    has `.`)."""
    if not len(position):
        raise InputError(f"{path} must list a variant; it is empty. Copy it again.")

    number = pd.to_numeric(position, errors="coerce")
    bad = (number.isna() | (number % 1 != 0)).to_numpy()
    if bad.any():
        raise InputError(
            f"{path} must have whole base-pair positions; got {position[bad].iloc[0]!r}. Is it the file you mean?"
        )

    names = {code: code.removeprefix("chr").lstrip("0") or code for code in chromosome.unique()}
    columns = (
        chromosome.map(names),
        number.astype(np.int64),
        effect_allele,
        other_allele,
        rsid.mask(rsid == "."),
    )
    return pd.DataFrame(dict(zip(VARIANT_COLUMNS, columns, strict=True)))


def read_fam(path: Path) -> Shaped[np.ndarray, " individual"]:
    """The individual ids (IID, column 2) of a `.fam`."""
    return unique_ids(path, _columns(path, 6, ["1", "5"])["1"])


def read_psam(path: Path) -> Shaped[np.ndarray, " individual"]:
    """The individual ids (IID) of a `.psam`."""
    with _opened(path) as file:
        names = _line(file, path).split()
        while names and names[0].startswith("##"):
            names = _line(file, path).split()
        if not names or names[0] not in ("#FID", "#IID"):
            raise InputError(
                f"{path} must begin with a line of column names, #IID or #FID first; it does not. "
                "Rewrite it with plink2 --make-pgen."
            )

        names = [name.removeprefix("#") for name in names]
        if "IID" not in names:
            raise InputError(
                f"{path} must have the column IID; it has {', '.join(names)}. Is it the file you mean?"
            )
        cells = _cells(file, path, r"\s+", names, ["IID"])

    _refuse_gaps(path, cells)
    return unique_ids(path, cells["IID"])


def read_sample(path: Path) -> Shaped[np.ndarray, " individual"]:
    """The individual ids of an Oxford `.sample`: ID_2 (PLINK's IID) where it is there, else the
    first column."""
    with _opened(path) as file:
        names, kinds = _line(file, path).split(), _line(file, path).split()
        if len(names) != len(kinds) or not kinds or kinds[0] != "0":
            raise InputError(
                f"{path} must begin with a line of column names and one of their kinds (0 0 0 D ...); it does not. "
                "Is it the .sample file of the .bgen?"
            )
        cells = _cells(file, path, r"\s+", names, ["ID_2" if "ID_2" in names else names[0]])
    _refuse_gaps(path, cells)
    return unique_ids(path, cells.iloc[:, 0])


def unique_ids(path: Path, ids: Iterable[str]) -> Shaped[np.ndarray, " individual"]:
    """The ids as an array of text; `path` is where they are from."""
    array = np.array(list(ids), dtype=str)
    if not len(array):
        raise InputError(f"{path} must list somebody; it is empty. Copy it again.")
    unique, count = np.unique(array, return_counts=True)
    if (count > 1).any():
        raise InputError(
            f"{path} must have each individual id once; {(count > 1).sum():,} occur more "
            f"than once, e.g. {unique[count > 1][0]}. Make them unique, e.g. with plink2 --update-ids."
        )
    return array


def _opened(path: Path) -> BinaryIO:
    """The table as bytes, decompressed where it is a `.zst`."""
    if not path.is_file():
        raise InputError(f"{path} must lie beside its genotype file; it is missing. Copy it there.")
    if path.suffix != ".zst":
        return path.open("rb")
    import pyarrow as pa  # here: only compressed tables need it

    return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))


def _pvar_header(file: BinaryIO, path: Path) -> str:
    """The line of column names, after which the file stands at its first variant."""
    line = _line(file, path)
    while line.startswith("##"):
        line = _line(file, path)
    if not line.startswith("#CHROM"):
        raise InputError(
            f"{path} must have a line of column names that begins with #CHROM; got {line[:40]!r}. "
            "Rewrite it with plink2 --make-pgen."
        )
    return line


def _line(file: BinaryIO, path: Path) -> str:
    try:
        return file.readline().decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} must be a text table; {_sentence(error)}. Copy it again."
        ) from None


def _columns(path: Path, count: int, wanted: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table without header, named by their places from 0."""
    with _opened(path) as file:
        there = len(_line(file, path).split())
        if there != count:
            raise InputError(
                f"{path} must have {count} columns; it has {there}. Is it the file you mean?"
            )
        file.seek(0)
        cells = _cells(file, path, r"\s+", list(map(str, range(count))), wanted)
    _refuse_gaps(path, cells)
    return cells


def _cells(
    file: BinaryIO, path: Path, separator: str, names: Sequence[str], wanted: Sequence[str]
) -> pd.DataFrame:
    """The wanted ones of the columns named, of what is left of a file, as text."""
    try:
        cells = pd.read_csv(
            file,
            sep=separator,
            header=None,  # and no names, with which the parser would cut lines that are too long
            usecols=[names.index(name) for name in wanted],
            index_col=False,
            dtype=str,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
        )
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=list(wanted), dtype=str)
    except (ValueError, OSError) as error:  # the parser's own errors are values that it cannot use
        raise InputError(
            f"{path} must be a text table; {_sentence(error)}. Copy it again."
        ) from None

    return cells.rename(columns=dict(enumerate(names)))


def _refuse_gaps(path: Path, cells: pd.DataFrame) -> None:
    """Raises `InputError` where a line is cut short, which leaves its last cells empty."""
    empty = (cells.iloc[:, -1].isna() | (cells.iloc[:, -1] == "")).to_numpy()
    if empty.any():
        raise InputError(
            f"{path} must have a cell in every column; row {empty.argmax() + 1:,} of the data has fewer. Copy it again."
        )


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
