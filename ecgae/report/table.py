"""The numbers that a run is judged by, as text for a terminal."""

from typing import Any


def summary_table(summary: dict[str, Any]) -> str:
    """The numbers that a run is judged by, as lines of text."""
    rows = [
        ("people", f"{summary['n_individuals']:,}"),
        ("variants tested", f"{summary['n_variants']:,}"),
        ("phenotypes", f"{summary['n_phenotypes']:,}"),
        ("threshold (p)", f"{summary['threshold']:.3g}"),
        ("hits", f"{summary['hits']:,}"),
        ("variants with a hit", f"{summary['hit_variants']:,}"),
        ("independent loci", f"{summary['loci']:,}"),
    ]
    if "planted_loci" in summary:
        rows += [
            ("  at a planted variant", f"{summary['recovered_loci']:,} (of {summary['planted_loci']:,} planted)"),
            ("  elsewhere (false)", f"{summary['false_loci']:,}"),
        ]
    if summary["genomic_inflation"] is not None:  # no variant was tested
        inflation = f"{summary['genomic_inflation']:.3f} (median; max {summary['genomic_inflation_max']:.3f})"
        rows.append(("genomic inflation", inflation))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
