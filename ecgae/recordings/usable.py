"""From a cohort to the recordings that are analysed: read, judged by their quality, the others
listed with a reason."""

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock
from jaxtyping import Bool, Float, Int
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.people.ids import other_spelling, read_ids
from ecgae.recordings.cohort import Cohort
from ecgae.recordings.ingest import content_key, ingest
from ecgae.recordings.input import Input
from ecgae.recordings.store import Store
from ecgae.signals.beats import MedianBeat
from ecgae.signals.quality import Exclusions, Quality, quality

QUALITY_VERSION = 1
"""Raised when a measure of quality changes, so that no cache of the old one is used."""

NORMAL_BEATS = ("dominant", "N")
"""Classes of beats that are not ectopic: the device's word, and AAMI's."""


class Usable(NamedTuple):
    """The recordings to analyse, and who was left out: columns sample_id, visit, reason."""

    store: Store
    excluded: pd.DataFrame


def usable(
    cohort: Cohort,
    wanted: Input,
    beat: MedianBeat,
    exclusions: Exclusions,
    cache: Path,
    workers: int,
) -> Usable:
    """The cohort's recordings as the network will see them, without those that `exclusions` leaves
    out.

    A median beat is judged by the recording that it is the median of, where the store has that:
    noise and artefacts are hard to see in 1.2 s. Prints how many are left out for which reason.
    """
    store = ingest(cohort, cache, workers)

    if wanted.recording == "median_beat" and wanted.built_from in store.kinds:
        kept = without(store, wanted.built_from, exclusions, workers)
        return Usable(wanted.prepared(kept.store, beat, workers), kept.excluded)
    return without(wanted.prepared(store, beat, workers), wanted.recording, exclusions, workers)


def consenting(store: Store, excluded: pd.DataFrame, withdrawn: str | None) -> Usable:
    """The recordings less those of people who withdrew their consent; `withdrawn`: a list of their
    ids."""
    if withdrawn is None:
        return Usable(store, excluded)

    ids = read_ids(withdrawn, "individuals.withdrawn")
    gone = np.isin(store.sample_ids, list(ids))
    hint = "" if gone.any() else other_spelling(sorted(ids), store.sample_ids)
    if hint:
        raise InputError(
            f"individuals.withdrawn must write ids as the recordings do; {withdrawn} names nobody: {hint}"
        )
    if gone.all():
        raise InputError(
            f"a recording must be left to analyse; {withdrawn} names everybody. Is it the list you mean?"
        )

    if gone.any():
        print(
            f"{gone.sum():,} of {len(store):,} recordings are of people who withdrew consent: not used"
        )
    reasons = pd.DataFrame({"sample_id": store.sample_ids[gone], "visit": store.visits[gone]})
    excluded = pd.concat([excluded, reasons.assign(reason="consent withdrawn")], ignore_index=True)
    return Usable(store.only(~gone), excluded)


def without(store: Store, kind: str, exclusions: Exclusions, workers: int) -> Usable:
    """The store less the recordings whose `kind` does not meet the requirements."""
    reasons = exclusions(
        measured(store, kind, workers),
        store.layout(kind).leads,
        ectopic_share=ectopic_share(store),
        paced=_flag(store, "paced", "pacemaker"),
        poor_quality=_flag(store, "poor_quality"),
    )
    rows = list(reasons)
    people = {"sample_id": store.sample_ids[rows], "visit": store.visits[rows]}
    excluded = pd.DataFrame({**people, "reason": list(reasons.values())})

    if rows:
        print(_summary(excluded, store, kind))
    if len(rows) == len(store):
        raise InputError(
            f"a recording must be left to analyse; all {len(store):,} are excluded, the first because: "
            f"{reasons[0]}. Change exclusions."
        )
    return Usable(store.only(~np.isin(np.arange(len(store)), rows)), excluded)


def measured(store: Store, kind: str, workers: int) -> Quality:
    """The quality of every recording, computed once and kept beside the store."""
    key = content_key(QUALITY_VERSION, store.content, kind)
    file = store.file.with_name(f"quality-{kind}-{key}.npz")
    with FileLock(file.with_suffix(".lock")):
        if not file.is_file():
            judged = _measured(store, kind, workers)
            partial = file.with_suffix(".partial")
            with partial.open("wb") as target:
                np.savez(target, **judged._asdict())
            os.replace(partial, file)
    with np.load(file) as saved:
        return Quality(**{name: saved[name] for name in Quality._fields})


def _measured(store: Store, kind: str, workers: int) -> Quality:
    """The quality of every recording, by blocks of 64 on `workers` threads."""
    layout = store.layout(kind)
    any_length = layout.samples is None
    lengths = store.samples(kind) if any_length else np.zeros(len(store), int)

    def measure(rows: slice) -> list[Quality]:
        ecg = store.ecg(kind, rows)
        resolution = store.resolution(kind, rows)
        parts = []
        for group, samples in _alike(resolution, lengths[rows]):
            block = ecg[group, :, :samples] if any_length else ecg[group]
            parts.append(
                quality(block, layout.sampling_rate, layout.leads, resolution[group.start])
            )
        return parts

    blocks = [slice(start, min(start + 64, len(store))) for start in range(0, len(store), 64)]
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=len(store), desc="judging quality", unit="person") as bar,
    ):
        parts = []
        for block, judged in zip(blocks, pool.map(measure, blocks), strict=True):
            parts += judged
            bar.update(block.stop - block.start)
    return Quality(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _alike(
    resolution: Float[np.ndarray, "individual lead"], samples: Int[np.ndarray, " individual"]
) -> Iterator[tuple[slice, int]]:
    """Runs of recordings of one resolution and length, each with its length."""
    changes = (np.diff(resolution, axis=0) != 0).any(axis=1) | (np.diff(samples) != 0)
    starts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(samples)]
    for start, stop in itertools.pairwise(starts):
        yield slice(start, stop), int(samples[start])


def ectopic_share(store: Store) -> Float[np.ndarray, " individual"]:
    """The share of ectopic beats among those that the device or an annotator classified; NaN where
    nobody did."""
    shares = [
        np.mean([name not in NORMAL_BEATS for name in beats]) if beats else np.nan
        for beats in store.beat_classes()
    ]
    return np.array(shares)


def _flag(store: Store, *names: str) -> Bool[np.ndarray, " individual"] | None:
    """Who has one of these flags; None where the source has none of them."""
    table = store.table("metadata")
    flags = [table[name] == 1 for name in names if name in table]
    return np.any(flags, axis=0) if flags else None


def _summary(excluded: pd.DataFrame, store: Store, kind: str) -> str:
    lines = [
        f"{len(excluded):,} of {len(store):,} recordings excluded by the quality of their {kind}"
    ]
    kinds = Counter(excluded.reason.str.split(";").str[0])
    lines += [f"  {count:6,}  {reason}" for reason, count in kinds.most_common()]
    return "\n".join(lines)
