"""Wavelet shrinkage with the universal threshold (Donoho and Johnstone, Biometrika 1994;81:425)."""

import math
from dataclasses import dataclass

import numpy as np
import pywt
from jaxtyping import Float

from ecgae.errors import InputError


@dataclass(frozen=True)
class DWT:
    """Soft-thresholds all detail coefficients at `sigma * sqrt(2 ln N)`, with `sigma = median |d1| / 0.6745`.

    `d1` are the coefficients of the finest level, taken as pure noise. The approximation is not touched: with 4 levels
    at 500 Hz everything below 15.6 Hz passes, so the ST level and the T wave stay as they are, while the R peak loses
    up to the threshold. Where the device has already cut the finest band, `sigma` is close to zero and little happens.
    """

    wavelet: str
    """A PyWavelets name; db4 has 8 taps and 4 vanishing moments."""
    level: int

    def __post_init__(self) -> None:
        if self.wavelet not in pywt.wavelist(kind="discrete"):
            raise InputError(f"denoiser.wavelet must be a discrete wavelet such as db4 or sym8; got {self.wavelet!r}.")
        if self.level < 1:
            raise InputError(f"denoiser.level must be at least 1; got {self.level}.")

    def __call__(self, ecg: Float[np.ndarray, "*leads time"], sampling_rate: float) -> Float[np.ndarray, "*leads time"]:
        samples = ecg.shape[-1]
        deepest = pywt.dwt_max_level(samples, self.wavelet)
        if self.level > deepest:
            raise InputError(f"denoiser.level must be at most {deepest} for {samples} samples; got {self.level}.")
        approximation, *details = pywt.wavedec(ecg, self.wavelet, mode="symmetric", level=self.level, axis=-1)
        sigma = np.median(np.abs(details[-1]), axis=-1, keepdims=True) / 0.6745
        threshold = (sigma * math.sqrt(2 * math.log(samples))).astype(ecg.dtype)
        shrunk = [np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0) for detail in details]
        return pywt.waverec([approximation, *shrunk], self.wavelet, mode="symmetric", axis=-1)[..., :samples]
