"""The figure of the results: gain and distortion against the noise, one column per baseline, one
line per denoiser."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "font.size": 9,
    "savefig.dpi": 150,
}

LOOKS = {
    "none": ("#000000", "-", "o"),
    "dwt": ("#0b6e99", "--", "s"),
    "fft": ("#c0392b", "-.", "^"),
    "fft_wiener": ("#2e8b57", ":", "D"),
    "notch": ("#8a8a8a", (0, (6, 1)), "x"),
}
"""Colour, line and marker: the last two tell the denoisers apart in black and white."""

MEASURES = {
    "gain_db": "SNR gain (dB)",
    "st_uv": "ST level moved by (µV)",
    "qt_ms": "QT interval moved by (ms)",
}

TOP = {"st_uv": 60, "qt_ms": 15}
"""Upper ends of the logarithmic axes."""


def draw(rows: pd.DataFrame, file: Path, source: str, kind: str = "strip") -> None:
    """Writes the figure of one source's recordings."""
    chosen = rows[(rows.source == source) & (rows.input == kind)].astype({"snr": float})
    baselines = list(chosen.baseline.unique())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 7.2), layout="constrained")
        axes = figure.subplots(len(MEASURES), len(baselines), sharex=True, sharey="row")
        for column, baseline in enumerate(baselines):
            axes[0, column].set_title(f"baseline={baseline}", fontsize=8.5)
            for row, measure in enumerate(MEASURES):
                _lines(axes[row, column], chosen[chosen.baseline == baseline], measure)
        for row, label in enumerate(MEASURES.values()):
            axes[row, 0].set_ylabel(label)
        for panel in axes[-1]:
            panel.set_xlabel("SNR before (dB)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        figure.savefig(file)


def _lines(axes: Axes, rows: pd.DataFrame, measure: str) -> None:
    levels = sorted(rows.snr.dropna().unique())
    axes.set_xticks(range(len(levels) + 1), [f"{snr:g}" for snr in levels] + ["no\nnoise"])
    for denoiser, (colour, line, marker) in LOOKS.items():
        values = rows[rows.denoiser == denoiser].sort_values("snr", na_position="last")[measure]
        look: Any = {
            "color": colour,
            "ls": line,
            "marker": marker,
            "ms": 4,
            "lw": 1.2,
            "mfc": "none",
            "clip_on": False,
        }
        axes.plot(
            np.arange(len(levels) + 1), values.to_numpy(float), label=f"denoiser={denoiser}", **look
        )
    if measure != "gain_db":
        axes.set_yscale("symlog", linthresh=1, linscale=0.5)
        axes.set_ylim(-0.03, TOP[measure])
        axes.set_yticks([tick for tick in (0, 1, 2, 5, 10, 20, 50) if tick <= TOP[measure]])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
