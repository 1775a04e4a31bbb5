"""Which columns of a design say something that the ones before them do not."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

DEPENDENT = 1e-6
"""A column of unit length whose part beside those before it is shorter than this follows from
them."""


class Independent(NamedTuple):
    """Columns that are linearly independent of each other and of a constant, and why the others are
    not."""

    names: list[str]
    """The columns kept, in their order."""
    reasons: dict[str, str]
    """Why each of the other columns is left out: "all 8 have 1", or "it follows from age, sex"."""


def independent(columns: Mapping[str, Float[np.ndarray, " individual"]]) -> Independent:
    """Goes through the columns in order, and leaves out what is constant or a linear combination of
    those kept.

    Gram-Schmidt, each column twice: once would leave rounding that a nearly dependent column is
    made of (Giraud et al., Numer. Math. 2005;101:87).

    >>> birth, visit = np.array([1950.0, 1960.0, 1970.0]), np.array([2014.0, 2015.0, 2015.0])
    >>> independent({"birth": birth, "visit": visit, "age": visit - birth}).reasons
    {'age': 'it follows from birth, visit'}
    """
    basis: list[np.ndarray] = []
    names: list[str] = []
    reasons: dict[str, str] = {}

    for name, values in columns.items():
        centred = values - values.mean()
        length = np.linalg.norm(centred)
        if length <= 1e-12 * np.sqrt(len(values)) * np.abs(values).max(initial=0):
            reasons[name] = (
                f"all {len(values):,} have {values[0]:g}" if len(values) else "there is nobody"
            )
            continue

        unit = left = centred / length
        if basis:
            before = np.stack(basis)
            for _ in range(2):
                left = left - (before @ left) @ before

        remaining = np.linalg.norm(left)
        if remaining < DEPENDENT:
            reasons[name] = (
                f"it follows from {_causes(unit, {other: columns[other] for other in names})}"
            )
            continue

        basis.append(left / remaining)
        names.append(name)

    return Independent(names, reasons)


def _causes(
    unit: Float[np.ndarray, " individual"], columns: Mapping[str, Float[np.ndarray, " individual"]]
) -> str:
    """The first few of the columns that a dependent one is made of."""
    others = np.stack(list(columns.values()), axis=1)
    others = others - others.mean(axis=0)
    weights = np.linalg.lstsq(others / np.linalg.norm(others, axis=0), unit, rcond=None)[0]
    named = [
        name for name, weight in zip(columns, weights, strict=True) if abs(weight) > 100 * DEPENDENT
    ]
    return ", ".join(named[:4]) + (f" and {len(named) - 4} others" if len(named) > 4 else "")
