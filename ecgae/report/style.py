"""How all figures look."""

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, ACCENT, SECOND, MUTED, WARN = "#1f2933", "#0b6e99", "#8fb8cc", "#9aa5b1", "#c0392b"
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "font.size": 10,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.dpi": 130,
}


def new_figure(width: float, height: float) -> Figure:
    """Inches."""
    with mpl.rc_context(STYLE):
        return Figure(figsize=(width, height), layout="constrained")
