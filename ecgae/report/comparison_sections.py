"""The pieces of the page that compares runs, as HTML."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ecgae.comparison.choice_yield import Choice
from ecgae.comparison.compare import Comparison
from ecgae.comparison.configurations import Configuration
from ecgae.comparison.found_loci import MARKS, FoundLoci
from ecgae.comparison.metrics import METRICS
from ecgae.comparison.terminal import (
    NONE,
    candidates,
    confirmation,
    error,
    number,
    optimism,
    validity,
)
from ecgae.report.html import table

MOST_LOCI = 200
"""Loci that are listed; the tables in the run directories have all."""

MOST_OPEN = 12
"""Sentences that are shown without being asked for."""

SORT = """
for (const table of document.querySelectorAll('table.sortable'))
  table.querySelectorAll('th').forEach((head, column) => head.onclick = () => {
    const rows = [...table.tBodies[0].rows], up = head.dataset.up = head.dataset.up === '1' ? '' : '1';
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const less = (a, b) => a !== '' && b !== '' && !isNaN(a) && !isNaN(b) ? a - b : a.localeCompare(b);
    rows.sort((a, b) => (up ? 1 : -1) * less(key(a), key(b))).forEach(row => table.tBodies[0].append(row));
  });
"""
"""The script of a sortable table: clicking a head sorts by that column, and again the other way
round."""


def rows_table(comparison: Comparison, out: Path) -> str:
    """Every row with links to the reports of its runs, sortable by every column."""
    head = [f"<th>{escape(axis.name)}</th>" for axis in comparison.axes] or ["<th>run</th>"]
    for name in comparison.shown:
        head.append(f"<th class=number>{escape(METRICS[name].title)}</th>")
        if name == comparison.by:
            head += ["<th class=number>\u00b1 genome</th><th class=number>\u00b1 seeds</th>"]
            head += [f"<th>{word}</th>" for word in ("valid", "may be best", "replicated")]
    planted = any("recovered_loci" in row.runs[0].score for row in comparison.rows)
    head += ["<th class=number>at planted</th><th class=number>false</th>"] * planted
    head.append("<th>reports</th>")

    body = "".join(_row(row, comparison, planted, out) for row in comparison.rows)
    return (
        f"<div class='scroll tall'><table class=sortable><thead><tr>{''.join(head)}</tr></thead>"
        f"<tbody>{body}</tbody></table></div><script>{SORT}</script>"
    )


def _row(row: Configuration, comparison: Comparison, planted: bool, out: Path) -> str:
    """One row of the table; `planted`: whether planted variants are counted."""
    kind = "yardstick" if row.yardstick else "" if row.valid else "invalid"
    if row.yardstick:
        cells = [
            f"<td>yardstick: {escape(row.name)}</td>",
            *["<td></td>"] * (len(comparison.axes) - 1),
        ]
    else:
        cells = [
            f"<td>{escape(row.values[axis.key] or NONE)}</td>" for axis in comparison.axes
        ] or [f"<td>{escape(row.name)}</td>"]

    for name in comparison.shown:
        measured = row.measured(name)
        cells.append(_cell(measured.value, number(measured.value, name)))
        if name == comparison.by:
            cells += [
                _cell(size, error(size, name))
                for size in (measured.genome_error, measured.seed_error)
            ]
            may_be = (
                "yes" if not row.yardstick and row.name in comparison.judgement.candidates else NONE
            )
            cells += [
                f"<td>{word}</td>"
                for word in (validity(row), may_be, confirmation(row, comparison.by) or NONE)
            ]

    if planted:
        cells += [_mean_cell(row, name) for name in ("recovered_loci", "false_loci")]
    cells.append(f"<td>{_links(row, out)}</td>")
    return f"<tr class='{kind}'>{''.join(cells)}</tr>"


def _cell(value: float, text: str) -> str:
    """A cell that is sorted by `value`; what is not known comes last."""
    return f"<td class=number data-value='{value if np.isfinite(value) else -1e99}'>{text}</td>"


def _mean_cell(row: Configuration, name: str) -> str:
    value = float(row.seen(name).mean())
    return _cell(value, number(value, "loci"))


def _links(row: Configuration, out: Path) -> str:
    """Links from the page `out` to the reports of the row's runs."""
    links = []
    for run in row.runs:
        report = run.directory / "report.html"
        if report.is_file():
            seed = (run.config.get("trainer") or {}).get("seed")
            target = quote(Path(os.path.relpath(report, out.parent)).as_posix())
            links.append(
                f"<a href='{target}'>{'report' if seed is None or row.yardstick else f'seed {seed}'}</a>"
            )
    return " ".join(links) or NONE


def verdicts_list(comparison: Comparison) -> str:
    """How the best model differs from every other row, in sentences; what is real is bold."""
    if not comparison.judgement.verdicts:
        return "<p>There is no second valid row to compare with.</p>"

    items = [
        f"<li class={'real' if verdict.real else 'open'}>{escape(verdict.sentence)}</li>"
        for verdict in comparison.judgement.verdicts
    ]
    shown, folded = "".join(items[:MOST_OPEN]), "".join(items[MOST_OPEN:])
    summary = f"<summary>{len(items) - MOST_OPEN} more</summary>"
    rest = f"<details>{summary}<ul>{folded}</ul></details>" if folded else ""

    tested = comparison.judgement.comparisons
    note = ""
    if tested:
        note = (
            "<p class=note>Paired on the same people and variants: the difference of each chromosome, jackknife over "
            "chromosomes, and where both have several seeds what a seed changes on all chromosomes. Real: p below 0.05 "
            f"after correction (Holm) for all {tested:,} pairs that could have been looked at, since the same numbers "
            "chose the best. Ruled out: beaten by another model at p below 0.05 over the number of others, "
            "one-sided.</p>"
        )

    first = f"<p><b>{escape(candidates(comparison))}</b> {escape(optimism(comparison))}</p>"
    return f"{first}<ul>{shown}</ul>{rest}{note}"


def effects_table(judged: Sequence[Choice], metric: str) -> str:
    """The effect of each value of each axis, with its errors and how it was estimated."""
    head = ["axis", "value", "configurations", f"mean {METRICS[metric].title}"]
    head += ["effect", "\u00b1 choices", "\u00b1 genome", "how"]
    return table(head, [_effect(one, metric) for one in judged])


def _effect(one: Choice, metric: str) -> list[object]:
    """A row of the table of effects."""
    known = np.isfinite(one.effect)
    effect = f"{one.effect:+.3g}" if known else "cannot be told from another axis"
    errors = [
        f"{size:.2g}" if np.isfinite(size) else NONE
        for size in (one.standard_error, one.genome_error)
    ]
    how = "paired over the other axes" if one.paired else "least squares of main effects"
    mean = number(one.mean, metric)
    return [one.axis.name, one.value, one.configurations, mean, effect, *errors, how]


def loci_table(shared: FoundLoci) -> str:
    """The strongest loci, with how many models and which yardsticks found each; the name where one
    configuration alone did."""
    if shared.loci.empty:
        return "<p>No locus.</p>"

    marks = [name for name in MARKS if name in shared.loci and (shared.loci[name] != "").any()]
    models = np.array([not row.yardstick for row in shared.rows], dtype=bool)
    rows = []
    for locus, has in zip(shared.loci.head(MOST_LOCI).itertuples(), shared.found, strict=False):
        finders = [shared.rows[place] for place in np.flatnonzero(has)]
        sticks = ", ".join(row.name for row in finders if row.yardstick)
        alone = finders[0].name if len(finders) == 1 else ""
        place = f"{locus.chromosome}:{locus.base_pair_location:,}"
        cells = [place, locus.rsid, f"{locus.neg_log_10_p_value:.1f}"]
        cells += [f"{has[models].sum()} of {models.sum()}", sticks or NONE, alone or NONE]
        rows.append(cells + [getattr(locus, name) or NONE for name in marks])

    head = ["locus", "strongest variant", "\u2212log<sub>10</sub> p"]
    head += ["models", "yardsticks", "only", *marks]
    more = len(shared.loci) - MOST_LOCI
    note = f"<p class=note>The strongest {MOST_LOCI}; {more:,} more are in the runs' {shared.file}.</p>"
    return table(head, rows) + (note if more > 0 else "")


def left_out_list(comparison: Comparison) -> str:
    """Rows that are not valid, and directories that were not compared, each with its reason."""
    rows = []
    for row in comparison.rows:
        for run in row.runs:
            rows += [[run.directory.name, reason] for reason in run.score["invalid_because"]]
    passed = "<p>Every run passed the gate.</p>"
    said = table(["not valid", "because"], rows) if rows else passed

    if comparison.left_out:
        listed = [
            [reason, len(names), ", ".join(names)] for reason, names in comparison.left_out.items()
        ]
        said += f"<h3>Not compared</h3>{table(['reason', 'directories', 'names'], listed)}"
    return said
