"""ecgae: find the ECG representation that carries the most genetic signal.

In a notebook: `ecgae.open_store`, `clean`, `choice`, `load_run`, `read_run` and `scan`, each
described in `ecgae.library`. They are imported when they are first named: `import ecgae` alone
takes milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecgae.errors import InputError as InputError
    from ecgae.library import choice as choice
    from ecgae.library import clean as clean
    from ecgae.library import load_run as load_run
    from ecgae.library import open_store as open_store
    from ecgae.library import read_run as read_run
    from ecgae.library import scan as scan

ROOMS = (
    *("errors", "ecg", "root", "machine", "runs"),
    *("statistics", "signals", "signals.baseline", "signals.denoiser", "signals.normalization"),
    *("people.split", "people", "genetics.genotypes", "genetics", "genetics.engine"),
    *("recordings.formats", "recordings.simulate", "recordings.cohort", "recordings"),
    *("models.architecture", "models.objective", "models", "models.judging"),
    *("scoring.yardstick", "scoring", "comparison", "sweeping", "report", "entry"),
)
"""Where everything lives, lowest floor first: a room imports only from rooms before it."""

_FACE = {
    "open_store": "ecgae.library",
    "clean": "ecgae.library",
    "choice": "ecgae.library",
    "load_run": "ecgae.library",
    "read_run": "ecgae.library",
    "scan": "ecgae.library",
    "InputError": "ecgae.errors",
}
"""The names that a notebook needs, by the module that holds them."""


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE} - {"Any", "TYPE_CHECKING", "import_module"})
