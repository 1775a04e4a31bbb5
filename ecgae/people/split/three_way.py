"""Train on some people, choose the model by others, confirm it in a third part: no number is used
twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Shaped

from ecgae.errors import InputError
from ecgae.people.split import CONFIRM, SELECT, TRAINING, place_of


@dataclass(frozen=True)
class ThreeWay:
    """Shares of the people, on average: each family's part is drawn by a hash of its name.

    select: the share whom models are scored by. confirm: the share whom the chosen model is
    confirmed by; 0: nobody. The rest train.
    seed: another one deals the people out anew.

    Relatives share a part, and nobody's part depends on who else is there:

    >>> deal = ThreeWay()
    >>> deal(["p1", "p2", "p3", "p4"]).tolist()
    ['select', 'select', 'training', 'confirm']
    >>> deal(["p4", "p1"], families={"p1": "p1", "p4": "p1"}).tolist()
    ['select', 'select']
    """

    select: float = 0.5
    confirm: float = 0.25
    seed: int = 0
    scored: ClassVar[str] = "select"

    def __post_init__(self) -> None:
        if not 0 < self.select < 1:
            raise InputError(
                f"split.select must lie between 0 and 1; got {self.select}. split=all scores everybody, as published."
            )
        if not 0 <= self.confirm < 1 - self.select:
            raise InputError(
                f"split.confirm must be at least 0 and leave somebody to train on beside split.select={self.select}; "
                f"got {self.confirm}."
            )

    def __call__(
        self, sample_ids: Sequence[str] | np.ndarray, families: Mapping[str, str] | None = None
    ) -> Shaped[np.ndarray, " row"]:
        families = families or {}
        return np.array(
            [self._part(families.get(person, person)) for person in sample_ids], dtype=str
        )

    def _part(self, family: str) -> str:
        place = place_of(family, f"split {self.seed}")
        return (
            SELECT
            if place < self.select
            else CONFIRM
            if place < self.select + self.confirm
            else TRAINING
        )
