"""Small Fourier coefficients set to zero, then a Wiener filter with local variances.

The second is that of Lim, Two-Dimensional Signal and Image Processing, 1990, p. 548, in one
dimension.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float

from ecgae.errors import InputError
from ecgae.signals.arrays import in_torch, median, moving_mean


@dataclass(frozen=True)
class FFTWiener:
    """Drops what is weak in the spectrum, then smooths where the trace varies no more than its
    noise.

    1. Coefficients below `threshold` times the trace's median magnitude are set to zero, the mean
       (0 Hz) is kept. The median lies in the noise as long as the ECG fills less than half of the
       band: at 500 Hz, not at 100 Hz.
    2. `m + max(0, 1 - noise / v) (x - m)` with mean m and variance v over `window` s around each
       sample and noise the median of v over the trace. `scipy.signal.wiener` takes the mean of v,
       which in an ECG is mostly QRS.

    ST: the spectrum's threshold adds ringing of the order of the dropped noise; the Wiener filter
    replaces a flat segment by its moving mean, so its level is kept and its first and last half
    `window` blend with S and T.

    >>> ecg = torch.exp(-(((torch.arange(5000) / 500 % 1 - 0.4) / 0.012) ** 2))
    >>> noise = 0.05 * torch.randn(5000, generator=torch.Generator().manual_seed(0))
    >>> cleaned = FFTWiener(threshold=2.0, window=0.03)(ecg + noise, sampling_rate=500.0)
    >>> round(float(noise.std()), 2), round(float((cleaned - ecg).std()), 2)
    (0.05, 0.01)
    """

    threshold: float
    """The magnitude below which a coefficient is set to zero, in medians of the magnitude spectrum;
    0 keeps all coefficients."""
    window: float
    """The time in s over which the local mean and variance are taken."""

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise InputError(f"denoiser.threshold must be at least 0; got {self.threshold}.")
        if not self.window > 0:
            raise InputError(f"denoiser.window must be positive; got {self.window} s.")

    @in_torch
    def __call__(
        self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float
    ) -> Float[torch.Tensor, "trace time"]:
        # In double precision: a coefficient at the threshold must not be kept or dropped by a
        # rounding error.
        exact = ecg.double()
        mean = exact.mean(dim=-1, keepdim=True)
        odd = 2 * int(self.window * sampling_rate // 2) + 1
        return (mean + _wiener(_strong(exact - mean, self.threshold), odd)).to(ecg.dtype)


def _strong(
    ecg: Float[torch.Tensor, "trace time"], threshold: float
) -> Float[torch.Tensor, "trace time"]:
    """The trace without the coefficients below `threshold` medians."""
    spectrum = torch.fft.rfft(ecg)
    magnitude = spectrum.abs()
    weak = magnitude < threshold * median(magnitude)
    return torch.fft.irfft(spectrum.masked_fill_(weak, 0), ecg.shape[-1])


def _wiener(
    ecg: Float[torch.Tensor, "trace time"], window: int
) -> Float[torch.Tensor, "trace time"]:
    """The Wiener filter with mean and variance over `window` samples, an odd number."""
    mean = moving_mean(ecg, window)
    variance = (moving_mean(ecg.square(), window) - mean.square()).clamp(min=0)
    noise = median(variance)
    gain = torch.where(variance > noise, 1 - noise / variance, 0)
    return mean + gain * (ecg - mean)
