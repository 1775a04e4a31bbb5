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
    for."""

    shift: Float[np.ndarray, "#individual #lead 1"]
    scale: Float[np.ndarray, "#individual #lead 1"]

    def apply(
        self, ecg: Float[np.ndarray, "individual lead time"]
    ) -> Float[np.ndarray, "individual lead time"]:
        """mV to the network's units."""
        return (ecg - self.shift) / self.scale

    def undo(
        self, ecg: Float[np.ndarray, "individual lead time"]
    ) -> Float[np.ndarray, "individual lead time"]:
        """The network's units back to mV."""
        return ecg * self.scale + self.shift


def constant_scaling(shift: float, scale: float) -> Scaling:
    """The same shift and scale (mV) for every signal."""
    return Scaling(np.full((1, 1, 1), shift, np.float32), np.full((1, 1, 1), scale, np.float32))
