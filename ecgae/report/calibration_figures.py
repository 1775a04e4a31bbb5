"""The figures that tell whether a scan may be trusted. Arrays in, Matplotlib figures out; no
files."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import special

from ecgae.report.style import ACCENT, INK, LARGE, LEGEND, MUTED, SMALL, WARN, new_figure, styled

WIDEST = 0.5
"""Inflation further from 1 has the last colour."""

MEDIAN_ERROR = 2.33
"""Standard error of the inflation of m independent tests, times sqrt(m)."""


@styled
def qq(
    expected: Float[np.ndarray, " quantile"],
    observed: Float[np.ndarray, "quantile phenotype"],
    tests: int,
) -> Figure:
    """-log10 p of each phenotype against what chance alone gives, with the band of 95 % of so many
    independent tests.

    The k-th smallest of m uniform p-values has the distribution Beta(k, m + 1 - k).
    """
    figure = new_figure(4.2, 4)
    axes = figure.add_subplot()

    rank = np.maximum(tests * 10.0**-expected + 0.5, 1)
    high, low = (
        -np.log10(special.betaincinv(rank, tests + 1 - rank, side)) for side in (0.025, 0.975)
    )
    axes.fill_between(
        expected, low, high, color=MUTED, alpha=0.3, lw=0, label="95 % of independent tests"
    )
    for edge in (low, high):
        axes.plot(expected, edge, color=INK, lw=0.6, alpha=0.6, zorder=3)

    for values in observed.T:
        axes.plot(expected, values, ".", ms=2.5, color=ACCENT, alpha=0.5)
    top = float(expected.max(initial=1))
    axes.plot([0, top], [0, top], color=WARN, lw=1, label="chance", zorder=3)

    phenotypes = observed.shape[1]
    axes.set_xlabel("expected $-\\log_{10}\\,p$")
    axes.set_ylabel("observed $-\\log_{10}\\,p$")
    axes.set_title(f"{phenotypes} phenotype{'s' if phenotypes != 1 else ''}", fontsize=LARGE)
    axes.legend(**LEGEND, loc="upper left")
    return figure


@styled
def inflation(
    values: Float[np.ndarray, "frequency_bin phenotype"],
    tests: Int[np.ndarray, "frequency_bin phenotype"],
    names: Sequence[str],
) -> Figure:
    """Genomic inflation by bin of minor allele frequency (`names`) and phenotype: as colours, and
    against chance."""
    figure = new_figure(9.6, 3)
    colours, points = figure.subplots(1, 2, width_ratios=[1.7, 1])

    colours.set_facecolor(MUTED)  # where nothing was tested
    image = colours.imshow(
        values,
        "RdBu_r",
        vmin=1 - WIDEST,
        vmax=1 + WIDEST,
        origin="lower",
        extent=(0.5, values.shape[1] + 0.5, -0.5, len(names) - 0.5),
        aspect="auto",
        interpolation="nearest",
    )
    colours.set_yticks(range(len(names)), names)
    colours.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    colours.set_xlabel("phenotype")
    colours.set_ylabel("minor allele frequency")
    figure.colorbar(image, ax=colours, extend="both", label="genomic inflation")

    _against_chance(points, values, tests, names)
    return figure


def _against_chance(
    axes: Axes,
    values: Float[np.ndarray, "frequency_bin phenotype"],
    tests: Int[np.ndarray, "frequency_bin phenotype"],
    names: Sequence[str],
) -> None:
    """Every phenotype as a dot, side by side in its bin, on what 95 % of independent tests give."""
    bins, phenotypes = values.shape
    most = np.maximum(tests.max(axis=1), 1)
    around = 1.96 * MEDIAN_ERROR / np.sqrt(most)
    axes.bar(
        range(bins),
        2 * around,
        bottom=1 - around,
        width=0.8,
        color=MUTED,
        alpha=0.3,
        label="95 % by chance",
    )

    place = np.arange(bins)[:, None] + np.linspace(-0.3, 0.3, phenotypes + 2)[1:-1]
    axes.plot(place.ravel(), values.ravel(), ".", ms=4, color=ACCENT, alpha=0.6)
    axes.axhline(1, color=WARN, lw=1)

    known = values[np.isfinite(values)]
    reach = (
        max(0.1, *np.abs(known - 1), *around[tests.max(axis=1) > 100]) * 1.1 if len(known) else 0.1
    )
    axes.set_ylim(max(0, 1 - reach), 1 + reach)
    axes.set_xticks(
        range(bins),
        [name.replace(" to ", "\nto ").replace(" 0", "\n0", 1) for name in names],
        fontsize=SMALL,
    )
    axes.set_xlabel("minor allele frequency")
    axes.legend(**LEGEND, loc="upper right")


@styled
def null(
    largest: Float[np.ndarray, "repetition phenotype"],
    threshold: float,
    family_wise: float,
    level: float = 0.05,
) -> Figure:
    """A histogram of the most significant test of every permuted scan, over all phenotypes.

    largest: -log10 p. threshold: p-value below which a test is a hit. family_wise: p-value whose
    family-wise error is `level`; NaN where it is not known, as of few repetitions.
    """
    figure = new_figure(4.8, 3.2)
    axes = figure.add_subplot()
    axes.hist(np.nanmax(largest, axis=1), bins=min(30, max(5, len(largest) // 5)), color=ACCENT)
    if np.isfinite(family_wise):
        label = f"exceeded by {100 * level:.0f} %, p = {family_wise:.2g}"
        axes.axvline(-np.log10(family_wise), color=INK, lw=1, ls=":", label=label)
    axes.axvline(
        -np.log10(threshold), color=WARN, lw=1, ls="--", label=f"threshold, p = {threshold:.2g}"
    )
    axes.set_xlabel("largest $-\\log_{10}\\,p$ of a permuted scan")
    axes.set_ylabel("scans")
    axes.legend(**LEGEND)
    return figure
