"""Writes stores: parts by several processes, each whole or absent, and one file out of the
parts."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from isal import isal_zlib
from jaxtyping import Float32, Int16, UInt8, UInt16

from ecgae.recordings.cohort import LeftOut
from ecgae.recordings.formats.recording import Beats, Layout, Recording
from ecgae.recordings.store import FORMAT, TABLES, Store, differences

CHUNK = 8192
"""Samples of one recording that are compressed together."""

COMPRESSION: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
"""HDF5's own filters, so that any program reads the file; `compressed` makes what they would,
several times faster."""


def compressed(counts: Int16[np.ndarray, "lead time"], chunk: int) -> list[bytes]:
    """The chunks of one recording as they lie in the file: `chunk` samples of all leads each."""
    chunks = []
    for start in range(0, counts.shape[1], chunk):
        folded = differences(np.ascontiguousarray(counts[:, start : start + chunk]))
        if folded.shape[1] < chunk:
            folded = np.pad(folded, ((0, 0), (0, chunk - folded.shape[1])))
        chunks.append(isal_zlib.compress(_shuffled(folded.ravel()), 1))
    return chunks


def _shuffled(values: UInt16[np.ndarray, " value"]) -> UInt8[np.ndarray, "2 value"]:
    """HDF5's shuffle: all lower bytes, then all upper bytes."""
    planes = np.empty((2, len(values)), np.uint8)
    np.copyto(planes[0], values, casting="unsafe")
    np.copyto(planes[1], values >> 8, casting="unsafe")
    return planes


def _chunk(layout: Layout) -> int:
    return CHUNK if layout.samples is None else min(layout.samples, CHUNK)


class StoredWaveform(NamedTuple):
    """A waveform ready to be written: compressed, with its length and the size of its counts."""

    chunks: list[bytes]
    samples: int
    resolution: np.ndarray
    """The size of one count in mV, by lead."""


class Row(NamedTuple):
    """A recording ready to be written, known by `sample_id` and `visit`."""

    sample_id: str
    visit: int
    waveforms: dict[str, StoredWaveform]
    tables: dict[str, Mapping[str, float]]
    beats: Beats | None


def as_row(sample_id: str, visit: int, recording: Recording, layouts: Mapping[str, Layout]) -> Row:
    """Compresses the waveforms of the kinds that the store has; what is not needed for writing is
    let go."""
    waveforms = {}
    for kind, layout in layouts.items():
        waveform = recording.waveforms.get(kind)
        if waveform is not None:
            chunks = compressed(waveform.counts, _chunk(layout))
            waveforms[kind] = StoredWaveform(chunks, waveform.counts.shape[1], waveform.resolution)

    tables = {name: getattr(recording, name) for name in TABLES}
    return Row(
        sample_id=sample_id, visit=visit, waveforms=waveforms, tables=tables, beats=recording.beats
    )


def write_store(
    file: Path,
    rows: Sequence[Row],
    layouts: Mapping[str, Layout],
    cohort: str,
    left_out: Sequence[LeftOut],
) -> None:
    """A small store with these rows; `file` appears when it is whole."""
    partial = file.with_suffix(f".{os.getpid()}")
    with h5py.File(partial, "w", libver="latest") as target:
        _write_people(target, [row.sample_id for row in rows], [row.visit for row in rows])
        for kind, layout in layouts.items():
            _write_waveforms(target, kind, layout, [row.waveforms.get(kind) for row in rows])
        for name in TABLES:
            _write_table(target, name, [row.tables[name] for row in rows])
        _write_beats(target, [row.beats for row in rows])
        target.create_dataset(
            "left_out", data=np.frombuffer(json.dumps(left_out).encode(), np.uint8)
        )
        _write_attributes(target, cohort, tuple(layouts))
    os.replace(partial, file)


def _write_attributes(target: h5py.File, cohort: str, kinds: Sequence[str]) -> None:
    target.attrs["cohort"] = cohort
    target.attrs["kinds"] = json.dumps(kinds)
    target.attrs["format"] = FORMAT


def _write_people(target: h5py.File, sample_ids: Sequence[str], visits: Sequence[int]) -> None:
    target["sample_id"] = _text(sample_ids)
    target["visit"] = np.array(visits, dtype=np.int16)


def _text(values: Sequence[str]) -> np.ndarray:
    encoded = [value.encode() for value in values]
    return np.array(encoded, dtype=f"S{max(map(len, encoded), default=1) or 1}")


def _create(target: h5py.File, kind: str, layout: Layout, rows: int, samples: int) -> h5py.Group:
    """The group of a kind with its attributes and an empty dataset for its waveforms."""
    group = target.create_group(kind)
    group.attrs["leads"] = json.dumps(layout.leads)
    group.attrs["sampling_rate"] = layout.sampling_rate
    group.attrs["any_length"] = layout.samples is None
    group.attrs["resample"] = layout.resample

    # One recording a chunk: any subset of people is read without touching the others. A chunk may
    # not be longer than what the dataset can be.
    leads, chunk = len(layout.leads), _chunk(layout)
    group.create_dataset(
        "differences",
        shape=(rows, leads, samples),
        dtype=np.uint16,
        maxshape=(max(rows, 1), leads, max(samples, chunk)),
        chunks=(1, leads, chunk),
        **COMPRESSION,
    )
    return group


def _write_waveforms(
    target: h5py.File, kind: str, layout: Layout, waveforms: Sequence[StoredWaveform | None]
) -> None:
    """One kind of recordings, by row; None where a row has none of it."""
    lengths = [waveform.samples if waveform else 0 for waveform in waveforms]
    samples = layout.samples or max(lengths, default=0)
    group = _create(target, kind, layout, len(waveforms), samples)

    dataset = group["differences"].id
    for row, waveform in enumerate(waveforms):
        for place, chunk in enumerate(waveform.chunks if waveform else ()):
            dataset.write_direct_chunk((row, 0, place * _chunk(layout)), chunk)

    nothing = np.full(len(layout.leads), np.nan)
    resolution = [waveform.resolution if waveform else nothing for waveform in waveforms]
    shape = len(waveforms), len(layout.leads)
    group["resolution"] = np.array(resolution, dtype=np.float64).reshape(shape)
    group["samples"] = np.array(lengths, dtype=np.int64)


def _write_table(target: h5py.File, name: str, rows: Sequence[Mapping[str, float]]) -> None:
    names = sorted(set().union(*rows))
    cells = [[row.get(column, np.nan) for column in names] for row in rows]
    values = np.array(cells, dtype=np.float32).reshape(len(rows), len(names))
    _create_table(target, name, names, values)


def _create_table(
    target: h5py.File, name: str, names: Sequence[str], values: Float32[np.ndarray, "row column"]
) -> None:
    target.create_dataset(name, data=values).attrs["names"] = json.dumps(names)


def _write_beats(target: h5py.File, beats: Sequence[Beats | None]) -> None:
    group = target.create_group("beats")
    known = [row for row in beats if row is not None]
    group["times"] = np.concatenate([row.times for row in known]) if known else np.empty(0)
    group["classes"] = _text([name for row in known for name in row.classes])
    group["start"] = np.cumsum([0, *(0 if row is None else len(row.times) for row in beats)])


def merge(parts: Sequence[Path], file: Path) -> list[LeftOut]:
    """One store out of the parts, in their order; returns what they left out.

    Compressed chunks are copied as they are, one part open at a time.
    """
    contents = [_read_part(part) for part in parts]
    with h5py.File(file, "w", libver="latest") as target:
        for name in contents[0].people:
            target[name] = np.concatenate([content.people[name] for content in contents])

        for kind, layout in contents[0].layouts.items():
            lengths = np.concatenate([content.samples[kind] for content in contents])
            samples = layout.samples or int(lengths.max(initial=0))
            group = _create(target, kind, layout, len(lengths), samples)
            group["samples"] = lengths
            group["resolution"] = np.concatenate([content.resolution[kind] for content in contents])
        row = 0
        for part, content in zip(parts, contents, strict=True):
            _copy_waveforms(part, content, target, row)
            row += len(content.people["visit"])

        for name in TABLES:
            _create_table(target, name, *_joined(contents, name))
        _merge_beats(target, [content.beats for content in contents])
        _write_attributes(target, contents[0].cohort, tuple(contents[0].layouts))
    return [entry for content in contents for entry in content.left_out]


def _merge_beats(target: h5py.File, parts: Sequence[Mapping[str, np.ndarray]]) -> None:
    """The beats of all parts one after the other, as `_write_beats` writes those of one."""
    group = target.create_group("beats")
    for name in ("times", "classes"):
        group[name] = np.concatenate([beats[name] for beats in parts])
    counts = np.concatenate([np.diff(beats["start"]) for beats in parts])
    group["start"] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


class _Part(NamedTuple):
    """What a part's file holds beside its waveforms."""

    cohort: str
    layouts: dict[str, Layout]
    people: dict[str, np.ndarray]
    samples: dict[str, np.ndarray]
    resolution: dict[str, np.ndarray]
    tables: dict[str, dict[str, np.ndarray]]
    beats: dict[str, np.ndarray]
    left_out: list[LeftOut]


def _read_part(part: Path) -> _Part:
    store = Store(part)
    with h5py.File(part, "r") as source:
        return _Part(
            cohort=store.cohort,
            layouts={kind: store.layout(kind) for kind in store.kinds},
            people={name: source[name][:] for name in ("sample_id", "visit")},
            samples={kind: source[kind]["samples"][:] for kind in store.kinds},
            resolution={kind: source[kind]["resolution"][:] for kind in store.kinds},
            tables={name: store.table(name) for name in TABLES},
            beats={name: values[:] for name, values in source["beats"].items()},
            left_out=[LeftOut(*entry) for entry in json.loads(source["left_out"][:].tobytes())],
        )


def _joined(
    contents: Sequence[_Part], name: str
) -> tuple[list[str], Float32[np.ndarray, "row column"]]:
    """One table of all columns that occur in any part; NaN where a part has not the column."""
    names = sorted(set().union(*(content.tables[name] for content in contents)))
    place = {column: index for index, column in enumerate(names)}
    people = sum(len(content.people["visit"]) for content in contents)
    joined = np.full((people, len(names)), np.nan, np.float32)

    row = 0
    for content in contents:
        rows = slice(row, row + len(content.people["visit"]))
        for column, values in content.tables[name].items():
            joined[rows, place[column]] = values
        row = rows.stop
    return names, joined


def _copy_waveforms(part: Path, content: _Part, target: h5py.File, first: int) -> None:
    """Copies the compressed chunks of one part into the rows from `first` on."""
    with h5py.File(part, "r") as source:
        for kind, layout in content.layouts.items():
            chunk = _chunk(layout)
            own, merged = source[kind]["differences"].id, target[kind]["differences"].id
            for row, length in enumerate(content.samples[kind].tolist()):
                for start in range(0, length, chunk):
                    _, compressed_chunk = own.read_direct_chunk((row, 0, start))
                    merged.write_direct_chunk((first + row, 0, start), compressed_chunk)
