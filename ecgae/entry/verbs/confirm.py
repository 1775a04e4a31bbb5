"""Tests the chosen model's loci once more, in people kept for that: `python -m ecgae confirm
runs/<run>`."""

import argparse
from pathlib import Path
from typing import Any

from ecgae.entry.verbs import add_config_dir

HELP = "test a run's loci once more, in people who had no part in choosing it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory", type=Path, metavar="RUN", help="run directory, or one of <runs>/yardsticks"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="although another run of this cohort was confirmed; the result is marked",
    )
    add_config_dir(parser)


def run(arguments: argparse.Namespace) -> None:
    """Leaves confirmation.json and confirmation.tsv in the run. Raises `InputError` where it may
    not be confirmed."""
    from contextlib import nullcontext
    from datetime import date

    from ecgae.entry.choices import require_choices  # seconds
    from ecgae.entry.scanning import scored_with
    from ecgae.models.latents import read_latents
    from ecgae.runs import run_directory
    from ecgae.scoring import ledger
    from ecgae.scoring.confirmation import config_of, confirm, confirmed_text, read_discovery, write

    directory = arguments.directory.resolve()
    config = config_of(directory)
    require_choices(config)
    entry = ledger.entry_of(directory, config, date.today().isoformat())
    with run_directory.only_one(directory):
        discovery = read_discovery(directory)
        latents = read_latents(directory / "latents.h5")
        study, engine = scored_with(config)
        # A yardstick was not chosen among many: it is confirmed beside the model, and chooses
        # nothing.
        held: Any = nullcontext(entry)
        if "yardstick" not in config:
            held = ledger.entered(directory.parent, entry, arguments.again)
        with held as entered:
            result = confirm(discovery, latents, study, engine.transform, directory.name)
            summary = result.summary | {"date": entered.date, "again": entered.again == "yes"}
            write(result._replace(summary=summary), directory)
    print(confirmed_text(summary, run_directory.read_score(directory) or {}))
    print(f"each locus: {arguments.directory / 'confirmation.tsv'}")
