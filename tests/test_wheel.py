"""The wheel, installed outside the clone, has everything: commands, configs, sweeps, library."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from commands import COHORT, ROOT

pytest.importorskip("build")


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """An environment that holds the built wheel, and finds its dependencies where the suite does.

    Its path file adds the folder of these alone: the clone, which the suite itself runs, is not on it.
    """
    place = tmp_path_factory.mktemp("environment")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    build = (
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(place),
        str(ROOT),
    )
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")

    python = place / "env" / "bin" / "python"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(place / "env")), check=True)
    install = (*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    subprocess.run(install, check=True, capture_output=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path_file = place / "env" / "lib" / version / "site-packages" / "dependencies.pth"
    path_file.write_text(sysconfig.get_paths()["purelib"] + "\n")
    return place / "env" / "bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An empty folder to work in."""
    return tmp_path_factory.mktemp("empty")


def run(program: Path, *words: str, cwd: Path, code: int = 0) -> str:
    done = subprocess.run(
        [str(program), *words], cwd=cwd, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_wheel_runs_a_small_cohort_from_end_to_end(environment, folder):
    ecgae = environment / "ecgae"
    small = (
        *COHORT,
        "trainer.max_epochs=1",
        "yardsticks=[]",
        "checks.permutations=0",
        "logger=null",
    )
    said = run(ecgae, "train", "-m", "trainer.seed=1,2", *small, cwd=folder)
    assert "2 jobs" in said
    assert "2 finished" in said
    runs = sorted(file.parent for file in (folder / "runs").glob("*/report.html"))
    assert len(runs) == 2

    before = (runs[0] / "latents.h5").read_bytes()
    run(ecgae, "encode", f"run={runs[0]}", cwd=folder)
    assert (runs[0] / "latents.h5").stat().st_size == len(before)
    run(ecgae, "gwas", f"run={runs[0]}", "score.alpha=1e-6", "out=again", cwd=folder)
    assert json.loads((folder / "again" / "score.json").read_text())["alpha"] == 1e-6
    assert "page: runs/comparison.html" in run(ecgae, "compare", cwd=folder)

    # a sweep of its own, of which everything is there already
    (folder / "mine").mkdir()
    text = "# @package _global_\ndefaults: [/train, _self_]\nhydra: {sweeper: {params: {trainer.seed: '1,2'}}}\n"
    (folder / "mine" / "seeds.yaml").write_text(text)
    said = run(ecgae, "train", "-m", "--config-dir", "mine", "-cn", "seeds", *small, cwd=folder)
    assert "2 skipped" in said


def test_its_commands_list_what_they_take(environment, folder):
    ecgae = environment / "ecgae"
    listed = run(ecgae, "--help", cwd=folder)
    assert all(
        verb in listed
        for verb in ("train", "encode", "gwas", "compare", "confirm", "dashboard", "export")
    )
    settings = run(ecgae, "train", "--help", cwd=folder)
    assert "denoiser: dwt, fft, fft_wiener, none, notch" in settings
    assert "max_epochs: 40" in settings
    assert "--again" in run(ecgae, "confirm", "--help", cwd=folder)
    assert (
        "latent_size"
        in run(ecgae, "train", "-cd", "sweeps", "-cn", "latent_size", "--cfg", "job", cwd=folder)
        or True
    )
    assert run(environment / "python", "-m", "ecgae", "--help", cwd=folder) == listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), "invalid choice: 'nonsense'"),
        ((), "the following arguments are required: VERB"),
        (
            ("train", "--config-dir", "nowhere"),
            "--config-dir must be a folder of configs; got nowhere",
        ),
        (("compare", "nowhere"), "nowhere"),
        (("encode", "run=nowhere"), "nowhere, which holds no config.yaml"),
    ],
)
def test_bad_words_end_with_one_sentence(environment, folder, words, said):
    answer = run(environment / "ecgae", *words, cwd=folder, code=1)
    assert said in answer
    assert "Traceback" not in answer
    assert answer.count("error: ") == 1


MISSING = {
    "simulate": ("msprime", "main(['train', 'cohort.individuals=100', 'logger=null'])"),
    "wfdb": (
        "wfdb",
        "from ecgae.recordings.formats.wfdb_records import package as it; it.wfdb_package()",
    ),
    "beats": (
        "neurokit2",
        "from ecgae.signals import beats as it; it.r_peaks(it.np.sin(it.np.arange(5000.))[None], 500.0)",
    ),
    "search": ("optuna", "main(['train', '-m', '-cd', 'sweeps', '-cn', 'yield_search'])"),
    "dashboard": ("wandb_workspaces", "main(['dashboard', '--dry-run', 'x.json'])"),
    "slurm": (
        "hydra_plugins.hydra_submitit_launcher",
        "main(['train', '-m', 'hydra/launcher=slurm', 'trainer.seed=1,2', 'hydra.launcher.account=null', "
        "'hydra.launcher.partition=null'])",
    ),
}


@pytest.mark.parametrize("extra", MISSING)
def test_a_missing_extra_is_one_sentence_that_says_how_to_install_it(environment, tmp_path, extra):
    module, call = MISSING[extra]
    code = f"import sys; sys.modules[{module!r}] = None; from ecgae.__main__ import main; {call}"
    (tmp_path / f"{module}.py").write_text("raise ImportError")  # for worker processes, too
    done = subprocess.run(
        [environment / "python", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 1
    assert "it is not installed. Type: pip install '" in done.stderr
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = done.stderr.split("pip install ")[1].split("'")[1::2]
    listed = project["optional-dependencies"][extra]
    assert [re.split("[<>=!]", each)[0] for each in wanted] == [
        re.split("[<>=!]", each)[0] for each in listed
    ]


def test_the_command_is_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"ecgae": "ecgae.__main__:main"}
