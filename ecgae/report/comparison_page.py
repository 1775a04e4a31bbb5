"""One HTML page that compares the runs of a folder; it holds its figures and needs nothing else."""

import base64
import math
import os
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from ecgae.comparison.choices import choices
from ecgae.comparison.compare import Comparison
from ecgae.comparison.found_loci import FoundLoci, found_loci
from ecgae.comparison.metrics import METRICS
from ecgae.comparison.terminal import title
from ecgae.errors import InputError
from ecgae.report import comparison_figures as figures
from ecgae.report.comparison_overlap import overlap
from ecgae.report.comparison_sections import (
    STYLE,
    effects_table,
    left_out_list,
    loci_table,
    rows_table,
    verdicts_list,
)
from ecgae.report.page import STYLE as STYLE_OF_REPORTS


def write_page(found: Comparison, out: Path) -> None:
    """Raises `InputError` where `out` cannot be written."""
    page = "".join(_page(found, out))
    partial = out.with_name(out.name + ".partial")
    try:
        partial.write_text(page, encoding="utf-8")
        os.replace(partial, out)
    except OSError as error:
        raise InputError(
            f"--out must be a file that can be written; got {out}: {error.strerror}."
        ) from None


def _page(found: Comparison, out: Path) -> Iterator[str]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Comparison of runs</title><style>{STYLE_OF_REPORTS}{STYLE}</style><body><h1>Comparison of runs</h1>"
        f"<p class=lead>{escape(title(found))}</p>"
    )
    yield from (f"<p class=warning>{escape(sentence)}</p>" for sentence in found.warnings)
    yield rows_table(found, out)
    yield f"<h2>Is the best one better?</h2>{verdicts_list(found)}"
    if any(not verdict.reason for verdict in found.judgement.verdicts):
        caption = (
            f"The best model's nearest (at most {figures.MOST_SHOWN}), less the best one; 95 % intervals of that pair "
            "alone; red: real after correction."
        )
        yield _picture(figures.differences(found.judgement.verdicts, found.by), caption)
    if found.models:
        yield from _what_makes_the_difference(found)
    yield from _loci(found_loci(found.rows, found.by))
    yield f"<h2>What was not believed, and what was not compared</h2>{left_out_list(found)}</body></html>\n"


def _what_makes_the_difference(found: Comparison) -> Iterator[str]:
    yield "<h2>Yield against reconstruction</h2>"
    caption = (
        "Bars: standard errors, over the genome and over seeds together; of R\u00b2 over seeds. "
        "Dashed: yardsticks."
    )
    yield _picture(figures.yield_against_quality(found.rows, found.by), caption)
    if not found.axes:
        return
    yield "<h2>Choices</h2>"
    caption = f"Every model's way through the choices to its {METRICS[found.by].title}; dotted: not valid."
    yield _picture(figures.parallel_coordinates(found.rows, found.axes, found.by), caption, "wide")
    of_choices = choices(found.rows, found.axes, found.by)
    if of_choices:
        caption = (
            "What each choice does to the yield, the others the same. The interval holds how much that depends on the "
            "others, and the luck of the genome."
        )
        if any(math.isfinite(one.effect) for one in of_choices):
            yield _picture(figures.effects(of_choices, found.by), caption)
        yield effects_table(of_choices, found.by)


def _loci(shared: FoundLoci) -> Iterator[str]:
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
    picture = base64.b64encode(drawn.getvalue()).decode()
    image = f"<img class='{kind}' alt='{escape(caption)}' src='data:image/png;base64,{picture}'>"
    return f"<figure><div class=scroll>{image}</div><figcaption>{escape(caption)}</figcaption></figure>"
