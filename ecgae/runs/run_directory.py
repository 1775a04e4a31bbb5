"""The run directory: the interface between train.py, encode.py and gwas.py.

A run is known by the numbers that its result depends on. It is made in `<name>.partial` and renamed
when whole, so a directory of the final name is always finished.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml
from filelock import FileLock

from ecgae.errors import InputError
from ecgae.machine.processes import is_first_process

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of YAML with plain values: seven times as fast where PyYAML was built with libyaml."""

SCORE, MODEL = "score.json", "model.json"
"""Files of a run directory: what the genome says of the model, and how well it does its work."""

HEADLINE = (
    *("r2_recorded", "prd_recorded", "r_recorded", "bypass_index"),
    *("active_latents", "latents_per_sample", "effective_rank"),
    *("latent_qc_dropped", "latent_qc_unit", "model_warnings"),
)
"""The numbers of model.json that a run is compared by; score.json has them too."""

OPERATIONAL = ("paths", "runtime", "logger", "report", "sweep", "yardsticks")
"""Parts of the config that say where things run and what is done beside; they never change a
result."""

OPERATIONAL_KEYS = {
    "cohort": ("directory", "workers"),
    "engine": ("program",),
    "score": ("select_by",),
}
"""By section, keys that say where things lie, how they are read or what a run is chosen by; they
never change a result."""

MOST_VALUES = 10_000
"""How much a config may hold; those of runs hold some 200 values."""

REQUIRED = {
    "cohort",
    "input",
    "beats",
    "exclusions",
    "architecture",
    "objective",
    "leads",
    "latent_qc",
    "split",
}
"""Sections that the config of a run has."""


def identity(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that the result depends on.

    >>> identity({"cohort": {"individuals": 500, "workers": 8}, "paths": {"runs": "/some/dir"}})
    {'cohort': {'individuals': 500}}
    """
    kept = _without(config, OPERATIONAL)
    for section, keys in OPERATIONAL_KEYS.items():
        if isinstance(kept.get(section), dict):
            kept[section] = _without(kept[section], keys)
    return kept


def _without(section: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name not in keys}


def run_name(config: dict[str, Any]) -> str:
    """`<input>-<denoiser>-<normalization>-<architecture>-<hash of the identity>`."""
    choices = [
        config[axis]["_target_"].split(".")[-2]
        for axis in ("denoiser", "normalization", "architecture")
    ]
    key = hashlib.sha256(json.dumps(identity(config), sort_keys=True).encode()).hexdigest()[:8]
    return "-".join([config["input"]["recording"], *choices, key])


@contextmanager
def new_run(directory: Path, config: dict[str, Any]) -> Iterator[Path]:
    """A directory to work in, which gets the name `directory` when the block ends without an
    exception.

    What a killed job left there is kept: a training goes on from it, the rest is written again.
    """
    partial = unfinished(directory)
    partial.mkdir(parents=True, exist_ok=True)
    if is_first_process():
        write_config(partial, config)
    yield partial
    os.replace(partial, directory)


def unfinished(directory: Path) -> Path:
    """The folder in which the run `directory` is made, before it gets that name."""
    return directory.with_name(directory.name + ".partial")


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Lets one job at a time work on the run `directory`."""
    locks = directory.parent / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{directory.name}.lock"):
        yield


def is_finished(directory: Path, config: dict[str, Any]) -> bool:
    """True where `directory` holds what this job computes; a run that was scored again differently
    does not."""
    if not directory.is_dir():
        return False

    held, wanted = identity(read_config(directory)), identity(config)
    if "engine" not in wanted:
        return {**held, **wanted} == held
    # Scoring again removes score.json first and writes it last.
    return held == wanted and (directory / SCORE).is_file()


def write_config(directory: Path, config: dict[str, Any]) -> None:
    """Writes config.yaml of the run `directory`, its keys in the order that they have."""
    _replace(directory / "config.yaml", yaml.safe_dump(config, sort_keys=False))


def read_config(directory: Path) -> dict[str, Any]:
    """The config of a run; raises `InputError` where `directory` is no finished run."""
    file = directory / "config.yaml"
    if directory.name.endswith(".partial"):
        raise InputError(
            f"run must be finished; got {directory}, which was interrupted. Type the training command again."
        )
    if not file.is_file():
        raise InputError(
            f"run must be a run directory; got {directory}, which holds no config.yaml."
        )

    config = read_plain(file)
    if not isinstance(config, dict) or not config.keys() >= REQUIRED:
        raise InputError(
            f"run must be a directory that train.py made; got {directory}, whose config.yaml is another one, "
            "or of another version of ecgae: train it again."
        )
    return config


def read_plain(file: Path) -> Any:
    """What a config.yaml holds, of a run or a yardstick that somebody may have sent: plain values.

    It does not say which program is started here. Raises `InputError` for what is no YAML, and for
    orders to Hydra (`require_plain`).
    """
    try:
        config = yaml.load(file.read_text(), LOADER)
    except yaml.YAMLError as error:
        raise InputError(f"{file} must be YAML; {error}".replace("\n", " ")) from None
    require_plain(config, str(file), whole=True)

    engine = config.get("engine") if isinstance(config, dict) else None
    if isinstance(engine, dict):
        config["engine"] = _without(engine, OPERATIONAL_KEYS["engine"])
    return config


def require_plain(content: Any, where: str, whole: bool = False) -> None:
    """Raises `InputError` for orders to Hydra, which no config holds that a run has written.

    They are keys such as `_target_`, `_args_` and `_partial_`, and interpolations: ways to run or
    read what nobody chose. In a `whole` config each section may name its component in `_target_`.
    Aliases can make a small file a huge config, hence the limit.
    """
    left, seen = [(content, 0)], 0

    while left:
        value, depth = left.pop()
        seen += 1
        if whole and seen > MOST_VALUES:
            raise InputError(f"{where} must hold at most {MOST_VALUES:,} values; it holds more.")

        if isinstance(value, list):
            left += [(inner, 2) for inner in value]
        names = value if isinstance(value, dict) else {}
        for name, inner in names.items():
            component = whole and depth == 1 and name == "_target_"
            if str(name).startswith("_") and not component:
                _refuse_order(where, str(name))
            left.append((inner, depth + 1))
        for text in (value, *names):
            if isinstance(text, str) and "${" in text:
                _refuse_order(where, text)


def _refuse_order(where: str, order: str) -> NoReturn:
    raise InputError(
        f"{where} must hold plain values; got {order[:60]}, an order to Hydra. "
        "Delete it, or ask where this run comes from."
    )


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Writes `content` into `file`, which a reader never sees half written."""
    _replace(file, json.dumps(content, indent=2) + "\n")


def _replace(file: Path, text: str) -> None:
    """Writes `file` atomically, so that a reader sees the old text or the new one."""
    partial = file.with_suffix(".partial")
    partial.write_text(text)
    os.replace(partial, file)


def read_score(directory: Path) -> dict[str, Any] | None:
    """The run's `score.json`, or None where it was not scanned."""
    return _read_json(directory / SCORE)


def read_headline(directory: Path) -> dict[str, Any]:
    """The numbers of the run's `model.json` that runs are compared by; {} for a folder without a
    model."""
    model = _read_json(directory / MODEL) or {}
    return {name: model[name] for name in HEADLINE if name in model}


def _read_json(file: Path) -> dict[str, Any] | None:
    return json.loads(file.read_text()) if file.is_file() else None
