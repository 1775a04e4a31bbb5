"""From a folder of run directories to a comparison."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecgae.comparison.axes import Axis, flat
from ecgae.comparison.configurations import Configuration, configurations, twice
from ecgae.comparison.directories import Run, read_runs
from ecgae.comparison.metrics import YIELDS, columns
from ecgae.comparison.verdicts import Judgement, judge
from ecgae.errors import InputError
from ecgae.runs.run_directory import identity

DEFAULT_YIELD = "loci"

TWICE = "the same configuration and seed as another one"
OTHER_PEOPLE = "yardsticks of other people or variants than every model's"
LIKE = (
    "yardsticks that found the same as another one, with settings of the scan that fit fewer models"
)
OTHER_COHORT = "of another cohort"

CIRCULAR = (
    "Some are scored on everybody, those included whom they were trained on (split=all): picking a model by such a "
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
    """By yield, the best first; those that are not valid come last."""
    judgement: Judgement
    left_out: dict[str, list[str]]
    """Names of directories, by reason."""
    warnings: list[str]

    @property
    def models(self) -> list[Configuration]:
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
    """Raises `InputError` where nothing can be compared, or the runs are of several cohorts and
    none is chosen.

    by: one of `YIELDS`; None: what the runs were to be selected by. cohort: its name, as the error
    lists it.
    """
    if by is not None and by not in YIELDS:
        raise InputError(f"--by must be one of {', '.join(YIELDS)}; got {by!r}.")
    found = read_runs(folder)
    left_out = dict(found.left_out)
    chosen = _chosen_cohort(found.models or found.yardsticks, cohort, folder)
    models, others = _of_cohort(found.models, chosen)
    yardsticks, other_yardsticks = _of_cohort(found.yardsticks, chosen)
    models, names = twice(models)
    yardsticks, elsewhere = _on_the_same(yardsticks, models)
    yardsticks, like = _once(yardsticks, models)
    reasons = {
        OTHER_COHORT: others + other_yardsticks,
        TWICE: names,
        OTHER_PEOPLE: elsewhere,
        LIKE: like,
    }
    for reason, some in reasons.items():
        if some:
            left_out[reason] = some
    selected = {_selected_by(run) for run in models}
    metric = by or (selected.pop() if len(selected) == 1 else DEFAULT_YIELD)
    axes, rows = configurations(models, yardsticks)
    rows.sort(key=lambda row: (not row.valid, -np.nan_to_num(row.value(metric), nan=-np.inf)))
    return Comparison(
        folder, metric, chosen, axes, rows, judge(rows, metric), left_out, _warnings(rows, metric)
    )


def _chosen_cohort(runs: Sequence[Run], wanted: str | None, folder: Path) -> str:
    counts = Counter(map(_cohort, runs))
    if wanted is None and len(counts) == 1:
        return next(iter(counts))
    matching = [
        name for name in counts if wanted is not None and wanted in (name, name.split("/")[0])
    ]
    if len(matching) == 1:
        return matching[0]
    configs = {_cohort(run): flat(_cohort_config(run)) for run in runs}
    keys = [key for config in configs.values() for key in config]
    differing = [
        key
        for key in dict.fromkeys(keys)
        if len({config.get(key) for config in configs.values()}) > 1
    ]
    listed = []
    for name, count in counts.most_common():
        said = [f"{count} run{'s' * (count > 1)}"]
        said += [f"{key} {configs[name][key]}" for key in differing if key in configs[name]][:3]
        listed.append(f"{name} ({', '.join(said)})")
    if wanted is not None:
        raise InputError(
            f"--cohort must be one of those in {folder}; got {wanted!r} where they are {'; '.join(listed)}."
        )
    raise InputError(
        f"runs must be of one cohort; got {len(counts)} in {folder}: {'; '.join(listed)}. "
        f"Choose one, such as --cohort {counts.most_common()[0][0]}."
    )


def _of_cohort(runs: Sequence[Run], cohort: str) -> tuple[list[Run], list[str]]:
    """Those of the cohort, and the names of the others."""
    return [run for run in runs if _cohort(run) == cohort], [
        run.directory.name for run in runs if _cohort(run) != cohort
    ]


def _cohort_config(run: Run) -> dict[str, Any]:
    return identity(run.config).get("cohort") or {}


def _cohort(run: Run) -> str:
    """Its name and six digits of what decides who and what is in it."""
    config = _cohort_config(run)
    name = str(config.get("_target_", "cohort.unknown.Unknown")).split(".")[-2]
    return f"{name}/{hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:6]}"


def _on_the_same(yardsticks: Sequence[Run], models: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Yardsticks of the variants of a model and, where any are, of its people; the names of the
    others.

    Older ones, of another split say, lie in the same folder.
    """
    if not models:
        return list(yardsticks), []
    both = {(run.score["people_fingerprint"], run.score["variants_fingerprint"]) for run in models}
    exact = [
        run
        for run in yardsticks
        if (run.score["people_fingerprint"], run.score["variants_fingerprint"]) in both
    ]
    settled = {run.yardstick for run in exact}
    variants = {run.score["variants_fingerprint"] for run in models}
    near = [
        run
        for run in yardsticks
        if run.score["variants_fingerprint"] in variants and run.yardstick not in settled
    ]
    kept = {run.directory for run in exact + near}
    return [run for run in yardsticks if run.directory in kept], [
        run.directory.name for run in yardsticks if run.directory not in kept
    ]


def _once(yardsticks: Sequence[Run], models: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Of yardsticks that found the same in every chromosome the one whose settings most models
    have."""
    kept: dict[str, Run] = {}
    for stick in sorted(
        yardsticks, key=lambda stick: -sum(_agree(stick, model) for model in models)
    ):
        score = stick.score
        found = [score["people_fingerprint"], score["variants_fingerprint"], score["by_chromosome"]]
        kept.setdefault(json.dumps([stick.yardstick, *found], sort_keys=True), stick)
    some = {stick.directory for stick in kept.values()}
    return [stick for stick in yardsticks if stick.directory in some], [
        stick.directory.name for stick in yardsticks if stick.directory not in some
    ]


def _agree(stick: Run, model: Run) -> bool:
    one, other = identity(stick.config), identity(model.config)
    return all(one[section] == other[section] for section in one if section in other)


def _selected_by(run: Run) -> str:
    """The first that the run was to be selected by."""
    chosen = run.score["select_by"]
    first = chosen if isinstance(chosen, str) else chosen[0]
    return first if first in YIELDS else DEFAULT_YIELD


def _warnings(rows: Sequence[Configuration], metric: str) -> list[str]:
    said = []
    if any(
        run.score.get("scored_people") == "all"
        for row in rows
        if not row.yardstick
        for run in row.runs
    ):
        said.append(CIRCULAR)
    if rows and not any(row.valid for row in rows if not row.yardstick):
        said.append("No model passed the gate: no number here is one to choose by.")
    unknown = [row.name for row in rows if not np.isfinite(row.value(metric))]
    if unknown:
        said.append(
            f"{YIELDS[metric].title} is not known of {len(unknown)} rows: {', '.join(unknown[:5])}."
        )
    return said
