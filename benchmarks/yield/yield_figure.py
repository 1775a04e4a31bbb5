"""Signal kept against each score, one point per model: docs/yield.png."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from picking import Agreement

MARKS = "os^Dv"
SHOWN = ("loci", "omnibus_loci", "hits", "excess_chi2", "effective_rank", "r2_recorded")
"""The scores that models are most likely to be picked by."""


def draw(
    cohorts: Mapping[str, Sequence[Mapping]], agreed: Mapping[str, Agreement], file: Path
) -> None:
    """A panel for each of `SHOWN`, the one that agrees best first; every score as a share of its
    largest in the cohort."""
    names = sorted(SHOWN, key=lambda name: -agreed[name].correlation)
    figure, axes = plt.subplots(2, 3, figsize=(10, 6), sharey=True, layout="constrained")

    for panel, name in zip(axes.flat, names, strict=False):
        for mark, (cohort, rows) in zip(MARKS, cohorts.items(), strict=False):
            values = np.array([row[name] for row in rows], dtype=float)
            truth = [row["signal_kept"] for row in rows]
            panel.scatter(
                values / max(np.nanmax(np.abs(values)), 1e-12),
                truth,
                marker=mark,
                s=28,
                alpha=0.8,
                label=cohort,
            )
        one = agreed[name]
        panel.set_title(
            f"{name}: {one.correlation:.2f} ({one.low:.2f} to {one.high:.2f})", fontsize=9
        )
        panel.set_xlabel("share of the cohort's largest", fontsize=8)

    for panel in list(axes.flat)[len(names) :]:
        panel.set_visible(False)
    for panel in axes[:, 0]:
        panel.set_ylabel("signal kept")
    axes.flat[0].legend(fontsize=7)
    figure.suptitle(
        "Does the score rank models as the truth does? Spearman's rank correlation within cohorts",
        fontsize=11,
    )
    figure.savefig(file, dpi=120)
    plt.close(figure)
