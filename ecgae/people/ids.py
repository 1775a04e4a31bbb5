"""Ids of people: lists of them, and what to say where two files write the same ids differently."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from ecgae.errors import InputError
from ecgae.people.tables import ID_COLUMNS

ID_HEADERS = frozenset(name.lstrip("#").lower() for name in (*ID_COLUMNS, "id"))

SPELLINGS: dict[str, Callable[[str], str]] = {
    "leading zeros": lambda sample_id: sample_id.lstrip("0"),
    "a repetition (FID_IID)": lambda sample_id: re.sub(r"^(.+)_\1$", r"\1", sample_id),
    "the part after the first _": lambda sample_id: sample_id.split("_")[0],
    "a decimal .0": lambda sample_id: sample_id.removesuffix(".0"),
}
"""What ids that mean the same person may differ by, most specific first."""


def read_ids(file: str, name: str = "list") -> frozenset[str]:
    """Ids of people from a list: `IID`, `FID IID` (as PLINK's --keep), or the column that a header
    calls so.

    UK Biobank's list of withdrawn participants is one: ids, one per line, no header. Ids are text.
    Raises `InputError`, in which `name` is what the user calls the list.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("#FID IID\\n0 007\\n0 010\\n")
    ...     file.flush()
    ...     sorted(read_ids(file.name))
    ['007', '010']
    """
    if not Path(file).is_file():
        raise InputError(
            f"{name} must be a list of ids; got {file}, which is no file. Check the path."
        )
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} must be a list of ids; {file} is not text in UTF-8.") from None

    bare = [line.replace('"', "").strip().rstrip(",") for line in text.splitlines()]
    lines = [re.split(r"\s*,\s*|\s+", line) for line in bare if line]
    place = _named_place(lines[0]) if lines else None
    rest = (
        lines[1:]
        if place is not None
        else [cells for cells in lines if not cells[0].startswith("#")]
    )
    if place is None:
        place = 1 if rest and len(rest[0]) > 1 else 0

    ids = [cells[place] if place < len(cells) else "" for cells in rest]
    if not ids or "" in ids:
        what = f"that of {ids.count(''):,} lines is missing" if ids else "it has none"
        raise InputError(
            f"{name} must have an id in every line, IID or FID IID as for plink2 --keep; in {file} {what}. "
            "Leave it null if there is nobody to list."
        )
    return frozenset(ids)


def _named_place(first: list[str]) -> int | None:
    """Which cell of a list's lines is the individual id, if the first line is a header that says
    so."""
    names = [cell.lstrip("#").lower() for cell in first]
    return next((place for place, name in enumerate(names) if name in ID_HEADERS), None)


def other_spelling(ids: Iterable[str], others: Iterable[str]) -> str:
    """Which difference in writing hides that ids agree, as a sentence with an example; "" where
    none does.

    One side at a time is read otherwise: A_1 and A_2 are two people, A_1 and A may be one.

    >>> other_spelling(["007", "010"], ["7", "10", "11"])
    '2 ids agree but for leading zeros, e.g. 007 and 7. Write ids alike in all files.'
    >>> other_spelling(["A_1", "A_2"], ["A_3"])
    ''
    """
    one, other = ({str(sample_id) for sample_id in side} for side in (ids, others))
    for difference, bare in SPELLINGS.items():
        same = {(sample_id, bare(sample_id)) for sample_id in one if bare(sample_id) in other}
        same |= {(bare(sample_id), sample_id) for sample_id in other if bare(sample_id) in one}
        if same:
            left, right = min(same)
            example = f"e.g. {left} and {right}"
            return f"{len(same):,} ids agree but for {difference}, {example}. Write ids alike in all files."
    return ""
