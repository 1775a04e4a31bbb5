"""The comparison as text for a terminal."""

from collections.abc import Sequence

import numpy as np

from ecgae.comparison.compare import Comparison
from ecgae.comparison.configurations import Configuration
from ecgae.comparison.metrics import METRICS

MOST_VERDICTS = 12
"""Sentences about differences that are printed; the page has all."""

MOST_NAMES = 3
"""Names that are listed where there may be hundreds."""

NONE = "-"
"""What stands in a cell without a value."""

WIDEST = 6
"""Axes that have a column each; where more differ rows have their run's name, and the page has the
columns."""


def text(comparison: Comparison) -> str:
    """The comparison as text: a table, which differences are real, and what was left out."""
    head, rows = table(comparison)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    # Words to the left, numbers to the right.
    left = len(comparison.axes) if _has_axes(comparison) else 1
    lines = [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([title(comparison), "", *lines, "", *_notes(comparison)])


def title(comparison: Comparison) -> str:
    """What is compared, in a line."""
    runs = sum(len(row.runs) for row in comparison.models)
    yardsticks = len(comparison.rows) - len(comparison.models)
    people = sorted({run.score["n_individuals"] for row in comparison.rows for run in row.runs})
    counted = f"{people[0]:,}" if len(people) == 1 else f"{people[0]:,} to {people[-1]:,}"
    return (
        f"{_counted(len(comparison.models), 'configuration')} of {_counted(runs, 'run')}, "
        f"{_counted(yardsticks, 'yardstick')}; cohort {comparison.cohort}, scored on {counted} people; "
        f"sorted by {METRICS[comparison.by].title}"
    )


def _has_axes(comparison: Comparison) -> bool:
    """Whether each axis has a column; otherwise rows have their run's name."""
    return 0 < len(comparison.axes) <= WIDEST


def _counted(number: int, thing: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table; a yardstick is named in brackets."""
    several = any(len(row.runs) > 1 for row in comparison.rows)
    confirmed = any(confirmation(row, comparison.by) for row in comparison.rows)
    first, *rest = comparison.shown

    head = [axis.name for axis in comparison.axes] if _has_axes(comparison) else ["run"]
    head += [METRICS[first].title, "SE genome", *(["SE seeds", "seeds"] if several else [])]
    head += [*(METRICS[name].title for name in rest), "valid"]
    head += ["replicated"] if confirmed else []

    rows = []
    for row in comparison.rows:
        measured = row.measured(first)
        cells = [
            *_names(row, comparison),
            number(measured.value, first),
            error(measured.genome_error, first),
        ]
        cells += [error(measured.seed_error, first), str(len(row.runs))] if several else []
        cells += [number(row.value(name), name) for name in rest] + [validity(row)]
        rows.append(cells + ([confirmation(row, comparison.by) or NONE] if confirmed else []))
    return head, rows


def _names(row: Configuration, comparison: Comparison) -> list[str]:
    """The cells that say which row it is: one for each axis, or a single one."""
    if not _has_axes(comparison):
        return [f"[{row.name}]" if row.yardstick else row.name]
    if row.yardstick:
        return [f"[{row.name}]", *[""] * (len(comparison.axes) - 1)]
    return [row.values[axis.key] or NONE for axis in comparison.axes]


def number(value: float, metric: str) -> str:
    """A number as it is shown; a count that is a mean over seeds has a decimal."""
    if not np.isfinite(value):
        return NONE
    decimals = METRICS[metric].decimals
    return f"{value:,.{max(decimals, 1) if value % 1 else decimals}f}"


def error(value: float, metric: str) -> str:
    """A standard error as it is shown; it has a decimal even where the number has none."""
    return f"{value:,.{max(METRICS[metric].decimals, 1)}f}" if np.isfinite(value) else NONE


def validity(row: Configuration) -> str:
    """Whether the row passed the gate: yes, NO, or how many of its seeds."""
    passed = sum(run.score["valid"] for run in row.runs)
    if passed in (0, len(row.runs)):
        return "yes" if passed else "NO"
    return f"{passed} of {len(row.runs)}"


def confirmation(row: Configuration, metric: str) -> str:
    """How many of the row's loci replicated in held-out people, for each confirmed seed: "9 of 12";
    "" where none is confirmed.

    Omnibus loci are counted where rows are ranked by those.
    """
    omnibus = metric == "omnibus_loci"
    loci, replicated = ("omnibus_loci", "omnibus_replicated") if omnibus else ("loci", "replicated")

    said = []
    for run in row.runs:
        numbers = run.confirmation or {}
        if numbers.get(loci) is not None:
            first = " (not the first)" if numbers.get("again") else ""
            said.append(f"{numbers[replicated]} of {numbers[loci]}{first}")
    return "; ".join(said)


def candidates(comparison: Comparison) -> str:
    """A sentence that says among which models the best one is; "" where there are no two to choose
    from, or nothing could be tested."""
    names, models = comparison.judgement.candidates, [row for row in comparison.models if row.valid]
    if len(models) < 2 or not comparison.judgement.comparisons:
        return ""

    count = _counted(len(models), "valid model")
    if len(names) == len(models):
        return f"Which of the {count} is best cannot be told: none is ruled out."
    said = f"one of these {len(names)}" if len(names) > 1 else "this one"
    return f"With 95 % confidence the best of {count} is {said}: {_some(names)}; the others are ruled out."


def optimism(comparison: Comparison) -> str:
    """A warning that the number which chose a model is too high for it; "" where there was no
    choice, or the model is confirmed."""
    models = [row for row in comparison.models if row.valid]
    if len(models) < 2 or any(confirmation(row, comparison.by) for row in models):
        return ""
    run = models[0].believed[0].directory
    return (
        "The best model was chosen by this number, which is therefore optimistic: "
        f"confirm {run.name} (python -m ecgae confirm)."
    )


def _notes(comparison: Comparison) -> list[str]:
    """Sentences below the table."""
    lines = [f"warning: {sentence}" for sentence in comparison.warnings]
    lines += [sentence for sentence in (candidates(comparison), optimism(comparison)) if sentence]

    verdicts = comparison.judgement.verdicts
    lines += [verdict.sentence for verdict in verdicts[:MOST_VERDICTS]]
    if len(verdicts) > MOST_VERDICTS:
        lines.append(f"{len(verdicts) - MOST_VERDICTS} more such sentences are in the page.")

    lines += [f"not valid: {reason}" for reason in _invalid(comparison.rows)]
    lines += [
        f"left out: {len(names)} {reason}: {_some(names)}"
        for reason, names in comparison.left_out.items()
    ]
    return lines


def _invalid(rows: Sequence[Configuration]) -> list[str]:
    """Every row with a run that did not pass the gate, and why."""
    told = []
    for row in rows:
        if not all(run.score["valid"] for run in row.runs):
            reasons = [reason for run in row.runs for reason in run.score["invalid_because"]]
            told.append(f"{row.name}: {' '.join(dict.fromkeys(reasons))}")
    return told


def _some(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
