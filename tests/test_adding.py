"""A new choice is one file and one yaml: the pages that say so, followed literally in a copy of the
repository.

Every block of a page goes where the page says, and nothing else is changed. Then the suite's own
laws must pass for the new choices, and the commands must work with them.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import COHORT, ROOT

PAGES = {
    "denoiser": "running_median",
    "architecture": "one_layer",
    "cohort": "csv_folder",
    "engine": "least_squares",
}
"""By axis, the name of the choice that its page adds."""

BLOCK = re.compile(r"^`([^`\n]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A file: its path in a line of its own, then its text."""

LAWS = (
    *("test_cleaning", "test_architecture", "test_objective", "test_cohort_laws"),
    *("test_csv_folder", "test_engine_laws", "test_layout"),
)
LISTS = (
    "test_an_axis_without_a_choice_is_refused_with_every_choice_that_it_has",
    "test_a_sweep_with_an_unknown_axis_is_refused_with_one_sentence",
    "test_the_committed_result_has_every_pair_of_the_steps_that_it_measured",
    "test_every_cohort_and_model_of_the_bench_can_be_made",
    "test_the_linear_steps_say_so",
    "test_every_published_step_has_a_slow_twin",
    "test_the_steps_that_run_on_a_gpu_are_those_written_in_torch",
)
"""Tests that look at all choices of an axis at once."""

COPIED = (
    *("ecgae", "conf", "sweeps", "tests", "docs", "benchmarks"),
    *("train.py", "encode.py", "gwas.py", "pyproject.toml", "README.md", "CONTRIBUTING.md"),
)
"""What of the repository the laws and the commands need."""


def page(axis: str) -> Path:
    article = "an" if axis[0] in "aeiou" else "a"
    return ROOT / "docs" / f"how-to-add-{article}-{axis}.md"


def blocks(axis: str) -> dict[str, str]:
    return dict(BLOCK.findall(page(axis).read_text()))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with `clone`, a copy of the repository, and `my-ecg`, as the pages leave them."""
    place = tmp_path_factory.mktemp("adding")
    for name in COPIED:
        if (ROOT / name).is_dir():
            without = shutil.ignore_patterns("__pycache__", "*.png")
            shutil.copytree(ROOT / name, place / "clone" / name, ignore=without)
        else:
            shutil.copy(ROOT / name, place / "clone" / name)
    for axis in PAGES:
        for path, text in blocks(axis).items():
            file = place / ("" if path.startswith("my-ecg/") else "clone") / path
            assert not file.exists(), f"{page(axis).name} would overwrite {path}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    shutil.copy(
        place / "clone" / "ecgae" / "signals" / "denoiser" / "running_median.py",
        place / "my-ecg" / "my_ecg" / "running_median.py",
    )
    return place


def python(
    place: Path, *words: str, path: Path | None = None, **options
) -> subprocess.CompletedProcess:
    """Runs Python in the copy; `path`: where it finds another package."""
    paths = [str(path or ""), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=place / "clone",
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        **options,
    )


@pytest.mark.parametrize("axis", PAGES)
def test_a_page_adds_one_file_and_one_yaml_to_the_package(axis):
    name = PAGES[axis]
    inside = [path for path in blocks(axis) if path.startswith(("ecgae/", "conf/"))]
    file, settings = inside
    assert Path(file).name == f"{name}.py"
    assert settings == f"conf/{axis}/{name}.yaml"
    assert (ROOT / file).parent.is_dir()


@pytest.mark.parametrize("axis", PAGES)
def test_a_page_has_lines_that_can_be_read(axis):
    assert max(map(len, page(axis).read_text().splitlines())) <= 160


def test_every_axis_that_has_a_page_says_how_to_do_without_the_clone():
    for axis in PAGES:
        text = page(axis).read_text()
        assert "--config-dir" in text
        assert "`ecgae.choices`" in text


def test_the_laws_pass_for_the_new_choices_in_a_copy_in_which_nothing_else_is_changed(place):
    named = " or ".join((*PAGES.values(), *LISTS, "test_layout"))
    files = [f"tests/{name}.py" for name in LAWS]
    files += [
        f"tests/test_{name}.py" for name in ("refusals", "sweeps", "benchmarks", "benchmark_yield")
    ]
    done = python(
        place,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-k",
        named,
        *files,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED")]
    for name in (*PAGES.values(), *LISTS):
        assert any(name in line for line in passed), f"no law was tested for {name}"


@pytest.fixture(scope="module")
def run(place) -> Path:
    """The directory of a run with all new choices but the cohort."""
    words = [f"{axis}={name}" for axis, name in PAGES.items() if axis != "cohort"]
    words += [
        *COHORT,
        "trainer.max_epochs=1",
        "architecture.latent_dim=3",
        "logger=null",
        "yardsticks=[]",
    ]
    done = python(place, "train.py", *words, "engine.report_below=1")
    assert done.returncode == 0, done.stdout + done.stderr
    (directory,) = (place / "clone" / "runs").glob("median_beat*")
    return directory


def test_a_model_is_trained_and_scored_with_the_new_choices(run):
    config = (run / "config.yaml").read_text()
    for target in (
        "running_median.RunningMedian",
        "one_layer.OneLayer",
        "least_squares.LeastSquares",
    ):
        assert target in config
    assert json.loads((run / "score.json").read_text())["n_variants"] > 0


def test_the_new_engine_finds_what_ols_finds(place, run):
    done = python(
        place, "gwas.py", f"run={run}", "engine=ols", "engine.report_below=1", "engine.combined=[]",
        "report=false", f"out={place / 'ols'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    one, other = (
        pd.read_parquet(folder / "associations.parquet")
        .astype({"variant_id": str, "phenotype": str})
        .set_index(["variant_id", "phenotype"])
        .sort_index()
        for folder in (run, place / "ols")
    )
    assert one.index.equals(other.index)
    assert len(one) > 2000
    for column in ("beta", "standard_error", "neg_log_10_p_value"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-6, atol=1e-9)
    hits = [set(table.index[table["neg_log_10_p_value"] > 2]) for table in (one, other)]
    assert hits[0] == hits[1]
    assert hits[0]


def installed(place: Path) -> Path:
    """What `pip install -e ../my-ecg` leaves behind, as far as entry points go."""
    project = tomllib.loads((place / "my-ecg" / "pyproject.toml").read_text())["project"]
    folder = place / "site"
    about = folder / f"my_ecg-{project['version']}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
        for group, points in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    (folder / "my_ecg").symlink_to(place / "my-ecg" / "my_ecg")
    found = importlib.metadata.distributions(path=[str(folder)])
    assert [point.group for one in found for point in one.entry_points] == ["ecgae.choices"]
    return folder


def test_a_choice_outside_the_clone_is_found_by_its_folder_or_as_an_installed_package(place):
    """The class is asked for a window that it refuses: its own sentence says that it was built."""
    typed = "denoiser._target_=my_ecg.running_median.RunningMedian"
    by_folder = ["train.py", "--config-dir", "../my-ecg/my_ecg/conf", "denoiser=my_median"]
    for path, words in (
        (place / "my-ecg", (*by_folder, "denoiser.window=0")),
        (installed(place), ("train.py", typed, "+denoiser.window=0")),
    ):
        done = python(place, *words, path=path)
        assert done.returncode == 1
        assert "error: denoiser.window must be positive; got 0 s." in done.stderr
