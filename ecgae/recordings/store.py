"""The HDF5 waveform store: one row per recording, voltages as the device's integer counts with
their size in mV.

Counts are kept instead of mV in floating point because they are exact; of each trace the
differences of neighbouring samples are kept, which compress to a third. Reading returns mV. A row
is known by (`sample_id`, `visit`).

    sample_id [row] UTF-8; visit [row]
    <kind>/differences [row lead time] uint16, see `restored`; <kind>/resolution [row lead] mV per count
    <kind>/samples [row]; attributes of <kind>: leads, sampling_rate in Hz, any_length, resample
    measurements, metadata, labels [row name] float32, NaN = none; attribute names
    beats/times [beat] s, beats/classes [beat], beats/start [row + 1]: row i has the beats start[i] to start[i + 1]
    attributes: format, cohort, kinds
"""

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int, Int16, UInt16

from ecgae.errors import InputError
from ecgae.recordings.formats.recording import MISSING, Beats, Layout, Recording, Waveform

FORMAT = "ecgae store 2"

TABLES = ("measurements", "metadata", "labels")
"""Fields of a `Recording` that are numbers by name, each stored as a table."""


def differences(counts: Int16[np.ndarray, "*rows time"]) -> UInt16[np.ndarray, "*rows time"]:
    """The first count of each trace, then the difference of every count to the one before, modulo
    2^16; signs folded so that small is close to zero.

    0, -1, 1, -2, ... become 0, 1, 2, 3, ...: then the upper byte of nearly every sample is 0.

    >>> differences(np.array([100, 101, 99, 99], dtype=np.int16)).tolist()
    [200, 2, 3, 0]
    """
    values = counts.view(np.uint16)
    steps = np.empty_like(values)
    steps[..., 0] = values[..., 0]
    np.subtract(values[..., 1:], values[..., :-1], out=steps[..., 1:])
    signs = (steps.view(np.int16) >> 15).view(np.uint16)
    np.left_shift(steps, 1, out=steps)
    return np.bitwise_xor(steps, signs, out=steps)


def restored(folded: UInt16[np.ndarray, "*rows time"]) -> Int16[np.ndarray, "*rows time"]:
    """The counts that `differences` was given: its inverse.

    >>> restored(np.array([200, 2, 3, 0], dtype=np.uint16)).tolist()
    [100, 101, 99, 99]
    """
    steps = (folded >> 1) ^ (0 - (folded & 1)).astype(np.uint16)
    return np.cumsum(steps, axis=-1, dtype=np.uint16).view(np.int16)


class Store:
    """A store that is read: ids in memory, voltages in mV by blocks of rows."""

    def __init__(self, file: Path) -> None:
        try:
            self._file = h5py.File(file, "r")
        except OSError as error:
            raise InputError(
                f"{file} must be a readable store; {error}. Delete it to read the recordings again."
            ) from None
        mark = self._file.attrs.get("format", "no such mark")
        if mark != FORMAT:
            raise InputError(
                f"{file} must be of format {FORMAT!r}; got {mark!r}. Delete it to read the recordings again."
            )

        self.file = file
        self.cohort: str = self._file.attrs["cohort"]
        self.sample_ids: np.ndarray = np.array(
            [sample_id.decode() for sample_id in self._file["sample_id"][:].tolist()], dtype=object
        )
        self.visits: np.ndarray = self._file["visit"][:]
        self.kinds: tuple[str, ...] = tuple(json.loads(self._file.attrs["kinds"]))
        """The kinds of recordings that the store holds."""
        self.rows = np.arange(len(self.sample_ids))
        """Where the recordings that this object shows lie in the file; `only` chooses some."""

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, kept: Bool[np.ndarray, " individual"]) -> "Store":
        """A view of this store that shows the rows `kept` alone."""
        chosen = copy.copy(self)
        chosen.rows = self.rows[kept]
        chosen.sample_ids, chosen.visits = self.sample_ids[kept], self.visits[kept]
        return chosen

    @property
    def content(self) -> str:
        """What this store holds, for the keys of caches: its file, named after its content, and the
        rows chosen."""
        rows = "" if len(self) == len(self._file["visit"]) else f" rows {self.rows.tolist()}"
        return f"{self.file.parent.name}/{self.file.name}{rows}"

    def layout(self, kind: str) -> Layout:
        """What all recordings of a kind have in common; `InputError` where the store has none."""
        if kind not in self.kinds:
            raise InputError(
                f"input must be one of {', '.join(self.kinds)} for cohort {self.cohort}; got {kind}, "
                "which its recordings do not hold."
            )
        group = self._file[kind]
        samples = None if group.attrs["any_length"] else group["differences"].shape[2]
        return Layout(
            leads=tuple(json.loads(group.attrs["leads"])),
            samples=samples,
            sampling_rate=float(group.attrs["sampling_rate"]),
            resample=bool(group.attrs["resample"]),
        )

    def counts(self, kind: str, rows: slice) -> Int16[np.ndarray, "individual lead time"]:
        """Voltages in the device's steps; `MISSING` behind the end of a recording, and where a
        sample is lost."""
        dataset = self._file[kind]["differences"]
        index = self.rows[rows]
        length = _read(self._file[kind]["samples"], index)
        folded = _read(dataset, index)
        if self._file[kind].attrs["any_length"]:
            folded = folded[..., : length.max(initial=0)]

        counts = np.empty(folded.shape, np.int16)
        chunk = dataset.chunks[-1]
        for start in range(0, folded.shape[-1], chunk):
            counts[..., start : start + chunk] = restored(folded[..., start : start + chunk])
        for recording, samples in zip(counts, length, strict=True):
            recording[:, samples:] = MISSING
        return counts

    def ecg(self, kind: str, rows: slice) -> Float[np.ndarray, "individual lead time"]:
        """Voltages of some rows in mV, float32; a missing sample is NaN."""
        counts = self.counts(kind, rows)
        ecg = counts * self.resolution(kind, rows).astype(np.float32)[:, :, None]
        ecg[counts == MISSING] = np.nan
        return ecg

    def resolution(self, kind: str, rows: slice) -> Float[np.ndarray, "individual lead"]:
        """The size of one count in mV, by recording and lead."""
        return _read(self._file[kind]["resolution"], self.rows[rows])

    def blocks(
        self, kind: str, size: int = 64
    ) -> Iterator[tuple[slice, Float[np.ndarray, "individual lead time"]]]:
        """All rows in order, `size` at a time, each block with its place."""
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self.ecg(kind, rows)

    def samples(self, kind: str) -> Int[np.ndarray, " individual"]:
        """The length of every recording; 0 where a person has none of this kind."""
        return _read(self._file[kind]["samples"], self.rows)

    def table(self, name: str) -> dict[str, Float[np.ndarray, " individual"]]:
        """One of `TABLES` by column: `measurements` in ms, degrees, beats per minute or uV; NaN
        where there is none."""
        dataset = self._file[name]
        values = dataset[:][self.rows]
        return {
            column: values[:, place]
            for place, column in enumerate(json.loads(dataset.attrs["names"]))
        }

    def beats(self, row: int) -> Beats | None:
        """The beats in the strip of one recording, or None where the source knows of none."""
        group = self._file["beats"]
        start, end = group["start"][self.rows[row] : self.rows[row] + 2]
        if start == end:
            return None
        classes = np.char.decode(group["classes"][start:end], "utf-8")
        return Beats(group["times"][start:end], tuple(classes.tolist()))

    def beat_classes(self) -> list[tuple[str, ...]]:
        """The classes of every recording's beats; empty where the source knows of none."""
        group = self._file["beats"]
        classes, start = np.char.decode(group["classes"][:], "utf-8").tolist(), group["start"][:]
        return [tuple(classes[start[row] : start[row + 1]]) for row in self.rows]

    def recording(self, row: int, kinds: Sequence[str] | None = None) -> Recording:
        """All that is stored of one recording, or its waveforms of some kinds only."""
        waveforms = {}
        for kind in self.kinds if kinds is None else kinds:
            counts = self.counts(kind, slice(row, row + 1))[0]
            if counts.size:
                resolution = self._file[kind]["resolution"][self.rows[row]]
                waveforms[kind] = Waveform(counts, resolution, self.layout(kind).sampling_rate)

        return Recording(
            waveforms,
            measurements=self.numbers("measurements", row),
            metadata=self.numbers("metadata", row),
            labels=self.numbers("labels", row),
            beats=self.beats(row),
        )

    def numbers(self, name: str, row: int) -> dict[str, float]:
        """What one of `TABLES` says about one recording; what is NaN is not listed."""
        dataset = self._file[name]
        values = dataset[self.rows[row]]
        names = json.loads(dataset.attrs["names"])
        return {
            column: float(value)
            for column, value in zip(names, values, strict=True)
            if not np.isnan(value)
        }


def _read(dataset: h5py.Dataset, index: Int[np.ndarray, " individual"]) -> np.ndarray:
    """Rows of a dataset, in runs of neighbours: HDF5 reads these much faster than a list of
    rows."""
    if not len(index):
        return dataset[:0]
    runs = np.split(index, np.flatnonzero(np.diff(index) != 1) + 1)
    try:
        blocks = [dataset[run[0] : run[-1] + 1] for run in runs]
    except OSError as error:
        raise InputError(
            f"{dataset.file.filename} must be intact; {error}. Delete it to read the recordings again."
        ) from None
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
