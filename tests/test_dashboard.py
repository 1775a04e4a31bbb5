"""The workspace as code: what it shows is what runs hold, and it is saved with one command."""

import json
import os
import sys
from collections.abc import Iterator

import pytest
import wandb
from wandb_here import Server, server

from ecgae.__main__ import main
from ecgae.entry.job import AXES
from ecgae.errors import InputError
from ecgae.runs import dashboard, tracking

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of wandb-workspaces while it is imported
SCORE = {
    **{"valid": True, "select_by": "loci", "standard_errors": {"loci": 1.0}},
    **dict.fromkeys(("loci", "omnibus_loci", "excess_chi2", "r2_recorded"), 1),
    **dict.fromkeys(("genomic_inflation", "bypass_index", "active_latents"), 1),
}


@pytest.fixture(autouse=True)
def _nobody(monkeypatch, tmp_path) -> Iterator[None]:
    """Without what the user of this computer has told W&B."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(tmp_path))
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.fixture
def there(monkeypatch) -> Iterator[Server]:
    pytest.importorskip(
        "wandb_workspaces",
        reason="wandb-workspaces is not installed",
    )
    with server() as running:
        monkeypatch.setenv("WANDB_BASE_URL", running.address)
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        yield running


@pytest.fixture
def spec(tmp_path) -> dict:
    pytest.importorskip(
        "wandb_workspaces",
        reason="wandb-workspaces is not installed",
    )
    main(["dashboard", "--project", "mine", "--dry-run", str(tmp_path / "view.json")])
    return json.loads((tmp_path / "view.json").read_text())


def panels(spec: dict) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for section in spec["section"]["panelBankConfig"]["sections"]:
        for panel in section["panels"]:
            found.setdefault(panel["viewType"], []).append(panel["config"])
    return found


def test_a_dry_run_writes_the_view_and_needs_no_network(spec):
    assert (spec["project"], spec["displayName"]) == ("mine", dashboard.NAME)
    assert panels(spec["spec"]).keys() >= {
        *(
            "Parallel Coordinates Plot",
            "Scatter Plot",
            "Run Comparer",
            "Bar Chart",
            "Parameter Importance",
        ),
        *("Markdown Panel", "Media Browser", "Run History Line Plot"),
    }


def test_every_number_and_figure_that_is_shown_is_one_that_a_run_sends(spec):
    shown = panels(spec["spec"])
    numbers = {name for bar in shown["Bar Chart"] for name in bar["metrics"]}
    numbers |= {panel["targetKey"] for panel in shown["Parameter Importance"]}
    for panel in shown["Scatter Plot"]:
        numbers |= {panel[axis].removeprefix("summary:") for axis in ("xAxis", "yAxis")}
    assert numbers <= tracking.chartable(SCORE).keys()
    (gallery,) = shown["Media Browser"]
    assert set(gallery["mediaKeys"]) <= {
        f"report/{name}" for name in tracking.FIGURES + tracking.TRACES
    }


def test_the_parallel_coordinates_are_the_choices_that_a_run_is_tagged_with(spec):
    (plot,) = panels(spec["spec"])["Parallel Coordinates Plot"]
    accessors = [column["accessor"] for column in plot["columns"]]
    assert {*AXES, "input"} == {
        name.removeprefix("config:axes.value.") for name in accessors if "axes" in name
    }
    assert accessors[-1] == f"summary:{dashboard.YIELD}"


def test_runs_that_may_not_be_trusted_are_not_shown(spec):
    (runset,) = spec["spec"]["section"]["runSets"]
    (only,) = runset["filters"]["filters"]
    assert only["key"] == {"section": "summary", "name": "score/valid"}
    assert (only["op"], only["value"]) == ("=", True)


@pytest.mark.parametrize(("words", "owner"), [([], "somebody"), (["--entity", "team"], "team")])
def test_one_command_saves_the_view_once(there, capsys, words, owner):
    main(["dashboard", "--project", "mine", *words])
    (saved,) = there.asked("upsertView")
    assert (saved["entityName"], saved["projectName"], saved["type"]) == (
        owner,
        "mine",
        "project-view",
    )
    assert panels(json.loads(saved["spec"])).keys() >= {"Parallel Coordinates Plot", "Run Comparer"}
    assert f"dashboard: {there.address}/{owner}/mine?nw=" in capsys.readouterr().out


def test_a_missing_key_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(SystemExit):
        main(["dashboard"])
    said = capsys.readouterr().err
    assert said.startswith("error: W&B must accept the dashboard; got: no API key")
    assert said.count("\n") == 1


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    with pytest.raises(
        InputError, match="a dashboard must have the package wandb_workspaces; it is not installed"
    ):
        dashboard.workspace("mine", "somebody")


def test_a_server_that_says_no_is_one_sentence(there, monkeypatch):
    monkeypatch.setattr(there, "answer", lambda _: {})
    with pytest.raises(InputError, match="W&B must accept the dashboard; got: "):
        dashboard.save("mine", "somebody")
