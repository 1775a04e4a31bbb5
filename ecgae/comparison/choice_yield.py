"""How the yield changes with each choice of each axis."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
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
    """The number of valid configurations that have this value."""
    mean: float
    """The mean yield of those configurations."""
    effect: float
    """How far the yield lies above the mean over the axis, the other axes the same; NaN where it
    cannot be told from another axis."""
    standard_error: float
    """Standard error of the effect over the combinations of the other axes; NaN where there is
    one."""
    genome_error: float
    """Standard error of the effect by a jackknife over chromosomes; NaN where it is not known."""
    margin: float
    """Half the width of the effect's 95 % interval, by both errors; 0 where none is known."""
    paired: bool
    """Whether the effect is a mean over pairs that differ in nothing else (see
    `marginal_effects`)."""


def choices(rows: Sequence[Configuration], axes: Sequence[Axis], metric: str) -> list[Choice]:
    """Every choice of the models among `rows` that are valid.

    An axis that only some configurations have is judged among those.
    """
    believed = [
        row for row in rows if row.valid and not row.yardstick and np.isfinite(row.value(metric))
    ]

    judged = []
    for axis in axes:
        having = [row for row in believed if row.values[axis.key] != ABSENT]
        values = by_size(row.values[axis.key] for row in having)
        if len(values) > 1:
            judged += _of_axis(having, axes, axis, values, metric)
    return judged


def _of_axis(
    rows: Sequence[Configuration], axes: Sequence[Axis], axis: Axis, values: list[str], metric: str
) -> list[Choice]:
    """The choices of one axis, in the order of `values`."""
    levels = _levels(rows, axes)
    place = list(axes).index(axis)
    yields = np.array([row.value(metric) for row in rows])

    marginal = marginal_effects(levels, place, yields)
    genome = _genome_errors(rows, levels, place, metric)
    own = marginal.standard_error * stdtrit(max(marginal.degrees_of_freedom, 1), 0.975)
    luck = genome * stdtrit(max(len(rows[0].sizes) - 1, 1), 0.975)
    margin = np.hypot(np.nan_to_num(own), np.nan_to_num(luck))

    judged = []
    for number, value in enumerate(values):
        having = levels[:, place] == number
        judged.append(
            Choice(
                axis=axis,
                value=value,
                configurations=int(having.sum()),
                mean=float(yields[having].mean()),
                effect=float(marginal.effect[number]),
                standard_error=float(marginal.standard_error[number]),
                genome_error=float(genome[number]),
                margin=float(margin[number]),
                paired=marginal.paired,
            )
        )
    return judged


def _levels(
    rows: Sequence[Configuration], axes: Sequence[Axis]
) -> Int[np.ndarray, "configuration axis"]:
    """The values of every configuration, numbered from 0 along each axis."""
    columns = []
    for axis in axes:
        order = by_size(row.values[axis.key] for row in rows)
        columns.append([order.index(row.values[axis.key]) for row in rows])
    return np.array(columns).T


def _genome_errors(
    rows: Sequence[Configuration],
    levels: Int[np.ndarray, "configuration axis"],
    place: int,
    metric: str,
) -> Float[np.ndarray, " level"]:
    """Standard error of each level's effect, which is a sum over chromosomes as yields are."""
    variants = {run.score["variants_fingerprint"] for row in rows for run in row.believed}
    if not METRICS[metric].by_chromosome or len(variants) > 1:
        return np.full(int(levels[:, place].max()) + 1, np.nan)
    parts = np.array([row.parts(metric) for row in rows])
    effects = np.array([marginal_effects(levels, place, column).effect for column in parts.T])
    return jackknife(effects, rows[0].sizes).standard_error
