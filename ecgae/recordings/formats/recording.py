"""One ECG of one person, as every format gives it: waveforms by kind, and what else the file
says."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int16

MISSING = -32768
"""The count that stands for a sample that is not there."""


class Waveform(NamedTuple):
    """Sampled voltages as the device wrote them: `counts` times `resolution` are mV; `MISSING` is
    no voltage."""

    counts: Int16[np.ndarray, "lead time"]
    resolution: Float[np.ndarray, " lead"]
    """The size of one count in mV, by lead."""
    sampling_rate: float
    """Samples per second, Hz."""

    @property
    def millivolts(self) -> Float[np.ndarray, "lead time"]:
        """Voltages in mV, float32; a missing sample is NaN."""
        ecg = (self.counts * self.resolution[:, None]).astype(np.float32)
        ecg[self.counts == MISSING] = np.nan
        return ecg


def quantised(ecg: Float[np.ndarray, "lead time"], sampling_rate: float) -> Waveform:
    """Voltages in mV as counts of 1 uV, or of such a size that the lead's largest voltage just fits
    into 16 bits; NaN becomes `MISSING`.

    >>> ecg = np.array([[0.5, -1.0, np.nan], [65.534, 1.0, 0.0]])
    >>> quantised(ecg, 500.0).counts.tolist()
    [[500, -1000, -32768], [32767, 500, 0]]
    >>> quantised(ecg, 500.0).resolution.tolist()
    [0.001, 0.002]
    """
    largest = np.nanmax(np.abs(ecg), axis=1, initial=0) if ecg.size else np.zeros(len(ecg))
    resolution = np.maximum(0.001, largest.astype(np.float64) / 32767)
    counts = np.rint(ecg / resolution[:, None])
    return Waveform(
        np.where(np.isfinite(counts), counts, MISSING).astype(np.int16), resolution, sampling_rate
    )


class Beats(NamedTuple):
    """Beats that the device or an annotator found in the strip."""

    times: Float[np.ndarray, " beat"]
    """Seconds from the strip's first sample to each beat."""
    classes: tuple[str, ...]
    """The class in the source's words ("dominant"), or the AAMI class (N, S, V, F, Q) where the
    source has symbols."""


class Recording(NamedTuple):
    """One ECG of one person: its waveforms by kind, and what else the file says about it, nothing
    identifying."""

    waveforms: Mapping[str, Waveform]
    measurements: Mapping[str, float] = {}
    """What the device measured, in ms, degrees, beats per minute or uV; NaN where it could not."""
    metadata: Mapping[str, float] = {}
    """Facts about person and recording as numbers: filters in Hz, flags 0 or 1, age in years where
    it is public."""
    labels: Mapping[str, float] = {}
    """Diagnostic statements and their likelihood in %; a statement that is not made is absent."""
    beats: Beats | None = None
    left_out: Mapping[str, str] = {}
    """Parts of the file that cannot be used although the rest can: what it is, and the reason."""


class Layout(NamedTuple):
    """What every recording of a kind in one store has in common."""

    leads: tuple[str, ...]
    samples: int | None
    """The length of every recording; None where they differ in length, and some may have none."""
    sampling_rate: float
    """Samples per second, Hz."""
    resample: bool = False
    """Whether a recording of another rate is resampled to this one (True) or left out (False)."""
