"""Which components a config may name: the choices that ecgae ships, and those registered on this
machine.

A run directory may come from anybody. What its config names is compared with this list, by section,
before anything
is imported: a config can choose among components, never point at other code.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module, metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig

from ecgae.errors import InputError
from ecgae.root import CONF, ROOT
from ecgae.runs.run_directory import LOADER, read_config

ENTRY_POINTS = "ecgae.choices"
"""The group in which an installed package registers choices: `denoiser.median =
"my_package.median:Median"`."""

CONFIG_DIR = ("--config-dir", "-cd")
"""Hydra's option for a folder of configs of the user's own."""


def read_trained(run: Path) -> dict[str, Any]:
    """The config of a finished run, every component of which may be built.

    Raises `InputError` where `run` is none, or names anything else.
    """
    config = read_config(run)
    require_choices(config)
    return config


def require_choices(config: Mapping[str, Any]) -> None:
    """Raises `InputError` where a section names what is none of its choices; imports nothing."""
    for section, values in config.items():
        if isinstance(values, dict) and "_target_" in values:
            _require_choice(section, values["_target_"])


def component(section: str, target: Any) -> Any:
    """The class that `section._target_` names; it is imported only if it is one of the section's
    choices, of any section where `section` is "".

    Raises `InputError` for everything else.
    """
    _require_choice(section, target)
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{target}, which a config of yours names, must be importable; {error}. "
            "Install its package, or set PYTHONPATH."
        ) from None


def _require_choice(section: str, target: Any) -> None:
    known = choices(tuple(_folders_named()))
    allowed = known.get(section, frozenset()) if section else frozenset().union(*known.values())
    if not isinstance(target, str) or target not in allowed:
        where = f"{section}._target_" if section else "_target_"
        raise InputError(
            f"{where} must be a choice that ecgae ships or that is registered on this machine; "
            f"got {target!r}. Train a run of another version again; name the folder of a choice "
            "of your own with --config-dir."
        )


def _folders_named() -> list[Path]:
    """The user's own folders of configs: as Hydra was given them, here or where a cluster's job was
    typed."""
    if not HydraConfig.initialized():
        return [_folder(each) for each in config_dirs(sys.argv[1:])]
    sources = HydraConfig.get().runtime.config_sources
    return [
        Path(each.path)
        for each in sources
        if each.provider == "command-line" and each.schema == "file"
    ]


@cache
def choices(own: tuple[Path, ...] = ()) -> Mapping[str, frozenset[str]]:
    """By section of a config, such as `denoiser`, the `_target_`s that it may have; `own`: folders
    of the user's."""
    targets: dict[str, set[str]] = {}
    for folder in (CONF, *own):
        for section, target in _targets(folder):
            targets.setdefault(section, set()).add(target)
    for point in metadata.entry_points(group=ENTRY_POINTS):
        section = point.name.partition(".")[0]
        targets.setdefault(section, set()).add(point.value.replace(":", "."))
    return {section: frozenset(each) for section, each in targets.items()}


def _targets(folder: Path) -> Iterator[tuple[str, str]]:
    """Sections and `_target_`s of the configs below a folder.

    `denoiser/fft.yaml` is a choice of the section `denoiser`; a file of whole sections, such as
    `train.yaml` or an experiment, names one for each. What Hydra itself builds (`hydra/launcher`)
    is no part of a run.
    """
    for file in sorted(folder.rglob("*.yaml")):
        place = file.relative_to(folder).parts
        if place[0] == "hydra":
            continue
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), LOADER)
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # Hydra names the file and the line, if it is used at all
        if not isinstance(content, dict):
            continue

        if len(place) == 2 and isinstance(content.get("_target_"), str):
            yield place[0], content["_target_"]
        for section, values in content.items():
            if isinstance(values, dict) and isinstance(values.get("_target_"), str):
                yield str(section), values["_target_"]


def config_dirs(words: Sequence[str]) -> list[Path]:
    """The folders that the command line names with `--config-dir`."""
    after = [following for word, following in pairwise(words) if word in CONFIG_DIR]
    joined = [word.partition("=")[2] for word in words if word.startswith("--config-dir=")]
    return [Path(folder) for folder in (*after, *joined)]


def _folder(place: Path) -> Path:
    """The place itself. Raises `InputError` where it is no folder."""
    if not place.is_dir():
        raise InputError(f"--config-dir must be a folder of configs; got {place}, which is none.")
    return place


def with_shipped_sweeps(words: Sequence[str]) -> list[str]:
    """The words, with `sweeps` found where ecgae is installed if there is no such folder here.

    Raises `InputError` where `--config-dir` names no folder.
    """
    shipped = {"sweeps": str(ROOT / "sweeps"), "sweeps/": str(ROOT / "sweeps")}

    changed = []
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        joined = option == "--config-dir" and equals
        if joined or (place and words[place - 1] in CONFIG_DIR):
            folder = value if joined else word
            there = folder if Path(folder).is_dir() else shipped.get(folder, folder)
            _folder(Path(there))
            word = f"{option}={there}" if joined else there
        changed.append(word)
    return changed
