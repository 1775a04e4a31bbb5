"""Which people a model is trained on, scored by and confirmed by: decided once per cohort, by
person and family.

A split is called with ids and families and gives the part of every row. A person's part depends on
the name of their family and the split's numbers alone: not on the model, its seed, nor on who else
has usable recordings.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

TRAINING, VALIDATION, SELECT, CONFIRM = "training", "validation", "select", "confirm"
"""`select`: who the score is computed on. `confirm`: who confirms what the chosen model found.
Validation people are taken from the training people by `Schedule.hold_out`."""


@runtime_checkable
class Split(Protocol):
    """Deals people out to parts."""

    scored: ClassVar[str]
    """Whom the score is made of: select | all."""

    def __call__(
        self, sample_ids: Sequence[str] | np.ndarray, families: Mapping[str, str] | None = None
    ) -> Shaped[np.ndarray, " row"]:
        """`TRAINING`, `SELECT` or `CONFIRM` for each row; `families`: the family of everybody who
        has one."""
        ...


def place_of(name: str, salt: str) -> float:
    """A number from 0 to below 1 that only the name and the salt decide, uniform over names."""
    digest = hashlib.sha256(f"{salt}:{name}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
