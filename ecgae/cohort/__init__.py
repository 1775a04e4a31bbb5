"""Where people and their recordings come from: one file per source, all read into the same store.

A cohort is a frozen dataclass with

- `name`, and `public` (True where anybody may see individual traces, as in open or simulated data);
- `genotypes` (a PLINK prefix or pattern), `covariates` (a table), `categorical` (its columns that are labels),
  `planted` (the table of planted variants): each None where the cohort has none;
- `prepare()`: makes sure that the files are there;
- `layouts`: the shape and rate that every recording must have, by kind ("strip", "median_beat");
- `sources()`: per row of the store the files that could fill it, best first;
- `read(file)`: the recording in that file, or an `InputError` that says why it cannot be used.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int16


class Waveform(NamedTuple):
    """Sampled voltages as the device wrote them: `counts` times `resolution` are mV."""

    counts: Int16[np.ndarray, "lead time"]
    resolution: float
    """mV per count."""
    sampling_rate: float
    """Hz."""


class Recording(NamedTuple):
    """One ECG of one person: the 10-s strip, the device's averaged beat, and what the device printed."""

    strip: Waveform | None
    median_beat: Waveform | None
    measurements: dict[str, float]


class Layout(NamedTuple):
    """What every recording of a kind in one store has in common."""

    leads: tuple[str, ...]
    samples: int
    sampling_rate: float


class Candidate(NamedTuple):
    """A file that may hold the recording of a person at a visit."""

    visit: int
    file: Path


class Source(NamedTuple):
    """The files of one row of the store, best first: the first readable one is taken."""

    sample_id: str
    candidates: tuple[Candidate, ...]


class LeftOut(NamedTuple):
    """A file that is not in the store, and why."""

    file: str
    reason: str


class Sources(NamedTuple):
    """What a cohort found on disk: the rows to fill, and files that could not even be candidates."""

    found: list[Source]
    left_out: list[LeftOut]


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
