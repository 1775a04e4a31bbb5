"""Laws that hold for every cohort, found by glob: what it states, and what it refuses."""

import dataclasses
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest
from conftest import choices, composed
from hydra.utils import get_object
from omegaconf import OmegaConf

from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.recordings.cohort import Cohort
from ecgae.recordings.formats.recording import Layout

COHORTS = choices("cohort")
GENETIC = {"genotypes", "covariates", "categorical", "planted", "public"}
"""What a yaml need not name: a source without genotypes has none of it."""


def yaml_of(name: str) -> dict[str, Any]:
    """As it stands in the file, with `???` for what a user must set."""
    numbers = OmegaConf.to_container(composed(f"cohort={name}").cohort, resolve=False)
    return {key: value for key, value in numbers.items() if key != "_target_"}


def class_of(name: str) -> type:
    return get_object(composed(f"cohort={name}").cohort._target_)


def made(name: str, folder: Path) -> Cohort:
    """The cohort with a folder for everything that a user must set, and for simulated files."""
    wanted = [key for key, value in yaml_of(name).items() if value == "???"]
    words = (f"cohort.{key}={folder}" for key in wanted)
    return build(composed(f"cohort={name}", f"paths.data={folder}", *words).cohort)


@pytest.mark.parametrize("name", COHORTS)
def test_a_cohort_keeps_the_contract(name, tmp_path):
    cohort = made(name, tmp_path)
    assert isinstance(cohort, Cohort)
    assert cohort.name == name
    assert isinstance(cohort.public, bool)
    assert cohort.layouts
    assert all(isinstance(layout, Layout) for layout in cohort.layouts.values())
    for layout in cohort.layouts.values():
        assert len(set(layout.leads)) == len(layout.leads) > 0
        assert layout.samples is None or layout.samples > 0
        assert layout.sampling_rate > 0
    assert not isinstance(cohort.categorical, str)


@pytest.mark.parametrize("name", COHORTS)
def test_a_cohort_is_a_frozen_dataclass_that_processes_can_be_given(name, tmp_path):
    cohort: Any = made(name, tmp_path)
    assert dataclasses.is_dataclass(cohort)
    assert pickle.loads(pickle.dumps(cohort)) == cohort
    with pytest.raises(dataclasses.FrozenInstanceError):
        cohort.ecgs = "elsewhere"


@pytest.mark.parametrize("name", COHORTS)
def test_a_yaml_names_what_its_cohort_is_made_of(name):
    parameters = inspect.signature(class_of(name)).parameters
    numbers = yaml_of(name)
    assert set(numbers) <= set(parameters)
    assert set(parameters) - set(numbers) <= GENETIC
    required = {key for key, one in parameters.items() if one.default is one.empty}
    assert {key for key, value in numbers.items() if value == "???"} == required


@pytest.mark.parametrize("name", COHORTS)
def test_a_folder_that_is_not_there_is_met_with_one_sentence(name, tmp_path):
    if "ecgs" not in yaml_of(name):
        pytest.skip("generates its files")
    cohort = made(name, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"^cohort\.ecgs must [^\n]*nowhere[^\n]*\.$"):
        cohort.prepare()


@pytest.mark.parametrize("name", COHORTS)
def test_making_a_cohort_reads_and_writes_nothing(name, tmp_path):
    cohort = made(name, tmp_path / "nowhere")
    _ = cohort.layouts, cohort.genotypes, cohort.covariates, cohort.planted
    assert list(tmp_path.iterdir()) == []
