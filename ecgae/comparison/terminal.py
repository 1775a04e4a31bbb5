"""The comparison as text for a terminal."""

from collections.abc import Sequence

import numpy as np

from ecgae.comparison.compare import Comparison
from ecgae.comparison.configurations import Configuration
from ecgae.comparison.metrics import METRICS

MOST_VERDICTS = 12
MOST_NAMES = 3
NONE = "-"

WIDEST = 6
"""Axes that have a column each; where more differ rows have their run's name, and the page has the
columns."""


def text(found: Comparison) -> str:
    """Table, what is told apart, and what was left out."""
    head, rows = table(found)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    left = (
        len(found.axes) if 0 < len(found.axes) <= WIDEST else 1
    )  # words to the left, numbers to the right
    lines = [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([title(found), "", *lines, "", *_notes(found)])


def title(found: Comparison) -> str:
    """What is compared."""
    runs = sum(len(row.runs) for row in found.models)
    yardsticks = len(found.rows) - len(found.models)
    people = sorted({run.score["n_individuals"] for row in found.rows for run in row.runs})
    counted = f"{people[0]:,}" if len(people) == 1 else f"{people[0]:,} to {people[-1]:,}"
    return (
        f"{_counted(len(found.models), 'configuration')} of {_counted(runs, 'run')}, "
        f"{_counted(yardsticks, 'yardstick')}; cohort {found.cohort}, scored on {counted} people; "
        f"sorted by {METRICS[found.by].title}"
    )


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def table(found: Comparison) -> tuple[list[str], list[list[str]]]:
    """Head and rows; a yardstick is named in brackets."""
    several = any(len(row.runs) > 1 for row in found.rows)
    confirmed = any(confirmation(row, found.by) for row in found.rows)
    first, *rest = found.shown
    head = [axis.name for axis in found.axes] if 0 < len(found.axes) <= WIDEST else ["run"]
    head += [METRICS[first].title, "SE genome", *(["SE seeds", "seeds"] if several else [])]
    head += (
        [METRICS[name].title for name in rest] + ["valid"] + (["replicated"] if confirmed else [])
    )
    rows = []
    for row in found.rows:
        measured = row.measured(first)
        cells = [
            *_names(row, found),
            number(measured.value, first),
            error(measured.genome_error, first),
        ]
        cells += [error(measured.seed_error, first), str(len(row.runs))] if several else []
        cells += [number(row.value(name), name) for name in rest] + [validity(row)]
        rows.append(cells + ([confirmation(row, found.by) or NONE] if confirmed else []))
    return head, rows


def _names(row: Configuration, found: Comparison) -> list[str]:
    if not 0 < len(found.axes) <= WIDEST:
        return [f"[{row.name}]" if row.yardstick else row.name]
    if row.yardstick:
        return [f"[{row.name}]", *[""] * (len(found.axes) - 1)]
    return [row.values[axis.key] or NONE for axis in found.axes]


def number(value: float, metric: str) -> str:
    """Counts that are means over seeds have a decimal."""
    if not np.isfinite(value):
        return NONE
    decimals = METRICS[metric].decimals
    return f"{value:,.{max(decimals, 1) if value % 1 else decimals}f}"


def error(value: float, metric: str) -> str:
    """A standard error has a decimal even where the number has none."""
    return f"{value:,.{max(METRICS[metric].decimals, 1)}f}" if np.isfinite(value) else NONE


def validity(row: Configuration) -> str:
    """yes, no, or of how many seeds."""
    passed = sum(run.score["valid"] for run in row.runs)
    if passed in (0, len(row.runs)):
        return "yes" if passed else "NO"
    return f"{passed} of {len(row.runs)}"


def confirmation(row: Configuration, metric: str) -> str:
    """ "9 of 12": replicated, of the loci that were found; "" where nobody asked. One per confirmed
    seed.

    Of omnibus loci where rows are ranked by those.
    """
    found, again = (
        ("omnibus_loci", "omnibus_replicated")
        if metric == "omnibus_loci"
        else ("loci", "replicated")
    )
    said = []
    for run in row.runs:
        if run.confirmation is not None and run.confirmation.get(found) is not None:
            first = "" if not run.confirmation.get("again") else " (not the first)"
            said.append(f"{run.confirmation[again]} of {run.confirmation[found]}{first}")
    return "; ".join(said)


def candidates(found: Comparison) -> str:
    """Among which models the best one is; "" where there are no two to choose from, or nothing
    could be tested."""
    names, models = found.judgement.candidates, [row for row in found.models if row.valid]
    if len(models) < 2 or not found.judgement.comparisons:
        return ""
    if len(names) == len(models):
        return f"Which of the {_counted(len(models), 'valid model')} is best cannot be told: none is ruled out."
    said = f"one of these {len(names)}" if len(names) > 1 else "this one"
    return (
        f"With 95 % confidence the best of {_counted(len(models), 'valid model')} is {said}: "
        f"{_some(names)}; the others are ruled out."
    )


def optimism(found: Comparison) -> str:
    """That the number which chose a model is too high for it; "" where there was no choice, or it
    is confirmed."""
    models = [row for row in found.models if row.valid]
    if len(models) < 2 or any(confirmation(row, found.by) for row in models):
        return ""
    run = models[0].believed[0].directory
    return f"The best one's number chose it, and is optimistic for that: confirm {run.name} (python -m ecgae confirm)."


def _notes(found: Comparison) -> list[str]:
    lines = [f"warning: {sentence}" for sentence in found.warnings]
    lines += [sentence for sentence in (candidates(found), optimism(found)) if sentence]
    told = found.judgement.verdicts
    lines += [verdict.sentence for verdict in told[:MOST_VERDICTS]]
    if len(told) > MOST_VERDICTS:
        lines.append(f"{len(told) - MOST_VERDICTS} more such sentences are in the page.")
    lines += [f"not valid: {reason}" for reason in _invalid(found.rows)]
    lines += [
        f"left out: {len(names)} {reason}: {_some(names)}"
        for reason, names in found.left_out.items()
    ]
    return lines


def _invalid(rows: Sequence[Configuration]) -> list[str]:
    return [
        f"{row.name}: {' '.join(dict.fromkeys(reason for run in row.runs for reason in run.score['invalid_because']))}"
        for row in rows
        if not all(run.score["valid"] for run in row.runs)
    ]


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
