"""Noise of the kinds that disturb ECGs, each with a standard deviation of 1 over a long time."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

WANDER = (0.05, 0.5)
"""Band of baseline wander in Hz: breathing and movement of the electrodes."""

WAVES = 4
"""Sinusoids that make up one trace of wander."""

MUSCLE = (20.0, 150.0)
"""Band of muscle noise in Hz, where the surface electromyogram of the limbs lies. Its power falls
with the frequency."""


class Traces(NamedTuple):
    """What noise is to be drawn for, and with what."""

    shape: tuple[int, int, int]
    """Numbers of ECGs, leads and samples."""
    sampling_rate: float
    """Sampling rate in Hz."""
    device: torch.device
    random: torch.Generator | None

    def uniform(self, *per_trace: int) -> Float[Tensor, "batch lead *drawn"]:
        return torch.rand(*self.shape[:2], *per_trace, generator=self.random, device=self.device)

    def seconds(self) -> Float[Tensor, "time"]:
        return torch.arange(self.shape[2], device=self.device) / self.sampling_rate


Noise = Float[Tensor, "batch lead time"]


def white(traces: Traces, mains_frequency: float) -> Noise:
    """Independent normal values."""
    return torch.randn(traces.shape, generator=traces.random, device=traces.device)


def wander(traces: Traces, mains_frequency: float) -> Noise:
    """Sinusoids of random frequency and phase, so that a beat of a second gets its part of a slow
    wave."""
    low, high = WANDER
    angle = (low + (high - low) * traces.uniform(WAVES, 1)) * traces.seconds() + traces.uniform(
        WAVES, 1
    )
    return torch.sin(2 * math.pi * angle).sum(2) * math.sqrt(2 / WAVES)


def mains(traces: Traces, mains_frequency: float) -> Noise:
    """A sinusoid of the mains' frequency and random phase."""
    angle = mains_frequency * traces.seconds() + traces.uniform(1)
    return torch.sin(2 * math.pi * angle) * math.sqrt(2)


def muscle(traces: Traces, mains_frequency: float) -> Noise:
    """White noise shaped to a power of 1 / frequency between the bounds of `MUSCLE`."""
    samples = traces.shape[2]
    spectrum = torch.fft.rfft(white(traces, mains_frequency))
    frequency = torch.fft.rfftfreq(samples, 1 / traces.sampling_rate, device=traces.device)
    inside = (frequency >= MUSCLE[0]) & (frequency <= MUSCLE[1])
    gain = torch.where(inside, frequency.clamp(min=MUSCLE[0]).rsqrt(), 0.0)
    # Every bin but those at 0 and at half the sampling rate stands for two of the white noise's.
    power = 2 * gain.square().sum() / samples
    return torch.fft.irfft(spectrum * gain, samples) / power.clamp(min=1e-12).sqrt()


KINDS: Mapping[str, Callable[[Traces, float], Noise]] = {
    "white": white,
    "wander": wander,
    "mains": mains,
    "muscle": muscle,
}
