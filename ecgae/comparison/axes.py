"""What differs between the configs of runs: the columns of every table, and nothing else."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

ABSENT = ""
"""The value of a key that a config does not have."""

ALWAYS_SHOWN = "latent_dim"
"""Shown wherever it differs, even where the architecture alone decides it: no yield can be judged
without it."""

SHORT = {"input.recording": "input"}
"""Names of keys that are better known by another one."""


class Axis(NamedTuple):
    """One thing that differs."""

    key: str
    """Dotted, as typed: denoiser, architecture.latent_dim."""
    name: str
    """The key, as short as is unambiguous."""
    is_choice: bool
    """True where the values are files of a config group rather than numbers: they need no name
    beside them."""

    def label(self, value: str) -> str:
        """What one value is called among those of other axes: `dwt`, but `latent_dim=16`."""
        return value if self.is_choice else f"{self.name}={value}"


def flat(config: dict[str, Any]) -> dict[str, str]:
    """Every value as text by its dotted key; a component's `_target_` becomes its choice, under the
    section's name."""
    return dict(_flat("", config))


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    if not isinstance(value, dict):
        yield prefix, _text(value)
        return
    for name, part in value.items():
        if name == "_target_":
            yield prefix, str(part).split(".")[-2]  # ecgae.signals.denoiser.dwt.DWT
        else:
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), part)


def _text(value: Any) -> str:
    """A value of a config as it is typed."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def differing(configs: Sequence[dict[str, str]]) -> list[Axis]:
    """The axes along which flat configs differ. A key that the section's choice decides is no axis
    beside it."""
    keys = dict.fromkeys(key for config in configs for key in config)
    values = {key: [config.get(key, ABSENT) for config in configs] for key in keys}
    shown = [key for key in keys if len({*values[key]}) > 1 and not _implied(key, values)]
    shown.sort(key=lambda key: (not _is_choice(key), key not in SHORT))
    return [Axis(key, _short(key, shown), _is_choice(key) or key in SHORT) for key in shown]


def _implied(key: str, values: dict[str, list[str]]) -> bool:
    """True where the choice of the section decides the value of `key`."""
    section, _, last = key.rpartition(".")
    if not section or section not in values or last == ALWAYS_SHOWN:
        return False
    of_choice: dict[str, set[str]] = {}
    for choice, value in zip(values[section], values[key], strict=True):
        of_choice.setdefault(choice, set()).add(value)
    return all(len(some) == 1 for some in of_choice.values())


def _is_choice(key: str) -> bool:
    return "." not in key


def _short(key: str, shown: Sequence[str]) -> str:
    """The last word of a dotted key, or all of it where another shown key ends with that word."""
    if key in SHORT and SHORT[key] not in shown:
        return SHORT[key]
    last = key.rpartition(".")[2]
    alone = [other.rpartition(".")[2] for other in shown].count(last) == 1
    return last if alone else key


def by_size(values: Iterable[str]) -> list[str]:
    """Numbers by size, then words by the alphabet; each once."""
    return sorted(
        {*values}, key=lambda value: (0, float(value), "") if _is_number(value) else (1, 0.0, value)
    )


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
