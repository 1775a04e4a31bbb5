"""The figures of associations and of training. Arrays or tables in, Matplotlib figures out; no
files."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from ecgae.report.style import ACCENT, INK, LEGEND, MUTED, SECOND, SMALL, WARN, new_figure, styled

CELLS = 1500, 200
"""How many cells the figure has across the genome and up to the threshold: each is about a pixel,
which is less than a point's size."""


@styled
def manhattan(
    variants: pd.DataFrame, loci: pd.DataFrame, threshold: float, planted: pd.DataFrame | None
) -> Figure:
    """The strongest association of every variant over all phenotypes, along the genome.

    `variants`: chromosome, base_pair_location, neg_log_10_p_value; `loci`: the same of the index
    variants; `planted`: the places of planted variants, or None; `threshold` is a p-value. Below
    the threshold, of points that would lie on one another one is drawn.
    """
    figure = new_figure(10, 3.6)
    axes = figure.add_subplot()

    offsets, centres = _genome_axis(variants)
    start = variants.chromosome.map(offsets).to_numpy(dtype=float)
    x = variants.base_pair_location.to_numpy() + start
    y = variants.neg_log_10_p_value.to_numpy(dtype=float)
    sides = {name: rank % 2 for rank, name in enumerate(offsets)}
    parity = variants.chromosome.map(sides).to_numpy()
    drawn = _apart(x, y, -np.log10(threshold))
    for side, colour in ((0, ACCENT), (1, SECOND)):
        chosen = drawn[parity[drawn] == side]
        axes.scatter(x[chosen], y[chosen], s=4, c=colour, linewidths=0, rasterized=True)
    axes.axhline(
        -np.log10(threshold), color=WARN, lw=1, ls="--", label=f"threshold, p = {threshold:.2g}"
    )

    if len(loci):
        place = loci.base_pair_location + loci.chromosome.map(offsets)
        diamond: Any = {"marker": "D", "s": 22, "c": INK, "zorder": 3}
        axes.scatter(place, loci.neg_log_10_p_value, label=f"{len(loci)} loci", **diamond)
    if planted is not None:
        known = planted[planted.chromosome.isin(list(offsets))]
        place = known.base_pair_location + known.chromosome.map(offsets)
        label = f"{len(planted)} planted variants"
        triangle: Any = {"marker": "^", "s": 26, "c": WARN, "zorder": 3, "clip_on": False}
        axes.scatter(place, np.zeros(len(place)), label=label, **triangle)

    axes.set_xticks(list(centres.values()), list(centres), fontsize=SMALL)
    axes.set_xlim(0, max(x, default=1))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("chromosome")
    axes.set_ylabel("$-\\log_{10}\\,p$, best phenotype")
    axes.legend(**LEGEND, loc="upper right")
    return figure


def _apart(
    x: Float[np.ndarray, " variant"], y: Float[np.ndarray, " variant"], threshold: float
) -> Int[np.ndarray, " drawn"]:
    """Which points to draw: all above the threshold; below it, the highest of each of the `CELLS`
    that the plane has there."""
    across, up = CELLS
    width, height = x.max(initial=0) - x.min(initial=0), max(threshold, 1e-9)
    columns = ((x - x.min(initial=0)) * (across / max(width, 1))).astype(np.int64)
    cell = columns * (up + 1) + np.clip(y * (up / height), 0, up).astype(np.int64)
    order = np.argsort(-y, kind="stable")
    low = order[y[order] <= threshold]
    return np.concatenate(
        [order[: len(order) - len(low)], low[np.unique(cell[low], return_index=True)[1]]]
    )


def _genome_axis(variants: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Where each chromosome starts and where its middle lies, in base pairs along the axis."""
    offsets, centres, start = {}, {}, 0.0
    for name, positions in variants.groupby("chromosome", sort=False).base_pair_location:
        # From its first to its last variant: short simulated chromosomes would vanish beside true
        # lengths.
        offsets[str(name)] = start - positions.min()
        span = positions.max() - positions.min()
        centres[str(name)] = start + span / 2
        start += span * 1.02 + 1
    return offsets, centres


@styled
def training_curve(history: pd.DataFrame) -> Figure:
    """Training and validation loss by epoch, with the learning rate below."""
    figure = new_figure(4.8, 4)
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])

    loss.plot(history.epoch, history["training/loss"], color=SECOND, label="training")
    loss.plot(history.epoch, history["validation/loss"], color=ACCENT, label="validation")
    best = history.loc[history["validation/loss"].idxmin()]
    loss.plot(
        best.epoch,
        best["validation/loss"],
        "o",
        color=INK,
        ms=4,
        label=f"kept: epoch {best.epoch:.0f}",
    )
    loss.set_yscale("log")
    loss.set_ylabel("loss")
    loss.legend(**LEGEND)

    rate.step(history.epoch, history.learning_rate, color=MUTED, where="post")
    rate.set_yscale("log")
    rate.set_ylabel("learning rate", fontsize=SMALL)
    rate.set_xlabel("epoch")
    return figure
