"""The report: one HTML file that holds its figures, so that it can be mailed, archived, or opened without a network."""

import json
import os
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ecgae.report.html import Figures, numbers, table
from ecgae.report.model_section import model_section
from ecgae.runs import MODEL

STYLE = """
:root { --ink: #1f2933; --muted: #616e7c; --line: #e4e7eb; --accent: #0b6e99; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); }
body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; } h3 { font-size: 1rem; margin: .5rem 0; }
.lead { color: var(--muted); margin: .2rem 0 1.4rem; }
.warning { border-left: 4px solid #c0392b; background: #fdf3f2; margin: .8rem 0; padding: .5rem .9rem; }
.note { color: var(--muted); font-size: .85rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: .8rem; }
.numbers div { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; }
.numbers b { display: block; font-size: 1.5rem; color: var(--accent); font-variant-numeric: tabular-nums; }
.numbers span { color: var(--muted); font-size: .85rem; }
.row { display: grid; gap: 1rem; align-items: start; }
.row { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
@media (min-width: 900px) { .found { grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); } }
figure { margin: 0; } img { max-width: 100%; vertical-align: top; }
img.wide { min-width: 720px; } figcaption { color: var(--muted); font-size: .85rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .82rem; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
pre { background: #f5f7fa; padding: 1rem; border-radius: 8px; overflow-x: auto; font-size: .8rem; }
"""


def write_report(directory: Path) -> Path:
    """Writes `report.html` from what the run directory holds: score.json, loci.tsv, model.json, figures/,
    config.yaml."""
    score_file, loci_file = directory / "score.json", directory / "loci.tsv"
    score = json.loads(score_file.read_text()) if score_file.is_file() else None
    loci = pd.read_csv(loci_file, sep="\t") if loci_file.is_file() else None
    config_file = directory / "config.yaml"
    config = yaml.safe_load(config_file.read_text()) if config_file.is_file() else {}
    figures = Figures(directory / "figures")
    model_file = directory / MODEL
    model = json.loads(model_file.read_text()) if model_file.is_file() else None
    page = _page(directory, score, loci, model, figures, config)
    file = directory / "report.html"
    partial = file.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, file)
    return file


def _page(
    directory: Path,
    score: dict[str, Any] | None,
    loci: pd.DataFrame | None,
    model: dict[str, Any] | None,
    figures: Figures,
    config: dict[str, Any],
) -> str:
    title = directory.name.removesuffix(".partial")
    parts = [f"<h1>{escape(title)}</h1>", f"<p class=lead>{escape(_subtitle(score))}</p>"]
    if score is not None:
        parts += [_numbers(score), "<h2>Associations</h2>", figures.wide("manhattan")]
        parts += [f"<div class='row found'>{figures.one('qq')}<div><h3>Loci</h3>{_loci_table(loci)}</div></div>"]
    if model is not None:
        parts += model_section(model, figures)
    if score is not None:
        parts += ["<h2>Genomic inflation by phenotype</h2>", _inflation_table(score)]
    parts += ["<h2>Configuration</h2>", f"<pre>{escape(yaml.safe_dump(config, sort_keys=False))}</pre>"]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _subtitle(score: dict[str, Any] | None) -> str:
    if score is None:
        return "Trained and encoded; no association scan."
    return (
        f"{score['n_individuals']:,} people, {score['n_variants']:,} variants, {score['n_phenotypes']:,} phenotypes; "
        f"a hit is one variant with one phenotype at p < {score['threshold']:.3g}."
    )


def _numbers(score: dict[str, Any]) -> str:
    shown = [
        ("loci", "independent loci"),
        ("hits", "hits"),
        ("hit_variants", "variants with a hit"),
        ("recovered_loci", f"loci at one of {score.get('planted_loci')} planted variants"),
        ("false_loci", "loci elsewhere"),
        ("genomic_inflation", "median genomic inflation"),
    ]
    return numbers({label: score[name] for name, label in shown if name in score})


def _loci_table(loci: pd.DataFrame | None) -> str:
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
    if "planted" in loci:
        columns["planted"] = loci.planted.fillna("none near")
    return table(list(columns), zip(*columns.values(), strict=True))


def _inflation_table(score: dict[str, Any]) -> str:
    inflation = pd.Series(score["genomic_inflation_by_phenotype"], name="genomic inflation", dtype=float)
    rows = inflation.rename_axis("phenotype").reset_index()
    return f"<details><summary>{len(rows)} phenotypes</summary>{rows.to_html(index=False, border=0)}</details>"
