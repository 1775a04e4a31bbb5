"""Recordings with the names of their axes: ids, visits, leads, time in s, voltages in mV."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from ecgae.errors import InputError
from ecgae.recordings.store import TABLES, Store


@dataclass(frozen=True, eq=False)
class ECGs:
    """Recordings of one kind, one row per person and visit."""

    ecg: Float[np.ndarray, "individual lead time"]
    """mV, float32; NaN where a sample is missing, and behind the end of a shorter recording."""
    sample_ids: Shaped[np.ndarray, " individual"]
    visits: Int[np.ndarray, " individual"]
    leads: tuple[str, ...]
    sampling_rate: float
    """Hz"""
    kind: str
    """median_beat, strip, ..."""

    def __len__(self) -> int:
        return len(self.ecg)

    @property
    def time(self) -> Float[np.ndarray, " time"]:
        """s from the first sample on."""
        return np.arange(self.ecg.shape[-1]) / self.sampling_rate

    @property
    def index(self) -> pd.MultiIndex:
        """sample_id and visit of every row, as the tables of a run are indexed."""
        return people_index(self.sample_ids, self.visits)

    def lead(self, name: str) -> Float[np.ndarray, "individual time"]:
        """One lead of everybody, in mV. Raises `InputError` where it was not recorded."""
        return self.ecg[:, place_of(name, self.leads)]


@dataclass(frozen=True, eq=False)
class Recordings:
    """An opened store: ids in memory, voltages read when they are asked for."""

    store: Store

    def __len__(self) -> int:
        return len(self.store)

    def __repr__(self) -> str:
        kinds = ", ".join(self.kinds)
        return f"{len(self):,} recordings of cohort {self.store.cohort}: {kinds}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be read of each: median_beat, strip, ..."""
        return self.store.kinds

    @property
    def sample_ids(self) -> Shaped[np.ndarray, " individual"]:
        return self.store.sample_ids

    @property
    def visits(self) -> Int[np.ndarray, " individual"]:
        return self.store.visits

    @property
    def index(self) -> pd.MultiIndex:
        """sample_id and visit of every row."""
        return people_index(self.sample_ids, self.visits)

    def only(self, kept: Bool[np.ndarray, " individual"]) -> "Recordings":
        """The same with some of the rows."""
        return Recordings(self.store.only(kept))

    def read(self, kind: str | None = None, rows: slice = slice(None)) -> ECGs:
        """The voltages of these rows, of all by default: 29 kB for a median beat of 12 leads, 240
        kB for 10 s. A kind must be named where there are several."""
        if kind is None and len(self.kinds) > 1:
            raise InputError(f"kind must be one of {', '.join(self.kinds)}; got none.")
        kind = self.kinds[0] if kind is None else kind
        layout = self.store.layout(kind)
        return ECGs(
            ecg=self.store.ecg(kind, rows),
            sample_ids=self.sample_ids[rows],
            visits=self.visits[rows],
            leads=layout.leads,
            sampling_rate=layout.sampling_rate,
            kind=kind,
        )

    def table(self, name: str) -> pd.DataFrame:
        """`measurements` (ms, degrees, beats per minute, uV), `metadata` or `labels`, one row per
        recording."""
        if name not in TABLES:
            raise InputError(f"table must be one of {', '.join(TABLES)}; got {name!r}.")
        return pd.DataFrame(self.store.table(name), index=self.index)


def people_index(
    sample_ids: Shaped[np.ndarray, " individual"], visits: Int[np.ndarray, " individual"]
) -> pd.MultiIndex:
    """The index of every table with one row per person and visit."""
    return pd.MultiIndex.from_arrays(
        [np.asarray(sample_ids, dtype=object), visits], names=["sample_id", "visit"]
    )


def place_of(lead: str, leads: Sequence[str]) -> int:
    """Where a lead stands among others. Raises `InputError` where it does not."""
    if lead not in leads:
        raise InputError(f"lead must be one of {', '.join(leads)}; got {lead!r}.")
    return list(leads).index(lead)
