"""`hydra/launcher=procs`: every job of a sweep is a process of its own, so that what kills one
costs that one alone.

The launchers that come with Hydra lose other jobs when one is killed, start all at once, or forget
what was done.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import II, DictConfig, OmegaConf

from ecgae.errors import InputError, as_sentence
from ecgae.sweeping import jobs
from ecgae.sweeping.board import FAILED, FINISHED, SKIPPED, Board, Ended
from ecgae.sweeping.child import Child, end_all
from ecgae.sweeping.jobs import Job
from ecgae.sweeping.known_axes import require_known_axes

POLL = 0.1
"""Seconds between two looks at the running jobs."""


@dataclass
class ProcsConf:
    """The settings of the launcher: `hydra.launcher.n_jobs=4`."""

    _target_: str = "${ecgae_plugin:Procs}"
    n_jobs: int = 2
    """How many jobs run at once; threads, and GPUs where there are any, are shared out among
    them."""
    gpus_per_job: int = II("oc.select:runtime.devices,1")
    """How many GPUs a job sees, where there are several."""
    timeout_minutes: float | None = None
    """A job that runs longer is ended; null: none is."""
    retries: int = 0
    """How often a job that failed is tried again at once."""


class JobReturned(JobReturn):
    """The result of a job; where the job failed, asking for its value ends the driver with one
    sentence. Hydra's own class prints a traceback."""

    @property  # type: ignore[misc]  # a result is not changed
    def return_value(self) -> Any:
        if self.status == JobStatus.FAILED:
            print(f"error: {self._return_value}", file=sys.stderr)
            sys.exit(1)
        return self._return_value


class _Running(NamedTuple):
    """A job that runs, and the process that does it."""

    job: Job
    child: Child
    attempt: int
    """1 where it was started for the first time."""


class Procs(Launcher):
    """At most `n_jobs` processes at once; jobs whose run is finished are not started."""

    def __init__(
        self, n_jobs: int, gpus_per_job: int, timeout_minutes: float | None, retries: int
    ) -> None:
        self._n_jobs, self._gpus_per_job = n_jobs, gpus_per_job
        self._timeout, self._retries = timeout_minutes, retries

    @as_sentence()
    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self._loader, self._sweep = hydra_context.config_loader, config
        self._folder = Path(config.hydra.sweep.dir)
        self._require_settings()
        require_known_axes(config, self._loader)

    def _require_settings(self) -> None:
        least = {
            "n_jobs": (self._n_jobs, 1),
            "gpus_per_job": (self._gpus_per_job, 1),
            "retries": (self._retries, 0),
        }
        for name, (value, limit) in least.items():
            if value < limit:
                raise InputError(f"hydra.launcher.{name} must be at least {limit}; got {value}.")
        if self._timeout is not None and not self._timeout > 0:
            raise InputError(
                f"hydra.launcher.timeout_minutes must be positive or null; got {self._timeout:g} minutes."
            )

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Runs all jobs; a job that fails is one of the results, and raises when its value is asked
        for."""
        waiting = iter(
            jobs.named(number, overrides, self._sweep)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        )
        board = Board(len(job_overrides), self._folder)
        ended: dict[int, Ended] = {}
        self.work(
            lambda: next(waiting, None), lambda job, end: ended.update({job.number: end}), board
        )

        print(board.summary(), flush=True)
        folder = OmegaConf.select(self._sweep, "paths.runs")
        if folder is not None and board.counts[FINISHED] + board.counts[SKIPPED] > 1:
            print(f"compare them: python -m ecgae compare {folder}", flush=True)
        if board.counts[FAILED]:
            sentence = f"{board.counts[FAILED]} of {len(job_overrides)} jobs failed; the same command runs only these."

        return [
            returned(overrides, ended[number], sentence if ended[number].state == FAILED else "")
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]

    @as_sentence()
    def work(
        self, next_job: Callable[[], Job | None], tell: Callable[[Job, Ended], None], board: Board
    ) -> None:
        """Runs what `next_job` gives, which is asked whenever a job could start; ends when nothing
        runs and it is None.

        `tell` learns how each ended, before the next one is asked for. When the driver is
        interrupted, the running jobs are ended.
        """
        setup_globals()
        running: dict[int, _Running] = {}

        def ends(job: Job, end: Ended) -> None:
            tell(job, end)
            board.ends(job, end)

        with _interruptible():
            try:
                while True:
                    self._fill(running, next_job, ends, board)
                    if not running:
                        return
                    time.sleep(POLL)
                    for slot in list(running):
                        self._look(running, slot, ends)
            except OSError as error:
                raise InputError(
                    f"{self._folder} must be writable; {error}. The same command runs what is missing."
                ) from None
            except (KeyboardInterrupt, SystemExit) as stop:
                print("interrupted; the same command runs what is missing", flush=True)
                raise SystemExit(stop.code if isinstance(stop, SystemExit) else 130) from None
            finally:
                end_all(one.child for one in running.values())

    def _fill(
        self,
        running: dict[int, _Running],
        next_job: Callable[[], Job | None],
        ends: Callable[[Job, Ended], None],
        board: Board,
    ) -> None:
        """Starts jobs in the free slots; one whose run is finished ends at once."""
        for slot in range(self._n_jobs):
            while slot not in running:
                job = next_job()
                if job is None:
                    return
                run = self._finished(job)
                if run is not None:
                    ends(job, Ended(SKIPPED, jobs.value_of(run, self._sweep), jobs.doubts(run)))
                    continue
                running[slot] = self._start(job, slot, attempt=1)
                board.starts(job)

    def _start(self, job: Job, slot: int, attempt: int) -> _Running:
        gpus = jobs.gpus()
        gpus = jobs.dealt(gpus, slot, self._gpus_per_job) if len(gpus) > 1 else []
        environment = jobs.environment(self._n_jobs, gpus)
        child = Child(jobs.command(job, self._sweep), environment, job.log(self._folder))
        return _Running(job, child, attempt)

    def _look(
        self, running: dict[int, _Running], slot: int, ends: Callable[[Job, Ended], None]
    ) -> None:
        """Takes note where the job of a slot has ended, or must."""
        job, child, attempt = running[slot]
        late = self._timeout is not None and child.seconds > 60 * self._timeout
        if late:
            end_all([child])
        code = child.exit_code()
        if code is None:
            return

        if code != 0 and attempt <= self._retries:
            running[slot] = self._start(job, slot, attempt + 1)
            return

        del running[slot]
        if code == 0:
            run = self._finished(job)
            value, doubts = (
                (jobs.value_of(run, self._sweep), jobs.doubts(run)) if run else (None, "")
            )
            ends(job, Ended(FINISHED, value, doubts, child.seconds))
        else:
            reason = f"took longer than {self._timeout:g} minutes" if late else child.why()
            ends(job, Ended(FAILED, reason=reason, seconds=child.seconds))

    def _finished(self, job: Job) -> Path | None:
        return jobs.finished_run(self._loader.load_sweep_config(self._sweep, list(job.overrides)))


def returned(overrides: Sequence[str], ended: Ended, sentence: str) -> JobReturned:
    """The result of a job for Hydra: its value, or the sentence that ends the driver when the value
    is asked for."""
    failed = ended.state == FAILED
    status = JobStatus.FAILED if failed else JobStatus.COMPLETED
    result = JobReturned(overrides=overrides, status=status)
    result._return_value = sentence if failed else ended.value
    return result


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the driver as Ctrl-C does: in order."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # nohup
                signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
