"""What each choice of each axis did to the yield."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from ecgae.comparison.axes import ABSENT, Axis, by_size
from ecgae.comparison.configurations import Configuration
from ecgae.comparison.effects import marginal_effects
from ecgae.comparison.metrics import METRICS
from ecgae.statistics.jackknife import jackknife


class Choice(NamedTuple):
    """One value of one axis."""

    axis: Axis
    value: str
    configurations: int
    """Valid ones that have it."""
    mean: float
    """Of their yields."""
    effect: float
    """Above the mean over the axis, the others the same; NaN where it cannot be told from another
    axis."""
    standard_error: float
    """Over the combinations of the other axes; NaN where there is one."""
    genome_error: float
    """By a jackknife over chromosomes; NaN where it is not known."""
    margin: float
    """Half the width of the 95 % interval of both errors together; 0 where none is known."""
    paired: bool


def choices(rows: Sequence[Configuration], axes: Sequence[Axis], metric: str) -> list[Choice]:
    """Of the models among `rows` that are valid. An axis that only some configurations have is
    judged among those."""
    believed = [
        row for row in rows if row.valid and not row.yardstick and np.isfinite(row.value(metric))
    ]
    found = []
    for axis in axes:
        having = [row for row in believed if row.values[axis.key] != ABSENT]
        values = by_size(row.values[axis.key] for row in having)
        if len(values) > 1:
            found += _of_axis(having, axes, axis, values, metric)
    return found


def _of_axis(
    rows: Sequence[Configuration], axes: Sequence[Axis], axis: Axis, values: list[str], metric: str
) -> list[Choice]:
    columns = []
    for one in axes:
        order = by_size(row.values[one.key] for row in rows)
        columns.append([order.index(row.values[one.key]) for row in rows])
    levels = np.array(columns).T
    yields = np.array([row.value(metric) for row in rows])
    place = list(axes).index(axis)
    found = marginal_effects(levels, place, yields)
    genome = _genome_errors(rows, levels, place, metric)
    own = np.nan_to_num(found.standard_error * stdtrit(max(found.degrees_of_freedom, 1), 0.975))
    margin = np.hypot(own, np.nan_to_num(genome * stdtrit(max(len(rows[0].sizes) - 1, 1), 0.975)))
    return [
        Choice(
            axis,
            value,
            int((levels[:, place] == number).sum()),
            float(yields[levels[:, place] == number].mean()),
            float(found.effect[number]),
            float(found.standard_error[number]),
            float(genome[number]),
            float(margin[number]),
            found.paired,
        )
        for number, value in enumerate(values)
    ]


def _genome_errors(
    rows: Sequence[Configuration], levels: np.ndarray, place: int, metric: str
) -> np.ndarray:
    """Of each level's effect, which is a sum over chromosomes as yields are."""
    variants = {run.score["variants_fingerprint"] for row in rows for run in row.believed}
    if not METRICS[metric].by_chromosome or len(variants) > 1:
        return np.full(int(levels[:, place].max()) + 1, np.nan)
    parts = np.array([row.parts(metric) for row in rows])
    effects = np.array([marginal_effects(levels, place, column).effect for column in parts.T])
    return jackknife(effects, rows[0].sizes).standard_error
