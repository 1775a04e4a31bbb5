"""What many scans share, computed by the first that needs it and kept in files."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

Arrays = dict[str, Any]
"""NumPy arrays by name."""

UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)
"""The errors that NumPy raises for a damaged file."""


def kept(file: Path | None, make: Callable[[], Arrays]) -> Arrays:
    """The arrays in `file` (.npz); where it does not exist, `make` computes them and they are
    written there. None: nothing is kept.

    Of several jobs that want the same at once, one computes it and the others wait; a killed one
    leaves nothing that looks whole. A damaged file is told of and written again.
    """
    if file is None:
        return make()

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        arrays = _read(file) if file.is_file() else None
        if arrays is None:
            arrays = make()
            partial = file.with_suffix(".partial")
            with partial.open("wb") as target:
                np.savez(target, **arrays)
            os.replace(partial, file)
    return arrays


def _read(file: Path) -> Arrays | None:
    """The arrays in `file`; None, with a message, where it is damaged."""
    try:
        with file.open("rb") as source, np.load(source, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except UNREADABLE as error:
        print(f"{file} cannot be read ({error}): computed again")
        return None
