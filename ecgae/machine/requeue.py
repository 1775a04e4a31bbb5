"""Going on after a time limit on SLURM: the job puts itself back into the queue."""

import os
import signal
import subprocess
import sys
from typing import Any

from ecgae.machine.processes import is_first_process


def requeue_on_signal() -> None:
    """Requeues this SLURM job when SIGUSR1 comes, which `sbatch --signal=USR1@120` sends before the
    time is up.

    The job works on until SLURM ends it, and when it starts again its training goes on from the
    last whole epoch. Nothing happens outside SLURM, nor in the jobs of `hydra/launcher=slurm`,
    which start elsewhere: there submitit listens to SIGUSR2 and puts them back into the queue.
    """
    if "SLURM_JOB_ID" in os.environ:
        signal.signal(signal.SIGUSR1, _requeue)


def _requeue(*_: Any) -> None:
    """Asks SLURM to put this job back into the queue, and says so; once for all its processes."""
    if not is_first_process():
        return

    job = os.environ["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"

    print(
        f"\nthe time is nearly up: job {job} goes back into the queue", file=sys.stderr, flush=True
    )
    asked = subprocess.run(
        ["scontrol", "requeue", job], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        print(f"scontrol could not requeue it: {asked.stderr.strip()}", file=sys.stderr, flush=True)
