"""The HDF5 waveform store: one row per recording, voltages as the device's integer counts with their size in mV.

Counts are kept instead of mV in floating point because they are exact and half as large; reading returns mV.
A row is known by (`sample_id`, `visit`). Layout of the file:

    sample_id [row] text; visit [row]
    strip/counts, median_beat/counts [row lead time] int16, -32768 = missing; .../resolution [row] mV per count
    measurements/<name> [row], NaN where the device printed none
    attributes: format, cohort, layout of each kind (leads, sampling_rate in Hz)
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
from jaxtyping import Float, Int

from ecgae.cohort import Layout, Recording, Waveform
from ecgae.errors import InputError

FORMAT = "ecgae store 1"
MISSING = -32768
ROWS_AT_A_TIME = 64


class StoreWriter:
    """Appends recordings to a new file; the caller moves it into place when all are in."""

    def __init__(self, file: Path, layouts: dict[str, Layout], cohort: str) -> None:
        self._file = h5py.File(file, "w")
        self._file.attrs["cohort"] = cohort
        self._layouts = layouts
        self._rows: list[tuple[str, int, Recording]] = []
        text = h5py.string_dtype()
        self._file.create_dataset("sample_id", (0,), maxshape=(None,), dtype=text)
        self._file.create_dataset("visit", (0,), maxshape=(None,), dtype=np.int16)
        for kind, layout in layouts.items():
            group = self._file.create_group(kind)
            group.attrs["leads"] = json.dumps(layout.leads)
            group.attrs["sampling_rate"] = layout.sampling_rate
            shape = (len(layout.leads), layout.samples)
            # One recording a chunk: any subset of people is read without touching the others.
            group.create_dataset(
                "counts", (0, *shape), maxshape=(None, *shape), chunks=(1, *shape), dtype=np.int16, compression="gzip",
                compression_opts=1, shuffle=True,
            )  # fmt: skip
            group.create_dataset("resolution", (0,), maxshape=(None,), dtype=np.float64)
        self._file.create_group("measurements")

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
            self._file.attrs["format"] = FORMAT
        self._file.close()

    def append(self, sample_id: str, visit: int, recording: Recording) -> None:
        self._rows.append((sample_id, visit, recording))
        if len(self._rows) == ROWS_AT_A_TIME:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        sample_ids, visits, recordings = zip(*self._rows, strict=True)
        self._rows = []
        start = self._file["sample_id"].shape[0]
        _extend(self._file["sample_id"], sample_ids)
        _extend(self._file["visit"], visits)
        for kind in self._layouts:
            waveforms = [getattr(recording, kind) for recording in recordings]
            _extend(self._file[kind]["counts"], [waveform.counts for waveform in waveforms])
            _extend(self._file[kind]["resolution"], [waveform.resolution for waveform in waveforms])
        measurements = self._file["measurements"]
        for name in sorted(set().union(*(recording.measurements for recording in recordings)) - measurements.keys()):
            measurements.create_dataset(name, (start,), maxshape=(None,), dtype=np.float32, fillvalue=np.nan)
        for name, dataset in measurements.items():
            _extend(dataset, [recording.measurements.get(name, np.nan) for recording in recordings])


def _extend(dataset: h5py.Dataset, values: Sequence[object]) -> None:
    start = dataset.shape[0]
    dataset.resize(start + len(values), axis=0)
    dataset[start:] = values


class Store:
    """Reads a store: ids in memory, voltages in mV by blocks of rows."""

    def __init__(self, file: Path) -> None:
        try:
            self._file = h5py.File(file, "r")
        except OSError as error:
            raise InputError(
                f"{file} must be a readable store; {error}. Delete it to read the recordings again."
            ) from None
        if self._file.attrs.get("format") != FORMAT:
            found = self._file.attrs.get("format", "no such mark")
            raise InputError(
                f"{file} must be of format {FORMAT!r}; got {found!r}. Delete it to read the recordings again."
            )
        self.file = file
        self.sample_ids: np.ndarray = self._file["sample_id"].asstr()[:]
        self.visits: np.ndarray = self._file["visit"][:]

    def __len__(self) -> int:
        return len(self.sample_ids)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in Recording._fields if kind in self._file and "counts" in self._file[kind]]

    def layout(self, kind: str) -> Layout:
        """Raises `InputError` where the store has no recordings of that kind."""
        if kind not in self.kinds:
            raise InputError(
                f"input must be one of {', '.join(self.kinds)} for cohort {self._file.attrs['cohort']}; got {kind}, "
                "which its recordings do not hold."
            )
        group = self._file[kind]
        samples = group["counts"].shape[2]
        return Layout(tuple(json.loads(group.attrs["leads"])), samples, float(group.attrs["sampling_rate"]))

    def ecg(self, kind: str, rows: slice) -> Float[np.ndarray, "individual lead time"]:
        """Voltages in mV, float32; a missing sample is NaN."""
        counts = self._file[kind]["counts"][rows]
        resolution = self._file[kind]["resolution"][rows]
        ecg = (counts * resolution[:, None, None]).astype(np.float32)
        ecg[counts == MISSING] = np.nan
        return ecg

    def blocks(self, kind: str, size: int = 64) -> Iterator[tuple[slice, Float[np.ndarray, "individual lead time"]]]:
        """All rows in order, `size` at a time, each block with its place."""
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self.ecg(kind, rows)

    def measurements(self) -> dict[str, Float[np.ndarray, "individual"]]:
        """What the device printed, by name: ms, degrees or beats per minute; NaN where it printed nothing."""
        return {name: dataset[:] for name, dataset in self._file["measurements"].items()}

    def waveform(self, kind: str, row: int) -> Waveform:
        """One recording as the device wrote it."""
        counts: Int[np.ndarray, "lead time"] = self._file[kind]["counts"][row]
        return Waveform(counts, float(self._file[kind]["resolution"][row]), self.layout(kind).sampling_rate)
