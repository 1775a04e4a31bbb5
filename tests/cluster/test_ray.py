"""Sweeps on a real Ray: an instance of their own, and one that runs already."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tiny_sweep import EPOCHS, Sweep, axis, installed

pytestmark = pytest.mark.skipif(
    not installed("hydra_ray_launcher"),
    reason="hydra-ray-launcher is not installed: docs/how-to-cluster.md says how",
)
RAY = Path(sys.executable).parent / "ray"
PORT = 56379
LAUNCHER = ("hydra/launcher=ray", "+hydra.launcher.init.num_cpus=2")


def process_that_prints_to(log: Path) -> int:
    """The id of the worker that runs a job."""
    for outputs in Path("/proc").glob("[0-9]*/fd/1"):
        if os.path.realpath(outputs) == str(log.resolve()):
            return int(outputs.parts[2])
    raise AssertionError(f"no process prints to {log}")


def until_it_answers(port: int) -> None:
    for _ in range(600):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers at port {port}")


class Hit(NamedTuple):
    sweep: Sweep
    code: int
    output: str


@pytest.fixture(scope="module")
def hit(tmp_path_factory) -> Hit:
    """A sweep whose second job was killed while it trained."""
    sweep = Sweep(tmp_path_factory.mktemp("ray"), *LAUNCHER, axis())
    sweep.until_it_trains(EPOCHS[1])
    os.kill(process_that_prints_to(sweep.log(1)), signal.SIGKILL)
    return Hit(sweep, *sweep.ended())


def test_a_killed_job_costs_that_one_alone(hit):
    assert hit.code == 1, hit.output
    assert f"max_epochs={EPOCHS[1]}: failed, ended by Ray (WorkerCrashedError)" in hit.output
    assert "2 finished, 0 skipped, 1 failed" in hit.output
    assert len(hit.sweep.runs(EPOCHS[0])) == len(hit.sweep.runs(EPOCHS[2])) == 1


def test_ray_does_not_run_a_killed_job_again_by_itself(hit):
    assert hit.sweep.log(1).read_text().count("$ train") == 1


def test_an_address_where_no_cluster_runs_is_one_sentence(tmp_path):
    code, output = Sweep(
        tmp_path, "hydra/launcher=ray", "hydra.launcher.init.address=auto", axis()
    ).ended()
    assert code == 1
    assert "error: hydra.launcher.init.address must be" in output
    assert "Traceback" not in output


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster that was started elsewhere; one of the computer's owner is left alone."""
    command = [
        str(RAY),
        "start",
        "--head",
        "--block",
        f"--port={PORT}",
        "--num-cpus=2",
        "--include-dashboard=false",
    ]
    with subprocess.Popen(
        [*command, "--disable-usage-stats"], cwd="/", stdout=subprocess.DEVNULL
    ) as head:
        until_it_answers(PORT)
        yield
        head.terminate()


@pytest.mark.usefixtures("cluster")
def test_the_same_command_on_a_running_cluster_finishes_what_is_missing_and_nothing_else(hit):
    code, output = Sweep(
        hit.sweep.folder, "hydra/launcher=ray", "hydra.launcher.init.address=auto", axis()
    ).ended()
    assert code == 0, output
    assert "1 finished, 2 skipped, 0 failed" in output
    assert "an interrupted training of this run goes on after epoch" in hit.sweep.log(1).read_text()
