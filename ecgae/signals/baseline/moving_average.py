"""Baseline wander estimated as the moving average of the trace, and subtracted."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float

from ecgae.errors import InputError
from ecgae.signals.arrays import in_torch, moving_mean


@dataclass(frozen=True)
class MovingAverage:
    """`ecg - mean of ecg over `window` s around each sample`, mirrored at both ends.

    With the published 0.5 s this is a strong high-pass: gain 0.10 at 0.5 Hz, 0.70 at 1.5 Hz and
    1.21 at 3 Hz. ST: distorted. The mean holds the QRS complex and the T wave, so the segment
    between them is lowered against diastole, by 6 % of R in a beat of R 1 mV and T 0.25 mV. It
    assumes a strip of several beats.

    >>> time = torch.arange(5000) / 500
    >>> wander = 0.5 * torch.sin(2 * torch.pi * 0.1 * time)
    >>> left = MovingAverage(window=0.5)(wander, sampling_rate=500.0)
    >>> round(float(left.abs().max()), 2)
    0.04
    """

    window: float
    """The time in s over which the mean is taken."""
    linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.window > 0:
            raise InputError(f"baseline.window must be positive; got {self.window} s.")

    @in_torch
    def __call__(
        self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float
    ) -> Float[torch.Tensor, "trace time"]:
        return ecg - moving_mean(ecg, max(1, round(self.window * sampling_rate)))
