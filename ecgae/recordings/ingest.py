"""From a cohort's files to one store: every file ends up either in the store or in the manifest
with a reason.

The files are read in parts by several processes. A finished part stays on disk until the store is
whole, so a job that is killed goes on where it was.
"""

import csv
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock
from jaxtyping import Float32
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.machine.processes import in_parallel
from ecgae.recordings.cohort import Candidate, Cohort, LeftOut, Source, Sources
from ecgae.recordings.formats.recording import Layout, Recording, Waveform, quantised
from ecgae.recordings.store import FORMAT, Store
from ecgae.recordings.store_writer import Row, as_row, merge, write_store

MANIFEST, MEASUREMENTS = "manifest.tsv", "measurements.tsv"

ROWS_A_PART = 64
"""Recordings that are lost at most, per process, when a job is killed."""

FEW = 100
"""Recordings below which a pool of processes, which takes a second to start, does not pay."""

NOT_READ = {field.name for field in fields(GeneticFiles)} | {
    *("ecgs", "public", "directory", "workers"),
}
"""Settings of a cohort that do not change how a file is read; all others (a gain, a lead) do."""


class Ingested(NamedTuple):
    """What became of one source: its row, or None, and the files that were left out on the way."""

    row: Row | None
    left_out: list[LeftOut]


class Part(NamedTuple):
    """Consecutive sources, and the file that will hold their rows."""

    file: Path
    sources: Sequence[Any]


def ingest(cohort: Cohort, cache: Path, workers: int) -> Store:
    """The store of this cohort's files, built once per content and reused.

    The manifest beside it (`manifest.tsv`: file, reason) lists every file that was left out.
    """
    sources = cohort.sources()
    if not sources.rows:
        raise InputError(
            f"cohort {cohort.name} must have recordings; none was found. Check cohort.ecgs."
        )

    return build(
        Path(cache) / f"{cohort.name}-{_content_key(cohort, sources)}" / "store.h5",
        sources=sources.rows,
        read=partial(read_source, cohort),
        layouts=cohort.layouts,
        cohort=cohort.name,
        left_out=sources.left_out,
        workers=workers,
        title="reading ECGs",
    )


def _content_key(cohort: Cohort, sources: Sources) -> str:
    """What names a cohort's store, the sizes and times of its files among it: a changed file makes
    a new store."""
    files = []
    for source in sources.rows:
        for candidate in source.candidates:
            name, visit, file = source.sample_id, candidate.visit, candidate.file
            beside_it = candidate.metadata, candidate.labels
            files.append((name, visit, file.name, *_stamp(file), beside_it))

    settings = {name: value for name, value in vars(cohort).items() if name not in NOT_READ}
    content = FORMAT, cohort.name, cohort.layouts, settings, files, sources.left_out
    return content_key(*content)


def content_key(*content: object) -> str:
    """Twelve hexadecimal digits that are others whenever any of `content` is."""
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:12]


def _stamp(file: Path) -> tuple[int, int]:
    """A file's size and time of change; those of the header for a WFDB record, which is named
    without suffix; zeros where there is no file."""
    for path in (file, file.with_suffix(".hea")):
        try:
            status = path.stat()
        except OSError:  # the reader will say what is wrong with it
            continue
        return status.st_size, status.st_mtime_ns
    return 0, 0


def build(
    file: Path,
    *,
    sources: Sequence[Any],
    read: Callable[[Any], Ingested],
    layouts: dict[str, Layout],
    cohort: str,
    left_out: Sequence[LeftOut],
    workers: int,
    title: str,
) -> Store:
    """The store at `file`, built by `read` from every one of `sources` unless it is there; prints
    what it holds.

    Of several jobs that want it, one builds it. The arrays do not depend on the number of workers,
    nor on whether and where an earlier attempt was killed.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not file.is_file():
            parts = _parts(file, sources)
            _read_parts(parts, partial(_write_part, read, layouts, cohort), workers, title)
            _join_parts(parts, file, cohort, left_out)

    store = Store(file)
    print(_summary(store))
    return store


def beside(file: Path, name: str) -> Path:
    """The table `name` of the store at `file`, in the same folder: `manifest.tsv` for `store.h5`,
    `median_beat-1a2b.manifest.tsv` for `median_beat-1a2b.h5`."""
    return file.with_name(name if file.stem == "store" else f"{file.stem}.{name}")


def _parts(file: Path, sources: Sequence[Any]) -> list[Part]:
    """The sources by `ROWS_A_PART`, with a folder for their files beside the store."""
    folder = file.with_suffix(".parts")
    folder.mkdir(exist_ok=True)
    starts = range(0, len(sources), ROWS_A_PART)
    return [
        Part(folder / f"{start:07d}.h5", sources[start : start + ROWS_A_PART]) for start in starts
    ]


def _read_parts(parts: list[Part], write: Callable[[Part], int], workers: int, title: str) -> None:
    """Writes the parts that an earlier attempt did not finish."""
    unread = [part for part in parts if not part.file.is_file()]
    total = sum(len(part.sources) for part in parts)
    with tqdm(total=total, desc=title, unit="person") as bar:
        bar.update(total - sum(len(part.sources) for part in unread))
        few = sum(len(part.sources) for part in unread) < FEW
        for recordings in in_parallel(write, unread, 1 if few else workers):
            bar.update(recordings)


def _write_part(
    read: Callable[[Any], Ingested], layouts: dict[str, Layout], cohort: str, part: Part
) -> int:
    """Writes one part and returns how many sources it covers."""
    results = [read(source) for source in part.sources]
    rows = [result.row for result in results if result.row is not None]
    left_out = [entry for result in results for entry in result.left_out]
    write_store(part.file, rows, layouts, cohort, left_out)
    return len(part.sources)


def _join_parts(parts: list[Part], file: Path, cohort: str, left_out: Sequence[LeftOut]) -> None:
    """One store out of the parts, with its tables beside it; `InputError` where it has no row."""
    partial_file, manifest = file.with_suffix(".partial"), beside(file, MANIFEST)
    entries = [*left_out, *merge([part.file for part in parts], partial_file)]
    _write_table(manifest, LeftOut._fields, entries)
    store = Store(partial_file)
    _write_measurements(store, beside(file, MEASUREMENTS))

    if not len(store):
        partial_file.unlink()
        shutil.rmtree(parts[0].file.parent)
        first = entries[0].reason.rstrip(".")
        raise InputError(
            f"cohort {cohort} must have a usable recording; {len(entries):,} files were left out, the first because: "
            f"{first}. See {manifest}."
        )

    os.replace(partial_file, file)
    shutil.rmtree(parts[0].file.parent)


def _write_measurements(store: Store, file: Path) -> None:
    """The classical phenotypes of the same recordings, as a table that gwas.py reads.

    A scan cannot use what few people have (Q in most leads) or in what nearly all are equal: what
    more than half lack, or share one value of, is in the store only.
    """
    table = store.table("measurements")
    columns = {name: values for name, values in table.items() if _varies(values)}
    if columns:
        texts = [
            ["NA" if np.isnan(value) else f"{value:.7g}" for value in column]
            for column in columns.values()
        ]
        rows = zip(store.sample_ids, store.visits, *texts, strict=True)
        _write_table(file, ("IID", "visit", *columns), rows)


def _varies(values: Float32[np.ndarray, " individual"]) -> bool:
    """Whether at least half of the people have a value, and at most half of these the same."""
    known = values[~np.isnan(values)]
    commonest = np.unique(known, return_counts=True)[1].max(initial=0)
    return bool(len(known) >= len(values) / 2 and 0 < commonest <= max(1, len(known) / 2))


def _write_table(file: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with file.open("w", newline="") as target:
        writer = csv.writer(target, delimiter="\t", lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def read_source(cohort: Cohort, source: Source) -> Ingested:
    """The first candidate that can be used; all others are left out with the reason.

    One with a lead that is flat throughout is used only where no other can be: `exclusions` then
    judges it.
    """
    readable: list[tuple[Candidate, Recording]] = []
    reasons: dict[Path, str] = {}
    for candidate in source.candidates:
        try:
            recording = _recording(cohort, candidate)
        except (InputError, OSError) as error:
            reasons[candidate.file] = _reason(error)
            continue
        readable.append((candidate, recording))
        flat = _flat_leads(recording, cohort.layouts)
        if not flat:
            break
        reasons[candidate.file] = (
            f"every lead must vary where those of another visit do; {', '.join(flat)} flat"
        )

    if not readable:
        return Ingested(None, [LeftOut(file.name, reason) for file, reason in reasons.items()])
    chosen, recording = readable[-1] if readable[-1][0].file not in reasons else readable[0]

    used = f"another recording of this person is used; that of visit {chosen.visit}"
    left_out = [
        LeftOut(candidate.file.name, reasons.get(candidate.file, used))
        for candidate in source.candidates
        if candidate is not chosen
    ]
    left_out += [
        LeftOut(f"{chosen.file.name} {what}", reason) for what, reason in recording.left_out.items()
    ]
    return Ingested(as_row(source.sample_id, chosen.visit, recording, cohort.layouts), left_out)


def _flat_leads(recording: Recording, layouts: dict[str, Layout]) -> list[str]:
    """Leads that never change in a recording of a kind that everybody has."""
    kinds = [kind for kind, layout in layouts.items() if layout.samples is not None]
    flat = [
        np.ptp(recording.waveforms[kind].counts.astype(np.int32), axis=1) == 0 for kind in kinds
    ]
    named = zip(kinds, flat, strict=True)
    return sorted(
        {layouts[kind].leads[lead] for kind, leads in named for lead in np.flatnonzero(leads)}
    )


def _reason(error: InputError | OSError) -> str:
    """Why a file was left out, without its path, which the manifest states, on one line."""
    text = f"file must be readable; {error.strerror}" if isinstance(error, OSError) else str(error)
    return " ".join(text.split())


def _recording(cohort: Cohort, candidate: Candidate) -> Recording:
    """The recording of one file as the store wants it; `InputError` where the file cannot be
    used."""
    recording = cohort.read(candidate.file)
    waveforms, left_out = {}, dict(recording.left_out)

    for kind, layout in cohort.layouts.items():
        needed = layout.samples is not None
        if kind in recording.waveforms:
            try:
                waveforms[kind] = fitted(recording.waveforms[kind], kind, layout)
            except InputError as error:
                if needed:
                    raise
                left_out[kind] = str(error)
        elif needed:
            raise InputError(f"{kind} must be there; the file has none")
    if not waveforms:
        raise InputError(
            "; ".join(left_out.values())
            or f"{' or '.join(cohort.layouts)} must be there; the file has none"
        )

    return recording._replace(
        waveforms=waveforms,
        left_out=left_out,
        metadata={**candidate.metadata, **recording.metadata},
        labels={**candidate.labels, **recording.labels},
    )


def at_rate(waveform: Waveform, sampling_rate: float) -> Waveform:
    """The waveform resampled to `sampling_rate` in Hz; itself where that is its own."""
    if waveform.sampling_rate == sampling_rate:
        return waveform
    # SciPy's filters take a second to import, and few sources need them.
    from ecgae.signals.resampling import resampled

    ecg = resampled(waveform.millivolts, waveform.sampling_rate, sampling_rate)
    return quantised(ecg, sampling_rate)


def fitted(waveform: Waveform, kind: str, layout: Layout) -> Waveform:
    """The waveform as the store wants it. Raises `InputError` where leads, length or rate differ
    from the layout's."""
    if waveform.sampling_rate != layout.sampling_rate:
        if not layout.resample:
            raise InputError(
                f"{kind} must be sampled at {layout.sampling_rate:g} Hz; got {waveform.sampling_rate:g} Hz"
            )
        waveform = at_rate(waveform, layout.sampling_rate)
    leads, samples = waveform.counts.shape
    if leads != len(layout.leads) or samples != (layout.samples or samples):
        expected = (len(layout.leads), layout.samples)
        raise InputError(
            f"{kind} must have {expected} leads and samples; got {waveform.counts.shape}"
        )
    return waveform


def _summary(store: Store) -> str:
    """What the store holds, and how many files were left out for which requirement."""
    with beside(store.file, MANIFEST).open(newline="") as table:
        reasons = [row["reason"] for row in csv.DictReader(table, delimiter="\t")]
    people = len(np.unique(store.sample_ids.astype(str)))
    lines = [
        f"{len(store):,} recordings of {people:,} people; {len(reasons):,} files or parts of them left out"
    ]

    # Counted by what was required; what follows the semicolon is particular to one file.
    kinds = Counter(reason.split(";")[0] for reason in reasons)
    lines += [f"  {count:6,}  {reason}" for reason, count in kinds.most_common()]
    if reasons:
        lines.append(f"  each with its reason in {beside(store.file, MANIFEST)}")
    if beside(store.file, MEASUREMENTS).is_file():
        lines.append(f"measured intervals and amplitudes: {beside(store.file, MEASUREMENTS)}")
    return "\n".join(lines)
