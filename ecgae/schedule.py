"""The numbers that training goes by, and who is held out of it: people, never signals."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from ecgae.errors import InputError


@dataclass(frozen=True)
class Schedule:
    """When training starts, slows down and stops. Patience counts epochs without a lower validation loss."""

    max_epochs: int
    batch_size: int
    learning_rate: float
    early_stopping_patience: int
    plateau_patience: int
    plateau_factor: float
    validation_fraction: float
    principal_axes: bool
    seed: int

    def __post_init__(self) -> None:
        for name in ("max_epochs", "batch_size", "early_stopping_patience", "plateau_patience"):
            if getattr(self, name) < 1:
                raise InputError(f"trainer.{name} must be at least 1; got {getattr(self, name)}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"trainer.seed must lie between 0 and 4294967295; got {self.seed}.")
        if not self.learning_rate > 0:
            raise InputError(f"trainer.learning_rate must be positive; got {self.learning_rate}.")
        if not 0 < self.plateau_factor < 1:
            raise InputError(f"trainer.plateau_factor must lie between 0 and 1; got {self.plateau_factor}.")
        if not 0 < self.validation_fraction < 1:
            raise InputError(f"trainer.validation_fraction must lie between 0 and 1; got {self.validation_fraction}.")

    def held_out(self, sample_ids: np.ndarray) -> Bool[np.ndarray, "signal"]:
        """True for the signals of the people kept for validation."""
        return validation_rows(sample_ids, self.validation_fraction, self.seed)


def validation_rows(sample_ids: Sequence[str] | np.ndarray, fraction: float, seed: int) -> Bool[np.ndarray, "row"]:
    """True for the rows of the people held out for validation: a `fraction` of the people, at least one.

    Who is held out depends on the ids and the seed alone, not on the order of the rows.
    """
    people = sorted(set(sample_ids), key=lambda person: hashlib.sha256(f"{seed}:{person}".encode()).digest())
    if len(people) < 2:
        raise InputError(f"training must have at least 2 people, one of them for validation; got {len(people)}.")
    held_out = set(people[: min(max(1, math.ceil(fraction * len(people))), len(people) - 1)])
    return np.array([person in held_out for person in sample_ids])
