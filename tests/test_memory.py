"""How much memory is left: the computer's, or the control group's where that is less."""

import os

from ecgae.machine import memory


def test_what_is_free_is_less_than_what_there_is_and_not_nothing():
    assert 0 < memory.available() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_the_tightest_of_the_groups_above_a_process_counts(tmp_path):
    job = tmp_path / "cgroup" / "slurm" / "job_1"
    job.mkdir(parents=True)
    (tmp_path / "self").write_text("1:cpu:/other\n0::/slurm/job_1\n")
    for folder, limit, used in (
        (job, "max", "5"),
        (job.parent, "1000", "400"),
        (tmp_path / "cgroup", "9000", "100"),
    ):
        (folder / "memory.max").write_text(limit + "\n")
        (folder / "memory.current").write_text(used + "\n")
    assert sorted(memory._left_in_groups(tmp_path / "cgroup", tmp_path / "self")) == [600, 8900]
    assert memory._left_in_groups(tmp_path / "cgroup", tmp_path / "none") == []


def test_a_group_that_is_over_its_limit_leaves_nothing(tmp_path):
    group = tmp_path / "cgroup" / "job"
    group.mkdir(parents=True)
    (tmp_path / "self").write_text("0::/job\n")
    (group / "memory.max").write_text("100\n")
    (group / "memory.current").write_text("140\n")
    assert memory._left_in_groups(tmp_path / "cgroup", tmp_path / "self") == [0]
