"""The numbers that a run is judged by, as text for a terminal."""

from typing import Any


def summary_table(summary: dict[str, Any]) -> str:
    """Lines of text of what score.json holds, or of a run without a scan the headline of
    model.json."""
    rows = _yield(summary) if "hits" in summary else []
    rows += _model(summary) if "bypass_index" in summary else []
    width = max((len(name) for name, _ in rows), default=0)

    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    lines += [f"warning: {sentence}" for sentence in summary.get("model_warnings", [])]
    lines += [f"not valid: {sentence}" for sentence in summary.get("invalid_because", [])]
    return "\n".join(lines)


WHOSE = {
    "select": " (none used in training)",
    "all": " (trained on, too: choosing a model by this score is circular)",
}
"""What the people who are scored had to do with training, in words."""

Rows = list[tuple[str, str]]
"""Labels and values, line by line."""


def _yield(summary: dict[str, Any]) -> Rows:
    """What the scan found; score.json of an older version lacks some keys, whose rows are left
    out."""
    return [
        *_tested(summary),
        *_loci(summary),
        *_smooth(summary),
        *_calibration(summary),
    ]


def _tested(summary: dict[str, Any]) -> Rows:
    """Who and what was tested."""
    whose = WHOSE.get(summary.get("scored_people", ""), "")
    rows = [
        ("people", f"{summary['n_individuals']:,}{whose}"),
        ("variants tested", f"{summary['n_variants']:,}"),
    ]

    excluded = summary.get("excluded_variants", {})
    reasons = [f"{count:,} {name}" for name, count in excluded.items() if count]
    if reasons:
        rows.append(("variants left out", f"{sum(excluded.values()):,} ({'; '.join(reasons)})"))
    return [
        *rows,
        ("phenotypes", f"{summary['n_phenotypes']:,}"),
        ("threshold (p)", f"{summary['threshold']:.3g}"),
    ]


def _loci(summary: dict[str, Any]) -> Rows:
    """How much passes a threshold, and where."""
    rows = [
        ("hits", f"{summary['hits']:,}"),
        ("variants with a hit", f"{summary['hit_variants']:,}"),
        ("independent loci", f"{summary['loci']:,}{_error(summary, 'loci')}"),
    ]

    if "planted_loci" in summary:
        planted = f"{summary['recovered_loci']:,} (of {summary['planted_loci']:,} planted)"
        rows.append(("  at a planted variant", planted))
        rows.append(("  elsewhere (false)", f"{summary['false_loci']:,}"))
    if summary.get("loci_at_known") is not None:
        rows.append(("  at a known ECG locus", f"{summary['loci_at_known']:,}"))
    if "loci_by_correction" in summary:
        rows.append(("  at other thresholds", _other_thresholds(summary)))

    if summary.get("omnibus_loci") is not None:
        test = f"all phenotypes at once, p < {summary['alpha']:g}"
        rows.append(("omnibus loci", f"{summary['omnibus_loci']:,} ({test})"))
    return rows


def _smooth(summary: dict[str, Any]) -> Rows:
    """Yields that have no threshold, each with its standard error."""
    names = {
        "excess_chi2": "excess chi2",
        "excess_chi2_at_known": "  near known ECG loci",
        "summed_heritability": "summed heritability",
    }
    rows = []
    for name, label in names.items():
        if summary.get(name) is not None:
            rows.append((label, f"{summary[name]:.3g}{_error(summary, name)}"))
    return rows


def _calibration(summary: dict[str, Any]) -> Rows:
    """Whether the scan may be trusted."""
    rows = []
    if summary["genomic_inflation"] is not None:  # None: no variant was tested
        inflation = f"{summary['genomic_inflation']:.3f} (median; max {summary['genomic_inflation_max']:.3f})"
        rows.append(("genomic inflation", inflation))
    if summary.get("ld_score_intercept") is not None:
        error = summary["ld_score_intercept_standard_error"]
        within = "" if error is None else f" (standard error {error:.3f})"
        rows.append(("LD-score intercept", f"{summary['ld_score_intercept']:.3f}{within}"))
    if "null_hits" in summary:
        hits = f"{summary['null_hits']:.3g} per scan, of {summary['null_repetitions']:,} scans"
        rows.append(("hits in shuffled people", hits))
    return rows


def _error(summary: dict[str, Any], name: str) -> str:
    """The standard error of a yield, by a jackknife over chromosomes; "" where it is not known."""
    error = summary.get("standard_errors", {}).get(name)
    return "" if error is None else f" (standard error {error:.2g})"


def _other_thresholds(summary: dict[str, Any]) -> str:
    """Loci and hits at each threshold that differs from the chosen one."""
    loci, hits, p = (summary[f"{what}_by_correction"] for what in ("loci", "hits", "threshold"))
    others = [
        name
        for name, value in p.items()
        if value is not None and abs(value / summary["threshold"] - 1) > 0.01
    ]
    return (
        "; ".join(f"{name} {loci[name]:,} ({hits[name]:,} hits)" for name in others) or "the same"
    )


def _model(summary: dict[str, Any]) -> Rows:
    """How well the model does its work."""
    names = {
        "r2_recorded": "R2",
        "prd_recorded": "PRD (%)",
        "r_recorded": "r",
        "bypass_index": "bypass index",
    }
    rows = [(name, _number(summary[key])) for key, name in names.items()]
    active = f"{summary['active_latents']} of {summary['latents_per_sample']}"
    dropped = f"{summary['latent_qc_dropped']:,} {summary['latent_qc_unit']}s dropped"
    return [*rows, ("active latents", active), ("latent QC", dropped)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
