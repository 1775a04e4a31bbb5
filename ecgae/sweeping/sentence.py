"""How a sweep ends with a sentence: Hydra prints a traceback, or advice of its own, below every
exception."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ecgae.errors import InputError


@contextmanager
def as_sentence() -> Iterator[None]:
    """Turns an `InputError` into its sentence on stderr and exit code 1, as the entry points do."""
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
