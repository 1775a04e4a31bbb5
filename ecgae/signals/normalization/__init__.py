"""Scaling of voltages for the network.

A normalization is a frozen dataclass with `fit(blocks)`, which sees training ECGs only and returns
the fitted one, and a call that gives the `Scaling` of any ECGs. Its fields are plain numbers, so
they are saved with the run.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Scaling(NamedTuple):
    """Shift and scale in mV, broadcastable to the ECGs [individual lead time] that they were made
    for.

    >>> scaling, ecg = constant_scaling(shift=0.5, scale=0.5), np.array([[[0.0, 2.0]]])
    >>> scaling.apply(ecg), scaling.undo(scaling.apply(ecg))
    (array([[[-1.,  3.]]]), array([[[0., 2.]]]))
    """

    shift: Float[np.ndarray, "#individual #lead 1"]
    """The voltage in mV that becomes 0."""
    scale: Float[np.ndarray, "#individual #lead 1"]
    """The difference in mV that becomes 1."""

    def apply(
        self, ecg: Float[np.ndarray, "individual lead time"]
    ) -> Float[np.ndarray, "individual lead time"]:
        """Voltages in mV as the network is shown them."""
        return (ecg - self.shift) / self.scale

    def undo(
        self, ecg: Float[np.ndarray, "individual lead time"]
    ) -> Float[np.ndarray, "individual lead time"]:
        """Voltages in mV from what the network shows: the reverse of `apply`."""
        return ecg * self.scale + self.shift


def constant_scaling(shift: float, scale: float) -> Scaling:
    """A scaling with the same shift and scale (mV) for every signal."""
    return Scaling(np.full((1, 1, 1), shift, np.float32), np.full((1, 1, 1), scale, np.float32))
