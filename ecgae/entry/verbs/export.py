"""Lets a model leave: `python -m ecgae export runs/<run> --to FOLDER`."""

import argparse
from pathlib import Path

from ecgae.entry.verbs import add_config_dir

HELP = (
    "write a run's model for programs without ecgae: ONNX, weights, model card; no individual data"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="RUN", help="run directory")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FOLDER", help="a new or an empty folder"
    )
    parser.add_argument("--licence", help="of the weights, for the model card")
    add_config_dir(parser)


def run(arguments: argparse.Namespace) -> None:
    """Leaves encoder.onnx, weights.safetensors and the model card in the folder. Raises
    `InputError` where it cannot."""
    from ecgae.models.export import CARD, export, require_empty  # seconds

    require_empty(arguments.to)
    from ecgae.entry.loading import trained_of

    export(trained_of(arguments.directory), arguments.directory, arguments.to, arguments.licence)
    for file in sorted(arguments.to.iterdir()):
        print(f"{file}  {file.stat().st_size:,} bytes")
    print(f"read {CARD} before you share it")
