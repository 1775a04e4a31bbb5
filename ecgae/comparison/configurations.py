"""Runs that are the same but for the seed of the training are one configuration."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ecgae.comparison.axes import ABSENT, Axis, differing, flat
from ecgae.comparison.directories import Run
from ecgae.comparison.metrics import METRICS
from ecgae.runs.run_directory import identity
from ecgae.statistics.jackknife import jackknife

LONGEST = 60
"""Most letters of a configuration's name that is made of its choices; where it would be longer, the
name is its first run's."""

NOT_OF_A_CONFIGURATION = ("trainer.seed", "score.select_by", "cohort")
"""Keys that say which of several like runs one is, what is returned of it, or in whom all were
scored."""


class Measured(NamedTuple):
    """One number of a configuration."""

    value: float
    """Mean over seeds; NaN where it is not known."""
    genome_error: float
    """Standard error by a jackknife over chromosomes; NaN where it is not known."""
    seed_error: float
    """Standard error of the mean over seeds; NaN for a single one."""


@dataclass(frozen=True, eq=False)
class Configuration:
    """One row of the comparison. Its numbers are means over its believed runs."""

    runs: tuple[Run, ...]
    values: dict[str, str]
    """The value on each axis, by the axis's key; empty for a yardstick."""
    name: str

    @property
    def yardstick(self) -> bool:
        return self.runs[0].yardstick is not None

    @cached_property
    def believed(self) -> tuple[Run, ...]:
        """The runs that passed the gate; all where none did."""
        return tuple(run for run in self.runs if run.score["valid"]) or self.runs

    @property
    def valid(self) -> bool:
        """Whether any of its runs passed the gate."""
        return any(run.score["valid"] for run in self.runs)

    def seen(self, metric: str) -> Float[np.ndarray, " run"]:
        """The metric of each believed run; NaN where it is not known."""
        return np.array([_number(run.score.get(metric)) for run in self.believed])

    def parts(self, metric: str) -> Float[np.ndarray, " chromosome"]:
        """What each chromosome adds to the metric, mean over seeds: its own count or, where the
        metric is a mean over variants, its share of that mean."""
        return self.parts_by_seed(metric).mean(axis=0)

    def parts_by_seed(self, metric: str) -> Float[np.ndarray, "run chromosome"]:
        """What each chromosome adds to the metric of each believed run."""
        parts = np.array([_by_chromosome(run, metric) for run in self.believed])
        return parts if METRICS[metric].counts else parts * self.sizes / self.sizes.sum()

    @cached_property
    def sizes(self) -> Float[np.ndarray, " chromosome"]:
        """Tested variants by chromosome, without chromosomes that have none."""
        return _by_chromosome(self.believed[0], "n_variants")

    def value(self, metric: str) -> float:
        """The metric, mean over seeds; NaN where it is not known."""
        return float(self.seen(metric).mean())

    def measured(self, metric: str) -> Measured:
        """The metric with its errors."""
        seen = self.seen(metric)
        spread = seen.std(ddof=1) / np.sqrt(len(seen)) if len(seen) > 1 else np.nan
        return Measured(self.value(metric), self._genome_error(metric), float(spread))

    def _genome_error(self, metric: str) -> float:
        if METRICS[metric].by_chromosome and self.same_chromosomes:
            return float(jackknife(self.parts(metric)[:, None], self.sizes).standard_error[0])
        # The error of one seed, not of the mean over seeds: no seed has another genome.
        errors = [_number(run.score["standard_errors"].get(metric)) for run in self.believed]
        return float(np.sqrt(np.mean(np.square(errors))))

    @cached_property
    def same_chromosomes(self) -> bool:
        """Whether all its runs tested the same variants, chromosome by chromosome."""
        return len({run.score["variants_fingerprint"] for run in self.believed}) == 1


def configurations(
    models: Sequence[Run], yardsticks: Sequence[Run]
) -> tuple[list[Axis], list[Configuration]]:
    """The axes along which the models differ, and a row for every configuration and yardstick."""
    groups: dict[str, list[Run]] = {}
    for run in models:
        groups.setdefault(_key(run), []).append(run)
    configs = [_described(runs[0]) for runs in groups.values()]
    axes = differing(configs)

    rows = []
    for config, runs in zip(configs, groups.values(), strict=True):
        values = {axis.key: config.get(axis.key, ABSENT) for axis in axes}
        said = [axis.label(values[axis.key]) for axis in axes if values[axis.key] != ABSENT]
        name = " / ".join(said)
        if not 0 < len(name) <= LONGEST:
            name = runs[0].directory.name
        rows.append(Configuration(tuple(runs), values, name))

    rows += [Configuration((run,), {}, str(run.yardstick)) for run in yardsticks]
    return axes, _with_names_of_their_own(rows)


def twice(models: Iterable[Run]) -> tuple[list[Run], list[str]]:
    """The runs, each configuration and seed once; and the names of the later ones."""
    seen, kept, names = set(), [], []
    for run in models:
        key = (_key(run), str((run.config.get("trainer") or {}).get("seed")))
        if key in seen:
            names.append(run.directory.name)
        else:
            seen.add(key)
            kept.append(run)
    return kept, names


def _described(run: Run) -> dict[str, str]:
    """The flat config of a run, without what differs between the runs of one configuration."""
    return {
        key: value
        for key, value in flat(identity(run.config)).items()
        if key not in NOT_OF_A_CONFIGURATION and not key.startswith("cohort.")
    }


def _key(run: Run) -> str:
    """The same text for all runs of a configuration."""
    return json.dumps(_described(run), sort_keys=True)


def _with_names_of_their_own(rows: list[Configuration]) -> list[Configuration]:
    """Yardsticks of different settings get their directory's hash."""
    names = [row.name for row in rows if row.yardstick]
    return [
        replace(row, name=row.runs[0].directory.name)
        if row.yardstick and names.count(row.name) > 1
        else row
        for row in rows
    ]


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def _by_chromosome(run: Run, metric: str) -> Float[np.ndarray, " chromosome"]:
    """The metric on each chromosome that has tested variants."""
    tested = run.score["by_chromosome"]
    sizes = tested["n_variants"]
    return np.array([_number((tested[metric] or {}).get(name)) for name in sizes if sizes[name]])
