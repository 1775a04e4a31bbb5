"""What the driver of a sweep says: a line when a job starts or ends, and one summary."""

import math
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ecgae.sweeping.jobs import Job, Value

FINISHED, SKIPPED, FAILED = "finished", "skipped", "failed"
"""Ends of a job; it is skipped where its run was finished before."""


class Ended(NamedTuple):
    """How a job ended."""

    state: str
    value: Value = None
    """The number or numbers of its score; None where it has none."""
    reason: str = ""
    """Why it failed, or why its score is not valid."""
    seconds: float = 0.0
    """How long it ran; 0 where that is not known."""


class Board:
    """Prints what happens to the jobs of a sweep, and counts; `total` is None where it is not known
    before."""

    def __init__(self, total: int | None, folder: Path) -> None:
        self._total, self._folder, self._since = total, folder, time.monotonic()
        self.counts: Counter[str] = Counter()
        self._failures: list[str] = []

    def starts(self, job: Job) -> None:
        _say(f"{job.title}: started")

    def ends(self, job: Job, ended: Ended) -> None:
        """Prints how the job ended, how many are done, and about how long the rest takes."""
        self.counts[ended.state] += 1
        if ended.state == FAILED:
            said = f"{ended.reason} (log: {job.log(self._folder)})"
            self._failures.append(f"  {job.title}: {said}")
        elif ended.state == SKIPPED:
            said = f"finished before, score {_shown(ended)}"
        else:
            said = f"score {_shown(ended)}, {_time(ended.seconds)}"
        _say(f"{job.title}: {ended.state}, {said}{self._progress()}")

    def _progress(self) -> str:
        """` [3 of 8, about 120 s to go]`."""
        done = sum(self.counts.values())
        computed = done - self.counts[SKIPPED]
        if self._total is None:
            return f" [{done} done]"
        if not computed or done == self._total:
            return f" [{done} of {self._total}]"
        left = (time.monotonic() - self._since) * (self._total - done) / computed
        return f" [{done} of {self._total}, about {_time(left)} to go]"

    def summary(self) -> str:
        """One paragraph: how many ended how, and what failed why."""
        counts = ", ".join(f"{self.counts[state]} {state}" for state in (FINISHED, SKIPPED, FAILED))
        took = _time(time.monotonic() - self._since)
        lines = [f"{sum(self.counts.values())} jobs in {took}: {counts}", *self._failures]
        return "\n".join(lines)


def _shown(ended: Ended) -> str:
    """`7`, or `7, 0.93` of several numbers; `invalid (reasons)` where the gate says so."""
    if ended.value is None:
        return "none"
    numbers = ended.value if isinstance(ended.value, tuple) else (ended.value,)
    text = ", ".join("invalid" if math.isnan(number) else f"{number:.4g}" for number in numbers)
    return f"{text} ({ended.reason})" if ended.reason else text


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def _say(line: str) -> None:
    print(line, flush=True)
