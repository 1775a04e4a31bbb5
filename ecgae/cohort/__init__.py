"""Where people and their recordings come from: one file per source, all read into the same store.

A cohort is a frozen dataclass with

- `name`, and `public` (True where anybody may see individual traces, as in open or simulated data);
- `genotypes` (a PLINK prefix or pattern), `covariates` (a table), `categorical` (its columns that are labels),
  `planted` (the table of planted variants): each None where the cohort has none;
- `prepare()`: makes sure that the files are there;
- `layouts`: by kind ("strip", "median_beat", ...) the leads, length and rate that every recording must have;
- `sources()`: per row of the store the files that could fill it, best first;
- `read(file)`: the recording in that file, or an `InputError` that says why it cannot be used.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int16

from ecgae.errors import InputError

MISSING = -32768
"""The count that stands for a sample that is not there."""


class Waveform(NamedTuple):
    """Sampled voltages as the device wrote them: `counts` times `resolution` are mV; `MISSING` is no voltage."""

    counts: Int16[np.ndarray, "lead time"]
    resolution: Float[np.ndarray, " lead"]
    """mV per count."""
    sampling_rate: float
    """Hz."""

    @property
    def millivolts(self) -> Float[np.ndarray, "lead time"]:
        """Voltages in mV, float32; a missing sample is NaN."""
        ecg = (self.counts * self.resolution[:, None]).astype(np.float32)
        ecg[self.counts == MISSING] = np.nan
        return ecg


def quantised(ecg: Float[np.ndarray, "lead time"], sampling_rate: float) -> Waveform:
    """Counts of 1 uV, or of a size that the lead's largest voltage just fits; NaN becomes `MISSING`."""
    largest = np.nanmax(np.abs(ecg), axis=1, initial=0) if ecg.size else np.zeros(len(ecg))
    resolution = np.maximum(0.001, largest.astype(np.float64) / 32767)
    counts = np.rint(ecg / resolution[:, None])
    return Waveform(np.where(np.isfinite(counts), counts, MISSING).astype(np.int16), resolution, sampling_rate)


class Beats(NamedTuple):
    """Beats that the device or an annotator found in the strip."""

    times: Float[np.ndarray, " beat"]
    """s from the strip's first sample."""
    classes: tuple[str, ...]
    """The class in the source's words ("dominant"), or the AAMI class (N, S, V, F, Q) where the source has symbols."""


class Recording(NamedTuple):
    """One ECG of one person: its waveforms by kind, and what else the file says about it, nothing identifying."""

    waveforms: Mapping[str, Waveform]
    measurements: Mapping[str, float] = {}
    """What the device measured: ms, degrees, beats per minute, uV; NaN where it could not."""
    metadata: Mapping[str, float] = {}
    """Facts about person and recording as numbers: filters in Hz, flags 0 or 1, age in years where it is public."""
    labels: Mapping[str, float] = {}
    """Diagnostic statements and their likelihood in %; a statement that is not made is absent."""
    beats: Beats | None = None
    left_out: Mapping[str, str] = {}
    """Parts of the file that cannot be used although the rest can: what it is, and the reason."""


class Layout(NamedTuple):
    """What every recording of a kind in one store has in common."""

    leads: tuple[str, ...]
    samples: int | None
    """None: recordings differ in length, and some may have none of this kind."""
    sampling_rate: float
    """Hz."""
    resample: bool = False
    """True: a recording of another rate is resampled to this one; False: it is left out."""


class Candidate(NamedTuple):
    """A file that may hold the recording of a person at a visit, and what a table beside the files says about it."""

    visit: int
    file: Path
    metadata: Mapping[str, float] = {}
    labels: Mapping[str, float] = {}


class Source(NamedTuple):
    """The files of one row of the store, best first: the first readable one is taken."""

    sample_id: str
    candidates: tuple[Candidate, ...]


class LeftOut(NamedTuple):
    """A file that is not in the store, and why: the requirement, then after a semicolon what was found."""

    file: str
    reason: str


class Sources(NamedTuple):
    """What a cohort found on disk: the rows to fill, and files that could not even be candidates."""

    found: list[Source]
    left_out: list[LeftOut]


def require_folder(ecgs: str, name: str) -> None:
    """Raises `InputError`, which asks for `name`, where `ecgs` is no folder."""
    if not Path(ecgs).is_dir():
        raise InputError(f"cohort.ecgs must be a folder; got {ecgs}, which is none. Name {name}.")


@runtime_checkable
class Cohort(Protocol):
    """The contract of every class in this package; see the module's docstring."""

    @property
    def name(self) -> str: ...
    @property
    def public(self) -> bool: ...
    @property
    def genotypes(self) -> str | None: ...
    @property
    def covariates(self) -> str | None: ...
    @property
    def categorical(self) -> Sequence[str]: ...
    @property
    def planted(self) -> str | None: ...
    @property
    def layouts(self) -> dict[str, Layout]: ...

    def prepare(self) -> None: ...
    def sources(self) -> Sources: ...
    def read(self, file: Path) -> Recording: ...
