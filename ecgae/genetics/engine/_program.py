"""Another program that does the work: where it is, its folder, its start, and what it says when it
fails."""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ecgae.errors import InputError

LAST_LINES = 6
"""How many of the last lines that a program printed are shown; its error message is there."""


def require(program: str, name: str, install: str) -> None:
    """Raises `InputError` where there is no such program; `install` says what to do about it."""
    if shutil.which(program) is None:
        raise InputError(
            f"engine.program must be {name}, on the PATH or with its folder; got {program}, which is not there. "
            f"{install}, or set engine=ols, which needs no other program."
        )


@contextmanager
def scratch(folder: Path, name: str) -> Iterator[Path]:
    """A folder for the program's files that only its owner can read; gone when the block ends, well
    or not.

    What a run that was killed has left there goes first.
    """
    place = folder / f"{name}.partial"
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True, mode=0o700)
    try:
        yield place.resolve()
    finally:
        shutil.rmtree(place)


def run(words: Sequence[str], place: Path) -> None:
    """Runs a program to its end, in a folder where it also leaves what it prints.

    Raises `InputError` with its last lines where it fails.
    """
    program = Path(shutil.which(words[0]) or words[0]).absolute()
    with _log(place).open("wb") as log:
        try:
            done = subprocess.run(
                [program, *words[1:]],
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:  # gone, or no program at all, although its name is there
            raise InputError(
                f"{words[0]} must be a program that can be started; {error.strerror}."
            ) from None

    if done.returncode < 0:
        ended = f"was ended by {signal.Signals(-done.returncode).name}, perhaps for want of memory"
    else:
        ended = f"ended with exit code {done.returncode}"
    if done.returncode:
        raise failed(words[0], ended, place)


def failed(program: str, what: str, place: Path) -> InputError:
    """The error that says what a program did wrong, with its last lines."""
    return InputError(
        f"{Path(program).name} must do its part of the scan; it {what}. Its last lines: {_last_lines(place)} "
        "Remedy what it says and type the same command again, or set engine=ols."
    )


def _last_lines(place: Path) -> str:
    """What a program printed last, on one line."""
    text = _log(place).read_text(errors="replace") if _log(place).is_file() else ""
    lines = [line.strip("\b ") for line in text.replace("\r", "\n").splitlines()]
    last = [line for line in lines if line][-LAST_LINES:]
    return " / ".join(last).replace(f"{place}/", "") or "(none)"


def _log(place: Path) -> Path:
    return place / "printed.txt"
