"""Packages that only some commands need, and what to type where one is missing."""

from importlib import import_module, metadata
from typing import Any

from ecgae.errors import InputError


def extra(module: str, name: str, purpose: str) -> Any:
    """The module of an optional dependency, which the extra `name` of pyproject.toml brings.

    Raises `InputError` where it is missing: what must have it (`purpose`), and what to type.
    """
    try:
        import_module(module.partition(".")[0])
        return import_module(module)
    except ImportError:
        wanted = " ".join(f"'{each}'" for each in requirements(name))
        raise InputError(
            f"{purpose} must have the package {module.split('.')[0]}; it is not installed. "
            f"Type: pip install {wanted}"
        ) from None


def requirements(name: str) -> list[str]:
    """What an extra of ecgae installs, in the ranges that are known to work.

    The package itself is on no index: `pip install 'ecgae[...]'` would find another one, or none.
    """
    try:
        every = metadata.requires("ecgae") or []
    except metadata.PackageNotFoundError:  # a clone that was never installed
        every = []
    own = [each.partition(";") for each in every]
    return [
        wanted.strip() for wanted, _, when in own if f"extra == '{name}'" in when.replace('"', "'")
    ]
