"""One attempt at a job: a process with a session and a log of its own, which does not outlive its
driver."""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""The option of <sys/prctl.h> that sets the signal which a process gets when its parent ends."""

PATIENCE = 20.0
"""Seconds that a process has to end by itself once it is asked to."""

NO_REASON = ("Set the environment variable HYDRA_FULL_ERROR", "wandb: ")
"""What a failed job may print after the line that says why it failed."""


class Child:
    """A process that was started; its output is added to `log`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log, self.started = log, time.monotonic()
        with log.open("ab") as output:
            output.write(f"$ {shlex.join(command)}\n".encode())
            output.flush()
            # Its own session: Ctrl-C in the terminal reaches the driver alone, which then ends its
            # children in order.
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=_end_with_this_process(),
            )  # fmt: skip

    @property
    def seconds(self) -> float:
        """How long the process has run, in s."""
        return time.monotonic() - self.started

    def exit_code(self) -> int | None:
        """The exit code, None while the process runs; negative where a signal of that number ended
        it."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process and everything that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def why(self) -> str:
        """Why it failed, in one line."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "killed (SIGKILL), perhaps for want of memory"
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        return _last_words(self.log) or f"exit code {code}"


def end_all(children: Iterable[Child]) -> None:
    """Asks all to end, waits up to `PATIENCE`, and kills those that are left; a second Ctrl-C kills
    them at once."""
    alive = list(children)
    for child in alive:
        child.signal(signal.SIGTERM)
    limit = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < limit and any(child.exit_code() is None for child in alive):
            time.sleep(0.05)
    finally:
        for child in alive:
            child.signal(signal.SIGKILL)


def _end_with_this_process() -> Callable[[], None] | None:
    """What a child does before it becomes the job: it asks to end with the driver, which has no
    time to end its children when it is killed."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # killed a moment ago
            os._exit(1)

    return ask


def _last_words(log: Path) -> str:
    """The error among the last lines of a log; progress bars return to the start of their line."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        text = file.read().decode(errors="replace")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    lines = [line for line in lines if line and not line.startswith(NO_REASON)]
    sentences = [line for line in lines if line.startswith("error: ")]
    return (sentences or lines or [""])[-1].removeprefix("error: ")
