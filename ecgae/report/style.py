"""How all figures and pages look: colours, sizes of letters, the style sheet."""

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, ACCENT, SECOND, MUTED, WARN = "#1f2933", "#0b6e99", "#8fb8cc", "#9aa5b1", "#c0392b"
LINE = "#e4e7eb"
"""The colour of what only guides the eye."""

TINY, SMALL, MEDIUM, LARGE = 7, 8, 9, 10
"""Sizes of letters in points: within what is drawn, beside it, of labels, of titles."""

LEGEND: Any = {"frameon": False, "fontsize": SMALL}
"""How a legend looks."""

STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "font.size": LARGE,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.dpi": 130,
}
"""Matplotlib's settings for every figure."""

styled = mpl.rc_context(STYLE)
"""Decorator of a function that draws a figure: the settings hold while it runs."""

REPORT_CSS = f"""
:root {{ --ink: {INK}; --muted: #616e7c; --line: {LINE}; --accent: {ACCENT}; }}
* {{ box-sizing: border-box; }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); }}
body {{ margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem; }}
h1 {{ font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .6rem; }} h3 {{ font-size: 1rem; margin: .5rem 0; }}
.scroll + h3 {{ margin-top: 1.6rem; }}
.lead {{ color: var(--muted); margin: .2rem 0 1.4rem; }}
.warning {{ border-left: 4px solid {WARN}; background: #fdf3f2; margin: .8rem 0; padding: .5rem .9rem; }}
.note {{ color: var(--muted); font-size: .85rem; }}
.numbers {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(116px, 1fr)); gap: .8rem; }}
.numbers div {{ border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; }}
.numbers b {{ display: block; font-size: 1.5rem; color: var(--accent); font-variant-numeric: tabular-nums; }}
.numbers span {{ color: var(--muted); font-size: .85rem; }}
.row {{ display: grid; gap: 1rem; align-items: start; }}
.row {{ grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }}
@media (min-width: 900px) {{ .found {{ grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); }} }}
figure {{ margin: 0; }} img {{ max-width: 100%; vertical-align: top; }}
img.wide {{ min-width: 720px; }} figcaption {{ color: var(--muted); font-size: .85rem; }}
.scroll {{ overflow-x: auto; }} table {{ border-collapse: collapse; font-size: .82rem; width: 100%; }}
th, td {{ text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }}
pre {{ background: #f5f7fa; padding: 1rem; border-radius: 8px; overflow-x: auto; font-size: .8rem; }}
"""
"""The style sheet of every page."""

COMPARISON_CSS = f"""
table.sortable th {{ cursor: pointer; }} table.sortable th:hover {{ color: var(--accent); }}
tr.yardstick td {{ color: var(--muted); font-style: italic; }} tr.invalid td {{ color: {WARN}; }}
td.number, th.number {{ text-align: right; padding-right: 1.1rem; font-variant-numeric: tabular-nums; }}
body {{ max-width: 1280px; }} .real {{ font-weight: 600; }} a {{ color: var(--accent); }}
.tall {{ max-height: 85vh; overflow: auto; }} .tall th {{ background: #fff; position: sticky; top: 0; }}
summary {{ cursor: pointer; }}
"""
"""What a page that compares runs adds to the style sheet."""


@styled
def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, whose parts keep clear of one another."""
    return Figure(figsize=(width, height), layout="constrained")
