"""A comparison is made of a folder of run directories."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecgae.comparison.axes import Axis, flat
from ecgae.comparison.configurations import Configuration, configurations, twice
from ecgae.comparison.directories import Run, RunFolder, read_runs
from ecgae.comparison.metrics import YIELDS, columns
from ecgae.comparison.verdicts import Judgement, judge
from ecgae.errors import InputError
from ecgae.runs.run_directory import identity

DEFAULT_YIELD = "loci"
"""What rows are ranked by where the runs name several yields to be selected by."""

MOST_DIFFERENCES = 3
"""Settings by which cohorts are told apart in a message."""

TWICE = "the same configuration and seed as another one"
OTHER_PEOPLE = "yardsticks of other people or variants than every model's"
LIKE = (
    "yardsticks that found the same as another one, with settings of the scan that fit fewer models"
)
OTHER_COHORT = "of another cohort"

CIRCULAR = (
    "Some models are scored on everybody, also on people used in training (split=all): picking a model by such a "
    "number is circular. Only a cohort that no model has seen can confirm it."
)


class Comparison(NamedTuple):
    """Everything that the table and the page are made of."""

    folder: Path
    by: str
    """The metric that rows are ranked by."""
    cohort: str
    axes: list[Axis]
    rows: list[Configuration]
    """Models and yardsticks, the highest yield first; those that are not valid come last."""
    judgement: Judgement
    left_out: dict[str, list[str]]
    """Names of the directories that are not compared, by reason."""
    warnings: list[str]

    @property
    def models(self) -> list[Configuration]:
        """The rows that are no yardsticks."""
        return [row for row in self.rows if not row.yardstick]

    @property
    def shown(self) -> list[str]:
        """Metrics to show: `by`, and the others that any row has."""
        return [
            name
            for name in columns(self.by)
            if name == self.by or any(np.isfinite(row.seen(name)).any() for row in self.rows)
        ]


def compare(folder: Path, by: str | None = None, cohort: str | None = None) -> Comparison:
    """The comparison of the finished runs in `folder`.

    by: one of `YIELDS`; None: what the runs were to be selected by. cohort: its name, as the error
    lists it. Raises `InputError` where nothing can be compared, or the runs are of several cohorts
    and none is chosen.
    """
    if by is not None and by not in YIELDS:
        raise InputError(f"--by must be one of {', '.join(YIELDS)}; got {by!r}.")

    runs = read_runs(folder)
    chosen = _chosen_cohort(runs.models or runs.yardsticks, cohort, folder)
    models, yardsticks, left_out = _comparable(runs, chosen)

    selected = {_selected_by(run) for run in models}
    metric = by or (selected.pop() if len(selected) == 1 else DEFAULT_YIELD)

    axes, rows = configurations(models, yardsticks)
    rows.sort(key=lambda row: (not row.valid, -np.nan_to_num(row.value(metric), nan=-np.inf)))
    return Comparison(
        folder=folder,
        by=metric,
        cohort=chosen,
        axes=axes,
        rows=rows,
        judgement=judge(rows, metric),
        left_out=left_out,
        warnings=_warnings(rows, metric),
    )


def _comparable(runs: RunFolder, cohort: str) -> RunFolder:
    """The models and yardsticks that can stand beside one another; the rest is left out, each with
    its reason."""
    models, others = _of_cohort(runs.models, cohort)
    yardsticks, other_yardsticks = _of_cohort(runs.yardsticks, cohort)
    models, copies = twice(models)
    yardsticks, elsewhere = _on_the_same(yardsticks, models)
    yardsticks, like = _once(yardsticks, models)

    reasons = {
        OTHER_COHORT: others + other_yardsticks,
        TWICE: copies,
        OTHER_PEOPLE: elsewhere,
        LIKE: like,
    }
    left_out = runs.left_out | {reason: names for reason, names in reasons.items() if names}
    return RunFolder(models, yardsticks, left_out)


def _chosen_cohort(runs: Sequence[Run], wanted: str | None, folder: Path) -> str:
    """The cohort that is `wanted`, or the only one that there is."""
    counts = Counter(map(_cohort, runs))
    if wanted is None and len(counts) == 1:
        return next(iter(counts))

    matching = [
        name for name in counts if wanted is not None and wanted in (name, name.split("/")[0])
    ]
    if len(matching) == 1:
        return matching[0]

    listed = "; ".join(_told_apart(runs, counts))
    if wanted is not None:
        raise InputError(
            f"--cohort must be one of those in {folder}; got {wanted!r} where they are {listed}."
        )
    raise InputError(
        f"runs must be of one cohort; got {len(counts)} in {folder}: {listed}. "
        f"Choose one, such as --cohort {counts.most_common()[0][0]}."
    )


def _told_apart(runs: Sequence[Run], counts: Counter[str]) -> list[str]:
    """Every cohort with its number of runs and the settings in which it differs from others, most
    runs first."""
    configs = {_cohort(run): flat(_cohort_config(run)) for run in runs}
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    differing = [key for key in keys if len({config.get(key) for config in configs.values()}) > 1]

    listed = []
    for name, count in counts.most_common():
        settings = [f"{key} {configs[name][key]}" for key in differing if key in configs[name]]
        said = [f"{count} run{'s' * (count > 1)}", *settings[:MOST_DIFFERENCES]]
        listed.append(f"{name} ({', '.join(said)})")
    return listed


def _parted(runs: Sequence[Run], keep: Callable[[Run], bool]) -> tuple[list[Run], list[str]]:
    """The runs to keep, and the names of the others."""
    return [run for run in runs if keep(run)], [run.directory.name for run in runs if not keep(run)]


def _of_cohort(runs: Sequence[Run], cohort: str) -> tuple[list[Run], list[str]]:
    """The runs of the cohort, and the names of the others."""
    return _parted(runs, lambda run: _cohort(run) == cohort)


def _cohort_config(run: Run) -> dict[str, Any]:
    """The settings that decide who and what is in the run's cohort."""
    return identity(run.config).get("cohort") or {}


def _cohort(run: Run) -> str:
    """The name of the run's cohort, with six digits of the hash of its settings."""
    config = _cohort_config(run)
    name = str(config.get("_target_", "cohort.unknown.Unknown")).split(".")[-2]
    return f"{name}/{hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:6]}"


def _on_the_same(yardsticks: Sequence[Run], models: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Yardsticks of the variants of a model and, where any are, of its people; and the names of the
    other yardsticks.

    Older ones, of another split say, lie in the same folder.
    """
    if not models:
        return list(yardsticks), []

    both = {_people_and_variants(run) for run in models}
    variants = {run.score["variants_fingerprint"] for run in models}
    settled = {run.yardstick for run in yardsticks if _people_and_variants(run) in both}

    def fits(run: Run) -> bool:
        if run.yardstick in settled:
            return _people_and_variants(run) in both
        return run.score["variants_fingerprint"] in variants

    return _parted(yardsticks, fits)


def _people_and_variants(run: Run) -> tuple[str, str]:
    return run.score["people_fingerprint"], run.score["variants_fingerprint"]


def _once(yardsticks: Sequence[Run], models: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Each yardstick once: where several found the same on every chromosome, the one whose settings
    most models have; and the names of the others."""
    first: dict[str, Run] = {}
    for stick in sorted(
        yardsticks, key=lambda stick: -sum(_agree(stick, model) for model in models)
    ):
        told = [stick.yardstick, *_people_and_variants(stick), stick.score["by_chromosome"]]
        first.setdefault(json.dumps(told, sort_keys=True), stick)

    kept = {stick.directory for stick in first.values()}
    return _parted(yardsticks, lambda stick: stick.directory in kept)


def _agree(stick: Run, model: Run) -> bool:
    """Whether the two configs are the same in every section that both have."""
    one, other = identity(stick.config), identity(model.config)
    return all(one[section] == other[section] for section in one if section in other)


def _selected_by(run: Run) -> str:
    """The first yield that the run was to be selected by."""
    chosen = run.score["select_by"]
    first = chosen if isinstance(chosen, str) else chosen[0]
    return first if first in YIELDS else DEFAULT_YIELD


def _warnings(rows: Sequence[Configuration], metric: str) -> list[str]:
    """What a reader must know before the numbers: sentences."""
    said = []
    models = [row for row in rows if not row.yardstick]
    if any(run.score.get("scored_people") == "all" for row in models for run in row.runs):
        said.append(CIRCULAR)
    if rows and not any(row.valid for row in models):
        said.append("No model passed the gate: no number here is one to choose by.")

    unknown = [row.name for row in rows if not np.isfinite(row.value(metric))]
    if unknown:
        said.append(
            f"{YIELDS[metric].title} is not known of {len(unknown)} rows: {', '.join(unknown[:5])}."
        )
    return said
