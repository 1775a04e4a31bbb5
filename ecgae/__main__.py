"""Commands on finished runs: `python -m ecgae compare runs/`."""

import argparse
import sys
from importlib import import_module

from ecgae.errors import InputError

VERBS = ("compare", "confirm", "dashboard", "export")
"""Each is a module of `ecgae.entry.verbs`."""


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m ecgae", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="|".join(VERBS))
    for name in VERBS:
        verb = import_module(f"ecgae.entry.verbs.{name}")
        of_verb = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(of_verb)
        of_verb.set_defaults(run=verb.run)
    arguments = parser.parse_args(words)
    try:
        arguments.run(arguments)
    except InputError as error:
        sentence = str(error)
    except OSError as error:  # a full disk, a folder of somebody else
        sentence = f"{error.filename or 'the disk'} must be readable and writable; {error.strerror or error}."
    else:
        return
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
