"""No baseline correction: for recordings that the device has already corrected, such as its median
beat."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float

from ecgae.signals.arrays import in_torch


@dataclass(frozen=True)
class Identity:
    """Returns a copy of its input: the ST segment stays as it is."""

    linear: ClassVar[bool] = True

    @in_torch
    def __call__(
        self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float
    ) -> Float[torch.Tensor, "trace time"]:
        return ecg
