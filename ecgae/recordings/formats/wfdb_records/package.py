"""The wfdb package, an optional dependency: imported in one place, and kept from taking a path for
an address."""

import types
from pathlib import Path

from ecgae.errors import InputError

DECODER_FAULTS = (
    *(ValueError, IndexError, KeyError, TypeError),
    *(OverflowError, AttributeError, RuntimeError),
)
"""What the wfdb package has been seen to raise on damaged files, beside OSError and MemoryError."""


def wfdb_package() -> types.ModuleType:
    try:
        import wfdb
    except ModuleNotFoundError:
        raise InputError(
            'WFDB records need the wfdb package. Install it: pip install "ecgae[wfdb]"'
        ) from None
    return wfdb


def refuse_address(record: Path) -> None:
    """Raises `InputError` for a path that the package would fetch from a network."""
    if "::" in str(record.absolute()):
        raise InputError(
            "path of a WFDB record must not contain '::'; the wfdb package takes it for an address"
        )
