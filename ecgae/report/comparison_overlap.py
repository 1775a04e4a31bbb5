"""Which loci are shared: a bar for every set of configurations that found the same ones."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgae.comparison.found_loci import FoundLoci, Pattern, patterns
from ecgae.report.style import ACCENT, INK, MUTED, STYLE, WARN, new_figure

MOST_ROWS, MOST_SETS = 12, 30


def overlap(shared: FoundLoci) -> Figure:
    """As UpSet draws it: sets as columns of dots, their number of loci above, each configuration's
    own at the left.

    At most about `MOST_ROWS` rows, and the largest `MOST_SETS` sets among them; colours say what is
    planted (in simulations) or known there.
    """
    chosen = _chosen(shared)
    found = shared.found[:, chosen]
    sets = patterns(found)[:MOST_SETS]
    mark, label, colour = _mark(shared)
    with mpl.rc_context(STYLE):
        figure = new_figure(max(7, 0.3 * len(sets) + 4), 0.26 * len(chosen) + 3)
        grid = figure.subplots(
            2, 2, height_ratios=[7, max(len(chosen), 2)], width_ratios=[1, max(len(sets) / 8, 2)]
        )
        corner, above, left, dots = grid.ravel()
        corner.set_axis_off()
        _bars(above, sets, mark, label, colour)
        _dots(dots, sets, len(chosen))
        sizes = found.sum(axis=0)
        left.barh(range(len(chosen)), sizes, color=MUTED, height=0.6)
        for place, size in enumerate(sizes):
            left.text(size, place, f" {size} ", ha="right", va="center", fontsize=8)
        left.set_xlim(1.2 * sizes.max(initial=1), 0)
        names = [
            f"[{shared.rows[number].name}]"
            if shared.rows[number].yardstick
            else shared.rows[number].name
            for number in chosen
        ]
        left.set_yticks(range(len(chosen)), names, fontsize=8)
        for axes in (left, dots):
            axes.set_ylim(len(chosen) - 0.4, -0.6)
        left.spines[["left", "bottom"]].set_visible(False)
        left.set_xticks([])
        left.tick_params(length=0)
        left.set_xlabel("loci", fontsize=8)
    return figure


def _chosen(shared: FoundLoci) -> list[int]:
    """Columns of every yardstick and of the best models, in the order of the rows."""
    some = [number for number in range(len(shared.rows)) if shared.found[:, number].any()]
    sticks = [number for number in some if shared.rows[number].yardstick]
    models = [number for number in some if not shared.rows[number].yardstick]
    return sorted(sticks + models[: max(MOST_ROWS - len(sticks), 2)])


def _mark(shared: FoundLoci) -> tuple[np.ndarray, tuple[str, str], tuple[str, str]]:
    """True where a locus is what it should be: at a planted variant; of real cohorts, at a known
    locus."""
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
        axes.text(place, total, f"{total}", ha="center", va="bottom", fontsize=8)
    axes.set_xlim(-0.6, len(sets) - 0.4)
    axes.set_xticks([])
    axes.spines[["bottom"]].set_visible(False)
    axes.set_ylabel("loci found by\nexactly these", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def _dots(axes: Axes, sets: list[Pattern], rows: int) -> None:
    places, heights = np.meshgrid(range(len(sets)), range(rows))
    axes.scatter(places, heights, s=34, color="#e4e7eb", linewidths=0)
    for place, one in enumerate(sets):
        axes.plot([place, place], [min(one.members), max(one.members)], color=INK, lw=1.5)
        axes.scatter(
            [place] * len(one.members), one.members, s=34, color=INK, zorder=3, linewidths=0
        )
    axes.set_xlim(-0.6, len(sets) - 0.4)
    axes.set_axis_off()
