"""The settings that engines share: which values they may have, and which of them results follow
from."""

from dataclasses import fields
from typing import Any

from ecgae.errors import InputError
from ecgae.statistics.association import TRANSFORMS

ONLY_WHERE_IT_RUNS = ("program", "threads", "memory", "device")
"""Settings of an engine that change no result."""


def check_settings(
    transform: str, report_below: float, constant_phenotypes: str, threads: int = 0
) -> None:
    """Raises `InputError` where a setting that engines share is not one of its values."""
    if transform not in TRANSFORMS:
        raise InputError(
            f"engine.transform must be one of {', '.join(TRANSFORMS)}; got {transform!r}."
        )
    if constant_phenotypes not in ("fail", "drop"):
        raise InputError(
            f"engine.constant_phenotypes must be fail or drop; got {constant_phenotypes!r}."
        )
    if not 0 < report_below <= 1:
        raise InputError(
            f"engine.report_below must be a p-value above 0, at most 1; got {report_below}."
        )
    if threads < 0:
        raise InputError(f"engine.threads must be 0 (one per core) or more; got {threads}.")


def settings_of(engine: Any) -> str:
    """The settings of an engine that its results follow from, as text."""
    settings = [
        (field.name, getattr(engine, field.name))
        for field in fields(engine)
        if field.name not in ONLY_WHERE_IT_RUNS
    ]
    return repr((type(engine).__name__, settings))
