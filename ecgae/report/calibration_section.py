"""The part of the page on whether a scan may be trusted, and on each of its phenotypes."""

from typing import Any

import pandas as pd

from ecgae.report.html import Figures, table

NUMBERS = {
    "genomic_inflation": (
        "genomic inflation, median over phenotypes",
        "1 where nothing is associated",
    ),
    "genomic_inflation_max": ("genomic inflation, largest", ""),
    "genomic_inflation_1000": (
        "genomic inflation per 1,000 people",
        "what structure would give in 1,000 people",
    ),
    "mean_chi2": ("mean chi2", "above 1 by polygenicity or confounding"),
    "ld_score_intercept": ("LD-score intercept", "above 1 by confounding alone"),
    "ld_score_intercept_standard_error": ("its standard error", "from leaving out chromosomes"),
    "attenuation": (
        "attenuation",
        "share of mean chi2 - 1 that LD does not explain; 0.1 to 0.2 at most",
    ),
    "relatedness_between_chromosomes": (
        "relatedness between chromosomes",
        "0 without structure beside the covariates",
    ),
    "excess_kurtosis": (
        "excess kurtosis, largest",
        "of phenotypes as they are tested; 0 for a normal distribution",
    ),
}
"""Numbers of score.json: what each is called, and what to compare it with."""

NULL = {
    "null_family_wise_error": (
        "shuffled scans with a hit",
        "share of them; at most 0.05 is wanted",
    ),
    "null_hits": ("hits per shuffled scan", ""),
    "null_threshold": (
        "threshold of 5 % family-wise error (p)",
        "for the same correlated phenotypes and variants",
    ),
    "null_effective_tests": ("independent tests that it amounts to", ""),
}
"""Numbers of score.json from scans of shuffled people: what each is called, and what to compare it
with."""

BY_PHENOTYPE = {
    "genomic_inflation_by_phenotype": "genomic inflation",
    "hits_by_phenotype": "hits",
    "mean_chi2_by_phenotype": "mean chi2",
    "heritability_by_phenotype": "heritability",
    "heritability_standard_error_by_phenotype": "its standard error",
    "excess_kurtosis_by_phenotype": "excess kurtosis",
}
"""Numbers of each phenotype in score.json, in words."""

GATE = {
    "lowest_inflation": "genomic inflation, at least",
    "highest_inflation": "genomic inflation, at most, or explained by LD",
    "highest_null_error": "shuffled scans with a hit, lower 95 % end, at most",
    "lowest_bypass_index": "bypass index, at least",
    "lowest_active": "share of active latents, at least",
    "highest_kurtosis": "excess kurtosis of any phenotype, at most",
    "highest_relatedness": "relatedness between chromosomes, at most",
}
"""The checks of the gate, in words."""

VERDICTS = {True: "passed", False: "failed", None: "not known"}
"""How a check of the gate came out, in words."""


def calibration_section(score: dict[str, Any], figures: Figures) -> list[str]:
    """Pieces of HTML; what score.json lacks is left out."""
    return [
        "<h2>Calibration</h2>",
        figures.wide("inflation"),
        _numbers(score),
        _gate(score),
        _by_phenotype(score),
    ]


def _gate(score: dict[str, Any]) -> str:
    """What the score was checked for, and how that came out."""
    rows = [
        [
            GATE.get(name, name),
            f"{check['limit']:g}",
            _text(check["value"]),
            VERDICTS[check["passed"]],
        ]
        for name, check in score.get("gate", {}).items()
    ]
    if not rows:
        return ""
    return f"<h3>Whether the score is valid</h3>{table(['', 'limit', 'found', ''], rows)}"


def _numbers(score: dict[str, Any]) -> str:
    """A table of inflation, LD scores and shuffled scans."""
    rows = [
        [label, _text(score[key]), "", note]
        for key, (label, note) in NUMBERS.items()
        if key in score
    ]

    for key, (label, note) in NULL.items():
        if key in score:
            interval = " to ".join(map(_text, score[f"{key}_95"]))
            rows.append([label, _text(score[key]), interval, note])

    if "null_repetitions" in score:
        rows.append(
            ["shuffled scans", f"{score['null_repetitions']:,}", "", "people against genotypes"]
        )
    return table(["", "", "95 % interval" if "null_repetitions" in score else "", ""], rows)


def _text(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.4g}"


def _by_phenotype(score: dict[str, Any]) -> str:
    """A table of the phenotypes, folded away for there may be hundreds."""
    columns = {label: score[key] for key, label in BY_PHENOTYPE.items() if key in score}
    rows = pd.DataFrame(columns, index=list(score["genomic_inflation_by_phenotype"]), dtype=object)
    cells = [[name, *map(_text, row)] for name, *row in rows.where(rows.notna(), None).itertuples()]
    return f"<details><summary>{len(rows)} phenotypes</summary>{table(['phenotype', *columns], cells)}</details>"
