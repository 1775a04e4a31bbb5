"""The numbers that a run is judged by, as text for a terminal."""

from typing import Any


def summary_table(summary: dict[str, Any]) -> str:
    """What score.json holds, or of a run without a scan the headline of model.json, as lines of text."""
    rows = (_yield(summary) if "hits" in summary else []) + (_model(summary) if "bypass_index" in summary else [])
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    return "\n".join([*lines, *(f"warning: {sentence}" for sentence in summary.get("model_warnings", []))])


def _yield(summary: dict[str, Any]) -> list[tuple[str, str]]:
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
    return rows


def _model(summary: dict[str, Any]) -> list[tuple[str, str]]:
    names = {"r2_recorded": "R2", "prd_recorded": "PRD (%)", "r_recorded": "r", "bypass_index": "bypass index"}
    rows = [(name, _number(summary[key])) for key, name in names.items()]
    active = f"{summary['active_latents']} of {summary['latents_per_sample']}"
    dropped = f"{summary['latent_qc_dropped']:,} {summary['latent_qc_unit']}s dropped"
    return [*rows, ("active latents", active), ("latent QC", dropped)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
