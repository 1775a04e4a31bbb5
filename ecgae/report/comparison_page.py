"""One HTML page that compares the runs of a folder; it holds its figures and needs nothing else."""

import math
import os
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from ecgae.comparison.choice_yield import choices
from ecgae.comparison.compare import Comparison
from ecgae.comparison.found_loci import FoundLoci, found_loci
from ecgae.comparison.metrics import METRICS
from ecgae.comparison.terminal import title
from ecgae.errors import InputError
from ecgae.report import comparison_figures as figures
from ecgae.report.comparison_overlap import overlap
from ecgae.report.comparison_sections import (
    effects_table,
    left_out_list,
    loci_table,
    rows_table,
    verdicts_list,
)
from ecgae.report.html import picture
from ecgae.report.style import COMPARISON_CSS, REPORT_CSS


def write_page(comparison: Comparison, out: Path) -> None:
    """Writes the page that shows `comparison` to `out`; raises `InputError` where it cannot be
    written."""
    page = "".join(_page(comparison, out))
    partial = out.with_name(out.name + ".partial")
    try:
        partial.write_text(page, encoding="utf-8")
        os.replace(partial, out)
    except OSError as error:
        raise InputError(
            f"--out must be a file that can be written; got {out}: {error.strerror}."
        ) from None


def _page(comparison: Comparison, out: Path) -> Iterator[str]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Comparison of runs</title><style>{REPORT_CSS}{COMPARISON_CSS}</style><body><h1>Comparison of runs</h1>"
        f"<p class=lead>{escape(title(comparison))}</p>"
    )
    yield from (f"<p class=warning>{escape(sentence)}</p>" for sentence in comparison.warnings)
    yield rows_table(comparison, out)

    yield f"<h2>Is the best one better?</h2>{verdicts_list(comparison)}"
    if any(not verdict.reason for verdict in comparison.judgement.verdicts):
        caption = (
            f"The best model's nearest (at most {figures.MOST_SHOWN}), less the best one; 95 % intervals of that pair "
            "alone; red: real after correction."
        )
        yield _picture(figures.differences(comparison.judgement.verdicts, comparison.by), caption)

    if comparison.models:
        yield from _what_makes_the_difference(comparison)
    yield from _loci(found_loci(comparison.rows, comparison.by))
    yield f"<h2>What was not believed, and what was not compared</h2>{left_out_list(comparison)}</body></html>\n"


def _what_makes_the_difference(comparison: Comparison) -> Iterator[str]:
    """Yield against reconstruction, and the choices where models differ."""
    rows, axes, metric = comparison.rows, comparison.axes, comparison.by
    yield "<h2>Yield against reconstruction</h2>"
    caption = (
        "Bars: standard errors, over the genome and over seeds together; of R\u00b2 over seeds. "
        "Dashed: yardsticks."
    )
    yield _picture(figures.yield_against_quality(rows, metric), caption)
    if not axes:
        return

    yield "<h2>Choices</h2>"
    caption = (
        f"Every model's way through the choices to its {METRICS[metric].title}; dotted: not valid."
    )
    yield _picture(figures.parallel_coordinates(rows, axes, metric), caption, "wide")

    judged = choices(rows, axes, metric)
    if judged:
        caption = (
            "What each choice does to the yield, the others the same. The interval holds how much that depends on the "
            "others, and the luck of the genome."
        )
        if any(math.isfinite(one.effect) for one in judged):
            yield _picture(figures.effects(judged, metric), caption)
        yield effects_table(judged, metric)


def _loci(shared: FoundLoci) -> Iterator[str]:
    """Which loci the configurations share."""
    yield "<h2>Loci shared and unique</h2>"
    if len(shared.loci):
        caption = (
            "Each column: the configurations with a dot found these loci, and no other shown here did. A configuration "
            "has found what more than half of its seeds found. Loci are the same within the distance that makes one "
            "locus in a run."
        )
        yield _picture(overlap(shared), caption, "wide")
    yield loci_table(shared)


def _picture(figure: Figure, caption: str, kind: str = "") -> str:
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    return picture(drawn.getvalue(), caption, kind)
