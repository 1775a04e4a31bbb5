"""Who the simulated people are, when they came, and which of their files are damaged."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ecgae.recordings.simulate.damage import DAMAGES
from ecgae.recordings.simulate.simulation import Simulation

FIRST_VISIT, SECOND_VISIT = 2, 3
"""UK Biobank's numbers of its imaging visit and of the repeat."""

CENTRES = (11025, 11026, 11027, 11028)
"""UK Biobank's numbers of its imaging centres."""


class SimulatedPeople(NamedTuple):
    """Everybody in the cohort, in order of their ids. Visits run along the second axis: first,
    second."""

    sample_id: Int[np.ndarray, "individual"]
    """Ids of seven digits."""
    male: Bool[np.ndarray, "individual"]
    age: Float[np.ndarray, "individual visit=2"]
    """Age in years at each visit."""
    centre: Int[np.ndarray, "individual visit=2"]
    """The centre of each visit, one of `CENTRES`."""
    year: Int[np.ndarray, "individual visit=2"]
    """The calendar year of each visit."""
    recorded: Bool[np.ndarray, "individual visit=2"]
    """At which visits an ECG was recorded."""
    damage: dict[tuple[int, int], str]
    """Damaged files by person and column of `recorded`."""
    genome: Int[np.ndarray, "individual"]
    """Which of the simulated genomes is the person's."""


def draw_people(simulation: Simulation, rng: np.random.Generator) -> SimulatedPeople:
    """People at random: half of them women, 46 to 82 years old, in one of four centres."""
    n = simulation.individuals
    age = np.clip(rng.normal(64, 7.5, n), 46, 82).round(1)
    interval = rng.uniform(2, 3, n).round(1)
    year = rng.integers(2014, 2019, n)

    order = rng.permutation(n)
    repeats = round(simulation.repeat_visits * n)
    second_only = min(round(simulation.second_visit_only * n), n - repeats)
    recorded = np.zeros((n, 2), dtype=bool)
    recorded[:, 0] = True
    recorded[order[:repeats], 1] = True
    recorded[order[repeats : repeats + second_only]] = [False, True]

    centre = rng.choice(CENTRES, n)
    moved = rng.random(n) < 0.1
    numbers = 9_000_000 if n > 500_000 else 5_000_000
    return SimulatedPeople(
        sample_id=np.sort(1_000_000 + rng.choice(numbers, n, replace=False)),
        male=rng.random(n) < 0.5,
        age=np.stack([age, (age + interval).round(1)], axis=1),
        centre=np.stack([centre, np.where(moved, rng.choice(CENTRES, n), centre)], axis=1),
        year=np.stack([year, year + np.rint(interval).astype(int)], axis=1),
        recorded=recorded,
        damage=_draw_damage(simulation.damaged, recorded, rng),
        genome=rng.permutation(n),
    )


def used_visit(people: SimulatedPeople) -> Int[np.ndarray, "individual"]:
    """The column of each person's earliest intact recording; of the earliest one where all are
    damaged."""
    intact = people.recorded.copy()
    for person, visit in people.damage:
        intact[person, visit] = False
    candidates = np.where(intact.any(axis=1, keepdims=True), intact, people.recorded)
    return candidates.argmax(axis=1)


def _draw_damage(
    files: int, recorded: Bool[np.ndarray, "individual visit=2"], rng: np.random.Generator
) -> dict[tuple[int, int], str]:
    """One damaged file per drawn person, each kind in turn; every third is the first of two, if
    there are such."""
    repeaters = list(rng.permutation(np.flatnonzero(recorded.all(axis=1))))
    others = list(rng.permutation(np.flatnonzero(~recorded.all(axis=1))))
    kinds = list(DAMAGES)
    damage = {}
    for number in range(files):
        pool = repeaters if repeaters and (number % 3 == 2 or not others) else others
        person = int(pool.pop())
        damage[person, int(recorded[person].argmax())] = kinds[number % len(kinds)]
    return damage
