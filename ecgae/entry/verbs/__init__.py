"""The verbs of `ecgae`, each one module: HELP, `add_arguments(parser)` and `run(arguments)`.

A new one is found by its file; what takes seconds to import is imported in `run`.
"""

import argparse


def add_config_dir(parser: argparse.ArgumentParser) -> None:
    """The option that names choices of the user's own; `choices` reads it from the command line."""
    parser.add_argument(
        "--config-dir",
        "-cd",
        metavar="FOLDER",
        help="configs of choices of your own that the run names",
    )
