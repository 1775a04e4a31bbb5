"""Band-pass filter that sets all Fourier coefficients outside the band to zero."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.fft import irfft, rfft, rfftfreq

from ecgae.errors import InputError


@dataclass(frozen=True)
class FFT:
    """Keeps `low <= frequency <= high` (Hz), exactly and without phase shift.

    The steep edges ring beside steep flanks (Gibbs): about 9 % of a step, decaying over a few periods of `high`. With
    `low` at or below 0.5 Hz the ST segment of a strip keeps its level to within the wander that is removed; with a
    `low` above it the ST level is distorted. The mean of the trace (0 Hz) is removed whenever `low > 0`.
    """

    low: float
    """Hz"""
    high: float
    """Hz"""

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise InputError(
                f"denoiser.low must be at least 0 and below denoiser.high; got {self.low} Hz and {self.high} Hz."
            )

    def __call__(self, ecg: Float[np.ndarray, "*leads time"], sampling_rate: float) -> Float[np.ndarray, "*leads time"]:
        if self.high > sampling_rate / 2:
            raise InputError(
                f"denoiser.high must be at most half the sampling rate, {sampling_rate / 2:g} Hz; got {self.high:g} Hz."
            )
        samples = ecg.shape[-1]
        spectrum = rfft(ecg, axis=-1)
        frequency = rfftfreq(samples, 1 / sampling_rate)
        spectrum[..., (frequency < self.low) | (frequency > self.high)] = 0
        return irfft(spectrum, samples, axis=-1).astype(ecg.dtype, copy=False)
