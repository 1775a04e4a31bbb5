"""The figures of a comparison. A comparison in, Matplotlib figures out; no files."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgae.comparison.axes import Axis, by_size
from ecgae.comparison.choice_yield import Choice
from ecgae.comparison.configurations import Configuration
from ecgae.comparison.metrics import METRICS
from ecgae.comparison.pareto import pareto_front
from ecgae.comparison.verdicts import Verdict
from ecgae.report.style import (
    ACCENT,
    INK,
    LEGEND,
    MUTED,
    SECOND,
    SMALL,
    WARN,
    new_figure,
    styled,
)

MOST_NAMED = 6
"""Models on the Pareto front that are named in the figure."""

MOST_SHOWN = 40
"""Differences that are drawn."""

COLOURS = "viridis"
"""Matplotlib's colours for low to high yields."""

LINE_HEIGHT = 0.045
"""Height of a line of text, as a share of the figure's axis."""


@styled
def yield_against_quality(rows: Sequence[Configuration], metric: str) -> Figure:
    """Every model as a point with its errors; the Pareto front is joined, yardsticks are lines."""
    models = [row for row in rows if not row.yardstick]
    measured = [row.measured(metric) for row in models]
    quality = [row.measured("r2_recorded") for row in models]
    x, y = (np.array([one.value for one in some]) for some in (quality, measured))
    across = np.nan_to_num([one.seed_error for one in quality])
    up = np.hypot(*np.nan_to_num([[one.genome_error, one.seed_error] for one in measured]).T)
    valid = np.array([row.valid for row in models], dtype=bool)

    figure = new_figure(9, 4.8)
    axes = figure.add_subplot()
    style: dict[str, Any] = {"fmt": "o", "ms": 6, "color": ACCENT, "ecolor": SECOND, "lw": 1}
    axes.errorbar(x[valid], y[valid], up[valid], across[valid], label="valid model", **style)
    if not valid.all():
        axes.plot(x[~valid], y[~valid], "x", ms=7, c=WARN, label="not valid")

    front = np.flatnonzero(valid)[pareto_front(np.column_stack([x, y])[valid])]
    front = front[np.argsort(x[front])]
    axes.step(x[front], y[front], where="pre", c=INK, lw=1, ls=":", label="Pareto front")
    axes.set_xlabel("R$^2$ of the reconstruction (median over people held out of training)")
    axes.set_ylabel(METRICS[metric].title)
    axes.margins(x=0.14, y=0.12)

    for number in front[:MOST_NAMED]:
        axes.annotate(
            models[number].name,
            (x[number], y[number]),
            fontsize=7.5,
            xytext=(6, 6),
            textcoords="offset points",
            rotation=20,
            rotation_mode="anchor",
        )
    _yardstick_lines(axes, [row for row in rows if row.yardstick], metric)
    figure.legend(**LEGEND, loc="outside lower center", ncols=3)
    return figure


def _yardstick_lines(axes: Axes, yardsticks: Sequence[Configuration], metric: str) -> None:
    """Draws the yardsticks as lines, named at the right, one above the other where they are
    close."""
    known = [(row.value(metric), row.name) for row in yardsticks]
    lines = sorted((value, name) for value, name in known if np.isfinite(value))
    for value, _ in lines:
        axes.axhline(value, color=MUTED, lw=1, ls="--", zorder=0)

    low, high = axes.get_ylim()
    lowest = -np.inf
    for value, name in lines:
        lowest = max(value, lowest + LINE_HEIGHT * (high - low))
        axes.annotate(
            name,
            (1.01, lowest),
            xycoords=axes.get_yaxis_transform(),
            fontsize=SMALL,
            color=MUTED,
            va="center",
        )


@styled
def parallel_coordinates(
    rows: Sequence[Configuration], axes_of: Sequence[Axis], metric: str
) -> Figure:
    """A line per valid model through its choices to its yield, which gives the colour."""
    models = [row for row in rows if not row.yardstick and np.isfinite(row.value(metric))]
    yields = np.array([row.value(metric) for row in models])
    low, high = (yields.min(), yields.max()) if len(yields) else (0.0, 1.0)
    scale = mpl.colors.Normalize(low, high if high > low else low + 1)
    levels = [by_size(row.values[axis.key] for row in models) for axis in axes_of]

    figure = new_figure(max(6, 1.7 * (len(axes_of) + 1)), 4.4)
    axes = figure.add_subplot()
    # Lines through the same values lie beside one another.
    fan = np.linspace(-0.03, 0.03, len(models)) if len(models) > 1 else np.zeros(1)
    for number in np.argsort(yields):
        row = models[number]
        heights = [
            _height(order.index(row.values[axis.key]), len(order)) + fan[number]
            for axis, order in zip(axes_of, levels, strict=True)
        ]
        style: dict[str, Any] = (
            {"lw": 1.6, "alpha": 0.9} if row.valid else {"lw": 1, "ls": ":", "alpha": 0.6}
        )
        axes.plot(
            [*range(len(heights)), len(heights)],
            [*heights, float(scale(yields[number]))],
            c=mpl.colormaps[COLOURS](scale(yields[number])),
            **style,
        )

    _name_levels(axes, levels)
    axes.axvline(len(levels), color=MUTED, lw=1, zorder=0)
    axes.set_xticks(
        range(len(levels) + 1), [*(axis.name for axis in axes_of), METRICS[metric].title]
    )
    for value in np.linspace(low, scale.vmax or high, 5):
        axes.text(
            len(levels) + 0.04, float(scale(value)), f"{value:.3g}", va="center", fontsize=SMALL
        )

    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlim(-0.35, len(levels) + 0.35)
    axes.set_ylim(-0.08, 1.14)
    return figure


def _name_levels(axes: Axes, levels: Sequence[Sequence[str]]) -> None:
    """Draws a line for each axis of a comparison, with its values beside it."""
    for place, order in enumerate(levels):
        axes.axvline(place, color=MUTED, lw=1, zorder=0)
        for level, value in enumerate(order):
            axes.text(
                place,
                _height(level, len(order)) + LINE_HEIGHT,
                value or "\u2013",
                ha="center",
                va="bottom",
                fontsize=SMALL,
                color=INK,
                bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.8},
            )


def _height(level: int, levels: int) -> float:
    """Where one of so many levels lies, from 0 to 1."""
    return 0.5 if levels == 1 else level / (levels - 1)


@styled
def effects(judged: Sequence[Choice], metric: str) -> Figure:
    """How far the yield lies above the mean over each axis, value by value, with 95 % intervals."""
    figure = new_figure(7, 0.3 * len(judged) + 1.1)
    axes = figure.add_subplot()

    other_axis = [
        index > 0 and one.axis != judged[index - 1].axis for index, one in enumerate(judged)
    ]
    places = np.arange(len(judged)) + np.cumsum(other_axis) * 0.6
    effect = np.array([one.effect for one in judged])
    error = [one.margin for one in judged]
    axes.axvline(0, color=MUTED, lw=1)
    axes.errorbar(effect, places, xerr=error, fmt="o", ms=5, color=ACCENT, lw=1.4)

    names = [
        f"{one.axis.name}: {one.value}" if one.axis.is_choice else one.axis.label(one.value)
        for one in judged
    ]
    _name_rows(axes, places, names)
    axes.set_ylim(places[-1] + 0.7, -0.7)
    axes.set_xlabel(f"{METRICS[metric].title} above the mean of the axis (95 % interval)")
    return figure


@styled
def differences(verdicts: Sequence[Verdict], metric: str) -> Figure:
    """Each other configuration less the best one, with 95 % intervals of that pair alone."""
    shown = [verdict for verdict in verdicts if not verdict.reason][:MOST_SHOWN]
    figure = new_figure(8, 0.28 * len(shown) + 1.1)
    axes = figure.add_subplot()

    axes.axvline(0, color=INK, lw=1)
    for place, verdict in enumerate(shown):
        colour = WARN if verdict.real else MUTED
        axes.errorbar(
            -verdict.difference,
            place,
            xerr=np.nan_to_num(verdict.margin),
            fmt="s" if verdict.other_is_yardstick else "o",
            ms=5,
            color=colour,
            lw=1.4,
        )

    names = [
        f"[{verdict.other}]" if verdict.other_is_yardstick else verdict.other for verdict in shown
    ]
    _name_rows(axes, range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel(f"{METRICS[metric].title} less those of {shown[0].best}" if shown else "")
    return figure


def _name_rows(axes: Axes, places: Any, names: Sequence[str]) -> None:
    """Names at the left in the place of an axis."""
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
