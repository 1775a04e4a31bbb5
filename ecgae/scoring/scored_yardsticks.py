"""Yardsticks scored as models are: by the same engine, in the same people, with the same settings;
once per cohort."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

from ecgae.errors import InputError
from ecgae.genetics.engine import Engine
from ecgae.models.latents import Latents, as_phenotypes, write_latents
from ecgae.people.split import TRAINING, VALIDATION
from ecgae.recordings.cohort import Cohort
from ecgae.recordings.ingest import ingest
from ecgae.recordings.input import Input
from ecgae.recordings.store import Store
from ecgae.runs import run_directory
from ecgae.scoring.study import Study
from ecgae.scoring.yardstick import BEAT, Source, Yardstick
from ecgae.scoring.yardstick.intervals import Intervals
from ecgae.scoring.yardstick.oracle import Oracle
from ecgae.scoring.yardstick.pca import PCA
from ecgae.scoring.yardstick.time_points import TimePoints
from ecgae.signals.beats import MedianBeat

FOLDER = "yardsticks"
"""Name of the folder of scored yardsticks, beside the runs."""

YARDSTICKS: Mapping[str, Yardstick] = {
    "intervals": Intervals(),
    "pca": PCA(),
    "time_points": TimePoints(),
    "oracle": Oracle(),
}

VERSION = 1
"""Version of the yardsticks: raised when the phenotypes of one change, so that no score of the old
ones is taken for theirs."""

SECTIONS = (
    *("cohort", "beats", "exclusions", "split", "relatives"),
    *("engine", "variants", "individuals", "adjustment", "people", "score", "checks", "gate"),
)
"""Sections of a run's config on which a yardstick's score depends too."""


class RecordedPeople(NamedTuple):
    """The recordings that a run is about, and the part that each person plays
    (`latents.SPLITS`)."""

    store: Store
    split: Shaped[np.ndarray, " individual"]


class Recordings(NamedTuple):
    """Where median beats come from if the run's own recordings are others."""

    cohort: Cohort
    beat: MedianBeat
    cache: Path
    workers: int


def require_known(names: Sequence[str]) -> None:
    """Raises `InputError` for a name that is none of `YARDSTICKS`."""
    unknown = sorted(set(names) - set(YARDSTICKS))
    if unknown:
        raise InputError(
            f"yardsticks must be some of {', '.join(YARDSTICKS)}; got {', '.join(unknown)}."
        )


def score_yardsticks(
    names: Sequence[str],
    people: RecordedPeople,
    recordings: Recordings,
    study: Study,
    engine: Engine,
    config: dict[str, Any],
    folder: Path,
) -> None:
    """Leaves `<folder>/<name>-<hash>` for each yardstick, unless it is there, and prints what all
    of them found.

    config: the run's; folder: `<runs>/yardsticks`. One that this cohort does not allow is skipped
    with a message. Of several jobs that want one, one scores it and the others wait.
    """
    who = _digest(people)

    for name in names:
        described = _described(name, who, config)
        directory = folder / f"{name}-{_key(described)}"
        with run_directory.only_one(directory):
            if not directory.is_dir():
                try:
                    measured = _measured(YARDSTICKS[name], people, recordings)
                    _score(
                        name,
                        measured,
                        study=study,
                        engine=engine,
                        described=described,
                        directory=directory,
                    )
                except InputError as error:
                    shutil.rmtree(run_directory.unfinished(directory), ignore_errors=True)
                    print(f"yardstick {name} is left out: {error}")
        if directory.is_dir():
            print(f"yardstick {name}: {_in_short(run_directory.read_score(directory) or {})}")


def _score(
    name: str,
    measured: Latents,
    *,
    study: Study,
    engine: Engine,
    described: dict[str, Any],
    directory: Path,
) -> None:
    """Scans the yardstick's phenotypes and leaves them with their score in `directory`."""
    with run_directory.new_run(directory, described) as partial:
        write_latents(partial / "latents.h5", measured)
        # Who is analysed and why is said of the model, in the same words.
        with redirect_stdout(None):
            study.scan(_quiet(engine), as_phenotypes(measured, name), partial, described)


def _described(name: str, who: str, config: dict[str, Any]) -> dict[str, Any]:
    """The config of a yardstick: all that its score depends on, and where it came from."""
    sections = {section: config[section] for section in SECTIONS if section in config}
    return {
        "yardstick": name,
        "numbers": vars(YARDSTICKS[name]),
        "version": VERSION,
        "recordings": who,
        **sections,
    }


def _key(described: dict[str, Any]) -> str:
    """A short hash of the config, less what changes no number."""
    return hashlib.sha256(
        json.dumps(run_directory.identity(described), sort_keys=True).encode()
    ).hexdigest()[:8]


def _digest(people: RecordedPeople) -> str:
    """A short hash of the people and their parts; who of the training people is held out for
    validation makes no difference."""
    rows = zip(
        people.store.sample_ids.tolist(), people.store.visits.tolist(), _parts(people), strict=True
    )
    return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()[:12]


def _parts(people: RecordedPeople) -> list[str]:
    """The part of each person, with those held out for validation among the training people."""
    return np.where(people.split == VALIDATION, TRAINING, people.split).tolist()


def _measured(yardstick: Yardstick, people: RecordedPeople, recordings: Recordings) -> Latents:
    """The yardstick's phenotypes of everybody in the run; NaN where somebody has no median beat."""
    store = _with_beats(people.store, recordings)
    parts = np.array(_parts(people))
    rows = _rows_of(people.store, store)

    training = np.zeros(len(store), dtype=bool)
    training[rows[(parts == TRAINING) & (rows >= 0)]] = True
    truth = None if recordings.cohort.planted is None else Path(recordings.cohort.planted)
    measured = yardstick(Source(store, training, truth))

    values = np.where(rows[:, None] >= 0, measured.values[rows], np.nan).astype(np.float32)
    known = np.isfinite(values).mean(axis=1, keepdims=True)
    return Latents(
        sample_ids=people.store.sample_ids,
        visits=people.store.visits,
        split=parts,
        names=measured.names,
        values=values,
        leads=("all",),
        quality={"known": known},
    )


def _with_beats(store: Store, recordings: Recordings) -> Store:
    """The store itself where it holds median beats, else one with the beats of the same people."""
    if BEAT in store.kinds:
        return store
    whole = ingest(recordings.cohort, recordings.cache, recordings.workers)
    rows = _rows_of(whole, store)
    return Input(BEAT).prepared(whole.only(rows >= 0), recordings.beat, recordings.workers)


def _rows_of(store: Store, other: Store) -> Int[np.ndarray, " individual"]:
    """The row of `other` that holds the same recording, or -1."""
    places = pd.MultiIndex.from_arrays([other.sample_ids, other.visits])
    return places.get_indexer(pd.MultiIndex.from_arrays([store.sample_ids, store.visits]))


def _quiet(engine: Engine) -> Engine:
    """The same engine; what a yardstick cannot vary in is dropped, and no file of every association
    is written."""
    changes = {"constant_phenotypes": "drop", "summary_statistics": False}
    return replace(
        cast(Any, engine),
        **{name: value for name, value in changes.items() if hasattr(engine, name)},
    )


def _in_short(score: dict[str, Any]) -> str:
    """The yield in a few words."""
    text = f"{score['loci']:,} loci of {score['n_phenotypes']:,} phenotypes"
    omnibus = score.get("omnibus_loci")
    return text if omnibus is None else f"{text}, {omnibus:,} omnibus loci"
