"""From a cohort's files to one store: every file ends up either in the store or in the manifest with a reason."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock
from tqdm import tqdm

from ecgae.cohort import Cohort, Layout, LeftOut, Recording, Source, Sources
from ecgae.errors import InputError
from ecgae.store import MISSING, Store, StoreWriter


class Ingested(NamedTuple):
    """What became of one source: its recording, or None, and the files that were left out on the way."""

    sample_id: str
    visit: int
    recording: Recording | None
    left_out: list[LeftOut]


def ingest(cohort: Cohort, cache: Path, workers: int) -> Store:
    """The store of this cohort's files, built once per content and reused.

    The manifest beside it (`manifest.tsv`: file, reason) lists every file that was left out.
    """
    sources = cohort.sources()
    folder = Path(cache) / f"{cohort.name}-{_content_key(cohort, sources)}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "store.h5"
    with FileLock(folder / "store.lock"):
        if not file.is_file():
            _build(cohort, sources, file, workers)
    store = Store(file)
    print(_summary(store, pd.read_csv(folder / "manifest.tsv", sep="\t"), folder / "manifest.tsv"))
    return store


def _content_key(cohort: Cohort, sources: Sources) -> str:
    """Names, sizes and times of the files: a changed file makes a new store."""
    files = [
        (source.sample_id, candidate.visit, candidate.file.name, *_stamp(candidate.file))
        for source in sources.found
        for candidate in source.candidates
    ]
    described = json.dumps([cohort.name, cohort.layouts, files, sources.left_out])
    return hashlib.sha256(described.encode()).hexdigest()[:12]


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except FileNotFoundError:  # a WFDB record is named without its suffix
        status = file.with_suffix(".hea").stat()
    return status.st_size, status.st_mtime_ns


def _build(cohort: Cohort, sources: Sources, file: Path, workers: int) -> None:
    if not sources.found:
        raise InputError(f"cohort {cohort.name} must have recordings; none was found. Check cohort.ecgs.")
    partial_file = file.with_suffix(".partial")
    left_out = list(sources.left_out)
    with StoreWriter(partial_file, cohort.layouts, cohort.name) as writer:
        for result in tqdm(
            _read_all(cohort, sources.found, workers), total=len(sources.found), desc="reading ECGs", unit="person"
        ):
            left_out += result.left_out
            if result.recording is not None:
                writer.append(result.sample_id, result.visit, result.recording)
    manifest = pd.DataFrame(left_out, columns=["file", "reason"])
    manifest.to_csv(file.with_name("manifest.tsv"), sep="\t", index=False)
    if not len(Store(partial_file)):
        reasons = f"{len(manifest):,} files were left out, the first because: {manifest.reason.iloc[0]}"
        raise InputError(
            f"cohort {cohort.name} must have a readable recording; {reasons}. See {file.parent}/manifest.tsv."
        )
    os.replace(partial_file, file)


def _read_all(cohort: Cohort, sources: list[Source], workers: int) -> Iterator[Ingested]:
    read = partial(read_source, cohort)
    if workers <= 1 or len(sources) < 100:  # a pool takes a second to start
        yield from map(read, sources)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(read, sources, chunksize=16)


def read_source(cohort: Cohort, source: Source) -> Ingested:
    """The first candidate that can be used; the ones before it are left out with the reason, the ones after it too."""
    left_out = []
    for rank, candidate in enumerate(source.candidates):
        try:
            recording = cohort.read(candidate.file)
            _check(recording, cohort.layouts)
        except (InputError, OSError) as error:
            left_out.append(LeftOut(candidate.file.name, str(error)))
            continue
        for later in source.candidates[rank + 1 :]:
            left_out.append(
                LeftOut(later.file.name, f"another recording of this person is used; that of visit {candidate.visit}")
            )
        return Ingested(source.sample_id, candidate.visit, recording, left_out)
    return Ingested(source.sample_id, 0, None, left_out)


def _check(recording: Recording, layouts: dict[str, Layout]) -> None:
    for kind, layout in layouts.items():
        waveform = getattr(recording, kind)
        if waveform is None:
            raise InputError(f"{kind} must be there; the file has none")
        expected = (len(layout.leads), layout.samples)
        if waveform.counts.shape != expected:
            raise InputError(f"{kind} must have {expected} leads and samples; got {waveform.counts.shape}")
        if waveform.sampling_rate != layout.sampling_rate:
            raise InputError(
                f"{kind} must be sampled at {layout.sampling_rate:g} Hz; got {waveform.sampling_rate:g} Hz"
            )
        if (waveform.counts == MISSING).any():
            raise InputError(f"{kind} must have no missing samples; got {(waveform.counts == MISSING).sum()}")
        flat = [lead for lead, trace in zip(layout.leads, waveform.counts, strict=True) if np.ptp(trace) == 0]
        if flat:
            raise InputError(f"{kind} must vary in every lead; {', '.join(flat)} flat")


def _summary(store: Store, manifest: pd.DataFrame, file: Path) -> str:
    lines = [
        f"{len(store):,} recordings of {len(np.unique(store.sample_ids)):,} people; {len(manifest):,} files left out"
    ]
    # Counted by what was required; what follows the semicolon is particular to one file.
    kinds = Counter(manifest.reason.str.split(";").str[0])
    lines += [f"  {count:6,}  {reason}" for reason, count in kinds.most_common()]
    if len(manifest):
        lines.append(f"  each with its reason in {file}")
    return "\n".join(lines)
