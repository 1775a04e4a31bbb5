"""Who was confirmed: a table beside the runs, so that people kept for confirmation do not become
one more selection.

confirmations.tsv: date, run, cohort (its key), scan (the key of the settings that the loci were
found with), again.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from ecgae.errors import InputError
from ecgae.runs import run_directory

FILE = "confirmations.tsv"


class Entry(NamedTuple):
    """One row of the table: a run whose loci were confirmed."""

    date: str
    run: str
    cohort: str
    scan: str
    again: str
    """Whether others of the same cohort were confirmed before: yes or no."""


def entry_of(run: Path, config: dict[str, Any], date: str) -> Entry:
    """The entry of a run, with `again` not known yet. A cohort is the same wherever its files lie,
    and however it is split."""
    identity = run_directory.identity(config)
    return Entry(
        date=date, run=run.name, cohort=_key(identity["cohort"]), scan=_key(identity), again="no"
    )


def _key(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


@contextmanager
def entered(folder: Path, entry: Entry, again: bool) -> Iterator[Entry]:
    """Locks the table in `folder` while the block confirms, and writes the entry when it ends well.

    The same loci of the same run may be looked at as often as one likes. Raises `InputError` where
    others of the cohort were confirmed before, unless `again`.
    """
    folder = folder.resolve()
    with FileLock(_locks(folder) / f"{FILE}.lock"):
        earlier = [one for one in _read(folder / FILE) if one.cohort == entry.cohort]
        others = [one for one in earlier if (one.run, one.scan) != (entry.run, entry.scan)]
        mine = [one for one in earlier if (one.run, one.scan) == (entry.run, entry.scan)]
        if mine:
            yield mine[0]
            return

        if others and not again:
            first = others[0]
            what = f"other loci of {first.run}" if first.run == entry.run else first.run
            raise InputError(
                f"run must be the only one of its cohort that is confirmed; got {entry.run} after {what}, confirmed on "
                f"{first.date}: people who were looked at twice confirm nothing. Type --again to do it all the same; "
                "the result is marked."
            )

        entry = entry._replace(again="yes" if others else "no")
        yield entry
        _append(folder / FILE, entry)


def _locks(folder: Path) -> Path:
    locks = folder / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    return locks


def _read(file: Path) -> list[Entry]:
    if not file.is_file():
        return []
    with file.open(newline="") as source:
        rows = list(csv.reader(source, delimiter="\t"))
    if (
        not rows
        or tuple(rows[0]) != Entry._fields
        or any(len(row) != len(Entry._fields) for row in rows)
    ):
        raise InputError(
            f"{file} must have the columns {', '.join(Entry._fields)}; it has others. Take back what was changed in it."
        )
    return [Entry(*row) for row in rows[1:]]


def _append(file: Path, entry: Entry) -> None:
    new = not file.is_file()
    with file.open("a", newline="") as target:
        writer = csv.writer(target, delimiter="\t", lineterminator="\n")
        if new:
            writer.writerow(Entry._fields)
        writer.writerow(entry)
