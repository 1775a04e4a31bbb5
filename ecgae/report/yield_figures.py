"""The figures of a scan, drawn into its folder."""

from pathlib import Path

import pandas as pd

from ecgae.genetics.scan import Scan
from ecgae.report import calibration_figures, figures
from ecgae.scoring.score import Yield
from ecgae.statistics.calibration import FREQUENCY_BINS, inflation_by_frequency, qq_quantiles


def draw(scan: Scan, scored: Yield, planted: pd.DataFrame | None, folder: Path) -> None:
    """Draws manhattan.png, qq.png and inflation.png into `folder`."""
    folder.mkdir(exist_ok=True)
    figures.manhattan(scan.variants, scored.loci, scored.summary["threshold"], planted).savefig(
        folder / "manhattan.png"
    )

    quantiles = qq_quantiles(scan.tally, scan.candidates, scan.report_below)
    most = int(scan.tally.tests.sum(axis=0).max(initial=1))
    calibration_figures.qq(quantiles.expected, quantiles.observed, most).savefig(folder / "qq.png")

    tests = scan.tally.z_counts.sum(axis=2)
    inflation = calibration_figures.inflation(
        inflation_by_frequency(scan.tally), tests, FREQUENCY_BINS
    )
    inflation.savefig(folder / "inflation.png")
