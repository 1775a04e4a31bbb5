"""`hydra/sweeper=study`: a search by Optuna that can be interrupted and continued.

The released plugin counts what was started, not what was completed, forgets what a killed driver
was doing, and after a restart proposes the same points again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import II, DictConfig, OmegaConf, open_dict, read_write

from ecgae.errors import InputError, as_sentence
from ecgae.machine.extras import extra
from ecgae.runs import run_directory
from ecgae.sweeping import jobs
from ecgae.sweeping.board import FAILED, FINISHED, Board, Ended
from ecgae.sweeping.jobs import Job
from ecgae.sweeping.known_axes import overrides_of, require_known_axes
from ecgae.sweeping.procs import Procs
from ecgae.sweeping.space import Space, space_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from ecgae.sweeping.trials import Trials


@dataclass
class StudyConf:
    """The settings of the search: `hydra.sweeper.n_trials=50`."""

    _target_: str = "${ecgae_plugin:StudySweeper}"
    params: dict[str, str] | None = None
    """The axes, in Hydra's grammar: `a,b`, `range(4, 33, 4)`, `interval(0, 1)`, `tag(log,
    interval(1e-4, 1e-2))`."""
    n_trials: int = 20
    """Completed trials that there are in the end, those of earlier starts among them."""
    directions: list[str] = field(default_factory=lambda: ["maximize"])
    """maximize | minimize, for each number of `score.select_by`."""
    n_jobs: int = II("oc.select:hydra.launcher.n_jobs,1")
    """How many trials run at once."""
    max_failures: int = 10
    """After so many failed trials of one start the search stops."""
    seed: int = 1
    """Where the random numbers of the search start."""


class StudySweeper(Sweeper):
    """Proposes points by a tree-structured Parzen estimator; a job that fails or is not valid is a
    failed trial."""

    def __init__(
        self,
        params: dict[str, str] | None,
        n_trials: int,
        directions: list[str],
        n_jobs: int,
        max_failures: int,
        seed: int,
    ) -> None:
        self._n_trials, self._n_jobs, self._max_failures = n_trials, n_jobs, max_failures
        self._directions: Any = list(directions)  # words; checked in setup
        self._seed = seed

    @as_sentence()
    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        extra("optuna", "search", "hydra/sweeper=study")

        # Names that Hydra's own methods look for.
        self.hydra_context, self.config = hydra_context, config
        self._loader, self._sweep = hydra_context.config_loader, config
        self._require_settings()
        require_known_axes(config, hydra_context.config_loader)
        self._launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def _require_settings(self) -> None:
        settings = {
            "n_trials": self._n_trials,
            "n_jobs": self._n_jobs,
            "max_failures": self._max_failures,
        }
        for name, value in settings.items():
            if value < 1:
                raise InputError(f"hydra.sweeper.{name} must be at least 1; got {value}.")

        directions = ", ".join(self._directions)
        if not {*self._directions} <= {"maximize", "minimize"} or not directions:
            raise InputError(
                f"hydra.sweeper.directions must be maximize or minimize; got [{directions}]."
            )

    @as_sentence()
    def sweep(self, arguments: list[str]) -> Any:
        """Searches until `n_trials` are completed; prints the best and writes them to best.yaml."""
        from ecgae.sweeping.trials import Trials

        folder = Path(self._sweep.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        space = space_of(overrides_of(self._sweep, self._loader, arguments))

        with _alone(folder):
            trials = Trials(
                folder=folder,
                space=space,
                directions=self._directions,
                shared=self._shared(space),
                seed=self._seed,
                n_jobs=self._n_jobs,
            )
            search = _Search(trials, space, self._n_trials, self._max_failures, self._sweep)
            before = len(trials.completed())
            print(
                f"search {trials.name}: {before} of {self._n_trials} trials completed", flush=True
            )

            if isinstance(self._launcher, Procs):
                board = Board(None, folder)
                self._launcher.work(search.next_job, search.tell, board)
                if board.counts:
                    print(board.summary())
            else:
                self._in_batches(search)

            search.conclude(folder)

    def _in_batches(self, search: "_Search") -> None:
        """Searches with a launcher that knows only whole batches; a slow trial keeps the others of
        its batch waiting."""
        while batch := [job for _ in range(self._n_jobs) if (job := search.next_job())]:
            overrides = [job.overrides for job in batch]
            self.validate_batch_is_legal(overrides)
            returned = self._launcher.launch(overrides, initial_job_idx=batch[0].number)
            for job, result in zip(batch, returned, strict=True):
                if result.status == JobStatus.FAILED:
                    search.tell(job, Ended(FAILED, reason=f"failed: {result._return_value}"))
                else:
                    search.tell(job, Ended(FINISHED, result.return_value))

    def _shared(self, space: Space) -> Any:
        """What the values of all trials depend on beside the axes: another cohort, or score, is
        another study."""
        cfg = self._loader.load_sweep_config(self._sweep, list(space.fixed))
        HydraConfig.instance().set_config(cfg)
        cfg = cfg.copy()
        with read_write(cfg), open_dict(cfg):
            del cfg["hydra"]
        config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
        score = config.get("score")
        return [run_directory.identity(config), score and score.get("select_by")]


class _Search:
    """Which trials are still wanted, and what became of them."""

    def __init__(
        self, trials: "Trials", space: Space, n_trials: int, max_failures: int, sweep: DictConfig
    ) -> None:
        self._trials, self._space, self._sweep = trials, space, sweep
        self._wanted, self._max_failures = n_trials, max_failures
        self._running, self._failures, self._exhausted = 0, 0, False
        self._last_reason = ""

    def next_job(self) -> Job | None:
        """The next trial as a job; None while the running trials may be enough, and when the search
        is over."""
        enough = len(self._trials.completed()) + self._running >= self._wanted
        if enough or self._failures >= self._max_failures or self._exhausted:
            return None
        trial = self._trials.ask()
        if trial is None:
            self._exhausted = True
            return None
        self._running += 1
        return jobs.named(trial.number, self._space.overrides(trial.params), self._sweep)

    def tell(self, job: Job, ended: Ended) -> None:
        """Takes note of how the job of a trial ended."""
        self._running -= 1
        value = None if ended.state == FAILED else ended.value
        if not self._trials.tell(job.number, value):
            self._failures += 1
            self._last_reason = f"#{job.number} {ended.reason or 'has no valid score'}"

    def conclude(self, folder: Path) -> None:
        """Prints the best trials and writes them to `folder`/best.yaml.

        Raises `InputError` where the search stopped before it had all trials.
        """
        best, completed = self._trials.best(), len(self._trials.completed())
        if best:
            print(_shown(best))
            (folder / "best.yaml").write_text(
                yaml.safe_dump(_listed(best, self._space), sort_keys=False)
            )
            print(f"overrides of the best: {folder / 'best.yaml'}", flush=True)

        if self._exhausted:
            print(f"all {self._space.points():.0f} points of the axes were tried", flush=True)
        elif completed < self._wanted:
            raise InputError(
                f"trials must not fail {self._max_failures} times (hydra.sweeper.max_failures); {completed} of "
                f"{self._wanted} are completed, the last failure: {self._last_reason}. The same command goes on."
            )


def _listed(best: "list[FrozenTrial]", space: Space) -> list[dict[str, Any]]:
    """What best.yaml holds."""
    return [
        {
            "trial": trial.number,
            "values": list(trial.values),
            "overrides": list(space.overrides(trial.params)),
        }
        for trial in best
    ]


def _shown(best: "list[FrozenTrial]") -> str:
    """The best trials as text: their numbers and their axes."""
    title = "best trial:" if len(best[0].values) == 1 else "best trials (the Pareto front):"
    rows = [
        f"  #{trial.number} {', '.join(f'{value:.4g}' for value in trial.values)}: "
        + " ".join(f"{name}={value}" for name, value in trial.params.items())
        for trial in best
    ]
    return "\n".join([title, *rows])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One driver at a time: another one would take the running trials for those of a killed
    driver."""
    try:
        with FileLock(folder / "study.lock", timeout=0):
            yield
    except Timeout:
        raise InputError(
            f"one search at a time must use {folder}; another one is running there."
        ) from None
