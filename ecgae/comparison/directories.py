"""Finished runs and yardsticks as they lie in a folder; what cannot be compared is left out, with
its reason."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ecgae.errors import InputError
from ecgae.runs.run_directory import LOADER, REQUIRED, SCORE

YARDSTICKS = "yardsticks"
"""The folder of the yardsticks, which lies among the runs."""

NO_RUNS = (YARDSTICKS, "wandb")
"""Folders among the runs that are no runs."""

NEEDED = {
    *(
        "loci",
        "hits",
        "hit_variants",
        "omnibus_loci",
        "genomic_inflation",
        "n_individuals",
        "n_variants",
    ),
    *("valid", "invalid_because", "select_by", "standard_errors", "by_chromosome"),
    *("people_fingerprint", "variants_fingerprint"),
}
"""Keys that a score.json must have."""

UNFINISHED = (
    "unfinished: failed, interrupted or still at work (the same training command goes on with it)"
)
NOT_SCANNED = "not scanned: no score.json"
UNREADABLE = "with a file that cannot be read"
OLD = "of another version of ecgae (python gwas.py run=... scans it again)"
FOREIGN = "not made by train.py"


class Run(NamedTuple):
    """One finished, scanned run or yardstick."""

    directory: Path
    config: dict[str, Any]
    score: dict[str, Any]
    """What score.json holds."""
    confirmation: dict[str, Any] | None
    """What confirmation.json holds; None where the run was not confirmed."""

    @property
    def yardstick(self) -> str | None:
        """The name of the yardstick; None for a model."""
        return self.config.get("yardstick")


class Unusable(Exception):  # noqa: N818  (not an error: the others are compared)
    """A directory cannot be compared, for the reason that the exception says."""


class RunFolder(NamedTuple):
    """What a folder of runs holds."""

    models: list[Run]
    yardsticks: list[Run]
    left_out: dict[str, list[str]]
    """Names of the directories that are left out, by reason."""


def read_runs(folder: Path) -> RunFolder:
    """Every run and yardstick in `folder` that can be compared, in the order of their names.

    Raises `InputError` where `folder` is no folder of runs, or holds nothing that can be compared.
    """
    if not folder.is_dir():
        raise InputError(
            f"runs must be a folder of run directories; got {folder}, which does not exist."
        )
    if (folder / "config.yaml").is_file():
        raise InputError(
            f"runs must be a folder of run directories; got {folder}, which is one run: name its parent."
        )

    left_out: dict[str, list[str]] = {}
    models = list(_usable(folder, NO_RUNS, _read_model, left_out))
    yardsticks = list(_usable(folder / YARDSTICKS, (), _read, left_out))
    if not models and not yardsticks:
        held = (
            "; ".join(f"{len(names)} {reason}" for reason, names in left_out.items())
            or "no run directory"
        )
        raise InputError(f"runs must hold a finished, scanned run; got {folder} with {held}.")
    return RunFolder(models, yardsticks, left_out)


def _usable(
    folder: Path,
    beside: tuple[str, ...],
    read: Callable[[Path], Run],
    left_out: dict[str, list[str]],
) -> Iterator[Run]:
    """The runs in `folder` that `read` can read; the names of the others are added to `left_out`.

    beside: names of folders that are no runs.
    """
    if not folder.is_dir():
        return
    for directory in sorted(folder.iterdir()):
        if not directory.is_dir() or directory.name.startswith(".") or directory.name in beside:
            continue
        try:
            yield read(directory)
        except Unusable as reason:
            left_out.setdefault(str(reason), []).append(directory.name)


def _read_model(directory: Path) -> Run:
    run = _read(directory)
    if not run.config.keys() >= REQUIRED:
        raise Unusable(FOREIGN if "architecture" not in run.config else OLD)
    return run


def _read(directory: Path) -> Run:
    if directory.name.endswith(".partial"):
        raise Unusable(UNFINISHED)

    try:
        config = yaml.load((directory / "config.yaml").read_text(), LOADER)
        score = _json(directory / SCORE)
        confirmation = _json(directory / "confirmation.json")
    except FileNotFoundError:
        raise Unusable(FOREIGN) from None
    except (yaml.YAMLError, ValueError, OSError):
        raise Unusable(UNREADABLE) from None

    if not isinstance(config, dict):
        raise Unusable(UNREADABLE)
    if score is None:
        raise Unusable(NOT_SCANNED)
    if not score.keys() >= NEEDED:
        raise Unusable(OLD)
    return Run(directory, config, score, confirmation)


def _json(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    content = json.loads(file.read_text())
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is no JSON object")
    return content
