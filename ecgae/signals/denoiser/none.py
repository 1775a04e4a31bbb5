"""No denoising: the recording as it comes from the baseline step."""

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
