"""Every lead of every recording to mean 0 and standard deviation 1; the amplitude is lost to the
network."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.signals.normalization import Scaling


@dataclass(frozen=True)
class PerSignal:
    """`(ecg - mean) / sd` with mean and sd of that lead of that recording; a flat lead keeps scale
    1 mV.

    >>> ecg = np.array([[[0.0, 2.0, 0.0, 2.0], [5.0, 5.0, 5.0, 5.0]]])
    >>> PerSignal()(ecg).apply(ecg)
    array([[[-1.,  1., -1.,  1.],
            [ 0.,  0.,  0.,  0.]]])
    """

    def fit(self, blocks: Iterable[Float[np.ndarray, "_ lead time"]]) -> "PerSignal":
        """Nothing is learned from the training people."""
        return self

    def __call__(self, ecg: Float[np.ndarray, "individual lead time"]) -> Scaling:
        scale = ecg.std(axis=-1, keepdims=True)
        return Scaling(
            ecg.mean(axis=-1, keepdims=True), np.where(scale > 0, scale, 1).astype(ecg.dtype)
        )
