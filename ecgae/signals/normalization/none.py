"""No normalization: the network sees mV."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.signals.normalization import Scaling, constant_scaling


@dataclass(frozen=True)
class Identity:
    """A scaling with shift 0 mV and scale 1 mV."""

    def fit(self, blocks: Iterable[Float[np.ndarray, "_ lead time"]]) -> "Identity":
        """Nothing is learned from the training people."""
        return self

    def __call__(self, ecg: Float[np.ndarray, "individual lead time"]) -> Scaling:
        return constant_scaling(0.0, 1.0)
