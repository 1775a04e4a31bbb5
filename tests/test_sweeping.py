"""Sweeps from the shell: what a job that fails, is killed, or was finished before costs the
others."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import commands
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from ecgae.errors import InputError
from ecgae.sweeping import jobs
from ecgae.sweeping.board import FAILED, FINISHED, SKIPPED, Board, Ended
from ecgae.sweeping.jobs import Job
from ecgae.sweeping.space import space_of

ROOT = Path(__file__).parent.parent

APP = '''
import os, time
from pathlib import Path
import hydra
from omegaconf import OmegaConf
from ecgae.runs import run_directory
from ecgae import sweeping

sweeping.register()

@hydra.main(version_base="1.3", config_path="conf", config_name="app")
def main(cfg):
    """A stand-in for train.py that starts in a second: its score is `x`, valid unless x is 5."""
    config = OmegaConf.to_container(cfg, resolve=True)
    directory = Path(cfg.paths.runs) / run_directory.run_name(config)
    with run_directory.only_one(directory):
        if run_directory.is_finished(directory, config):
            return None
        with run_directory.new_run(directory, config) as run:
            (run / "pid").write_text(str(os.getpid()))
            note = Path(cfg.paths.notes)
            with note.open("a") as notes:
                notes.write(f"start {cfg.x} {time.monotonic()} {os.environ.get('OMP_NUM_THREADS')}\\n")
            if cfg.x in cfg.raises and not (note.parent / "repaired").exists():
                raise RuntimeError(f"{cfg.x} cannot be computed")
            while cfg.x in cfg.waits and not (note.parent / "go").exists():
                time.sleep(0.05)
            time.sleep(cfg.seconds)
            with note.open("a") as notes:
                notes.write(f"end {cfg.x} {time.monotonic()}\\n")
            score = {"loci": float(cfg.x), "hits": -float(cfg.x), "valid": cfg.x != 5, "select_by": "hits"}
            run_directory.write_json(run / "score.json", score)

main()
'''

CONFIG = """
defaults:
  - _self_
  - override hydra/launcher: procs
architecture: {_target_: a.plain.C}
denoiser: {_target_: a.none.C}
normalization: {_target_: a.none.C}
input: {recording: median_beat}
cohort: {}
beats: {}
exclusions: {}
objective: {}
leads: all
split: {}
latent_qc: {}
engine: {}
x: 1
raises: []
waits: []
seconds: 0
score: {select_by: loci}
paths: {runs: runs, notes: notes.txt}
hydra:
  output_subdir: null
  run: {dir: .}
  sweep: {dir: "${paths.runs}/.sweeps", subdir: "."}
"""


@pytest.fixture
def app(tmp_path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "app.yaml").write_text(CONFIG)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def started(folder: Path, *words: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name not in jobs.THREADS}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "app.py", "-m", *words], cwd=folder, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(driver: subprocess.Popen) -> subprocess.CompletedProcess:
    out, error = driver.communicate(timeout=100)
    return subprocess.CompletedProcess(driver.args, driver.returncode, out, error)


def swept(folder: Path, *words: str) -> subprocess.CompletedProcess:
    return ended(started(folder, *words))


def notes(folder: Path, kind: str = "start") -> list[int]:
    """Which jobs noted that, in order."""
    lines = [line.split() for line in (folder / "notes.txt").read_text().splitlines()]
    return [int(words[1]) for words in lines if words[0] == kind]


def process_of(folder: Path, x: int) -> int:
    """The process that works on the job `x`."""
    (file,) = [
        file
        for file in (folder / "runs").glob("*.partial/pid")
        if f"\nx: {x}\n" in _config_beside(file)
    ]
    return int(file.read_text())


def _config_beside(file: Path) -> str:
    return (file.parent / "config.yaml").read_text()


def until(condition, seconds: float = 60):
    """The first true value of the condition."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError("this did not happen in time")


def runs_still(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_jobs_that_raise_or_are_killed_cost_themselves_alone_and_no_more_run_at_once_than_asked_for(
    app,
):
    words = ("x=1,2,3,4", "raises=[2]", "waits=[1,3,4]")
    driver = started(app, *words)
    until(lambda: (app / "notes.txt").is_file() and notes(app) in ([1, 2, 3], [2, 1, 3]))
    time.sleep(0.3)
    assert 4 not in notes(app)  # two are at work, and it waits
    os.kill(process_of(app, 3), signal.SIGKILL)
    until(lambda: 4 in notes(app))
    (app / "go").touch()
    first = ended(driver)
    assert first.returncode == 1
    assert first.stderr.strip() == "error: 2 of 4 jobs failed; the same command runs only these."
    assert "2 finished, 0 skipped, 2 failed" in first.stdout
    assert (
        "#1 x=2: failed, RuntimeError: 2 cannot be computed (log: runs/.sweeps/1-x=2.log)"
        in first.stdout
    )
    assert "#2 x=3: failed, killed (SIGKILL), perhaps for want of memory" in first.stdout
    assert "#3 x=4: finished, score 4" in first.stdout
    assert "Traceback" in (app / "runs" / ".sweeps" / "1-x=2.log").read_text()
    (app / "repaired").touch()
    again = swept(app, *words)
    assert (again.returncode, again.stderr) == (0, "")
    assert "2 finished, 2 skipped, 0 failed" in again.stdout
    assert sorted(notes(app)[4:]) == [2, 3]  # nothing else was started
    assert sorted(notes(app, "end")) == [1, 2, 3, 4]
    threads = {
        line.split()[3]
        for line in (app / "notes.txt").read_text().splitlines()
        if line.startswith("start")
    }
    assert threads == {str(max(1, len(os.sched_getaffinity(0)) // 2))}


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent ended"
)
def test_a_driver_that_is_ended_or_killed_leaves_no_job_behind_and_the_same_command_finishes(app):
    words = ("x=1,2", "waits=[1]", "hydra.launcher.n_jobs=1")
    for starts, how in enumerate((signal.SIGTERM, signal.SIGKILL), 1):
        driver = started(app, *words)
        until(lambda count=starts: (app / "notes.txt").is_file() and len(notes(app)) == count)
        working = process_of(app, 1)
        driver.send_signal(how)
        result = ended(driver)
        until(lambda pid=working: not runs_still(pid))
        if how == signal.SIGTERM:
            assert result.returncode == 128 + how
            assert "interrupted; the same command runs what is missing" in result.stdout
            assert "Traceback" not in result.stderr
    assert notes(app, "end") == []
    (app / "go").touch()
    assert swept(app, *words).returncode == 0
    assert notes(app, "end") == [1, 2]


def test_a_job_that_takes_too_long_is_ended(app):
    result = swept(app, "x=1", "waits=[1]", "hydra.launcher.timeout_minutes=0.03")
    assert result.returncode == 1
    assert "#0: failed, took longer than 0.03 minutes" in result.stdout
    assert not list((app / "runs").glob("*/score.json"))


def test_a_job_that_fails_is_tried_again_as_often_as_asked_for(app):
    result = swept(app, "x=2", "raises=[2]", "hydra.launcher.retries=1")
    assert result.stdout.count("#0: failed") == 1
    assert notes(app) == [2, 2]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("xx=1,2", "xx must be a key or a group of the config; it is neither. Did you mean x?"),
        ("hydra.launcher.n_jobs=0", "hydra.launcher.n_jobs must be at least 1; got 0."),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_with_one_sentence(app, word, sentence):
    result = swept(app, "x=1,2", word)
    assert (result.returncode, result.stderr.strip()) == (1, f"error: {sentence}")
    assert not (app / "notes.txt").exists()


def test_a_search_goes_on_where_it_was_and_counts_only_valid_scores(app):
    pytest.importorskip("optuna")
    words = ("hydra/sweeper=study", "x=range(3,7)", "raises=[3]")
    first = swept(app, *words, "hydra.sweeper.n_trials=1")
    assert (first.returncode, first.stderr) == (0, "")
    more = swept(
        app, *words, "hydra.sweeper.n_trials=3"
    )  # only 4 and 6 can be completed: 3 raises, 5 is not valid
    assert (more.returncode, more.stderr) == (0, "")
    assert "1 of 3 trials completed" in more.stdout
    assert "all 4 points of the axes were tried" in more.stdout
    assert sorted(notes(app)) == [3, 4, 5, 6]  # no point twice
    best = yaml.safe_load((app / "runs" / ".sweeps" / "best.yaml").read_text())
    assert [trial["values"] for trial in best] == [[6.0]]
    assert best[0]["overrides"] == ["raises=[3]", "x=6"]


REAL = (
    *(
        "cohort.individuals=80",
        "cohort.variants=600",
        "cohort.chromosome_length=1_000_000",
        "cohort.planted_loci=0",
    ),
    *(
        "cohort.damaged=0",
        "split=all",
        "architecture.filters=[4,8]",
        "architecture.kernel_sizes=[7,7]",
    ),
    *("architecture.latent_dim=4", "trainer.max_epochs=1", "logger=null", "yardsticks=[]"),
    *("checks.permutations=0", "checks.ld_scores=false", "checks.heritability=false"),
)


def test_a_sweep_of_train_computes_what_is_missing_and_nothing_else(tmp_path):
    paths = tuple(f"paths.{name}={tmp_path / name}" for name in ("data", "cache", "runs"))
    words = ("-m", *REAL, *paths, "trainer.learning_rate=1e-3,1e30", "hydra/launcher=procs")
    first = commands.run("train.py", *words)
    assert (
        commands.sentence(first) == "error: 1 of 2 jobs failed; the same command runs only these."
    )
    assert "#0 learning_rate=0.001: finished, score" in first.stdout
    assert "#1 learning_rate=1e+30: failed, training loss must stay finite" in first.stdout
    again = commands.run("train.py", *words)
    assert "#0 learning_rate=0.001: skipped, finished before" in again.stdout
    assert "#0 learning_rate=0.001: started" not in again.stdout
    assert "0 finished, 1 skipped, 1 failed" in again.stdout


def space(*words: str):
    return space_of(OverridesParser.create().parse_overrides(list(words)))


def test_the_axes_of_a_search_are_written_as_those_of_any_sweep():
    optuna = pytest.importorskip("optuna")
    found = space(
        "a=none,fft", "b=range(4,33,4)", "c=tag(log,interval(1e-4,1e-2))", "d=int(interval(2,9))", "e=interval(0,1)",
        "f=[8,16],[16,32]", "g=7",
    )  # fmt: skip
    kinds = optuna.distributions
    assert found.axes == {
        "a": kinds.CategoricalDistribution(("none", "fft")),
        "b": kinds.IntDistribution(4, 32, step=4),
        "c": kinds.FloatDistribution(1e-4, 1e-2, log=True),
        "d": kinds.IntDistribution(2, 9),
        "e": kinds.FloatDistribution(0, 1),
        "f": kinds.CategoricalDistribution(("[8,16]", "[16,32]")),
    }
    assert found.overrides({"a": "fft", "b": 8}) == ("g=7", "a=fft", "b=8")
    assert math.isinf(found.points())
    assert space("a=none,fft", "b=range(4,33,4)").points() == 16
    with pytest.raises(InputError, match="must have an axis to search"):
        space("g=7")


def trials(
    folder: Path,
    *words: str,
    directions: tuple[str, ...] = ("maximize",),
    shared: object = None,
    seed: int = 1,
):
    pytest.importorskip("optuna")
    from ecgae.sweeping.trials import Trials

    return Trials(folder, space(*words), directions, shared, seed, n_jobs=2)


def test_trials_of_a_killed_driver_come_again_first(tmp_path):
    before = trials(tmp_path, "x=interval(0,1)")
    done, lost = before.ask(), before.ask()
    assert before.tell(done.number, 1.0)
    after = trials(tmp_path, "x=interval(0,1)")
    again = after.ask()
    assert again.params == lost.params
    assert again.number not in (done.number, lost.number)
    assert [trial.number for trial in after.completed()] == [done.number]


def test_a_score_that_is_not_a_number_is_a_failed_trial(tmp_path):
    search = trials(tmp_path, "x=interval(0,1)", directions=("maximize", "minimize"))
    assert not search.tell(search.ask().number, None)
    assert not search.tell(search.ask().number, (3.0, math.nan))
    assert search.tell(search.ask().number, (3.0, 1.0))
    assert len(search.completed()) == 1
    with pytest.raises(InputError, match="got 2 for 1"):
        search.tell(search.ask().number, 3.0)


def test_the_best_of_two_numbers_are_those_that_no_other_beats_in_both(tmp_path):
    search = trials(tmp_path, "x=interval(0,1)", directions=("maximize", "maximize"))
    values = [(1.0, 5.0), (2.0, 4.0), (1.5, 3.0)]
    for value in values:
        search.tell(search.ask().number, value)
    assert sorted(trial.values for trial in search.best()) == [[1.0, 5.0], [2.0, 4.0]]


def test_a_search_that_only_fails_stops_with_a_sentence(tmp_path):
    axes = ("x=interval(0,1)",)
    none = trials(tmp_path, *axes)
    from ecgae.sweeping.optuna_study import _Search

    sweep = OmegaConf.create({"hydra": {"overrides": {"task": []}}})
    search = _Search(none, space(*axes), n_trials=9, max_failures=2, sweep=sweep)
    one, other = search.next_job(), search.next_job()
    search.tell(one, Ended(FINISHED, math.nan))
    search.tell(other, Ended(FAILED, reason="killed"))
    assert search.next_job() is None
    with pytest.raises(
        InputError,
        match=r"must not fail 2 times .* 0 of 9 are completed, the last failure: #1 killed\.",
    ):
        search.conclude(tmp_path)


def test_no_more_trials_are_started_than_are_wanted_unless_one_fails(tmp_path):
    axes = ("x=interval(0,1)",)
    from ecgae.sweeping.optuna_study import _Search

    sweep = OmegaConf.create({"hydra": {"overrides": {"task": []}}})
    search = _Search(trials(tmp_path, *axes), space(*axes), n_trials=2, max_failures=9, sweep=sweep)
    jobs = [search.next_job(), search.next_job()]
    assert search.next_job() is None
    search.tell(jobs[0], Ended(FAILED, reason="killed"))
    assert search.next_job() is not None
    assert search.next_job() is None


def test_no_point_is_tried_twice_and_a_search_ends_when_all_were(tmp_path):
    points = []
    for _ in range(3):  # three starts of the driver
        search = trials(tmp_path, "x=a,b,c", "y=range(0,3)")
        for _ in range(3):
            trial = search.ask()
            points.append(tuple(trial.params.values()))
            search.tell(trial.number, 1.0)
    assert len(set(points)) == 9
    assert search.ask() is None


def test_another_cohort_is_another_search(tmp_path):
    one, other = (
        trials(tmp_path, "x=interval(0,1)", shared={"people": people}) for people in (500, 600)
    )
    one.tell(one.ask().number, 1.0)
    assert other.completed() == []
    assert trials(tmp_path, "x=interval(0,1)", shared={"people": 500}).name == one.name


def test_gpus_are_dealt_out_round_and_round():
    assert [jobs.dealt(["0", "1", "2"], slot, 1) for slot in range(4)] == [
        ["0"],
        ["1"],
        ["2"],
        ["0"],
    ]
    assert [jobs.dealt(["a", "b", "c", "d"], slot, 2) for slot in range(3)] == [
        ["a", "b"],
        ["c", "d"],
        ["a", "b"],
    ]
    assert jobs.dealt(["0"], 1, 2) == ["0"]


def test_threads_that_the_user_set_are_left_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert jobs.gpus() == ["2", "3"]
    found = jobs.environment(2, ["3"])
    assert (found["OMP_NUM_THREADS"], found["CUDA_VISIBLE_DEVICES"]) == ("7", "3")


def test_a_log_has_a_name_that_every_file_system_takes(tmp_path):
    log = Job(3, (), "filters=[8,16] file=/some/where " + "x" * 300).log(tmp_path)
    assert log.name.startswith("3-filters=,8,16,file=,some,where,xxx")
    assert len(log.name) < 100


def test_the_summary_counts_and_names_what_failed(tmp_path, capsys):
    board = Board(3, tmp_path)
    for number, end in enumerate(
        [Ended(SKIPPED, 3.0), Ended(FINISHED, (4.0, 0.5)), Ended(FAILED, reason="bad luck")]
    ):
        board.ends(Job(number, (), f"x={number}"), end)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "#0 x=0: skipped, finished before, score 3 [1 of 3]"
    assert "score 4, 0.5" in said[1]
    assert "1 finished, 1 skipped, 1 failed" in board.summary()
    assert "#2 x=2: bad luck" in board.summary()
