"""ecgae: find the ECG representation that carries the most genetic signal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecgae.entry.library import InputError, clean, load_run, open_store, read_run, scan

__all__ = ["InputError", "clean", "load_run", "open_store", "read_run", "scan"]

ROOMS = (
    *("errors", "ecg", "root", "machine", "runs"),
    *("statistics", "signals", "signals.baseline", "signals.denoiser", "signals.normalization"),
    *("people.split", "people", "genetics.genotypes", "genetics", "genetics.engine"),
    *("recordings.formats", "recordings.simulate", "recordings.cohort", "recordings"),
    *("models.architecture", "models.objective", "models", "models.judging"),
    *("scoring.yardstick", "scoring", "comparison", "sweeping", "report", "entry"),
)
"""Where everything lives, lowest floor first: a room imports only from rooms before it."""


def __getattr__(name: str) -> Any:
    """The library's names, imported when one is used: `import ecgae` itself takes no time."""
    if name not in __all__:
        raise AttributeError(f"module 'ecgae' has no attribute {name!r}")
    from ecgae.entry import library

    return getattr(library, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
