"""The numbers of the bench as Markdown."""

from collections.abc import Mapping, Sequence

from null_cohorts import LEVEL, REPETITIONS, NullScan, interval
from picking import Agreement

COLUMNS = {
    "model": "model",
    "loci": "loci",
    "recovered_loci": "planted",
    "false_loci": "false",
    "omnibus_loci": "omnibus loci",
    "omnibus_false_loci": "false ",
    "over_oracle": "loci / oracle's",
    "rate": "replicated",
    "omnibus_rate": "omnibus replicated",
    "signal_kept": "signal kept",
    "confirmed_share": "planted confirmed",
    "r2_recorded": "R2",
    "valid": "valid",
}
"""Columns of the table of models: their titles, by the key of a row."""

WHOLE = ("loci", "recovered_loci", "false_loci", "omnibus_loci", "omnibus_false_loci")


def models(rows: Sequence[Mapping], planted: int) -> str:
    """One cohort, most signal first, yardsticks among the models."""
    ordered = sorted(rows, key=lambda row: -row["signal_kept"])
    cells = [[_cell(name, row.get(name)) for name in COLUMNS] for row in ordered]
    return f"{planted} planted variants\n\n" + markdown(list(COLUMNS.values()), cells)


def _cell(name: str, value: object) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if name in WHOLE else f"{value:.2f}"


def picking(found: Mapping[str, Agreement], truth: str) -> str:
    """Scores, the one that agrees best first."""
    cells = [
        [
            name,
            f"{one.correlation:.2f} ({one.low:.2f} to {one.high:.2f})",
            f"{one.regret:.1%}",
            f"{one.worst:.1%}",
        ]
        for name, one in sorted(found.items(), key=lambda item: -item[1].correlation)
    ]
    return markdown(
        ["score", f"rank correlation with {truth} (95 %)", "lost by picking with it", "at worst"],
        cells,
    )


def null(scans: Sequence[NullScan]) -> str:
    low, high = interval()
    cells = [
        [
            *(
                scan.name,
                f"{scan.loci} + {scan.omnibus_loci}",
                f"{scan.own_error:.1%}",
                f"{scan.threshold:.2g}",
            ),
            *(f"{scan.family_wise_error:.0%}", "yes" if scan.within else "no"),
        ]
        for scan in scans
    ]
    head = ["model", "loci + omnibus loci", "shuffled scans with a hit", f"p of {LEVEL:.0%}"]
    head += [f"of {REPETITIONS} others below it", f"from {low} to {high}"]
    return markdown(head, cells)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)
