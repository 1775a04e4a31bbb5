"""By which number of score.json a model is chosen."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ecgae.errors import InputError

SELECTABLE = (
    *("loci", "omnibus_loci", "acat_loci", "hits", "hit_variants", "loci_at_known"),
    *("excess_chi2", "excess_chi2_at_known", "summed_heritability", "r2_recorded"),
)
"""Numbers of score.json by which a model may be chosen, the larger the better. None of them knows
what was planted."""

Names = str | Sequence[str]


def require_selectable(select_by: Names) -> None:
    """Raises `InputError` for what is neither one of `SELECTABLE` nor a list of them."""
    names = [select_by] if isinstance(select_by, str) else select_by
    if isinstance(names, Sequence) and names and all(name in SELECTABLE for name in names):
        return
    raise InputError(
        f"score.select_by must be one of {', '.join(SELECTABLE)}, or a list of them; got {select_by!r}."
    )


def selected(summary: Mapping[str, Any]) -> float | tuple[float, ...]:
    """The number, or numbers, of a score.json that its `select_by` names; NaN where the score is not
    valid or lacks it.

    >>> selected({"select_by": "loci", "loci": 12, "valid": True})
    12.0
    >>> selected({"select_by": "loci", "loci": 12, "valid": False})
    nan
    """

    def number(name: str) -> float:
        value = summary.get(name)
        return math.nan if value is None or not summary["valid"] else float(value)

    names = summary["select_by"]
    return number(names) if isinstance(names, str) else tuple(map(number, names))
