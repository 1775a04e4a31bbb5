"""What the driver concludes from SLURM's answers."""

import pytest

pytest.importorskip("submitit", reason="hydra-submitit-launcher is not installed")

from ecgae.sweeping.squeue import FORGOTTEN, Queue


@pytest.fixture
def queue(monkeypatch):
    queue = Queue()
    for number in range(3):
        queue.register_job(f"12_{number}")
    monkeypatch.setattr("subprocess.check_output", lambda command, shell: queue.answer)
    return queue


def test_a_killed_job_is_over_and_those_that_wait_or_start_are_not(queue):
    queue.answer = b"12_0|CONFIGURING|n1\n12_1|CANCELLED|n1\n12_2|PENDING|\n99|RUNNING|n2\n"
    assert [queue.is_done(f"12_{number}", mode="force") for number in range(3)] == [
        False,
        True,
        False,
    ]
    assert queue.get_state("12_1", mode="cache") == "CANCELLED"


def test_a_job_that_slurm_has_forgotten_is_over(queue):
    queue.answer = b"12_0|RUNNING|n1\n12_2|PREEMPTED|n1\n"
    assert queue.is_done("12_1", mode="force")
    assert queue.get_state("12_1", mode="cache") == FORGOTTEN
    assert not queue.is_done("12_2", mode="force")  # it may be put back into the queue


def test_nothing_is_concluded_while_slurm_does_not_answer(queue, monkeypatch):
    def fail(command, shell):
        raise OSError("Unable to contact slurm controller")

    monkeypatch.setattr("subprocess.check_output", fail)
    assert not queue.is_done("12_0", mode="force")
