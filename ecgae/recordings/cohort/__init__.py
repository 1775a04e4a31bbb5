"""Where people and their recordings come from: one file per source, all read into the same store.

A cohort is a frozen dataclass with

- `name`, and `public` (True where anybody may see individual traces, as in open or simulated data);
- `genotypes`, `covariates`, `categorical` and `planted`, the fields of `GeneticFiles`: a source
  that exists inherits them, a simulated one computes them;
- `prepare()`: makes sure that the files are there;
- `layouts`: by kind ("strip", "median_beat", ...) the leads, length and rate that every recording
  must have;
- `sources()`: per row of the store the files that could fill it, best first;
- `read(file)`: the recording in that file, or an `InputError` that says why it cannot be used.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from ecgae.errors import InputError
from ecgae.recordings.formats.recording import Layout, Recording


class Candidate(NamedTuple):
    """A file that may hold the recording of a person at a visit, and what a table beside the files
    says about it."""

    visit: int
    file: Path
    metadata: Mapping[str, float] = {}
    labels: Mapping[str, float] = {}


class Source(NamedTuple):
    """The files of one row of the store, best first: the first readable one is taken."""

    sample_id: str
    candidates: tuple[Candidate, ...]


class LeftOut(NamedTuple):
    """A file that is not in the store, and why: the requirement, then after a semicolon what was
    found."""

    file: str
    reason: str


class Sources(NamedTuple):
    """What lies on a cohort's disk: the rows to fill, and files that could not even be
    candidates."""

    rows: list[Source]
    left_out: list[LeftOut]


def require_folder(ecgs: str, name: str) -> None:
    """Raises `InputError`, which asks for `name`, where `ecgs` is no folder."""
    if not Path(ecgs).is_dir():
        raise InputError(f"cohort.ecgs must be a folder; got {ecgs}, which is none. Name {name}.")


def require_leads(leads: Sequence[str], example: str) -> None:
    """Raises `InputError`, which shows `example`, where `leads` is no list of different names."""
    if isinstance(leads, str) or not leads or len(set(leads)) != len(leads):
        raise InputError(
            f"cohort.leads must be a list of different leads, e.g. {example}; got {leads}."
        )


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
