"""Wavelet shrinkage (Donoho and Johnstone, Biometrika 1994;81:425): small detail coefficients are
noise."""

import functools
import itertools
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pywt
import torch
from jaxtyping import Float

from ecgae.errors import InputError
from ecgae.signals.arrays import extended, in_torch, median

SIGMAS = ("finest", "per_level")
"""The level whose coefficients tell the noise: the finest one, or each for itself."""


@dataclass(frozen=True)
class DWT:
    """Transforms, shrinks the detail coefficients d of every level towards 0, and transforms back.

    `mode`: soft takes the threshold off every |d|; hard keeps |d| at or above it and sets the rest
    to 0.
    `threshold`: visushrink, `sigma sqrt(2 ln N)` for N samples; sure and bayes, one per level,
    derived for soft: the least of Stein's estimates of the risk (Donoho and Johnstone, J Am Stat
    Assoc 1995;90:1200, with their universal threshold where the level is sparse), and `sigma^2 /
    sigma_ecg` (Chang, Yu and Vetterli, IEEE Trans Image Process 2000;9:1532).
    `sigma`: the noise, `median |d| / 0.6745` of the finest level (published) or of each level.
    Where the device has already cut the finest band (UK Biobank: 100 Hz, and 125-250 Hz is the
    finest of 500 Hz) the first is close to 0 and little happens; per_level is valid there, but
    counts what the ECG itself has in the deeper levels as noise.

    ST: the approximation is not touched; with 4 levels at 500 Hz everything below 15.6 Hz passes,
    so the ST level and the T wave stay as they are, while the R peak loses up to the threshold when
    soft.

    >>> ecg = torch.exp(-(((torch.arange(5000) / 500 % 1 - 0.4) / 0.012) ** 2))
    >>> noise = 0.05 * torch.randn(5000, generator=torch.Generator().manual_seed(0))
    >>> cleaned = DWT(wavelet="db4", level=4)(ecg + noise, sampling_rate=500.0)
    >>> round(float(noise.std()), 2), round(float((cleaned - ecg).std()), 2)
    (0.05, 0.03)
    """

    wavelet: str
    """The name of a wavelet in PyWavelets; db4 has 8 taps and 4 vanishing moments."""
    level: int
    """How often the approximation is split; more levels reach lower frequencies."""
    mode: str = "soft"
    """How coefficients are shrunk: soft or hard."""
    threshold: str = "visushrink"
    """Which rule gives the threshold: visushrink, sure or bayes."""
    sigma: str = "finest"
    """Where the noise is measured: in the finest level, or per_level."""

    def __post_init__(self) -> None:
        if self.wavelet not in pywt.wavelist(kind="discrete"):
            raise InputError(
                f"denoiser.wavelet must be a discrete wavelet such as db4 or sym8; got {self.wavelet!r}."
            )
        if self.level < 1:
            raise InputError(f"denoiser.level must be at least 1; got {self.level}.")

        alternatives: dict[str, Collection[str]] = {
            "mode": MODES,
            "threshold": THRESHOLDS,
            "sigma": SIGMAS,
        }
        for name, choices in alternatives.items():
            if getattr(self, name) not in choices:
                raise InputError(
                    f"denoiser.{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}."
                )

    @in_torch
    def __call__(
        self, ecg: Float[torch.Tensor, "trace time"], sampling_rate: float
    ) -> Float[torch.Tensor, "trace time"]:
        samples = ecg.shape[-1]
        deepest = pywt.dwt_max_level(samples, self.wavelet)
        if self.level > deepest:
            raise InputError(
                f"denoiser.level must be at most {deepest} for {samples} samples; got {self.level}."
            )

        # hard and sure decide; in double precision, so that no coefficient is kept or dropped by a
        # rounding error.
        decides = self.mode == "hard" or self.threshold == "sure"
        bands = [_analysed(ecg.double() if decides else ecg, self.wavelet)]
        while len(bands) < self.level:
            bands.append(_analysed(bands[-1].approximation, self.wavelet))

        finest = _noise(bands[0].detail)
        for band in bands:
            sigma = finest if self.sigma == "finest" else _noise(band.detail)
            MODES[self.mode](band.detail, THRESHOLDS[self.threshold](band.detail, sigma, samples))

        for finer, coarser in reversed(list(itertools.pairwise(bands))):
            finer.approximation.copy_(_synthesised(coarser, self.wavelet))
        return _synthesised(bands[0], self.wavelet).to(ecg.dtype)


class Bands(NamedTuple):
    """One level of the transform: approximation and detail coefficients in turn, a0 d0 a1 d1 ..."""

    coefficients: Float[torch.Tensor, "trace padded"]
    """Approximation and detail in turn, with padding behind."""
    pairs: int
    """How many pairs there are; what lies behind them is padding."""
    samples: int
    """How many samples the trace has that was transformed."""

    @property
    def approximation(self) -> Float[torch.Tensor, "trace pair"]:
        """The approximation coefficients, a view of `coefficients`."""
        return self.coefficients[:, : 2 * self.pairs : 2]

    @property
    def detail(self) -> Float[torch.Tensor, "trace pair"]:
        """The detail coefficients, a view of `coefficients`."""
        return self.coefficients[:, 1 : 2 * self.pairs : 2]


def _analysed(ecg: Float[torch.Tensor, "trace time"], wavelet: str) -> Bands:
    """One level of the transform, as by `pywt.dwt(ecg, wavelet, "symmetric")`."""
    samples, taps = ecg.shape[-1], pywt.Wavelet(wavelet).dec_len
    pairs = (samples + taps - 1) // 2
    block = _block(taps)
    padded = (math.ceil(2 * pairs / block) + 1) * block
    longer = extended(ecg, taps - 2, padded - samples - (taps - 2))
    return Bands(
        _filtered(longer, _banded(wavelet, "analysis", ecg.dtype, ecg.device)), pairs, samples
    )


def _synthesised(bands: Bands, wavelet: str) -> Float[torch.Tensor, "trace time"]:
    """One level undone, as by `pywt.idwt`, as long as the trace that was transformed."""
    coefficients = bands.coefficients
    banded = _banded(wavelet, "synthesis", coefficients.dtype, coefficients.device)
    return _filtered(coefficients, banded)[:, : bands.samples]


def _filtered(
    signal: Float[torch.Tensor, "trace padded"], banded: Float[torch.Tensor, "window block"]
) -> Float[torch.Tensor, "trace padded"]:
    """Windows of `signal`, a block apart, times the matrix; the last block, which has no next, is
    0.

    A window is its block and the first samples of the next, so two products of matrices (BLAS)
    without a copy of the overlapping windows: faster than a convolution, and on a GPU not subject
    to the reduced precision of cuDNN's.
    """
    window, block = banded.shape
    blocks = signal.reshape(-1, block)
    result = blocks @ banded[:block]
    result[:-1].addmm_(blocks[1:, : window - block], banded[block:])
    result = result.view(len(signal), -1)
    result[:, -block:] = 0
    return result


def _block(taps: int) -> int:
    """Samples per product: enough for BLAS, few enough to waste little on the zeros of the banded
    matrix."""
    return max(16, taps - 2)


@functools.lru_cache
def _banded(
    wavelet: str,
    direction: Literal["analysis", "synthesis"],
    dtype: torch.dtype,
    device: torch.device,
) -> Float[torch.Tensor, "window block"]:
    """The filter bank as a matrix: pair j of its columns is made from the samples 2j, 2j + 1, ...
    of a window.

    It leads from a trace to pairs (approximation, detail), or from such pairs to pairs of
    successive samples.
    """
    bank = np.array(pywt.Wavelet(wavelet).filter_bank).T
    if direction == "analysis":
        step = bank[::-1, :2]
    else:
        step = bank[:, 2:].reshape(-1, 2, 2)[::-1].transpose(0, 2, 1).reshape(-1, 2)

    taps = len(step)
    block = _block(taps)
    matrix = np.zeros((block + taps - 2, block))
    for start in range(0, block, 2):
        matrix[start : start + taps, start : start + 2] = step
    return torch.as_tensor(matrix, dtype=dtype, device=device)


def _noise(detail: Float[torch.Tensor, "trace coefficient"]) -> Float[torch.Tensor, "trace 1"]:
    """The standard deviation of Gaussian noise with this median."""
    return median(detail.abs()) / 0.6745


def _soft(
    detail: Float[torch.Tensor, "trace coefficient"], threshold: Float[torch.Tensor, "trace 1"]
) -> None:
    """Takes the threshold off every |d|, in place."""
    detail.sub_(detail.clamp(-threshold, threshold))


def _hard(
    detail: Float[torch.Tensor, "trace coefficient"], threshold: Float[torch.Tensor, "trace 1"]
) -> None:
    """Sets every |d| below the threshold to 0, in place."""
    detail.masked_fill_(detail.abs() < threshold, 0)


MODES: dict[str, Callable[[torch.Tensor, torch.Tensor], None]] = {"soft": _soft, "hard": _hard}
"""What is done to coefficients, in place, given a threshold in mV for each trace."""


def _visushrink(
    detail: Float[torch.Tensor, "trace coefficient"],
    sigma: Float[torch.Tensor, "trace 1"],
    samples: int,
) -> Float[torch.Tensor, "trace 1"]:
    """The universal threshold: `sigma sqrt(2 ln N)`."""
    return sigma * math.sqrt(2 * math.log(samples))


def _sure(
    detail: Float[torch.Tensor, "trace coefficient"],
    sigma: Float[torch.Tensor, "trace 1"],
    samples: int,
) -> Float[torch.Tensor, "trace 1"]:
    """The hybrid of 1995: `risk(t) = n - 2 #{|d| <= t} + sum min(|d|, t)^2` in units of sigma,
    least over t."""
    count = detail.shape[-1]
    variance = sigma.double().square()
    universal = sigma.double() * math.sqrt(2 * math.log(count))

    # t = 0 and every |d| are the candidates: between two of them the risk only grows.
    size = torch.nn.functional.pad(detail.abs().double().sort(dim=-1).values, (1, 0))
    energy = size.square().cumsum(dim=-1)
    below = torch.arange(count + 1, dtype=size.dtype, device=size.device)
    risk = variance * (count - 2 * below) + energy + (count - below) * size.square()

    best = risk.masked_fill(size > universal, torch.inf).argmin(dim=-1, keepdim=True)
    limit = variance * math.log2(count) ** 1.5 / math.sqrt(count)
    sparse = energy[:, -1:] / count - variance <= limit
    return torch.where(sparse, universal, size.gather(-1, best)).to(detail.dtype)


def _bayes(
    detail: Float[torch.Tensor, "trace coefficient"],
    sigma: Float[torch.Tensor, "trace 1"],
    samples: int,
) -> Float[torch.Tensor, "trace 1"]:
    """`sigma^2 / sigma_ecg` with `sigma_ecg^2 = mean d^2 - sigma^2`; all is noise where that is not
    positive."""
    ecg = (detail.square().mean(dim=-1, keepdim=True) - sigma.square()).clamp(min=0).sqrt()
    return torch.where(ecg > 0, sigma.square() / ecg, torch.inf)


Rule = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
THRESHOLDS: dict[str, Rule] = {"visushrink": _visushrink, "sure": _sure, "bayes": _bayes}
"""The threshold in mV of each trace's level, from its coefficients, the noise and the number of
samples."""
