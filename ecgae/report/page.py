"""The report: one HTML file that holds its figures, so that it can be mailed, archived, or opened
without a network."""

import json
import os
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ecgae.report.calibration_section import calibration_section
from ecgae.report.html import Figures
from ecgae.report.model_section import model_section
from ecgae.report.yield_section import subtitle, yield_section
from ecgae.runs.locus_file import read_loci
from ecgae.runs.run_directory import MODEL, SCORE

STYLE = """
:root { --ink: #1f2933; --muted: #616e7c; --line: #e4e7eb; --accent: #0b6e99; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); }
body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; } h3 { font-size: 1rem; margin: .5rem 0; }
.scroll + h3 { margin-top: 1.6rem; }
.lead { color: var(--muted); margin: .2rem 0 1.4rem; }
.warning { border-left: 4px solid #c0392b; background: #fdf3f2; margin: .8rem 0; padding: .5rem .9rem; }
.note { color: var(--muted); font-size: .85rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(116px, 1fr)); gap: .8rem; }
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
    """Writes `report.html` from what the run directory holds: score.json, loci.tsv,
    omnibus_loci.tsv, model.json, figures/, config.yaml."""
    config_file = directory / "config.yaml"
    config = yaml.safe_load(config_file.read_text()) if config_file.is_file() else {}
    page = _page(directory, _json(directory / SCORE), _json(directory / MODEL), config)
    file = directory / "report.html"
    partial = file.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, file)
    return file


def _json(file: Path) -> dict[str, Any] | None:
    return json.loads(file.read_text()) if file.is_file() else None


def _loci(file: Path) -> pd.DataFrame | None:
    return read_loci(file) if file.is_file() else None


def _page(
    directory: Path,
    score: dict[str, Any] | None,
    model: dict[str, Any] | None,
    config: dict[str, Any],
) -> str:
    title = directory.name.removesuffix(".partial")
    figures = Figures(directory / "figures")
    said = "Trained and encoded; no association scan." if score is None else subtitle(score)
    parts = [f"<h1>{escape(title)}</h1>", f"<p class=lead>{escape(said)}</p>"]
    if score is not None:
        parts += yield_section(
            score, _loci(directory / "loci.tsv"), _loci(directory / "omnibus_loci.tsv"), figures
        )
    if model is not None:
        parts += model_section(model, figures)
    if score is not None:
        parts += calibration_section(score, figures)
    parts += [
        "<h2>Configuration</h2>",
        f"<pre>{escape(yaml.safe_dump(config, sort_keys=False))}</pre>",
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )
