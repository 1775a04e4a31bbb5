"""Baseline wander estimated as the moving average of the trace, and subtracted."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d

from ecgae.errors import InputError


@dataclass(frozen=True)
class MovingAverage:
    """`ecg - mean of ecg over `window` s around each sample`, reflected at both ends.

    With the published 0.5 s this is a strong high-pass: gain 0.10 at 0.5 Hz, 0.70 at 1.5 Hz and 1.21 at 3 Hz, so it
    lowers slow parts of ST and T and adds an undershoot beside the QRS complex. It assumes a strip of several beats.
    """

    window: float
    """s"""

    def __post_init__(self) -> None:
        if not self.window > 0:
            raise InputError(f"baseline.window must be positive; got {self.window} s.")

    def __call__(self, ecg: Float[np.ndarray, "*leads time"], sampling_rate: float) -> Float[np.ndarray, "*leads time"]:
        samples = max(1, round(self.window * sampling_rate))
        return ecg - uniform_filter1d(ecg, samples, axis=-1, mode="reflect")
