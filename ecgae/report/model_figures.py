"""The figures of a model: how well it reconstructs, and what its latents hold. Arrays in,
Matplotlib figures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecgae.report.style import (
    ACCENT,
    INK,
    LARGE,
    LEGEND,
    MEDIUM,
    MUTED,
    SECOND,
    SMALL,
    TINY,
    WARN,
    new_figure,
    styled,
)

STRIP_SECONDS = 3.0
"""How much of a longer recording an overlay shows."""

MOST_TRAVERSED = 16
"""How many latents are drawn; the others do less to the ECG."""

GAINS, LARGEST = (1, 2, 5, 10, 20, 50, 100), 0.5
"""What a latent changes is magnified by the last of these that leaves it within this part of every
lead's height."""

ROW = 0.95
"""Share of its row that a traversal fills."""

LOWEST_PROBE, HIGHEST_ERROR = -0.05, 10.0
"""A probe below the first and a 1 - R2 above the second are drawn there."""


@styled
def quality(r2: Float[np.ndarray, "individual lead"], leads: Sequence[str]) -> Figure:
    """R2 of the reconstruction by lead: median, quartiles, and the 5th to 95th percentile of the
    people."""
    figure = new_figure(4.8, 4)
    axes = figure.add_subplot()

    columns = [column[np.isfinite(column)] for column in r2.T]
    axes.boxplot(
        columns,
        orientation="horizontal",
        whis=(5, 95),
        showfliers=False,
        medianprops={"color": ACCENT, "lw": 2},
    )

    axes.set_yticks(range(1, len(leads) + 1), leads)
    axes.invert_yaxis()
    axes.set_xlim(right=1)
    axes.set_xlabel("$R^2$ of the reconstruction")
    return figure


@styled
def overlays(
    ecg: Float[np.ndarray, "example lead time"],
    reconstruction: Float[np.ndarray, "example lead time"],
    titles: Sequence[str],
    leads: Sequence[str],
    sampling_rate: float,
) -> Figure:
    """What the network was given and what it gave back, in mV: one column per example, one row per
    lead."""
    # Not `new_figure`: the constrained layout of so many panels takes seconds.
    figure = Figure(figsize=(3.4 * len(titles), 0.85 * len(leads)))
    panels = figure.subplots(len(leads), len(titles), sharex=True, sharey="row", squeeze=False)
    figure.subplots_adjust(0.08, 0.06, 0.99, 0.97, wspace=0.05, hspace=0.2)

    samples = min(ecg.shape[-1], round(STRIP_SECONDS * sampling_rate))
    time = np.arange(samples) / sampling_rate
    for (lead, example), axes in np.ndenumerate(panels):
        given, returned = ecg[example, lead, :samples], reconstruction[example, lead, :samples]
        axes.plot(time, given, color=MUTED, lw=1.6, label="recorded, cleaned")
        axes.plot(time, returned, color=ACCENT, lw=0.9, label="reconstructed")
        axes.tick_params(labelsize=TINY)
        if example == 0:
            axes.set_ylabel(leads[lead], rotation=0, ha="right", va="center", labelpad=8)
        if lead == 0:
            axes.set_title(titles[example], fontsize=MEDIUM)

    panels[0, 0].legend(**LEGEND | {"fontsize": TINY}, loc="upper left")
    for axes in panels[-1]:
        axes.set_xlabel("time (s), voltages in mV", fontsize=SMALL)
    return figure


@styled
def errors(r2: Float[np.ndarray, "individual lead"]) -> Figure:
    """1 - R2 of every signal: sorted, and as a histogram."""
    figure = new_figure(4.8, 4)
    curve, bars = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])

    error = np.sort(np.clip(1 - r2[np.isfinite(r2)], 1e-6, HIGHEST_ERROR))
    curve.plot(np.linspace(0, 100, len(error)), error, color=ACCENT)
    curve.set_yscale("log")
    if len(error) and error[-1] > 0.5:
        curve.axhline(1, color=WARN, lw=1, ls="--")
        curve.text(1, 1, "as bad as the mean", color=WARN, fontsize=SMALL, va="bottom")
    curve.set_xlabel(f"% of {len(error):,} signals, sorted")
    curve.set_ylabel("$1 - R^2$ against the recording")

    if len(error):
        edges = np.geomspace(error[0], error[-1] * 1.001, 51)
        bars.hist(error, bins=edges, orientation="horizontal", color=SECOND)
    bars.set_xlabel("signals")
    return figure


@styled
def latents(
    spectrum: Float[np.ndarray, " component"],
    effect: Float[np.ndarray, " latent"],
    kurtosis: Float[np.ndarray, " latent"],
    correlation: Float[np.ndarray, "latent latent"],
) -> Figure:
    """Share of variance by principal axis; effect (uV), kurtosis, and correlation of the
    latents."""
    figure = new_figure(9.6, 3.9)
    halves: Any = figure.subfigures(1, 2, width_ratios=[1.15, 1])
    left, right = halves

    rows = left.subplots(3, 1, sharex=True)
    place = np.arange(1, len(effect) + 1)
    contents = (
        ("share of variance\nby principal axis", spectrum, SECOND),
        ("effect on the ECG\nof 1 SD (uV)", 1000 * effect, ACCENT),
        ("excess kurtosis", kurtosis, MUTED),
    )
    for axes, (label, values, colour) in zip(rows, contents, strict=True):
        axes.bar(place[: len(values)], np.nan_to_num(values), color=colour, width=0.8)
        axes.set_ylabel(label, fontsize=SMALL)
        axes.tick_params(labelsize=SMALL)
    rows[-1].axhline(0, color=INK, lw=0.6)
    rows[-1].set_xlabel("latent (of the first row: principal axis)")

    axes = right.subplots()
    edges = (0.5, len(effect) + 0.5)
    image = axes.imshow(correlation, vmin=-1, vmax=1, cmap="RdBu_r", extent=(*edges, *edges[::-1]))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("latent")
    axes.set_title("correlation", fontsize=LARGE)
    right.colorbar(image, ax=axes, shrink=0.85)
    return figure


@styled
def probes(told: Mapping[str, tuple[str, float, int]]) -> Figure:
    """What linear probes of the latents tell: measure (R2 or AUC), value and number of people
    tested, by target."""
    figure = new_figure(4.8, 0.9 + 0.32 * max(1, len(told)))
    axes = figure.add_subplot()

    for row, (measure, value, people) in enumerate(told.values()):
        shown = max(value, LOWEST_PROBE)
        label = f"{measure} {value:.2f}, n = {people:,}"
        axes.barh(row, shown, color=ACCENT if measure == "R2" else SECOND, height=0.65)
        axes.text(max(shown, 0) + 0.01, row, label, va="center", fontsize=SMALL)

    axes.set_yticks(range(len(told)), [name.replace("_", " ") for name in told])
    axes.invert_yaxis()
    axes.set_xlim(LOWEST_PROBE, 1.35)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.axvline(0, color=INK, lw=0.6)
    axes.set_xlabel(
        "$R^2$, or area under the curve (0.5 is chance), of people not fitted to", fontsize=SMALL
    )
    return figure


@styled
def traversals(
    ecg: Float[np.ndarray, "latent step lead time"],
    effect: Float[np.ndarray, " latent"],
    steps: Sequence[float],
    leads: Sequence[str],
    sampling_rate: float,
) -> Figure:
    """The mean ECG with one latent moved by so many standard deviations: a row per latent,
    strongest first.

    Leads have scales of their own, shown below them. Small changes are magnified, as written beside
    them.
    """
    shown = np.argsort(-effect, kind="stable")[:MOST_TRAVERSED]
    colours = mpl.colormaps["coolwarm"](np.linspace(0, 1, len(steps)))
    colours[len(steps) // 2] = mpl.colors.to_rgba(INK)
    low, high = ecg[shown].min(axis=(0, 1, 3)), ecg[shown].max(axis=(0, 1, 3))
    height = np.where(high > low, high - low, 1)
    time = np.linspace(0, 0.92, ecg.shape[-1])

    figure = new_figure(14, 0.8 * len(shown) + 1.2)
    # All in one pair of axes: hundreds of small ones take half a minute to lay out.
    axes = figure.add_subplot()
    for row, latent in enumerate(shown):
        mean = ecg[latent, len(steps) // 2]
        change = ecg[latent] - mean
        gain = _gain(change, height)
        moved = (mean + gain * change - low[:, None]) / height[:, None]  # [step lead time], 0 to 1
        for traces, colour in zip(moved * ROW - row, colours, strict=True):
            lines = [np.column_stack([time + lead, trace]) for lead, trace in enumerate(traces)]
            axes.add_collection(LineCollection(lines, colors=[colour], linewidths=0.8))
        name = f"{latent + 1:02d}: {1000 * effect[latent]:.1f} uV"
        magnified = f"\nchange x {gain}" if gain > 1 else ""
        axes.text(-0.05, 0.35 - row, name + magnified, ha="right", va="center", fontsize=SMALL)

    for lead, title in enumerate(leads):
        axes.text(lead + 0.4, 1.05, title, ha="center", fontsize=LARGE)
        _scale_bar(axes, lead + 0.02, 0.6 - len(shown), float(height[lead]) / ROW)

    seconds = ecg.shape[-1] / sampling_rate
    labels = [f"{step:+g} SD" if step else f"mean ({seconds:.1f} s)" for step in steps]
    handles = [Line2D([], [], color=colour) for colour in colours]
    style = LEGEND | {"fontsize": MEDIUM, "loc": "outside lower center", "ncols": len(steps)}
    figure.legend(handles, labels, **style)
    axes.set_xlim(-0.9, len(leads))
    axes.set_ylim(-len(shown) + 0.1, 1.3)
    axes.set_axis_off()
    return figure


def _gain(change: Float[np.ndarray, "step lead time"], height: Float[np.ndarray, " lead"]) -> int:
    """How many times the change of one latent is magnified; `height` is that of every lead's
    row."""
    part = float((np.abs(change).max(axis=(0, 2)) / height).max())
    return max([1, *(gain for gain in GAINS if gain * part <= LARGEST)])


def _scale_bar(axes: Axes, x: float, y: float, height: float) -> None:
    """Draws a bar of so many mV, rounded down to 1, 2 or 5, where a row is `height` mV high."""
    largest = height * 0.4
    power = 10.0 ** np.floor(np.log10(largest))
    size = max(step * power for step in (1, 2, 5) if step * power <= largest)
    axes.plot([x, x], [y, y - size / height], color=INK, lw=1.5, solid_capstyle="butt")
    axes.text(x + 0.05, y - size / height / 2, f"{size:g} mV", fontsize=TINY, va="center")
