"""People, never signals, are split: every recording of a person falls on the same side."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from ecgae.errors import InputError


def validation_rows(sample_ids: Sequence[str] | np.ndarray, fraction: float, seed: int) -> Bool[np.ndarray, "row"]:
    """True for the rows of the people held out for validation: a `fraction` of the people, at least one.

    Who is held out depends on the ids and the seed alone, not on the order of the rows.
    """
    people = sorted(set(sample_ids), key=lambda person: hashlib.sha256(f"{seed}:{person}".encode()).digest())
    if len(people) < 2:
        raise InputError(f"training must have at least 2 people, one of them for validation; got {len(people)}.")
    held_out = set(people[: min(max(1, math.ceil(fraction * len(people))), len(people) - 1)])
    return np.array([person in held_out for person in sample_ids])
