"""The command `ecgae`: train, encode and scan, then compare, confirm and export what came of it."""

import argparse
import runpy
import sys
from importlib import import_module
from typing import NoReturn

from ecgae.errors import InputError, as_sentence
from ecgae.root import PACKAGE, ROOT

SCRIPTS = {
    "train": "fit one model, encode everyone, score the run by what the genome found",
    "encode": "latents of a finished run, again or of another cohort",
    "gwas": "associations, loci and score of a run's latents, or of any phenotype table",
}
"""What `train.py`, `encode.py` and `gwas.py` do; `ecgae train` is `python train.py`, sweeps included."""

VERBS = sorted(file.stem for file in (PACKAGE / "entry" / "verbs").glob("[!_]*.py"))
"""Each is a module of `ecgae.entry.verbs`."""

EXAMPLES = """
ecgae train                                 a simulated cohort, from recordings to loci
ecgae train --help                          every setting, with its default
ecgae train -m denoiser=none,fft,dwt        a sweep
ecgae train -m -cd sweeps -cn latent_size   a sweep that comes with ecgae
"""


def main(words: list[str] | None = None) -> None:
    words = sys.argv[1:] if words is None else words
    if words and words[0] in SCRIPTS:
        _run_script(*words)
        return

    with as_sentence():
        arguments = _parser().parse_args(words)
        try:
            arguments.run(arguments)
        except OSError as error:  # a full disk, a folder of somebody else
            place = error.filename or "the disk"
            raise InputError(
                f"{place} must be readable and writable; {error.strerror or error}."
            ) from None


def _run_script(name: str, *words: str) -> None:
    """As if `python <name>.py <words>` had been typed where it lies."""
    script = str(ROOT / f"{name}.py")
    sys.argv = [script, *words]
    runpy.run_path(script, run_name="__main__")


class _Parser(argparse.ArgumentParser):
    """Ends with a sentence and exit code 1, as everything else in ecgae does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. Type {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="ecgae", description=__doc__, epilog=EXAMPLES, formatter_class=shape)
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)
    for name, text in SCRIPTS.items():
        verbs.add_parser(name, help=text, add_help=False)
    for name in VERBS:
        verb = import_module(f"ecgae.entry.verbs.{name}")
        of_verb = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(of_verb)
        of_verb.set_defaults(run=verb.run)
    return parser


if __name__ == "__main__":
    main()
