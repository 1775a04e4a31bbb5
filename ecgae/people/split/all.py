"""The published way: everybody trains and everybody is scored, so that choosing a model by its
score is circular."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Shaped

from ecgae.people.split import TRAINING


@dataclass(frozen=True)
class All:
    """One part for everybody; nobody is left to confirm what is found."""

    scored: ClassVar[str] = "all"

    def __call__(
        self, sample_ids: Sequence[str] | np.ndarray, families: Mapping[str, str] | None = None
    ) -> Shaped[np.ndarray, " row"]:
        return np.full(len(sample_ids), TRAINING)
