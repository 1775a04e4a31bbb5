"""The W&B mirror: the state that each job ends in, what is recorded, and what is sent only if a
switch says so."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import wandb
from commands import ROOT
from wandb_here import of_kind, records, runs_in, server, written

from ecgae.runs import tracking

KEY = "0" * 40
OFFLINE = partial(tracking.WandB, "ecgae", True)
CONFIG = {
    "cohort": {
        "_target_": "ecgae.recordings.cohort.ukb_rest.UKBRest",
        "ecgs": "/home/somebody/ecgs",
        "public": False,
    },
    "denoiser": {"_target_": "ecgae.signals.denoiser.fft.FFT", "low": 0.5},
    "variants": {"regions": ["6:25000000-34000000"], "keep": "../lists/keep.txt"},
}
TAGS = ["cohort=ukb_rest", "denoiser=fft"]
SCORE = {
    **{
        "loci": 7,
        "hits": 9,
        "valid": True,
        "select_by": "loci",
        "r2_recorded": 0.98,
        "omnibus_loci": None,
    },
    **{"hits_by_phenotype": {"latent_01": 9}, "standard_errors": {"loci": 1.5, "hits": None}},
    **{"gate": {"inflation": {"value": 1.01, "limit": 1.1, "passed": True}}, "invalid_because": []},
}


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory) -> Iterator[Path]:
    """An empty home, and nothing that the user of this computer has told W&B."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        patch.setenv("HOME", str(folder))
        yield folder
        wandb.teardown()


@pytest.fixture
def told(monkeypatch) -> Iterator[Callable[..., None]]:
    """Sets W&B's environment variables."""

    def tell(**variables: str | None) -> None:
        for name, value in variables.items():
            if value is not None:
                monkeypatch.setenv(f"WANDB_{name}", value)

    wandb.teardown()
    yield tell
    wandb.teardown()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run directory as far as the mirror looks at it."""
    folder = tmp_path_factory.mktemp("runs") / "median_beat-fft"
    (folder / "figures").mkdir(parents=True)
    figure, _ = plt.subplots(figsize=(1, 1))
    for name in (*tracking.FIGURES, *tracking.TRACES, "of_one_person"):
        figure.savefig(folder / "figures" / f"{name}.png")
    plt.close(figure)
    row = {"chromosome": 2, "index_variant": "2_10_A_C", "known": None, "neg_log_10_p_value": 12.5}
    pd.DataFrame([row]).to_csv(folder / "loci.tsv", sep="\t", index=False)
    pd.DataFrame([row])[:0].to_csv(folder / "omnibus_loci.tsv", sep="\t", index=False)
    for name in ("latents.h5", "checkpoint.ckpt", "associations.parquet", "excluded.tsv"):
        (folder / name).write_bytes(f"the bytes of {name}".encode())
    return folder


def mirrored(work: Path, finished: Path, cohort: dict[str, Any], **switches: bool) -> Path:
    """The W&B run of a job that was mirrored."""
    tracker = tracking.WandB("ecgae", True, str(work), **switches)
    with tracking.one_run(tracker, "name", {**CONFIG, "cohort": cohort}, "sweep", TAGS) as logger:
        tracking.mirror(logger, finished, SCORE)
    (run,) = runs_in(work)
    return run


@pytest.fixture(scope="module")
def usual(tmp_path_factory, finished, home) -> Path:
    """The W&B run of a job with every switch at its default."""
    return mirrored(tmp_path_factory.mktemp("usual"), finished, CONFIG["cohort"])


@pytest.fixture(scope="module")
def read(usual) -> list[dict[str, Any]]:
    return records(usual)


def figures_of(run: Path) -> set[str]:
    return {file.name.rsplit("_", 2)[0] for file in run.glob("files/media/images/report/*.png")}


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda: time.sleep(0), 0),
        (lambda: [][0], 1),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 128 + signal.SIGTERM),
    ],
    ids=["finished", "failed", "terminated"],
)
def test_a_run_ends_with_the_state_that_its_job_had(tmp_path, end, code):
    before = signal.getsignal(signal.SIGTERM)
    with suppress(IndexError, SystemExit), tracking.one_run(OFFLINE(str(tmp_path)), "name", CONFIG):
        end()
    (run,) = runs_in(tmp_path)
    assert of_kind(records(run), "exit").get("exit_code", 0) == code
    assert wandb.run is None
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(
    "x_transaction_log_flush_interval" not in wandb.Settings.model_fields,
    reason="this W&B writes when it wants to",
)
def test_a_job_that_is_killed_loses_the_last_second_of_its_metrics_at_most(tmp_path):
    with tracking.one_run(OFFLINE(str(tmp_path)), "name", CONFIG) as logger:
        logger.log_metrics({"training/loss": 0.25}, step=1)
        logger.log_metrics({"training/loss": 0.125}, step=2)
        time.sleep(2 * tracking.COMFORT["x_transaction_log_flush_interval"])
        (run,) = runs_in(tmp_path)
        left = records(run)
    assert of_kind(left, "history")["training/loss"] == 0.125
    assert not of_kind(left, "exit")


def test_a_job_without_a_tracker_makes_no_run():
    with tracking.one_run(None, "name", CONFIG) as logger:
        tracking.mirror(logger, Path("nowhere"), None)
    assert logger is None


def test_a_run_is_described_by_sweep_choices_and_config_without_paths(read):
    run = of_kind(read, "run")
    assert (run["run_group"], run["job_type"], run["tags"], run["host"]) == (
        "sweep",
        "train",
        TAGS,
        "-",
    )
    config = run["config"]["update"]
    assert config["axes"] == {"cohort": "ukb_rest", "denoiser": "fft"}
    assert config["denoiser"] == CONFIG["denoiser"]
    assert config["cohort"]["ecgs"] == config["variants"]["keep"] == "(path)"
    assert config["variants"]["regions"] == ["6:25000000-34000000"]


def test_the_summary_is_flat_and_has_no_number_of_single_latents(read):
    summary = of_kind(read, "summary")
    assert {name: value for name, value in summary.items() if name.startswith("score/")} == {
        **{
            "score/loci": 7,
            "score/hits": 9,
            "score/valid": True,
            "score/select_by": "loci",
            "score/r2_recorded": 0.98,
        },
        **{"score/standard_errors/loci": 1.5, "score/gate/inflation": True, "score/selected": 7},
    }


def test_a_score_that_is_not_valid_is_none_to_a_search_but_its_counts_stay():
    flat = tracking.chartable(
        {**SCORE, "valid": False, "invalid_because": ["Inflation.", "Tails."]}
    )
    assert "score/selected" not in flat
    assert flat["score/loci"] == 7
    assert flat["score/invalid_because"] == "Inflation.; Tails."
    assert (
        tracking.chartable({**SCORE, "select_by": ["r2_recorded", "loci"]})["score/selected"]
        == 0.98
    )
    assert "score/selected" not in tracking.chartable({**SCORE, "loci": None})


def test_loci_are_tables_that_lie_with_the_run_even_where_there_are_none(usual, read, home):
    summary = of_kind(read, "summary")
    (file,) = usual.glob("files/media/table/report/loci*.json")
    table = json.loads(file.read_text())
    assert dict(zip(table["columns"], table["data"][0], strict=True))["index_variant"] == "2_10_A_C"
    assert summary["report/loci.nrows"] == 1
    assert summary["report/omnibus_loci.nrows"] == 0
    assert not list(home.rglob("staging/*"))


@pytest.mark.parametrize(
    ("cohort", "switch", "traces"),
    [
        ({}, False, True),  # simulated and open cohorts have no such setting
        ({"public": False}, False, True),  # their figures are means of many people
        ({"public": True}, False, False),
        ({"public": True}, True, True),
    ],
)
def test_figures_of_single_people_of_a_restricted_cohort_need_the_switch(
    tmp_path, finished, cohort, switch, traces
):
    run = mirrored(
        tmp_path,
        finished,
        {"_target_": "ecgae.recordings.cohort.wfdb.WFDB", **cohort},
        send_traces=switch,
    )
    assert figures_of(run) == {*tracking.FIGURES, *(tracking.TRACES if traces else ())}


@pytest.mark.parametrize("name", ["latents.h5", "checkpoint.ckpt"])
def test_a_file_is_there_only_if_its_switch_says_so(tmp_path, finished, name):
    switch = {f"send_{name.split('.')[0]}": True}
    run = mirrored(tmp_path, finished, CONFIG["cohort"], **switch)
    assert {file.name for file in (run / "files").iterdir() if file.is_file()} == {name}
    assert (run / "files" / name).read_bytes() == f"the bytes of {name}".encode()
    assert not (run / "files" / name).is_symlink()


def test_without_switches_only_figures_and_tables_are_there(usual):
    assert {file.suffix for file in (usual / "files").rglob("*") if file.is_file()} == {
        ".png",
        ".json",
    }
    assert not any(b"the bytes of" in content for content in written(usual).values())


@pytest.mark.parametrize("key", [KEY, None], ids=["network_down", "no_key"])
def test_a_run_that_cannot_reach_w_and_b_is_kept_offline_with_a_word(
    tmp_path, monkeypatch, told, capfd, finished, key
):
    told(BASE_URL="http://127.0.0.1:9", API_KEY=key)  # where nobody listens
    monkeypatch.setitem(tracking.COMFORT, "init_timeout", 2.0)
    tracker = tracking.WandB("ecgae", False, str(tmp_path / "runs"))
    with tracking.one_run(tracker, "name", CONFIG) as logger:
        tracking.mirror(logger, finished, SCORE)
    run = runs_in(tmp_path / "runs")[-1]
    assert run.name.startswith("offline-run")
    assert of_kind(records(run), "summary")["score/loci"] == 7
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(said) == 1
    assert "kept offline" in said[0]
    assert ("no API key" in said[0]) == (key is None)


def test_a_run_online_sends_the_mirror_to_the_sweep_of_its_agent_and_nothing_of_this_computer(
    tmp_path, told, finished
):
    with server() as there:
        told(
            API_KEY=KEY, BASE_URL=there.address, PROJECT="of_the_agent", SWEEP_ID="abc", RUN_ID="r1"
        )
        tracker = tracking.WandB("ecgae", False, str(tmp_path / "runs"))
        with tracking.one_run(tracker, "name", CONFIG, tags=TAGS) as logger:
            tracking.mirror(logger, finished, SCORE)
        described = there.asked("upsertBucket")[0]
        assert (described["project"], described["sweep"], described["name"]) == (
            "of_the_agent",
            "abc",
            "r1",
        )
        assert described["program"] == "train.py"  # W&B's own choice is its full path
        assert there.exit_code() == 0
        uploaded = {path for path, _ in there.received if path.startswith("/upload/media/")}
        assert len(uploaded) == len(tracking.FIGURES) + len(tracking.TRACES) + len(tracking.TABLES)
        assert b"score/loci" in there.bytes
        for private in (
            str(tmp_path),
            str(ROOT),
            os.uname().nodename,
            "/home/somebody",
            "the bytes of",
        ):
            assert private.encode() not in there.bytes


def test_settings_that_keep_things_private_are_known_to_this_version_of_w_and_b():
    assert tracking.PRIVATE.keys() <= wandb.Settings.model_fields.keys()
