"""Whether the axes that a sweep names exist; asked before the first job."""

import difflib
from collections.abc import Iterator

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from ecgae.errors import InputError
from ecgae.sweeping.jobs import typed


def overrides_of(
    sweep: DictConfig, loader: ConfigLoader, arguments: list[str] | None = None
) -> list[Override]:
    """What the sweep sets: the axes of its file, then what was typed, which comes last and
    therefore wins."""
    params = OmegaConf.select(sweep, "hydra.sweeper.params") or {}
    words = [f"{key}={value}" for key, value in params.items()]
    words += typed(sweep, "task") if arguments is None else arguments
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(words)
    return list({override.get_key_element(): override for override in overrides}.values())


def require_known_axes(sweep: DictConfig, loader: ConfigLoader) -> None:
    """Raises `InputError` where a sweep names a key or a choice that the config does not have."""
    overrides = overrides_of(sweep, loader)
    options = {
        override.key_or_group: _options(override.key_or_group, sweep, loader)
        for override in overrides
    }
    groups = {key for key, choices in options.items() if choices}

    for override in overrides:
        key = override.key_or_group
        if override.is_add() or override.is_force_add() or override.is_delete():
            continue
        # Another choice of a group may have other keys.
        known = key.split(".")[0] if groups else key
        if key in groups:
            _require_choices(override, options[key])
        elif known not in groups and OmegaConf.select(sweep, known, default=_ABSENT) is _ABSENT:
            raise InputError(
                f"{key} must be a key or a group of the config; it is neither.{_alike(key, sweep, loader)}"
            )


_ABSENT = object()
"""Stands for a key that the config does not have, where None is a value."""


def _options(
    group: str, sweep: DictConfig, loader: ConfigLoader, kind: ObjectType = ObjectType.CONFIG
) -> list[str]:
    """The choices of a group, in every folder that the sweep searches; [] where there is no such
    group."""
    words = typed(sweep, "hydra")
    return loader.get_group_options(
        group, kind, config_name=sweep.hydra.job.config_name, overrides=words
    )


def _require_choices(override: Override, options: list[str]) -> None:
    """Raises `InputError` where the override names another choice than `options`."""
    if override.is_sweep_override() and not override.is_choice_sweep():
        raise InputError(
            f"{override.key_or_group} must be one of {', '.join(options)}; got {override.input_line}."
        )
    values = (
        override.sweep_string_iterator()
        if override.is_sweep_override()
        else [override.get_value_element_as_str()]
    )
    for value in values:
        if value not in ("null", *options) and "/" not in value and not value.startswith("["):
            raise InputError(
                f"{override.key_or_group} must be one of {', '.join(options)}; got {value}."
            )


def _alike(key: str, sweep: DictConfig, loader: ConfigLoader) -> str:
    """` Did you mean architecture.latent_dim?`, or the keys that there are."""
    known = [*_keys(sweep), *_options("", sweep, loader, ObjectType.GROUP)]
    near = difflib.get_close_matches(key, known, n=2, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(near)}?"
    return f" The config has {', '.join(name for name in known if '.' not in name)}."


def _keys(node: DictConfig, above: str = "") -> Iterator[str]:
    """All dotted names in a config but those of Hydra."""
    for name in node:
        if above or name != "hydra":
            yield f"{above}{name!s}"
            child = node._get_node(name)
            if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
                yield from _keys(child, f"{above}{name!s}.")
