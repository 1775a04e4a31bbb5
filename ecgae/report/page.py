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
from ecgae.report.style import REPORT_CSS
from ecgae.report.yield_section import subtitle, yield_section
from ecgae.runs.locus_file import read_loci
from ecgae.runs.run_directory import MODEL, SCORE


def write_report(directory: Path) -> Path:
    """Writes `report.html` from what the run directory holds, and returns its path.

    It reads score.json, loci.tsv, omnibus_loci.tsv, model.json, figures/ and config.yaml, of which
    any may be missing.
    """
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
    """A table of loci; None where the run has none."""
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
        f"<title>{escape(title)}</title><style>{REPORT_CSS}</style><body>{''.join(parts)}</body></html>\n"
    )
