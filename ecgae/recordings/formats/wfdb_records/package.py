"""The wfdb package, an optional dependency: imported in one place, and kept from taking a path for
an address."""

import types
from pathlib import Path

from ecgae.errors import InputError
from ecgae.machine.extras import extra

DECODER_FAULTS = (
    *(ValueError, IndexError, KeyError, TypeError),
    *(OverflowError, AttributeError, RuntimeError),
)
"""What the wfdb package has been seen to raise on damaged files, beside OSError and MemoryError."""


def wfdb_package() -> types.ModuleType:
    return extra("wfdb", "wfdb", "the reader of WFDB records")


def refuse_address(record: Path) -> None:
    """Raises `InputError` for a path that the package would fetch from a network."""
    if "::" in str(record.absolute()):
        raise InputError(
            "path of a WFDB record must not contain '::'; the wfdb package takes it for an address"
        )
