"""A run directory that somebody sent can choose among components and start nothing else."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from commands import run_many, sentence
from conftest import composed
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from ecgae.entry import choices
from ecgae.entry.build import build
from ecgae.entry.choices import component, config_dirs, with_shipped_sweeps
from ecgae.entry.command_line import plain
from ecgae.entry.scanning import scored_with
from ecgae.errors import InputError
from ecgae.runs.run_directory import MOST_VALUES, is_finished, read_config, run_name
from ecgae.signals.denoiser.fft import FFT

TOUCH = "touch {marker}"
NOT_A_CHOICE = "_target_ must be a choice that ecgae ships or that is registered on this machine"
NOT_PLAIN = "must hold plain values"

HOSTILE = {
    "a private function of ours": (
        {
            "denoiser": {
                "_target_": "ecgae.genetics.engine._program.run",
                "words": ["touch", "{marker}"],
                "place": "/tmp",
            }
        },
        NOT_A_CHOICE,
    ),
    "a module that ours has imported": (
        {
            "denoiser": {
                "_target_": "ecgae.entry.scanning.shutil.copyfile",
                "src": "/etc/hostname",
                "dst": "{marker}",
            }
        },
        NOT_A_CHOICE,
    ),
    "a shell through the module of child processes": (
        {
            "engine": {
                "_target_": "ecgae.sweeping.child.subprocess.Popen",
                "args": TOUCH,
                "shell": True,
            }
        },
        NOT_A_CHOICE,
    ),
    "a class of ours that is no choice": (
        {
            "cohort": {
                "_target_": "ecgae.sweeping.child.Child",
                "command": ["touch", "{marker}"],
                "environment": {},
                "log": "{marker}",
            }
        },
        NOT_A_CHOICE,
    ),
    "a function beside a choice": (
        {"split": {"_target_": "ecgae.people.split.three_way.place_of", "name": "a", "salt": "b"}},
        NOT_A_CHOICE,
    ),
    "the choice of another section": (
        {
            "denoiser": {
                "_target_": "ecgae.runs.tracking.WandB",
                "project": "x",
                "offline": False,
                "save_dir": "{marker}",
            }
        },
        NOT_A_CHOICE,
    ),
    "Python's own functions": (
        {"baseline": {"_target_": "os.system", "command": TOUCH}},
        NOT_A_CHOICE,
    ),
    "Hydra's own functions": (
        {"input": {"_target_": "hydra.utils.call", "config": {"a": 1}}},
        NOT_A_CHOICE,
    ),
    "a run of a former version": (
        {"denoiser": {"_target_": "ecgae.denoiser.fft.FFT", "low": 0.5, "high": 100}},
        NOT_A_CHOICE,
    ),
    "a target that is no text": (
        {"normalization": {"_target_": ["os.system", "{marker}"]}},
        NOT_A_CHOICE,
    ),
    "a component within a component": (
        {
            "cohort": {
                "_target_": "ecgae.recordings.cohort.ukb_rest.UKBRest",
                "ecgs": {"_target_": "os.system", "command": TOUCH},
            }
        },
        NOT_PLAIN,
    ),
    "a component within a list": (
        {
            "cohort": {
                "_target_": "ecgae.recordings.cohort.ukb_rest.UKBRest",
                "ecgs": [{"_target_": "os.system"}],
            }
        },
        NOT_PLAIN,
    ),
    "a partial call": (
        {"denoiser": {"_target_": "ecgae.signals.denoiser.none.Identity", "_partial_": True}},
        NOT_PLAIN,
    ),
    "positional arguments": (
        {"denoiser": {"_target_": "ecgae.signals.denoiser.none.Identity", "_args_": ["{marker}"]}},
        NOT_PLAIN,
    ),
    "an order to convert": (
        {"denoiser": {"_target_": "ecgae.signals.denoiser.none.Identity", "_convert_": "object"}},
        NOT_PLAIN,
    ),
    "an environment variable": ({"people": "${oc.env:HOME}"}, NOT_PLAIN),
    "a resolver of ours": ({"leads": "${ecgae_plugin:Procs}"}, NOT_PLAIN),
    "an interpolation in a name": ({"score": {"${oc.env:HOME}": 1}}, NOT_PLAIN),
}


@pytest.fixture(scope="module")
def sent(tmp_path_factory) -> Path:
    """A folder of runs, each with one hostile thing in its config."""
    folder = tmp_path_factory.mktemp("sent")
    whole = plain(composed())
    for number, (changes, _) in enumerate(HOSTILE.values()):
        run = folder / str(number)
        run.mkdir()
        text = yaml.safe_dump(whole | changes).replace("{marker}", str(folder / "marker"))
        (run / "config.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def answers(sent) -> list[list[subprocess.CompletedProcess]]:
    """What each program that reads a run said of each, typed as commands."""
    programs = ("encode.py", "gwas.py")
    said = run_many(
        [(name, f"run={sent / str(n)}") for n in range(len(HOSTILE)) for name in programs]
    )
    return [said[start : start + len(programs)] for start in range(0, len(said), len(programs))]


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=list(HOSTILE))
def test_what_is_no_choice_is_refused_with_one_sentence_and_nothing_is_started(
    number, answers, sent
):
    _, expected = list(HOSTILE.values())[number]
    assert all(expected in sentence(result) for result in answers[number])
    assert not (sent / "marker").exists()


def test_a_choice_is_refused_before_anything_is_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "antigravity", raising=False)
    with pytest.raises(InputError, match=NOT_A_CHOICE):
        component("denoiser", "antigravity.geohash")
    assert "antigravity" not in sys.modules


def test_yaml_that_makes_objects_or_grows_is_refused(tmp_path):
    whole = yaml.safe_dump(plain(composed()))
    file = tmp_path / "config.yaml"
    file.write_text(f"{whole}\nx: !!python/object/apply:os.system ['touch {tmp_path}/marker']\n")
    with pytest.raises(InputError, match="must be YAML"):
        read_config(tmp_path)
    assert not (tmp_path / "marker").exists()

    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    file.write_text(whole + bomb)
    with pytest.raises(InputError, match=f"at most {MOST_VALUES:,} values"):
        read_config(tmp_path)


def test_a_run_does_not_say_which_program_is_started(tmp_path):
    config = plain(composed("engine=plink2", "engine.program=/tmp/evil"))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert "program" not in read_config(tmp_path)["engine"]


def test_a_run_is_the_same_wherever_its_program_lies(tmp_path):
    here, there = (
        plain(composed("engine=plink2", f"engine.program={program}"))
        for program in ("plink2", "/x/plink2")
    )
    assert run_name(here) == run_name(there)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(here))
    (tmp_path / "score.json").write_text("{}")
    assert is_finished(tmp_path, there)


def test_values_that_are_orders_are_refused_on_the_command_line_too():
    cfg = composed("denoiser=fft", "+denoiser._partial_=true")
    with pytest.raises(InputError, match=r"denoiser must hold plain values; got _partial_"):
        build(cfg.denoiser)
    with pytest.raises(InputError, match=r"engine\._target_ must be a choice"):
        scored_with(plain(composed()) | {"engine": {"_target_": "os.system", "command": "true"}})


OWN = "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Own:\n    factor: float\n"


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A folder of configs with a denoiser of the user's, whose module can be imported."""
    (tmp_path / "own_denoiser.py").write_text(OWN)
    (tmp_path / "configs" / "denoiser").mkdir(parents=True)
    (tmp_path / "configs" / "denoiser" / "own.yaml").write_text(
        "_target_: own_denoiser.Own\nfactor: 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "configs"


def test_a_choice_of_the_users_own_folder_is_built_where_the_command_names_it(own, monkeypatch):
    node = OmegaConf.create({"denoiser": {"_target_": "own_denoiser.Own", "factor": 2.0}}).denoiser
    with pytest.raises(InputError, match="Train a run of another version again; name the folder"):
        build(node)
    monkeypatch.setattr(choices, "_folders_named", lambda: [own])
    assert build(node).factor == 2.0
    with pytest.raises(InputError, match=r"baseline\._target_ must be a choice"):
        component("baseline", "own_denoiser.Own")


def test_verbs_without_hydra_take_the_folder_from_their_own_words(own, monkeypatch):
    monkeypatch.setattr(HydraConfig, "initialized", staticmethod(lambda: False))
    monkeypatch.setattr(sys, "argv", ["ecgae", "export", "a run", "--config-dir", str(own)])
    assert component("denoiser", "own_denoiser.Own")(factor=2.0).factor == 2.0
    monkeypatch.setattr(sys, "argv", ["ecgae", "export", "a run", "--config-dir=nowhere"])
    with pytest.raises(InputError, match=r"--config-dir must be a folder of configs; got nowhere"):
        component("denoiser", "own_denoiser.Own")


def test_a_choice_that_a_package_registers_is_built(own, monkeypatch):
    point = metadata.EntryPoint("denoiser.own", "own_denoiser:Own", choices.ENTRY_POINTS)
    monkeypatch.setattr(choices.metadata, "entry_points", lambda group: [point])
    choices.choices.cache_clear()
    try:
        assert component("denoiser", "own_denoiser.Own")(factor=3.0).factor == 3.0
        assert component("denoiser", "ecgae.signals.denoiser.fft.FFT") is FFT
    finally:
        choices.choices.cache_clear()


def test_the_folders_of_a_command_are_found_however_they_are_named(tmp_path):
    words = ["-m", "--config-dir", "a", "x=1", "-cd", "b", "--config-dir=c"]
    assert config_dirs(words) == [Path("a"), Path("b"), Path("c")]
    assert config_dirs([]) == []


def test_sweeps_are_found_where_ecgae_lies_and_another_folder_must_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = with_shipped_sweeps(["-cd", "sweeps", "-cn", "latent_size"])
    assert (Path(found[1]) / "latent_size.yaml").is_file()
    with pytest.raises(InputError, match=r"--config-dir must be a folder of configs; got nowhere"):
        with_shipped_sweeps(["--config-dir=nowhere"])
    (tmp_path / "sweeps").mkdir()
    assert with_shipped_sweeps(["-cd", "sweeps"]) == ["-cd", "sweeps"]
