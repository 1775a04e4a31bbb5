"""All leads of all recordings by one mean and one standard deviation, those of the training
people."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.signals.normalization import Scaling, constant_scaling


@dataclass(frozen=True)
class Global:
    """`(ecg - shift) / scale`: keeps the ratio of amplitudes between leads and between people.

    >>> blocks = np.array([[[0.0, 1.0]]]), np.array([[[2.0, 3.0]], [[4.0, 5.0]]])
    >>> fitted = Global().fit(blocks)
    >>> fitted.shift, round(fitted.scale, 3)
    (2.5, 1.708)
    """

    shift: float = 0.0
    """The mean of the training samples in mV, set by `fit`."""
    scale: float = 1.0
    """The standard deviation of the training samples in mV, set by `fit`."""

    def fit(self, blocks: Iterable[Float[np.ndarray, "_ lead time"]]) -> "Global":
        """The same with mean and standard deviation of all samples, by blocks (Chan et al.,
        Stanford STAN-CS-79-773)."""
        count, mean, squares = 0, 0.0, 0.0

        for block in blocks:
            block_mean = block.mean(dtype=np.float64)
            delta, total = block_mean - mean, count + block.size
            squares += (
                np.square(block - block_mean).sum(dtype=np.float64)
                + delta**2 * count * block.size / total
            )
            mean, count = mean + delta * block.size / total, total

        scale = np.sqrt(squares / count) if count else 0.0
        return Global(float(mean), float(scale) if scale > 0 else 1.0)

    def __call__(self, ecg: Float[np.ndarray, "individual lead time"]) -> Scaling:
        return constant_scaling(self.shift, self.scale)
