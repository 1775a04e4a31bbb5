"""Bad settings, as a user types them, are refused with one sentence before anything long."""

import subprocess
from pathlib import Path

import pytest
from commands import COHORT, refused, run, run_many, sentence
from conftest import choices

REFUSED = [
    (("train.py", "trainer.max_epochs=0"), ["trainer.max_epochs must be at least 1"]),
    (
        ("train.py", "trainer.max_epochs=abc"),
        ["trainer.max_epochs must be a whole number; got 'abc'"],
    ),
    (("train.py", "engine.threads=1.5"), ["engine.threads must be a whole number; got 1.5"]),
    (("train.py", "architecture.l2=nan"), ["architecture.l2 must be a finite number; got nan"]),
    (
        ("train.py", "trainer.principal_axes=maybe"),
        ["trainer.principal_axes must be true or false; got 'maybe'"],
    ),
    (
        ("train.py", "architecture.filters=8"),
        ["architecture.filters must be a list of whole numbers"],
    ),
    (("train.py", "cohort.individuals=0"), ["individuals"]),
    (("train.py", "lead_mode=both"), ["lead_mode must be one of joint, single"]),
    (("train.py", "leads=8"), ["leads must be one of all, independent"]),
    (
        ("train.py", "relatives=/nowhere"),
        ["relatives must be a table of related pairs; got /nowhere"],
    ),
    (
        ("train.py", "runtime.accelerator=tpu"),
        ["runtime.accelerator must be one of auto, cpu, gpu; got 'tpu'"],
    ),
    (("train.py", "runtime.devices=0"), ["runtime.devices must be a whole number of at least 1"]),
    (
        ("train.py", "architecture=pca", "objective=beta_vae"),
        ["objective must be", "architecture=pca"],
    ),
    (
        ("train.py", "objective=conditional", "objective.features=[qt_interval,age]", *COHORT),
        ["objective.features must be measurements of cohort simulated", "got age"],
    ),
    (
        ("train.py", "cohort=ukb_rest", "cohort.ecgs=/nowhere"),
        ["cohort.ecgs must be a folder", "/nowhere"],
    ),
    (
        ("train.py", "cohort=ptbxl", "cohort.ecgs=.", "engine=null"),
        ["cohort.ecgs must hold ptbxl_database.csv"],
    ),
    (
        ("train.py", "cohort=ptbxl", "cohort.ecgs=.", "input=exercise"),
        ["input must be one of strip for cohort=ptbxl; got exercise"],
    ),
    (
        ("train.py", "cohort=mitbih", "cohort.ecgs=.", "cohort.leads=MLII"),
        ["cohort.leads must be a list of words"],
    ),
    (
        ("train.py", "cohort=mitbih", "cohort.ecgs=.", "input=strip"),
        ["input.seconds must be set, for strips"],
    ),
    (("train.py", "input.seconds=0"), ["input.seconds must be positive or null; got 0"]),
    (("train.py", "beats.min_beats=0"), ["beats.min_beats must be at least 1; got 0"]),
    (("train.py", "exclusions.flat=-1"), ["exclusions.flat must be", "got -1"]),
    (
        ("train.py", "exclusions.flat=abc"),
        ["exclusions.flat must be a finite number or null; got 'abc'"],
    ),
    (
        ("train.py", "denoiser=dwt", "denoiser.threshold=hard"),
        ["denoiser.threshold must be one of visushrink, sure"],
    ),
    (("train.py", "engine.transform=log"), ["engine.transform must be one of none, zscore, rint"]),
    (
        ("train.py", "+denoizer=fft"),
        ["denoizer must be a setting of conf/train.yaml", "Is it denoiser?"],
    ),
    (
        ("train.py", "score.select_by=recovered_loci"),
        ["score.select_by must be one of loci, omnibus_loci"],
    ),
    (
        ("train.py", "split.select=0.9"),
        ["split.confirm must be at least 0 and leave somebody to train on"],
    ),
    (
        ("train.py", "gate.lowest_inflation=2"),
        ["gate.lowest_inflation must be below gate.highest_inflation"],
    ),
    (
        ("train.py", "yardsticks=[interval]", *COHORT),
        ["yardsticks must be some of intervals, pca, time_points, oracle"],
    ),
    (("gwas.py", "run=/nowhere"), ["/nowhere", "no config.yaml"]),
    (("gwas.py",), ["Name either run="]),
    (("encode.py",), ["run must be set; got nothing"]),
    (("train.py", "cohort=ptbxl", "engine=null"), ["cohort.ecgs must be set; got nothing"]),
    (("train.py", "denoiser=null", "baseline=null", "cohort.individuals=0"), ["individuals"]),
    (("encode.py", "run=/nowhere"), ["/nowhere", "no config.yaml"]),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Where data, cache and runs of the refused commands would be."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def refusals(work) -> list[subprocess.CompletedProcess]:
    """What became of each command of `REFUSED`."""
    paths = tuple(f"paths.{name}={work / name}" for name in ("data", "cache", "runs"))
    return run_many(
        [
            command + ((*paths, "logger=null") if command[0] == "train.py" else ())
            for command, _ in REFUSED
        ]
    )


def test_nobody_is_simulated_before_a_refusal_but_where_measurements_are_asked_for(refusals, work):
    made = [folder.name for folder in work.glob("data/simulated/*") if folder.is_dir()]
    assert all(name.startswith("300-people") for name in made)
    assert not list(work.glob("runs/*.partial"))


@pytest.mark.parametrize(
    "number", range(len(REFUSED)), ids=[" ".join(command[:2]) for command, _ in REFUSED]
)
def test_bad_settings_are_refused_with_one_sentence(number, refusals):
    message = sentence(refusals[number])
    assert all(word in message for word in REFUSED[number][1])


def test_an_axis_without_a_choice_is_refused_with_every_choice_that_it_has():
    named = ", ".join(choices("architecture"))
    assert f"architecture must be one of {named}; got null" in refused(
        "train.py", "architecture=null"
    )


@pytest.mark.parametrize("word", ["denoiser=nonsense", "trainer.epochs=3", "engine.speed=9"])
def test_an_unknown_choice_or_key_is_refused_before_anything_is_read(word):
    result = run("train.py", word)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert word.split("=")[0].split(".")[-1] in result.stderr
