"""The numbers that training goes by, and who is held out of it: people and their families, never
signals."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from ecgae.errors import InputError
from ecgae.people.split import TRAINING, VALIDATION

ANNEALING = ("plateau", "cosine", "constant")
PRECISION = ("float32", "bf16")

AT_LEAST_ONE = ("max_epochs", "batch_size", "early_stopping_patience", "plateau_patience")


@dataclass(frozen=True)
class Schedule:
    """When training starts, slows down and stops. Patience counts epochs without a lower validation
    loss.

    >>> schedule = Schedule(
    ...     max_epochs=10,
    ...     batch_size=32,
    ...     learning_rate=0.01,
    ...     warmup_epochs=2,
    ...     annealing="cosine",
    ...     plateau_patience=5,
    ...     plateau_factor=0.5,
    ...     early_stopping_patience=8,
    ...     gradient_clip=None,
    ...     precision="float32",
    ...     compile=False,
    ...     validation_fraction=0.1,
    ...     principal_axes=True,
    ...     seed=1,
    ... )
    >>> [round(schedule.rate(epoch), 6) for epoch in (0, 1, 2, 6, 10)]
    [0.0, 0.005, 0.01, 0.005, 0.0]
    """

    max_epochs: int
    batch_size: int
    learning_rate: float
    warmup_epochs: int
    annealing: str
    plateau_patience: int
    plateau_factor: float
    early_stopping_patience: int
    gradient_clip: float | None
    precision: str
    compile: bool
    validation_fraction: float
    principal_axes: bool
    seed: int

    def __post_init__(self) -> None:
        for name in AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise InputError(f"trainer.{name} must be at least 1; got {getattr(self, name)}.")
        if not 0 <= self.warmup_epochs < self.max_epochs:
            raise InputError(
                f"trainer.warmup_epochs must lie between 0 and max_epochs; got {self.warmup_epochs}."
            )

        if not 0 <= self.seed < 2**32:
            raise InputError(f"trainer.seed must lie between 0 and 4294967295; got {self.seed}.")
        if not self.learning_rate > 0:
            raise InputError(f"trainer.learning_rate must be positive; got {self.learning_rate}.")
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise InputError(
                f"trainer.gradient_clip must be positive or null; got {self.gradient_clip}."
            )
        if not 0 < self.plateau_factor < 1:
            raise InputError(
                f"trainer.plateau_factor must lie between 0 and 1; got {self.plateau_factor}."
            )
        if not 0 < self.validation_fraction < 1:
            raise InputError(
                f"trainer.validation_fraction must lie between 0 and 1; got {self.validation_fraction}."
            )

        for name, known in (("annealing", ANNEALING), ("precision", PRECISION)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"trainer.{name} must be one of {', '.join(known)}; got {getattr(self, name)!r}."
                )

    def rate(self, epoch: float) -> float:
        """The learning rate after so many epochs (with fractions), before any plateau: linear
        warm-up, then annealing."""
        if epoch < self.warmup_epochs:
            return self.learning_rate * epoch / self.warmup_epochs
        if self.annealing != "cosine":
            return self.learning_rate
        done = (epoch - self.warmup_epochs) / (self.max_epochs - self.warmup_epochs)
        return self.learning_rate * (1 + math.cos(math.pi * min(done, 1.0))) / 2

    def hold_out(
        self,
        parts: Shaped[np.ndarray, " row"],
        sample_ids: Sequence[str] | np.ndarray,
        families: Mapping[str, str] | None = None,
    ) -> Shaped[np.ndarray, " row"]:
        """The same parts, where some of those who were `training` are now `validation`.

        Who that is depends on the seed. `families` names the family of everybody who has one; a
        family stays together. Raises `InputError` where too few people train.
        """
        trained = np.asarray(parts) == TRAINING
        units = _units(np.asarray(sample_ids)[trained], families or {})
        if len(units) < 2:
            raise InputError(
                "training must have at least 2 people of different families, one of them for validation; "
                f"got {len(units)}. More people, or another split, helps."
            )

        wanted = max(1, math.ceil(self.validation_fraction * sum(map(len, units.values()))))
        chosen = _chosen(units, wanted, str(self.seed))
        held_out = {person for name in chosen for person in units[name]}

        return np.array(
            [
                VALIDATION if training and person in held_out else part
                for part, training, person in zip(parts, trained, sample_ids, strict=True)
            ]
        )


def _units(
    sample_ids: Sequence[str] | np.ndarray, families: Mapping[str, str]
) -> dict[str, set[str]]:
    """The people of each family; somebody without one is a family of their own."""
    units: dict[str, set[str]] = {}
    for person in sample_ids:
        units.setdefault(families.get(person, person), set()).add(person)
    return units


def _chosen(units: Mapping[str, set[str]], people: int, salt: str) -> set[str]:
    """Families in an order that depends on their names and the salt, until so many people are in;
    never all."""
    chosen: set[str] = set()
    count = 0
    for name in sorted(units, key=lambda name: hashlib.sha256(f"{salt}:{name}".encode()).digest()):
        if count >= people or len(chosen) == len(units) - 1:
            break
        chosen.add(name)
        count += len(units[name])
    return chosen
