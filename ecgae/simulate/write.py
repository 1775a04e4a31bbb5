"""Writes a whole cohort: the genotypes, the ECGs, the covariates and the truth behind them."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Float
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.simulate.cardiosoft_xml import Person, cardiosoft_xml
from ecgae.simulate.damage import damaged
from ecgae.simulate.genotypes import Planted, Summary, write_chromosome
from ecgae.simulate.parameters import (
    NAMES,
    PARAMETERS,
    Traits,
    draw_parameters,
    effects_per_allele,
    parameter_of,
    qt_interval,
)
from ecgae.simulate.people import FIRST_VISIT, People, draw_people, used_visit
from ecgae.simulate.recording import record
from ecgae.simulate.simulation import AUTOSOMES, FORMAT_VERSION, Simulation
from ecgae.simulate.structure import principal_components

PRINCIPAL_COMPONENTS = 10
_PEOPLE, _GENOTYPES, _PARAMETERS, _RECORDINGS = range(4)  # streams of random numbers, one per purpose
_GROUP = 20  # people whose ECGs one task writes

Task = TypeVar("Task")
Result = TypeVar("Result")


def simulate(simulation: Simulation, directory: Path, workers: int) -> None:
    """Writes the cohort to `directory`, with `workers` processes; the files do not depend on their number.

    Everything is written to `<directory>.partial` first, which gets its name at the end: a directory of the final name is
    whole. With more than one worker the caller must be guarded by `if __name__ == "__main__"`.

    Raises `InputError` where `directory` exists, msprime is not installed, or a chromosome has too few variants.
    """
    if directory.exists():
        raise InputError(f"directory must not exist yet; got {directory}. Delete it or choose another one.")
    unfinished = directory.with_name(directory.name + ".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    for folder in ("genotypes", "ecgs", "truth"):
        (unfinished / folder).mkdir(parents=True)
    people = draw_people(simulation, np.random.default_rng([simulation.seed, _PEOPLE]))
    summaries = _write_genotypes(simulation, people, unfinished / "genotypes", workers)
    traits = _write_truth(simulation, people, summaries, unfinished / "truth")
    _write_covariates(people, summaries, unfinished / "covariates.tsv")
    _write_ecgs(simulation, people, traits, unfinished / "ecgs", workers)
    numbers = {"format_version": FORMAT_VERSION, "key": simulation.key, **asdict(simulation), "clipped": traits.clipped}
    (unfinished / "cohort.json").write_text(json.dumps(numbers, indent=2) + "\n")
    os.replace(unfinished, directory)


def _write_genotypes(simulation: Simulation, people: People, folder: Path, workers: int) -> list[Summary]:
    write = partial(write_chromosome, simulation, people=people, stream=_GENOTYPES, folder=folder)
    summaries = _in_parallel(write, range(1, AUTOSOMES + 1), workers)
    return list(tqdm(summaries, desc="simulating genotypes", unit="chromosome", total=AUTOSOMES))


def _write_truth(simulation: Simulation, people: People, summaries: list[Summary], folder: Path) -> Traits:
    """Draws everybody's parameters and writes down what they are and why."""
    rng = np.random.default_rng([simulation.seed, _PARAMETERS])
    planted = sorted(
        (variant for summary in summaries for variant in summary.planted), key=lambda variant: variant.locus
    )
    dosage = np.stack([variant.dosage for variant in planted], axis=1).astype(float) if planted else _no_loci(people)
    explained = simulation.variance_explained * rng.uniform(0.5, 1.5, len(planted))
    effect = effects_per_allele(explained, dosage.var(axis=0), rng.choice([-1.0, 1.0], len(planted)))
    ancestry = np.mean([summary.ancestry for summary in summaries], axis=0)
    age = people.age[:, 0]
    shift = simulation.ancestry_effect * ancestry
    traits = draw_parameters(people.male, age, shift, dosage, effect, explained, rng)
    _write_table(_planted_table(planted, effect, dosage, traits), folder / "planted.tsv")
    columns = pd.DataFrame(traits.values, columns=list(NAMES))
    columns["qt_interval"] = qt_interval(
        traits.values[:, NAMES.index("qtc_interval")], columns["heart_rate"].to_numpy()
    )
    _write_table(pd.concat([_keys(people), columns], axis=1), folder / "parameters.tsv")
    damage = [(_file_name(people, *where), kind) for where, kind in people.damage.items()]
    _write_table(pd.DataFrame(sorted(damage), columns=["file", "damage"]), folder / "damaged.tsv")
    return traits


def _planted_table(
    planted: list[Planted],
    effect: Float[np.ndarray, "locus"],
    dosage: Float[np.ndarray, "individual locus"],
    traits: Traits,
) -> pd.DataFrame:
    parameter = [parameter_of(variant.locus) for variant in planted]
    variance = traits.values.var(axis=0)[parameter]
    table = pd.DataFrame([variant._asdict() for variant in planted], columns=list(Planted._fields))
    table = table.rename(columns={"variant_id": "rsid"}).drop(columns=["locus", "dosage"])
    return table.assign(
        effect_allele_frequency=dosage.mean(axis=0) / 2,
        parameter=[NAMES[column] for column in parameter],
        effect_per_allele=effect,
        unit=[PARAMETERS[column].unit for column in parameter],
        variance_explained=effect**2 * dosage.var(axis=0) / variance,
    )


def _write_covariates(people: People, summaries: list[Summary], file: Path) -> None:
    """Age and centre of the visit whose recording a reader uses, sex (1 = male), and the principal components."""
    person, visit = np.arange(len(people.sample_id)), used_visit(people)
    components = principal_components(
        np.concatenate([summary.structure for summary in summaries], axis=1), PRINCIPAL_COMPONENTS
    )
    table = _keys(people).assign(
        visit=FIRST_VISIT + visit,
        age=people.age[person, visit],
        sex=people.male.astype(int),
        centre=people.centre[person, visit],
        **{f"PC{i + 1}": components[:, i] for i in range(PRINCIPAL_COMPONENTS)},
    )
    _write_table(table, file)


class _Group(NamedTuple):
    """A few people whose ECGs are written by one task."""

    people: list[int]
    parameters: list[dict[str, float]]


def _write_ecgs(simulation: Simulation, people: People, traits: Traits, folder: Path, workers: int) -> None:
    groups = []
    for start in range(0, len(people.sample_id), _GROUP):
        members = list(range(start, min(start + _GROUP, len(people.sample_id))))
        rows = traits.values[members].tolist()
        groups.append(_Group(members, [dict(zip(NAMES, row, strict=True)) for row in rows]))
    write = partial(_write_group, simulation, people, folder)
    with tqdm(desc="simulating ECGs", unit="file", total=int(people.recorded.sum())) as progress:
        for files in _in_parallel(write, groups, workers):
            progress.update(files)


def _write_group(simulation: Simulation, people: People, folder: Path, group: _Group) -> int:
    """Writes the files of a group and returns how many."""
    files = 0
    for person, parameters in zip(group.people, group.parameters, strict=True):
        for visit in np.flatnonzero(people.recorded[person]).tolist():
            seed = [simulation.seed, _RECORDINGS, person]
            recording = record(parameters, seed, visit, simulation.full_disclosure)
            header = Person(people.age[person, visit], people.male[person], people.year[person, visit])
            content = cardiosoft_xml(recording, parameters, header)
            if (person, visit) in people.damage:
                content = damaged(content, people.damage[person, visit])
            (folder / _file_name(people, person, visit)).write_bytes(content)
            files += 1
    return files


def _in_parallel(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """The results in the order of the tasks; in this process where one worker is asked for."""
    if workers <= 1:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, tasks)


def _file_name(people: People, person: int, visit: int) -> str:
    return f"{people.sample_id[person]}_20205_{FIRST_VISIT + visit}_0.xml"


def _keys(people: People) -> pd.DataFrame:
    return pd.DataFrame({"FID": people.sample_id, "IID": people.sample_id})


def _no_loci(people: People) -> Float[np.ndarray, "individual locus"]:
    return np.zeros((len(people.sample_id), 0))


def _write_table(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, sep="\t", index=False, lineterminator="\n", float_format="%.6g")
