"""The part of the page on what the genome shows: how much was found, at which thresholds, and
where."""

from html import escape
from typing import Any

import pandas as pd

from ecgae.report.html import Figures, numbers, table

CORRECTIONS = {
    "none": "none: one scan",
    "latents": "latents of one lead",
    "phenotypes": "phenotypes",
    "li_ji": "effective phenotypes, Li and Ji",
    "galwey": "effective phenotypes, Galwey",
}
"""What the genome-wide level is divided by, in words."""

COMBINED = {
    "omnibus_loci": "none: all phenotypes at once",
    "acat_loci": "none: their p combined, ACAT",
}
"""Tests of all phenotypes together, which have one threshold, in words."""

SMOOTH = {
    "loci": ("independent loci", ""),
    "omnibus_loci": ("loci of all phenotypes at once", ""),
    "hits": ("hits", ""),
    "excess_chi2": (
        "excess chi2 of all phenotypes at once, mean over variants",
        "0 where nothing is associated",
    ),
    "excess_chi2_at_known": ("the same near known ECG loci", "a positive control"),
    "summed_heritability": (
        "heritability, summed over whitened phenotypes",
        "at most the number of phenotypes",
    ),
}
"""Yields with a standard error, which comes from leaving out chromosomes: what each is called, and
what to compare it with."""


def subtitle(score: dict[str, Any]) -> str:
    """What was tested, and what a hit is."""
    return (
        f"{score['n_individuals']:,} people, {score['n_variants']:,} variants, {score['n_phenotypes']:,} phenotypes; "
        f"a hit is one variant with one phenotype at p < {score['threshold']:.3g}."
    )


def yield_section(
    score: dict[str, Any], loci: pd.DataFrame | None, omnibus: pd.DataFrame | None, figures: Figures
) -> list[str]:
    """Pieces of HTML; what score.json of an older version lacks is left out."""
    parts = [
        _invalid(score),
        _numbers(score),
        _smooth(score),
        _left_out(score),
        "<h2>Associations</h2>",
        figures.wide("manhattan"),
        f"<div class='row found'>{figures.one('qq')}<div>{_by_correction(score)}{_by_lead(score)}</div></div>",
        "<h3>Loci</h3>",
        _loci(loci),
    ]

    if omnibus is not None:
        note = (
            f"One test per variant, of every phenotype together, at p &lt; {score['alpha']:g}: no rotation of the "
            "latent space changes it, so that models can be compared by it."
        )
        parts += [
            "<h3>Loci of all phenotypes at once</h3>",
            f"<p class=note>{note}</p>",
            _loci(omnibus),
        ]
    return parts


def _numbers(score: dict[str, Any]) -> str:
    """The numbers in boxes at the top of the section."""
    labels = {
        "loci": "independent loci",
        "loci_at_known": "of them at known ECG loci",
        "omnibus_loci": "loci of all phenotypes at once",
        "hits": "hits",
        "hit_variants": "variants with a hit",
        "recovered_loci": f"loci at one of {score.get('planted_loci')} planted variants",
        "false_loci": "loci elsewhere",
        "genomic_inflation": "median genomic inflation",
    }

    unknown = [name for name in ("loci_at_known", "omnibus_loci") if score.get(name) is None]
    shown = [name for name in labels if name in score and name not in unknown]
    return numbers({labels[name]: score[name] for name in shown})


def _invalid(score: dict[str, Any]) -> str:
    """A warning with the reasons, where the score is not valid."""
    reasons = "".join(
        f"<li>{escape(sentence)}</li>" for sentence in score.get("invalid_because", [])
    )
    if score.get("valid", True):
        return ""
    sentence = "<b>The score is not valid.</b> Its numbers are not to be compared:"
    return f"<div class=warning>{sentence}<ul>{reasons}</ul></div>"


def _smooth(score: dict[str, Any]) -> str:
    """How well the counts are known, and the yields that have no threshold."""
    if "standard_errors" not in score:
        return ""
    rows = []
    for name, (label, note) in SMOOTH.items():
        if score[name] is not None:
            error = score["standard_errors"][name]
            rows.append(
                [label, f"{score[name]:.4g}", "\u2013" if error is None else f"{error:.2g}", note]
            )
    return f"<h3>Yield and its standard error</h3>{table(['', '', 'standard error', ''], rows)}"


def _left_out(score: dict[str, Any]) -> str:
    """How many variants were not tested, and why."""
    reasons = {name: count for name, count in score.get("excluded_variants", {}).items() if count}
    if not reasons:
        return ""
    said = "; ".join(f"{count:,} {name}" for name, count in reasons.items())
    return f"<p class=note>{sum(reasons.values()):,} variants were not tested: {escape(said)}.</p>"


def _by_correction(score: dict[str, Any]) -> str:
    """Loci and hits at every threshold that the scan could have had."""
    if "loci_by_correction" not in score:
        return ""

    rows = []
    for name, threshold in score["threshold_by_correction"].items():
        if threshold is not None:
            chosen = " (chosen)" if name == score["correction"] else ""
            counts = (f"{score[f'{what}_by_correction'][name]:,}" for what in ("loci", "hits"))
            rows.append([CORRECTIONS.get(name, name) + chosen, f"{threshold:.3g}", *counts])

    for name, label in COMBINED.items():
        if score.get(name) is not None:
            rows.append([label, f"{score['alpha']:.3g}", f"{score[name]:,}", "\u2013"])
    counted = table([f"{score['alpha']:g} divided by", "threshold (p)", "loci", "hits"], rows)
    return f"<h3>Yield by threshold</h3>{counted}"


def _by_lead(score: dict[str, Any]) -> str:
    """Loci of each lead, where the model sees one lead at a time."""
    by_lead = score.get("loci_by_lead", {})
    if not by_lead:
        return ""
    at_once = score.get("omnibus_loci_by_lead") or {}
    rows = [
        [lead, f"{count:,}", f"{at_once[lead]:,}" if lead in at_once else "\u2013"]
        for lead, count in by_lead.items()
    ]
    return (
        f"<h3>Yield by lead</h3>{table(['lead', 'loci', 'loci of its phenotypes at once'], rows)}"
    )


def _loci(loci: pd.DataFrame | None) -> str:
    """A table of loci; columns that say the same of every locus, or nothing, are left out."""
    if loci is None or loci.empty:
        return "<p>No locus.</p>"

    columns = {
        "locus": loci.chromosome.astype(str) + ":" + loci.base_pair_location.map("{:,}".format),
        "variant": loci.rsid.fillna(loci.index_variant),
        "effect / other": loci.effect_allele + " / " + loci.other_allele,
        "frequency": loci.effect_allele_frequency.map("{:.3f}".format),
        "\u2212log<sub>10</sub> p": loci.neg_log_10_p_value.map("{:.2f}".format),
        "best phenotype": loci.phenotype,
        "phenotypes": loci.phenotypes.str.count(",") + 1,
    }

    if loci.phenotype.nunique() == 1 and loci.phenotypes.eq(loci.phenotype).all():
        del columns["best phenotype"], columns["phenotypes"]
    if "start" in loci:
        columns["extent, kb"] = ((loci.end - loci.start) / 1000).map("{:,.0f}".format)
    if "known" in loci and loci.known.fillna("").ne("").any():
        columns["known"] = loci.known.fillna("").replace("", "\u2013")
    if "planted" in loci:
        columns["planted"] = loci.planted.fillna("none near").replace("", "none near")
    return table(list(columns), zip(*columns.values(), strict=True))
