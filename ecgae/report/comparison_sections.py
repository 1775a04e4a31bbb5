"""The pieces of the page that compares runs, as HTML."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ecgae.comparison.choices import Choice
from ecgae.comparison.compare import Comparison
from ecgae.comparison.configurations import Configuration
from ecgae.comparison.found_loci import FoundLoci
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
"""Clicking a head sorts by that column, and again the other way round."""

STYLE = """
table.sortable th { cursor: pointer; } table.sortable th:hover { color: var(--accent); }
tr.yardstick td { color: var(--muted); font-style: italic; } tr.invalid td { color: #c0392b; }
td.number, th.number { text-align: right; padding-right: 1.1rem; font-variant-numeric: tabular-nums; }
body { max-width: 1280px; } .real { font-weight: 600; } a { color: var(--accent); }
.tall { max-height: 85vh; overflow: auto; } .tall th { background: #fff; position: sticky; top: 0; }
summary { cursor: pointer; }
"""


def rows_table(found: Comparison, out: Path) -> str:
    """Every row with links to the reports of its runs, sortable by every column."""
    head = [f"<th>{escape(axis.name)}</th>" for axis in found.axes] or ["<th>run</th>"]
    for name in found.shown:
        head.append(f"<th class=number>{escape(METRICS[name].title)}</th>")
        if name == found.by:
            head += ["<th class=number>\u00b1 genome</th><th class=number>\u00b1 seeds</th>"]
            head += [f"<th>{word}</th>" for word in ("valid", "may be best", "replicated")]
    planted = any("recovered_loci" in row.runs[0].score for row in found.rows)
    head += ["<th class=number>at planted</th><th class=number>false</th>"] * planted
    head.append("<th>reports</th>")
    body = "".join(_row(row, found, planted, out) for row in found.rows)
    return (
        f"<div class='scroll tall'><table class=sortable><thead><tr>{''.join(head)}</tr></thead>"
        f"<tbody>{body}</tbody></table></div><script>{SORT}</script>"
    )


def _row(row: Configuration, found: Comparison, planted: bool, out: Path) -> str:
    kind = "yardstick" if row.yardstick else "" if row.valid else "invalid"
    if row.yardstick:
        cells = [f"<td>yardstick: {escape(row.name)}</td>", *["<td></td>"] * (len(found.axes) - 1)]
    else:
        cells = [f"<td>{escape(row.values[axis.key] or NONE)}</td>" for axis in found.axes] or [
            f"<td>{escape(row.name)}</td>"
        ]
    for name in found.shown:
        measured = row.measured(name)
        cells.append(_cell(measured.value, number(measured.value, name)))
        if name == found.by:
            cells += [
                _cell(size, error(size, name))
                for size in (measured.genome_error, measured.seed_error)
            ]
            may_be = "yes" if not row.yardstick and row.name in found.judgement.candidates else NONE
            cells += [
                f"<td>{word}</td>"
                for word in (validity(row), may_be, confirmation(row, found.by) or NONE)
            ]
    if planted:
        cells += [_mean_cell(row, name) for name in ("recovered_loci", "false_loci")]
    cells.append(f"<td>{_links(row, out)}</td>")
    return f"<tr class='{kind}'>{''.join(cells)}</tr>"


def _cell(value: float, text: str) -> str:
    return f"<td class=number data-value='{value if np.isfinite(value) else -1e99}'>{text}</td>"


def _mean_cell(row: Configuration, name: str) -> str:
    value = float(row.seen(name).mean())
    return _cell(value, number(value, "loci"))


def _links(row: Configuration, out: Path) -> str:
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


def verdicts_list(found: Comparison) -> str:
    """Sentences, those that are real in bold."""
    if not found.judgement.verdicts:
        return "<p>There is no second valid row to compare with.</p>"
    tested = found.judgement.comparisons
    items = [
        f"<li class={'real' if verdict.real else 'open'}>{escape(verdict.sentence)}</li>"
        for verdict in found.judgement.verdicts
    ]
    more = items[MOST_OPEN:]
    rest = (
        f"<details><summary>{len(more)} more</summary><ul>{''.join(more)}</ul></details>"
        if more
        else ""
    )
    note = ""
    if tested:
        note = (
            "<p class=note>Paired on the same people and variants: the difference of each chromosome, jackknife over "
            "chromosomes, and where both have several seeds what a seed changes on all chromosomes. Real: p below 0.05 "
            f"after correction (Holm) for all {tested:,} pairs that could have been looked at, since the same numbers "
            "chose the best. Ruled out: beaten by another model at p below 0.05 over the number of others, "
            "one-sided.</p>"
        )
    first = f"<p><b>{escape(candidates(found))}</b> {escape(optimism(found))}</p>"
    return f"{first}<ul>{''.join(items[:MOST_OPEN])}</ul>{rest}{note}"


def effects_table(found: Sequence[Choice], metric: str) -> str:
    """Each value of each axis, with how its effect was found."""
    head = [
        "axis",
        "value",
        "configurations",
        f"mean {METRICS[metric].title}",
        "effect",
        "\u00b1 choices",
        "\u00b1 genome",
        "how",
    ]
    rows = []
    for one in found:
        how = "paired over the other axes" if one.paired else "least squares of main effects"
        effect = (
            f"{one.effect:+.3g}" if np.isfinite(one.effect) else "cannot be told from another axis"
        )
        errors = [
            f"{size:.2g}" if np.isfinite(size) else NONE
            for size in (one.standard_error, one.genome_error)
        ]
        rows.append(
            [
                one.axis.name,
                one.value,
                one.configurations,
                number(one.mean, metric),
                effect,
                *errors,
                how,
            ]
        )
    return table(head, rows)


def loci_table(shared: FoundLoci) -> str:
    """Every locus, with how many found it; those of one alone with its name."""
    if shared.loci.empty:
        return "<p>No locus.</p>"
    models = np.array([not row.yardstick for row in shared.rows], dtype=bool)
    marks = [
        name
        for name in ("known", "planted")
        if name in shared.loci and (shared.loci[name] != "").any()
    ]
    rows = []
    for locus, found in zip(shared.loci.head(MOST_LOCI).itertuples(), shared.found, strict=False):
        by = np.flatnonzero(found)
        alone = shared.rows[by[0]].name if len(by) == 1 else ""
        sticks = ", ".join(shared.rows[place].name for place in by if shared.rows[place].yardstick)
        place = f"{locus.chromosome}:{locus.base_pair_location:,}"
        cells = [
            place,
            locus.rsid,
            f"{locus.neg_log_10_p_value:.1f}",
            f"{found[models].sum()} of {models.sum()}",
        ]
        rows.append(
            [
                *cells,
                sticks or NONE,
                alone or NONE,
                *(getattr(locus, name) or NONE for name in marks),
            ]
        )
    head = [
        "locus",
        "strongest variant",
        "\u2212log<sub>10</sub> p",
        "models",
        "yardsticks",
        "only",
        *marks,
    ]
    more = len(shared.loci) - MOST_LOCI
    note = f"<p class=note>The strongest {MOST_LOCI}; {more:,} more are in the runs' {shared.file}.</p>"
    return table(head, rows) + (note if more > 0 else "")


def left_out_list(found: Comparison) -> str:
    """Rows that are not valid, and directories that were not compared, each with its reason."""
    rows = []
    for row in found.rows:
        for run in row.runs:
            rows += [[run.directory.name, reason] for reason in run.score["invalid_because"]]
    said = (
        "<p>Every run passed the gate.</p>" if not rows else table(["not valid", "because"], rows)
    )
    if found.left_out:
        listed = [
            [reason, len(names), ", ".join(names)] for reason, names in found.left_out.items()
        ]
        said += f"<h3>Not compared</h3>{table(['reason', 'directories', 'names'], listed)}"
    return said
