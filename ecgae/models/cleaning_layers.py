"""Cleaning steps as layers of a graph: each compared with the step that it stands for, or not made.

A step that is linear in the voltages is a matrix, whatever it does. Two others have layers of their
own: a running mean, which needs no matrix, and soft wavelet shrinkage, which none holds.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pywt
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ecgae.signals.baseline.moving_average import MovingAverage
from ecgae.signals.denoiser.dwt import DWT

Step = Callable[[np.ndarray, float], np.ndarray]

LARGEST_MATRIX = 6000
"""Samples up to which a linear step becomes a matrix: [time time] in float32 takes 144 MB then."""

LINEAR = 1e-7
"""mV; in double precision, largest error of a matrix that stands for a step."""

EQUAL = 2e-5
"""mV; the same in single precision, for a layer."""


def layer_of(step: Step, samples: int, sampling_rate: float) -> nn.Module | None:
    """The step for recordings of this length and rate, [... time] in mV; None where no layer does
    the same."""
    traces = example_traces(samples)
    expected = step(traces, sampling_rate)
    if np.array_equal(expected, traces):
        return nn.Identity()
    made = _own_layer(step, samples, sampling_rate)
    if made is None:
        made = _matrix(step, sampling_rate, traces, expected)
    if made is None:
        return None
    cleaned = made(torch.from_numpy(traces.astype(np.float32))).numpy()
    return (
        made if np.abs(cleaned - expected).max() <= EQUAL * (1 + np.abs(expected).max()) else None
    )


def example_traces(samples: int) -> Float[np.ndarray, "trace time"]:
    """Peaks on wander and noise, mV, in double precision; the same at every call."""
    random = np.random.default_rng(0)
    place = random.integers(0, samples, (8, 1))
    peaks = random.uniform(0, 2, (8, 1)) * np.exp(-(((np.arange(samples) - place) / 6) ** 2))
    noise = random.normal(0, 0.02, (2, 8, samples))
    return peaks + noise[0] + noise[1].cumsum(axis=1)


def _own_layer(step: Any, samples: int, sampling_rate: float) -> nn.Module | None:
    if isinstance(step, MovingAverage):
        window = max(1, round(step.window * sampling_rate))
        return LessRunningMean(window) if window <= samples else None
    if isinstance(step, DWT) and (step.mode, step.threshold) == ("soft", "visushrink"):
        return WaveletShrinkage(step, samples)
    return None


def _matrix(
    step: Step,
    sampling_rate: float,
    traces: Float[np.ndarray, "trace time"],
    expected: Float[np.ndarray, "trace time"],
) -> nn.Module | None:
    """What the step does to unit impulses; None where that does not tell what it does to ECGs."""
    samples = traces.shape[1]
    if samples > LARGEST_MATRIX:
        return None
    matrix = step(np.eye(samples), sampling_rate)
    error = np.abs(traces @ matrix - expected).max()
    return Matrix(matrix) if error <= LINEAR * (1 + np.abs(expected).max()) else None


class Matrix(nn.Module):
    """`ecg @ matrix`."""

    matrix: Tensor

    def __init__(self, matrix: Float[np.ndarray, "time time"]) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.from_numpy(matrix.astype(np.float32)))

    def forward(self, ecg: Float[Tensor, "*leads time"]) -> Float[Tensor, "*leads time"]:
        return ecg @ self.matrix


class LessRunningMean(nn.Module):
    """`MovingAverage` with a window of so many samples."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, ecg: Float[Tensor, "*leads time"]) -> Float[Tensor, "*leads time"]:
        left = self.window // 2
        longer = _mirrored(ecg.reshape(-1, 1, ecg.shape[-1]), left, self.window - left - 1)
        return ecg - functional.avg_pool1d(longer, self.window, 1).reshape(ecg.shape)


class WaveletShrinkage(nn.Module):
    """`DWT` with mode=soft and threshold=visushrink, as convolutions."""

    analysis: Tensor
    synthesis: Tensor

    def __init__(self, step: DWT, samples: int) -> None:
        super().__init__()
        self.level, self.of_each_level = step.level, step.sigma == "per_level"
        self.universal = math.sqrt(2 * math.log(samples)) / 0.6745
        low, high, low_back, high_back = pywt.Wavelet(step.wavelet).filter_bank
        inwards = np.array([low[::-1], high[::-1]])[:, None]
        outwards = np.array([low_back, high_back])[:, None]
        self.register_buffer("analysis", torch.from_numpy(inwards.astype(np.float32)))
        self.register_buffer("synthesis", torch.from_numpy(outwards.astype(np.float32)))

    def forward(self, ecg: Float[Tensor, "*leads time"]) -> Float[Tensor, "*leads time"]:
        approximation = ecg.reshape(-1, 1, ecg.shape[-1])
        lengths, details = [], []
        for _ in range(self.level):
            lengths.append(approximation.shape[-1])
            approximation, detail = self._analysed(approximation).split(1, dim=1)
            details.append(detail)

        finest = self.universal * _median(details[0].abs())
        for samples, detail in zip(reversed(lengths), reversed(details), strict=True):
            limit = self.universal * _median(detail.abs()) if self.of_each_level else finest
            shrunk = detail - torch.maximum(torch.minimum(detail, limit), -limit)
            bands = torch.cat((approximation, shrunk), dim=1)
            longer = functional.conv_transpose1d(bands, self.synthesis, stride=2)
            start = self.synthesis.shape[-1] - 2
            approximation = longer[..., start : start + samples]
        return approximation.reshape(ecg.shape)

    def _analysed(self, ecg: Float[Tensor, "trace 1 time"]) -> Float[Tensor, "trace 2 pair"]:
        """`pywt.dwt(ecg, wavelet, "symmetric")`."""
        samples, taps = ecg.shape[-1], self.analysis.shape[-1]
        pairs = (samples + taps - 1) // 2
        longer = _mirrored(ecg, taps - 2, 2 * pairs - samples)
        return functional.conv1d(longer, self.analysis, stride=2)


def _mirrored(
    ecg: Float[Tensor, "trace 1 time"], left: int, right: int
) -> Float[Tensor, "trace 1 longer"]:
    """Mirrored at both ends, the end samples repeated: `signals.arrays.extended`."""
    end = ecg.shape[-1]
    return torch.cat((ecg[..., :left].flip(-1), ecg, ecg[..., end - right :].flip(-1)), dim=-1)


def _median(values: Float[Tensor, "trace 1 time"]) -> Float[Tensor, "trace 1 1"]:
    """Of an even number of values the mean of the two middle ones."""
    count = values.shape[-1]
    ranked = values.sort(dim=-1).values
    low, high = (count - 1) // 2, count // 2
    return (ranked[..., low : low + 1] + ranked[..., high : high + 1]) / 2
