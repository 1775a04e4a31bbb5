"""Which loci are shared: a bar for every set of configurations that found the same ones."""

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgae.comparison.found_loci import FoundLoci, Pattern, patterns
from ecgae.report.style import (
    ACCENT,
    INK,
    LEGEND,
    LINE,
    MEDIUM,
    MUTED,
    SMALL,
    WARN,
    new_figure,
    styled,
)

MOST_ROWS, MOST_SETS = 12, 30
"""Configurations, and sets of them, that are drawn."""


@styled
def overlap(shared: FoundLoci) -> Figure:
    """The shared loci as UpSet draws them: sets as columns of dots, their number of loci above,
    each configuration's own number at the left.

    At most about `MOST_ROWS` rows, and the largest `MOST_SETS` sets among them; colours say what is
    planted (in simulations) or known there.
    """
    chosen = _chosen(shared)
    has = shared.found[:, chosen]
    sets = patterns(has)[:MOST_SETS]
    mark, label, colour = _mark(shared)

    figure = new_figure(max(7, 0.3 * len(sets) + 4), 0.26 * len(chosen) + 3)
    grid = figure.subplots(
        2, 2, height_ratios=[7, max(len(chosen), 2)], width_ratios=[1, max(len(sets) / 8, 2)]
    )
    corner, above, left, dots = grid.ravel()
    corner.set_axis_off()
    _bars(above, sets, mark, label, colour)
    _dots(dots, sets, len(chosen))

    rows = [shared.rows[number] for number in chosen]
    names = [f"[{row.name}]" if row.yardstick else row.name for row in rows]
    _sizes(left, has.sum(axis=0), names)
    for axes in (left, dots):
        axes.set_ylim(len(chosen) - 0.4, -0.6)
    return figure


def _sizes(axes: Axes, sizes: Int[np.ndarray, " row"], names: list[str]) -> None:
    """Draws each configuration's number of loci as a bar to the left."""
    axes.barh(range(len(sizes)), sizes, color=MUTED, height=0.6)
    for place, size in enumerate(sizes):
        axes.text(size, place, f" {size} ", ha="right", va="center", fontsize=SMALL)
    axes.set_xlim(1.2 * sizes.max(initial=1), 0)
    axes.set_yticks(range(len(sizes)), names, fontsize=SMALL)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_xlabel("loci", fontsize=SMALL)


def _chosen(shared: FoundLoci) -> list[int]:
    """Columns of every yardstick and of the best models, in the order of the rows."""
    some = [number for number in range(len(shared.rows)) if shared.found[:, number].any()]
    sticks = [number for number in some if shared.rows[number].yardstick]
    models = [number for number in some if not shared.rows[number].yardstick]
    return sorted(sticks + models[: max(MOST_ROWS - len(sticks), 2)])


def _mark(shared: FoundLoci) -> tuple[np.ndarray, tuple[str, str], tuple[str, str]]:
    """Whether each locus is what it should be, a planted variant or in real cohorts a known locus;
    and what both kinds are called and their colours."""
    if "planted" in shared.loci:
        return (
            (shared.loci["planted"] != "").to_numpy(),
            ("at a planted variant", "elsewhere (false)"),
            (ACCENT, WARN),
        )
    known = (
        shared.loci["known"] != ""
        if "known" in shared.loci
        else np.zeros(len(shared.loci), dtype=bool)
    )
    return np.asarray(known), ("at a known ECG locus", "elsewhere"), (ACCENT, MUTED)


def _bars(
    axes: Axes,
    sets: list[Pattern],
    mark: np.ndarray,
    label: tuple[str, str],
    colour: tuple[str, str],
) -> None:
    good = np.array([mark[one.loci].sum() for one in sets])
    size = np.array([len(one.loci) for one in sets])
    axes.bar(range(len(sets)), good, color=colour[0], width=0.7, label=label[0])
    axes.bar(range(len(sets)), size - good, bottom=good, color=colour[1], width=0.7, label=label[1])
    for place, total in enumerate(size):
        axes.text(place, total, f"{total}", ha="center", va="bottom", fontsize=SMALL)
    axes.set_xlim(-0.6, len(sets) - 0.4)
    axes.set_xticks([])
    axes.spines[["bottom"]].set_visible(False)
    axes.set_ylabel("loci found by\nexactly these", fontsize=MEDIUM)
    axes.legend(**LEGEND, loc="upper right")


def _dots(axes: Axes, sets: list[Pattern], rows: int) -> None:
    places, heights = np.meshgrid(range(len(sets)), range(rows))
    axes.scatter(places, heights, s=34, color=LINE, linewidths=0)
    for place, one in enumerate(sets):
        axes.plot([place, place], [min(one.members), max(one.members)], color=INK, lw=1.5)
        axes.scatter(
            [place] * len(one.members), one.members, s=34, color=INK, zorder=3, linewidths=0
        )
    axes.set_xlim(-0.6, len(sets) - 0.4)
    axes.set_axis_off()
