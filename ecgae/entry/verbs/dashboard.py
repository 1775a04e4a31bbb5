"""Writes the project's W&B workspace: `python -m ecgae dashboard`."""

import argparse
from pathlib import Path

HELP = "write the W&B workspace that compares runs: choices against yield, yield against R2, what may be trusted"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--project", default="ecgae", help="W&B project, as logger.project (default: %(default)s)"
    )
    parser.add_argument("--entity", help="W&B user or team (default: yours)")
    parser.add_argument(
        "--dry-run",
        type=Path,
        metavar="FILE.json",
        help="write it to a file instead; needs no network",
    )


def run(arguments: argparse.Namespace) -> None:
    from ecgae.runs import dashboard  # seconds

    if arguments.dry_run:
        shown = dashboard.workspace(arguments.project, arguments.entity or "you")
        dashboard.write(shown, arguments.dry_run)
        print(f"not sent: {arguments.dry_run}")
    else:
        print(f"dashboard: {dashboard.save(arguments.project, arguments.entity)}")
