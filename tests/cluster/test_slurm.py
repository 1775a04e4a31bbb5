"""Sweeps on a real SLURM; docs/how-to-cluster.md says how one is started on a single computer."""

import shutil
import subprocess
from typing import NamedTuple

import pytest
from tiny_sweep import EPOCHS, Sweep, axis, installed


def said(*command: str) -> str:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=True
    ).stdout.strip()


def why_not() -> str:
    if not installed("hydra_submitit_launcher"):
        return "hydra-submitit-launcher is not installed"
    if shutil.which("sinfo") is None:
        return "SLURM is not installed"
    answer = subprocess.run(
        ["sinfo", "--noheader"], capture_output=True, text=True, timeout=20, check=False
    )
    return answer.stderr.strip() and "SLURM does not answer"


pytestmark = pytest.mark.skipif(bool(reason := why_not()), reason=reason or "-")


def launcher() -> list[str]:
    partition = said("sinfo", "--noheader", "--format=%R").splitlines()[0]
    settings = (
        "account=ecg",
        f"partition={partition}",
        "cpus_per_task=1",
        "mem_gb=2",
        "timeout_min=9",
    )
    return ["hydra/launcher=slurm", *(f"hydra.launcher.{setting}" for setting in settings)]


def numbers(sweep: Sweep) -> list[str]:
    """SLURM's names of the sweep's jobs, in their order."""
    return sorted(
        folder.name
        for folder in (sweep.folder / "runs/.sweeps/.submitit").glob("*_*")
        if folder.is_dir()
    )


class Hit(NamedTuple):
    sweep: Sweep
    code: int
    output: str


@pytest.fixture(scope="module")
def hit(tmp_path_factory) -> Hit:
    """A sweep whose second job was killed, and whose third was told that its time is nearly up."""
    sweep = Sweep(tmp_path_factory.mktemp("slurm"), *launcher(), axis())
    sweep.until_it_trains(EPOCHS[1])
    said("scancel", "--signal=KILL", numbers(sweep)[1])
    sweep.until_it_trains(EPOCHS[2])
    requeued = numbers(sweep)[2]
    said("scancel", "--signal=USR2", requeued)
    sweep.until(
        lambda: said("squeue", "--noheader", "--format=%T", f"--jobs={requeued}") == "PENDING"
    )
    said(
        "scontrol", "update", f"jobid={requeued}", "StartTime=now"
    )  # SLURM itself waits two minutes
    return Hit(sweep, *sweep.ended())


def test_the_driver_ends_and_names_the_killed_job_where_there_is_no_accounting_database(hit):
    assert hit.code == 1, hit.output
    assert f"max_epochs={EPOCHS[1]}: failed, ended by SLURM (" in hit.output
    assert "3 jobs in" in hit.output
    assert "2 finished, 0 skipped, 1 failed" in hit.output
    assert "Traceback" not in hit.output


def test_a_job_whose_time_is_up_goes_on_where_it_was(hit):
    assert "an interrupted training of this run goes on after epoch" in hit.sweep.log(2).read_text()
    assert len(hit.sweep.runs(EPOCHS[2])) == 1
    assert len(hit.sweep.runs(EPOCHS[0])) == 1
    assert not hit.sweep.runs(EPOCHS[1])


def test_the_same_command_finishes_what_is_missing_and_nothing_else(hit):
    code, output = Sweep(hit.sweep.folder, *launcher(), axis()).ended()
    assert code == 0, output
    assert "1 finished, 2 skipped, 0 failed" in output
    assert "an interrupted training of this run goes on after epoch" in hit.sweep.log(1).read_text()
    assert len(hit.sweep.runs(EPOCHS[1])) == 1


def test_slurm_too_calls_a_job_failed_that_ended_in_an_error(tmp_path):
    code, output = (sweep := Sweep(tmp_path, *launcher(), "trainer.max_epochs=0")).ended()
    assert code == 1
    assert "trainer.max_epochs" in output or "max_epochs must" in output
    (folder,) = (
        folder for folder in (tmp_path / "runs/.sweeps/.submitit").iterdir() if folder.is_dir()
    )
    assert "JobState=FAILED" in said("scontrol", "show", "job", folder.name), sweep.log(
        0
    ).read_text()


def test_what_slurm_does_not_accept_is_one_sentence(tmp_path):
    code, output = Sweep(tmp_path, *launcher(), "hydra.launcher.mem_gb=1000000").ended()
    assert code == 1
    assert "error: hydra.launcher must be what this SLURM accepts; sbatch: error:" in output
    assert "Traceback" not in output


def test_a_launch_without_account_is_one_sentence(tmp_path):
    code, output = Sweep(tmp_path, "hydra/launcher=slurm").ended()
    assert code == 1
    assert output.splitlines()[-1].startswith(
        "error: hydra.launcher.account must be set; got nothing."
    )
