"""What became of jobs on SLURM, asked where every cluster can answer."""

import getpass

from submitit.slurm.slurm import SlurmInfoWatcher

ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED"),
    *("NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"),
}
"""States of squeue(1) that a job does not leave by itself."""

FORGOTTEN = "FORGOTTEN"
"""The state of a job that ended so long ago (`MinJobAge` in slurm.conf, 5 minutes) that SLURM knows
it no more."""


class Queue(SlurmInfoWatcher):
    """States from `squeue`; submitit's own watcher asks `sacct`.

    Without an accounting database (slurmdbd) `sacct` knows no job, submitit takes every job for a
    running one, and the driver waits for ever for the result of one that was killed. `squeue` asks
    the controller, which is always there.
    """

    def __init__(self) -> None:
        super().__init__(delay_s=60)

    def _make_command(self) -> list[str] | None:
        if not self._registered - self._finished:
            return None
        return [
            "squeue",
            f"--user={getpass.getuser()}",
            "--states=all",
            "--array",
            "--noheader",
            "--format=%i|%T|%N",
        ]

    def read_info(self, string: str | bytes) -> dict[str, dict[str, str]]:
        """The states of all jobs of the user, by job; `FORGOTTEN` for those that were registered
        and are not there."""
        text = string.decode() if isinstance(string, bytes) else string
        known = {
            job: dict.fromkeys(("State",), FORGOTTEN) for job in self._registered - self._finished
        }
        for line in text.splitlines():
            job, state, nodes = line.strip().split("|")
            # submitit ends the wait for a job in any state that it does not know, such as
            # CONFIGURING
            known[job] = {"State": state if state in ENDED else "RUNNING", "NodeList": nodes}
        return known
