"""Runs beside one another and beside the yardsticks, read from their directories alone.

A new file here says something of several runs together, as numbers or as text; how it is drawn is
in `report/`.
"""

from pathlib import Path


def terminal_table(folder: Path, by: str | None = None, cohort: str | None = None) -> str:
    """The comparison of the runs in `folder` as text. Raises `InputError` where nothing can be
    compared."""
    from ecgae.comparison.compare import compare  # a second of imports, at the end of a sweep
    from ecgae.comparison.terminal import text

    return text(compare(folder, by, cohort))
