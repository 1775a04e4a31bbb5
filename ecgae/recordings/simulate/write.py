"""Writes a whole cohort: the genotypes, the ECGs, the covariates and the truth behind them."""

import json
import os
import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.machine.processes import in_parallel
from ecgae.recordings.simulate.cardiosoft_xml import Person, cardiosoft_xml
from ecgae.recordings.simulate.damage import damaged
from ecgae.recordings.simulate.genotypes import Summary, write_chromosome
from ecgae.recordings.simulate.parameters import NAMES, Traits
from ecgae.recordings.simulate.people import FIRST_VISIT, SimulatedPeople, draw_people, used_visit
from ecgae.recordings.simulate.simulation import AUTOSOMES, FORMAT_VERSION, Simulation
from ecgae.recordings.simulate.structure import principal_components
from ecgae.recordings.simulate.truth import Truth, draw_truth, parameter_table
from ecgae.recordings.simulate.waveform import record

_PRINCIPAL_COMPONENTS = 10
"""How many principal components the covariates hold."""

_PEOPLE, _GENOTYPES, _PARAMETERS, _RECORDINGS = range(4)
"""Streams of random numbers, one per purpose."""

_GROUP = 20
"""How many ECGs one task writes."""


def simulate(simulation: Simulation, directory: Path, workers: int) -> None:
    """Writes the cohort to `directory`, with `workers` processes; the files do not depend on their
    number.

    Everything is written to `<directory>.partial` first, which gets its name at the end: a
    directory of the final name is whole. With more than one worker the caller must be guarded by
    `if __name__ == "__main__"`, and two calls at once must not have the same directory.

    Raises `InputError` where `directory` exists, msprime is not installed, or a chromosome has too
    few variants.
    """
    if directory.exists():
        raise InputError(
            f"directory must not exist yet; got {directory}. Delete it or choose another one."
        )

    unfinished = directory.with_name(directory.name + ".partial")
    if unfinished.exists():
        shutil.rmtree(unfinished)  # left by a simulation that was killed
    for folder in ("genotypes", "ecgs", "truth"):
        (unfinished / folder).mkdir(parents=True)

    people = draw_people(simulation, np.random.default_rng([simulation.seed, _PEOPLE]))
    summaries = _write_genotypes(simulation, people, unfinished / "genotypes", workers)
    rng = np.random.default_rng([simulation.seed, _PARAMETERS])
    truth = draw_truth(simulation, people, summaries, rng)
    _write_truth(people, truth, unfinished / "truth")
    _write_covariates(people, summaries, unfinished / "covariates.tsv")
    _write_ecgs(simulation, people, truth.traits, unfinished / "ecgs", workers)

    numbers = {"format_version": FORMAT_VERSION, "key": simulation.key, **asdict(simulation)}
    record_of_it = json.dumps({**numbers, "clipped": truth.traits.clipped}, indent=2)
    (unfinished / "cohort.json").write_text(record_of_it + "\n", encoding="utf-8")
    os.replace(unfinished, directory)


def _write_genotypes(
    simulation: Simulation, people: SimulatedPeople, folder: Path, workers: int
) -> list[Summary]:
    """The filesets of all autosomes, and what the rest of the cohort needs of each."""
    write = partial(write_chromosome, simulation, people=people, stream=_GENOTYPES, folder=folder)
    summaries = in_parallel(write, range(1, AUTOSOMES + 1), workers)
    return list(tqdm(summaries, desc="simulating genotypes", unit="chromosome", total=AUTOSOMES))


def _write_truth(people: SimulatedPeople, truth: Truth, folder: Path) -> None:
    """The tables of planted variants, parameters, ancestry and damaged files."""
    _write_table(truth.planted, folder / "planted.tsv")
    parameters = pd.concat([_keys(people), parameter_table(truth.traits)], axis=1)
    _write_table(parameters, folder / "parameters.tsv")
    _write_table(_keys(people).assign(second_ancestry=truth.ancestry), folder / "ancestry.tsv")
    damage = sorted((_file_name(people, *place), kind) for place, kind in people.damage.items())
    _write_table(pd.DataFrame(damage, columns=["file", "damage"]), folder / "damaged.tsv")


def _write_covariates(people: SimulatedPeople, summaries: list[Summary], file: Path) -> None:
    """Age and centre of the visit whose recording a reader uses, sex (1 = male), and the principal
    components."""
    person, visit = np.arange(len(people.sample_id)), used_visit(people)
    structure = np.concatenate([summary.structure for summary in summaries], axis=1)
    components = principal_components(structure, _PRINCIPAL_COMPONENTS)
    table = _keys(people).assign(
        visit=FIRST_VISIT + visit,
        age=people.age[person, visit],
        sex=people.male.astype(int),
        centre=people.centre[person, visit],
        **{f"PC{i + 1}": components[:, i] for i in range(_PRINCIPAL_COMPONENTS)},
    )
    _write_table(table, file)


class _Job(NamedTuple):
    """One ECG to write: only what the task needs, so that sending tasks to workers stays cheap in
    large cohorts."""

    person: int
    visit: int
    parameters: list[float]
    header: Person
    damage: str | None
    file_name: str


def _write_ecgs(
    simulation: Simulation, people: SimulatedPeople, traits: Traits, folder: Path, workers: int
) -> None:
    """One file per recording, by groups of `_GROUP`."""
    places = np.argwhere(people.recorded).tolist()
    jobs = [_job(people, traits, person, visit) for person, visit in places]
    groups = [jobs[start : start + _GROUP] for start in range(0, len(jobs), _GROUP)]
    write = partial(_write_group, simulation, folder)
    with tqdm(desc="simulating ECGs", unit="file", total=len(jobs)) as progress:
        for files in in_parallel(write, groups, workers):
            progress.update(files)


def _job(people: SimulatedPeople, traits: Traits, person: int, visit: int) -> _Job:
    """What a task needs to write a person's ECG of a visit."""
    header = Person(
        age=float(people.age[person, visit]),
        male=bool(people.male[person]),
        visit_year=int(people.year[person, visit]),
    )
    return _Job(
        person=person,
        visit=visit,
        parameters=traits.values[person].tolist(),
        header=header,
        damage=people.damage.get((person, visit)),
        file_name=_file_name(people, person, visit),
    )


def _write_group(simulation: Simulation, folder: Path, group: list[_Job]) -> int:
    """Writes the files of a group and returns how many they are."""
    for job in group:
        parameters = dict(zip(NAMES, job.parameters, strict=True))
        seed = [simulation.seed, _RECORDINGS, job.person]
        recording = record(parameters, seed, job.visit, simulation.full_disclosure)
        content = cardiosoft_xml(recording, parameters, job.header)
        if job.damage is not None:
            content = damaged(content, job.damage)
        (folder / job.file_name).write_bytes(content)
    return len(group)


def _file_name(people: SimulatedPeople, person: int, visit: int) -> str:
    """A recording's file, named as UK Biobank's are."""
    return f"{people.sample_id[person]}_20205_{FIRST_VISIT + visit}_0.xml"


def _keys(people: SimulatedPeople) -> pd.DataFrame:
    """The columns FID and IID, which are the same here."""
    return pd.DataFrame({"FID": people.sample_id, "IID": people.sample_id})


def _write_table(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, sep="\t", index=False, lineterminator="\n", float_format="%.6g")
