"""Baseline wander estimated by two running medians (de Chazal et al., IEEE Trans Biomed Eng
2004;51:1196)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import median_filter

from ecgae.errors import InputError


@dataclass(frozen=True)
class TwoStageMedian:
    """`ecg - median over `second` s of the median over `first` s`, mirrored at both ends, in odd
    windows.

    The first median removes the P wave and the QRS complex, both shorter than half its window; the
    second removes the T wave. ST: what is left follows the level between the beats, so the segment
    keeps its offset from it as long as ST and T together fill less than half of `second`; a long
    elevation at a fast rate is partly taken for baseline. The corners of the medians stay in the
    result as small steps.

    >>> ecg = np.exp(-(((np.arange(5000) / 500 % 1 - 0.4) / 0.012) ** 2))  # one R peak a second
    >>> cleaned = TwoStageMedian(first=0.2, second=0.6)(ecg + 0.8, sampling_rate=500.0)
    >>> float(np.abs(cleaned - ecg).max().round(3))
    0.0
    """

    first: float
    """The window of the first median in s; 0.2 as published."""
    second: float
    """The window of the second median in s; 0.6 as published."""

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.second:
            raise InputError(
                f"baseline.first must be positive and at most baseline.second; got {self.first} s and {self.second} s."
            )

    def __call__(
        self, ecg: Float[np.ndarray, "*leads time"], sampling_rate: float
    ) -> Float[np.ndarray, "*leads time"]:
        cleaned = np.empty_like(ecg)
        # SciPy has a fast running median for single traces only.
        for place in np.ndindex(ecg.shape[:-1]):
            quiet = median_filter(ecg[place], _odd(self.first * sampling_rate), mode="reflect")
            cleaned[place] = ecg[place] - median_filter(
                quiet, _odd(self.second * sampling_rate), mode="reflect"
            )
        return cleaned


def _odd(samples: float) -> int:
    """The nearest odd number: an even window has no middle value, and f(-x) would not be -f(x)."""
    return 2 * int(samples // 2) + 1
