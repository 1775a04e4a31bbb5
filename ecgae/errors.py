"""The one kind of error that a user can cause, and how a program ends with it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Something given by the user cannot be used: says what, where, and what to do, in one
    sentence.

    The entry points print the sentence alone and exit with code 1; every other exception keeps its
    traceback.
    """


@contextmanager
def as_sentence() -> Iterator[None]:
    """Turns an `InputError` into its sentence on stderr and exit code 1."""
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
