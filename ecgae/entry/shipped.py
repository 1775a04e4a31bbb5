"""The shipped choices with the numbers of their yaml files, for those who type no command."""

from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.root import CONF


def shipped(axis: str, name: str, **numbers: Any) -> Any:
    """The component of `conf/<axis>/<name>.yaml`, with other `numbers` where they are given."""
    cfg = OmegaConf.create({axis: settings_of(axis, name)})
    for key, value in numbers.items():
        if key not in cfg[axis].keys():  # noqa: SIM118  `in` overlooks what must still be set
            known = ", ".join(key for key in cfg[axis] if key != "_target_") or "it has none"
            raise InputError(f"{key} must be a setting of {axis}={name} ({known}); it is none.")
        cfg[axis][key] = value.item() if isinstance(value, np.generic) else value
    return build(cfg[axis])


def settings_of(axis: str, name: str) -> DictConfig:
    """What `conf/<axis>/<name>.yaml` says. Raises `InputError` where there is no such choice."""
    axes = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())
    if axis not in axes:
        raise InputError(f"axis must be one of {', '.join(axes)}; got {axis!r}.")
    names = sorted(file.stem for file in (CONF / axis).glob("*.yaml"))
    if name not in names:
        raise InputError(f"{axis} must be one of {', '.join(names)}; got {name!r}.")
    return OmegaConf.load(CONF / axis / f"{name}.yaml")  # type: ignore[return-value]
