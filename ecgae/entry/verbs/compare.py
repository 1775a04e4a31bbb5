"""Which run found most, whether that is more than chance, and what made the difference."""

import argparse
from pathlib import Path

HELP = "compare finished runs: a table here, and one HTML page with figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="?", default=Path("runs"), help="folder of run directories [runs]"
    )
    parser.add_argument("--out", type=Path, help="the page; left out: RUNS/comparison.html")
    parser.add_argument(
        "--by",
        help="the yield to rank by: loci, omnibus_loci, excess_chi2, ...; left out: the runs' own",
    )
    parser.add_argument(
        "--cohort", help="which one, where RUNS holds runs of several; the error lists them"
    )


def run(arguments: argparse.Namespace) -> None:
    """Raises `InputError` where nothing can be compared, or the page cannot be written."""
    from ecgae.comparison.compare import compare
    from ecgae.comparison.terminal import text
    from ecgae.report.comparison_page import write_page

    comparison = compare(arguments.runs, arguments.by, arguments.cohort)
    print(text(comparison))
    out = arguments.out or arguments.runs / "comparison.html"
    write_page(comparison, out)
    print(f"page: {out}")
