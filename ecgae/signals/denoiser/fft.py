"""Band-pass filter that sets all Fourier coefficients outside the band to zero."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float

from ecgae.errors import InputError
from ecgae.signals.arrays import in_torch


@dataclass(frozen=True)
class FFT:
    """Keeps `low <= frequency <= high` (Hz), exactly and without phase shift.

    The steep edges ring beside steep flanks (Gibbs): about 9 % of a step, decaying over a few
    periods of `high`. ST: with `low` at or below 0.5 Hz a strip keeps its ST level to within the
    wander that is removed; with a `low` above it the level is distorted. The mean of the trace (0
    Hz) is removed whenever `low > 0`.

    >>> time = torch.arange(1000) / 500
    >>> ecg, hum = torch.sin(2 * torch.pi * 5 * time), torch.sin(2 * torch.pi * 60 * time)
    >>> cleaned = FFT(low=0.5, high=40.0)(ecg + hum, sampling_rate=500.0)
    >>> round(float((cleaned - ecg).abs().max()), 3)
    0.0
    """

    low: float
    """The lowest frequency in Hz that passes."""
    high: float
    """The highest frequency in Hz that passes."""
    linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise InputError(
                f"denoiser.low must be at least 0 and below denoiser.high; got {self.low} Hz and {self.high} Hz."
            )

    @in_torch
    def __call__(
        self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float
    ) -> Float[torch.Tensor, "trace time"]:
        if self.high > sampling_rate / 2:
            raise InputError(
                f"denoiser.high must be at most half the sampling rate, {sampling_rate / 2:g} Hz; got {self.high:g} Hz."
            )

        samples = ecg.shape[-1]
        frequency = torch.fft.rfftfreq(
            samples, 1 / sampling_rate, dtype=torch.float64, device=ecg.device
        )
        inside = (frequency >= self.low) & (frequency <= self.high)
        spectrum = torch.fft.rfft(ecg)
        return torch.fft.irfft(spectrum.mul_(inside.to(spectrum.dtype)), samples)
