"""Sweeps that W&B hands out: the commands that its agent starts are jobs of the sweeps of the same
names."""

import re
from typing import Any

import pytest
import yaml
from commands import ROOT, run_many
from omegaconf import OmegaConf

FILES = sorted((ROOT / "sweeps" / "wandb").glob("*.yaml"))
NAMES = [file.stem for file in FILES]


def of_wandb(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "sweeps" / "wandb" / f"{name}.yaml").read_text())


def of_hydra(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "sweeps" / f"{name}.yaml").read_text())["hydra"]["sweeper"][
        "params"
    ]


def values(parameter: dict[str, Any]) -> list[Any]:
    """What the agent may be told; of a range its ends."""
    return parameter.get("values") or [parameter["min"], parameter["max"]]


def command(name: str, parameters: dict[str, Any]) -> tuple[str, ...]:
    """What W&B's agent starts for these values: its own code writes them out, and puts them into
    the command."""
    utils = pytest.importorskip(
        "wandb.sdk.launch.sweeps.utils", reason="W&B has moved the agent's code"
    )
    sweep = of_wandb(name)
    told = utils.create_sweep_command_args(
        {"args": {key: {"value": value} for key, value in parameters.items()}}
    )
    told |= {"env": [], "interpreter": [], "program": [sweep["program"]]}
    words: list[str] = []
    for word in sweep["command"]:
        macro = re.fullmatch(r"\$\{(\w+)\}", word)
        words += told[macro[1]] if macro else [word]
    return tuple(words)


@pytest.fixture(scope="module")
def composed() -> dict[str, list[tuple[dict[str, Any], Any]]]:
    """By sweep, its first and its last job: the parameters, and the config that Hydra made of the
    command."""
    jobs = [
        (
            name,
            {
                key: values(parameter)[end]
                for key, parameter in of_wandb(name)["parameters"].items()
            },
        )
        for name in NAMES
        for end in (0, -1)
    ]
    results = run_many([(*command(name, parameters), "--cfg", "job") for name, parameters in jobs])
    found: dict[str, list[tuple[dict[str, Any], Any]]] = {name: [] for name in NAMES}
    for (name, parameters), result in zip(jobs, results, strict=True):
        assert result.returncode == 0, result.stderr
        found[name].append((parameters, OmegaConf.create(result.stdout)))
    return found


def test_every_sweep_is_there_for_w_and_b_too():
    assert sorted(file.stem for file in (ROOT / "sweeps").glob("*.yaml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_job_of_the_agent_has_the_values_that_it_was_told(composed, name):
    for parameters, config in composed[name]:
        for key, value in parameters.items():
            found = OmegaConf.select(config, key)
            if key == "experiment":
                assert (ROOT / "conf" / "experiment" / f"{value}.yaml").is_file()
            elif OmegaConf.is_config(found):
                assert found["_target_"].split(".")[-2] == value
            else:
                assert found == value


@pytest.mark.parametrize("name", NAMES)
def test_a_job_of_the_agent_goes_online_and_belongs_to_its_sweep(composed, name):
    for _, config in composed[name]:
        assert config.sweep == name
        assert config.logger.offline is False
        assert config.logger.project == of_wandb(name)["project"]


@pytest.mark.parametrize("name", NAMES)
def test_the_axes_are_those_of_the_sweep_of_the_same_name(name):
    here, there = of_wandb(name)["parameters"], of_hydra(name)
    assert here.keys() == there.keys()
    for axis, parameter in here.items():
        text = str(there[axis])
        if "interval(" in text:
            low, high = map(float, re.search(r"interval\(([^,]+),\s*([^)]+)\)", text).groups())
            assert (min(values(parameter)), max(values(parameter))) == (low, high)
        else:
            assert sorted(map(str, values(parameter))) == sorted(text.split(","))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_of_w_and_b_can_be_answered(name):
    sweep = of_wandb(name)
    assert (ROOT / sweep["program"]).is_file()
    assert sweep["method"] in ("grid", "bayes", "random")
    assert sweep["metric"] == {"name": "score/selected", "goal": "maximize"}
    if sweep["method"] == "grid":
        assert all("values" in parameter for parameter in sweep["parameters"].values())
    for parameter in sweep["parameters"].values():
        assert not any(
            value is None or isinstance(value, dict) for value in values(parameter)
        )  # these do not reach Hydra whole
        assert all(
            isinstance(parameter[end], int | float) for end in ("min", "max") if end in parameter
        )
