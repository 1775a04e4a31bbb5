"""From the words of a command to its outcome: what Hydra cannot parse, errors as one sentence,
numbers as a table."""

import difflib
import errno
import functools
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from ecgae import sweeping
from ecgae.entry.choices import with_shipped_sweeps
from ecgae.errors import InputError, as_sentence
from ecgae.machine import processes, requeue
from ecgae.root import CONF

NEEDED = ("architecture", "objective", "input", "split")
"""Groups that no run can do without."""

sweeping.register()


class JobFailed(CompactHydraException):
    """A job of a sweep that ended in an error of the user's; Hydra goes on with the others and
    prints it at the end."""


def start(main: Callable[[], Any]) -> None:
    """Runs a Hydra entry point on the command line's arguments.

    Hydra cannot parse `group=null`, no choice of this group; it writes that `~group`.
    """
    # OpenMP threads that spin long while they wait make training several times slower once another
    # job wants a core.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    processes.keep_freed_memory(trim=2**31 - 1, map_from=2**30)
    requeue.requeue_on_signal()
    if not processes.is_first_process():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  the first process says it all; lives as long as this one

    with as_sentence():
        words = with_shipped_sweeps(sys.argv[1:])
        sys.argv[1:] = [_without_null(_quoted(word)) for word in words]
    main()


def _without_null(word: str) -> str:
    """`denoiser=null` is `denoiser=none`; `engine=null` leaves the group out, where a run can do
    without."""
    group, null, _ = word.partition("=null")
    if not null or not (CONF / group).is_dir():
        return word
    if (CONF / group / "none.yaml").is_file():
        return f"{group}=none"
    if group in NEEDED:
        choices = ", ".join(sorted(file.stem for file in (CONF / group).glob("*.yaml")))
        raise InputError(f"{group} must be one of {choices}; got null.")
    return f"~{group}"


def _quoted(word: str) -> str:
    """`genotypes=x{chromosome}` as Hydra wants it: braces mean a dictionary to it unless they are
    in quotes."""
    key, equals, value = word.partition("=")
    return (
        f'{key}="{value}"' if equals and "{chromosome}" in value and value[0] not in "\"'" else word
    )


def entry(main: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """Turns an `InputError` into its sentence; every other exception keeps its traceback."""

    @functools.wraps(main)
    def run(config: DictConfig) -> Any:
        try:
            return main(config)
        except InputError as error:
            sentence = str(error)
        except MissingMandatoryValue as error:
            sentence = f"{error.full_key or error.key} must be set; got nothing. Type {error.full_key or error.key}=..."
        except OSError as error:
            if error.errno != errno.ENOSPC and "No space left" not in str(error):
                raise
            place = f" in {error.filename}" if error.filename else ""
            sentence = (
                f"disk must have room for what is written; it is full{place}. "
                "Free some space and type the same command again: what is finished stays."
            )

        print(f"error: {sentence}", file=sys.stderr)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise JobFailed(f"at least one job failed; the first: {sentence}") from None
        sys.exit(1)

    return run


def plain(config: DictConfig) -> dict[str, Any]:
    """The config as nested dicts and lists with every interpolation resolved."""
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]


def require_known(config: dict[str, Any], known: Collection[str]) -> None:
    """Raises `InputError` for a section that no program reads, as a file of a sweep may have one by
    a slip."""
    for name in sorted(config.keys() - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Is it {near[0]}?" if near else "Delete it."
        raise InputError(
            f"{name} must be a setting of conf/train.yaml; got one that nothing reads. {hint}"
        )


def show(
    directory: Path, select_by: Any = None, remark: str = ""
) -> float | tuple[float, ...] | None:
    """Prints the run's numbers and where its report lies; returns those named by `select_by`.

    They are NaN where the score is not valid: a sweep takes that for a failed trial, never for a
    model without loci.
    """
    from ecgae.report.table import summary_table
    from ecgae.runs import run_directory
    from ecgae.scoring.select_by import selected

    print(f"\n{directory}" + (f" ({remark})" if remark else ""))
    score = run_directory.read_score(directory)
    print(summary_table(score or run_directory.read_headline(directory)))
    if (directory / "report.html").is_file():
        print(f"report: {directory / 'report.html'}")
    return (
        None if score is None else selected({**score, "select_by": select_by or score["select_by"]})
    )
