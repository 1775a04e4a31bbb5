"""Reconstruct the clean ECG from a corrupted one, so that the latents hold what noise cannot hide.

Denoising autoencoders: Vincent et al., ICML 2008. Masked stretches: Gedon et al., 2021, for ECGs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ecgae.errors import InputError
from ecgae.models.architecture import Autoencoder
from ecgae.models.objective._noise import KINDS, MUSCLE, Traces
from ecgae.models.objective._terms import (
    generator,
    reconstruction_loss,
    require_error,
    require_weight,
)

MASK = "mask"
NOISES = (*KINDS, MASK)


@dataclass(frozen=True)
class Denoising:
    """The loss of `beta_vae` at constant weight (of `reconstruction` where it is 0), the model
    seeing a noisy ECG.

    Each lead of each ECG gets its own noise, of an amplitude drawn evenly between the two given:
    its standard deviation over that of the lead. `mask` sets one stretch of each lead, round the
    end where it starts late, to the lead's mean; the amplitude is its share of the time. In
    evaluation mode the ECGs are corrupted too, with the same
    noise in every epoch: the validation loss is that of the task. Latents are those of the ECGs as
    they are.
    """

    noise: str
    """What disturbs the ECG: white | wander (0.05-0.5 Hz) | mains | muscle (20-150 Hz) | mask."""
    lowest_amplitude: float
    highest_amplitude: float
    mains_frequency: float
    """Frequency of noise=mains in Hz."""
    error: str
    """The error that is minimised: mse | l1 | huber."""
    huber_delta: float
    """Error from which on `huber` counts linearly, in units of the normalization."""
    kl_weight: float
    sampling_rate: float
    """Sampling rate of the ECGs in Hz."""
    features: ClassVar[Sequence[str]] = ()
    closed_form: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_error(self.error, self.huber_delta)
        require_weight(self.kl_weight)

        if self.noise not in NOISES:
            raise InputError(
                f"objective.noise must be one of {', '.join(NOISES)}; got {self.noise!r}."
            )

        if not 0 <= self.lowest_amplitude <= self.highest_amplitude:
            raise InputError(
                "objective.lowest_amplitude must be at least 0 and at most objective.highest_amplitude; "
                f"got {self.lowest_amplitude} and {self.highest_amplitude}."
            )
        if self.noise == MASK and self.highest_amplitude > 1:
            raise InputError(
                f"objective.highest_amplitude must be at most 1 for noise=mask; got {self.highest_amplitude}."
            )

        lowest = {"mains": self.mains_frequency, "muscle": MUSCLE[0]}.get(self.noise)
        if lowest is not None and not 0 < lowest < self.sampling_rate / 2:
            raise InputError(
                f"objective.noise must lie between 0 and half the sampling rate, {self.sampling_rate / 2:g} Hz; "
                f"got {self.noise} from {lowest:g} Hz on. Take another noise."
            )

    def corrupted(
        self, ecg: Float[Tensor, "batch lead time"], random: torch.Generator | None = None
    ) -> Float[Tensor, "batch lead time"]:
        """A noisy copy of the ECGs."""
        traces = Traces(
            (ecg.shape[0], ecg.shape[1], ecg.shape[2]), self.sampling_rate, ecg.device, random
        )
        low, high = self.lowest_amplitude, self.highest_amplitude
        amplitude = low + (high - low) * traces.uniform(1)

        if self.noise == MASK:
            samples = ecg.shape[2]
            time = torch.arange(samples, device=ecg.device)
            hidden = (time - traces.uniform(1) * samples) % samples < amplitude * samples
            return torch.where(hidden, ecg.mean(2, keepdim=True), ecg)

        noise = KINDS[self.noise](traces, self.mains_frequency)
        return ecg + amplitude * ecg.std(2, correction=0, keepdim=True) * noise

    def __call__(
        self,
        model: Autoencoder,
        ecg: Float[Tensor, "batch lead time"],
        condition: Float[Tensor, "batch condition"] | None = None,
        epoch: float | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        random = generator(model, ecg)
        return reconstruction_loss(
            self,
            model,
            ecg,
            condition,
            kl_weight=self.kl_weight or None,
            seen=self.corrupted(ecg, random),
            random=random,
        )
