"""What SLURM and Ray share: which jobs are sent there, what a job does where it runs, and how the
sweep ends."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.errors import CompactHydraException
from hydra.types import TaskFunction
from omegaconf import DictConfig

from ecgae.machine import processes
from ecgae.machine.extras import extra
from ecgae.sweeping import jobs
from ecgae.sweeping.board import FAILED, FINISHED, SKIPPED, Board, Ended
from ecgae.sweeping.jobs import Job, Value
from ecgae.sweeping.procs import returned

Sent = Sequence[JobReturn]
"""Results of jobs, in the order in which Hydra gave them."""


class Timed(NamedTuple):
    """What a job returned, and how long it ran."""

    value: Value
    seconds: float
    """Time of the run in s, waiting in the queue not counted."""


class JobError(Exception):
    """Why a job failed, in one line: unlike the exception itself, every process can read it
    back."""


@dataclass(frozen=True)
class Program:
    """The program as a job on another computer: it works in the folder where the sweep was typed,
    shared by both.

    logs: where each job's output goes, in the order in which they were sent.
    """

    main: TaskFunction
    folder: Path
    logs: Sequence[Path]

    def __call__(self, config: DictConfig) -> Timed:
        os.chdir(self.folder)
        processes.keep_freed_memory(trim=2**31 - 1, map_from=2**30)
        hydra, started = HydraConfig.get(), time.monotonic()
        print_to(self.logs[hydra.job.num] if processes.is_first_process() else Path(os.devnull))
        print(f"$ {hydra.job.name} {' '.join(hydra.overrides.task)}", flush=True)
        try:
            return Timed(self.main(config), time.monotonic() - started)
        except BaseException as error:
            fail(error)


def fail(error: BaseException) -> NoReturn:
    """Writes into the job's log what happened; an order to stop is passed on.

    It is one too where stopping itself failed: SLURM, which ends all processes of a job that goes
    back into the queue, may have ended W&B's first, and a job that failed is not started again.
    """
    first: BaseException | None = error
    while isinstance(first, Exception):
        first = first.__context__
    if first is not None:
        raise first
    if isinstance(error, CompactHydraException):  # the sentence is in the log
        raise JobError(str(error)) from None
    traceback.print_exception(error)
    raise JobError(f"{type(error).__name__}: {error}".splitlines()[0]) from None


def print_to(log: Path) -> None:
    """From now on this process and those that it starts print into `log`, after what is there."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            os.dup2(file.fileno(), number)


@dataclass
class Batch:
    """The jobs of one call of a launcher; those whose run is finished are not sent."""

    sweep: DictConfig
    loader: ConfigLoader
    jobs: Sequence[Job]

    def __post_init__(self) -> None:
        self.folder = Path(self.sweep.hydra.sweep.dir)
        self._board = Board(len(self.jobs), self.folder)
        self._ended: dict[int, Ended] = {}
        setup_globals()
        for job in self.jobs:
            config = self.loader.load_sweep_config(self.sweep, list(job.overrides))
            run = jobs.finished_run(config)
            if run is not None:
                self.ends(job, Ended(SKIPPED, jobs.value_of(run, self.sweep)))

    @property
    def missing(self) -> list[Job]:
        """The jobs that have not ended yet."""
        return [job for job in self.jobs if job.number not in self._ended]

    def task(self, main: TaskFunction) -> Program:
        """The program, told where each job writes its log."""
        return Program(main, Path.cwd(), [job.log(self.folder) for job in self.missing])

    def ends(self, job: Job, ended: Ended) -> None:
        """Takes note of how the job ended, and prints it."""
        self._ended[job.number] = ended
        self._board.ends(job, ended)

    def returned(self, result: JobReturn) -> None:
        """Takes note of the next missing job's result: launchers give them in order."""
        if result.status == JobStatus.FAILED:
            self.ends(self.missing[0], Ended(FAILED, reason=str(result._return_value)))
        else:
            value, seconds = result.return_value
            self.ends(self.missing[0], Ended(FINISHED, value, seconds=seconds))

    def concluded(self) -> Sent:
        """Prints the summary; a failed job is one of the results, and ends the driver when its
        value is asked for."""
        print(self._board.summary(), flush=True)
        count = self._board.counts[FAILED]
        sentence = f"{count} of {len(self.jobs)} jobs failed; the same command runs only these."
        return [returned(job.overrides, self._ended[job.number], sentence) for job in self.jobs]


def run_batch(
    sweep: DictConfig,
    loader: ConfigLoader,
    job_overrides: Sequence[Sequence[str]],
    first: int,
    send: Callable[[Batch], None],
) -> Sent:
    """Lets `send` do the jobs whose run is not finished; returns the results of all.

    job_overrides: what each job sets. first: number of the first job.
    """
    batch = Batch(
        sweep,
        loader,
        [jobs.named(number, own, sweep) for number, own in enumerate(job_overrides, first)],
    )
    if batch.missing:
        send(batch)
    return batch.concluded()


def killed(reason: str) -> JobReturn:
    """The result of a job that could not give one itself."""
    result = JobReturn(status=JobStatus.FAILED)
    result._return_value = JobError(reason)
    return result


def released(module: str, name: str, launcher: str) -> Any:
    """A class of a released Hydra plugin; raises `InputError` where the plugin is not installed."""
    return getattr(extra(module, launcher, f"hydra/launcher={launcher}"), name)


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is `value` for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
