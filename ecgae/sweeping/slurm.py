"""`hydra/launcher=slurm`: the jobs of a sweep as one job array, through Hydra's released plugin for
submitit.

The plugin alone waits for ever for a killed job where there is no accounting database, gives up the
results of all jobs when one was killed, and lets SLURM call a job that raised COMPLETED.
"""

import atexit
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from ecgae.errors import InputError, as_sentence
from ecgae.sweeping.cluster import Batch, Program, Timed, killed, released, replaced, run_batch
from ecgae.sweeping.known_axes import require_known_axes

PLUGIN = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"
PACKAGE = Path(__file__).parent.parent.parent
"""The folder from which this package can be imported."""

PREPARE = (
    f"export PYTHONPATH={shlex.quote(str(PACKAGE))}${{PYTHONPATH:+:$PYTHONPATH}}",  # for this package
    "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",  # since 22.05 srun does not take over what sbatch was asked for
    "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$SLURM_CPUS_PER_TASK}",  # else one thread for each core of the computer
)
"""Lines of the batch script before the job."""


@dataclass(frozen=True)
class WithExitCode:
    """A job that ends with exit code 1 where it failed; submitit itself reports the exception and
    ends with 0."""

    task: Program

    def __call__(self, config: DictConfig) -> Timed:
        failed = True

        def leave() -> None:
            if failed:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(1)

        atexit.register(leave)  # before those of torch and wandb, and therefore called after them
        result = self.task(config)
        failed = False
        return result


class Slurm(Launcher):
    """One job array; jobs whose run is finished are not submitted, and a job that is killed costs
    that one alone."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    @as_sentence()
    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        for name in ("account", "partition"):
            if self._settings[name] == "":
                given = f"hydra.launcher.{name}"
                raise InputError(
                    f"{given} must be set; got nothing. Type {given}=..., or null where there is none."
                )

        settings = {**self._settings, "setup": [*PREPARE, *(self._settings["setup"] or ())]}
        self._plugin = released(PLUGIN, "SlurmLauncher", launcher="slurm")(**settings)
        if shutil.which("sbatch") is None:
            raise InputError(
                "hydra/launcher=slurm must be typed where SLURM is installed; there is no sbatch here."
            )
        self._context, self._main, self._sweep = hydra_context, task_function, config
        require_known_axes(config, hydra_context.config_loader)

    @as_sentence()
    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Submits what is missing and waits for it; where the wait is interrupted the jobs go
        on."""
        loader = self._context.config_loader
        return run_batch(self._sweep, loader, job_overrides, initial_job_idx, self._submit)

    def _submit(self, batch: Batch) -> None:
        from submitit.core.utils import FailedJobError, UncompletedJobError
        from submitit.slurm.slurm import SlurmJob

        from ecgae.sweeping.squeue import Queue

        results = SlurmJob.results

        def taken(job: SlurmJob) -> list[JobReturn]:
            try:
                result = results(job)[0]
            except FailedJobError:
                result = killed(f"could not be started, see {job.paths.stdout}")
            except UncompletedJobError:
                result = killed(f"ended by SLURM ({job.state})")
            batch.returned(result)
            return [result]

        task = WithExitCode(batch.task(self._main))
        self._plugin.setup(hydra_context=self._context, task_function=task, config=self._sweep)
        try:
            with replaced(SlurmJob, "watcher", Queue()), replaced(SlurmJob, "results", taken):
                self._plugin.launch([job.overrides for job in batch.missing], initial_job_idx=0)
        except FailedJobError as error:
            raise InputError(
                f"hydra.launcher must be what this SLURM accepts; {error}".replace("\n", " ")
            ) from None
        except KeyboardInterrupt:
            print(
                "interrupted; the jobs stay in the queue: scancel ends them, squeue shows them",
                flush=True,
            )
            raise SystemExit(130) from None
