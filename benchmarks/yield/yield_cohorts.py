"""The simulated cohorts, the models that are trained on each, and the commands that do it, as a
user types them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parent.parent.parent
ARCHITECTURES = sorted(file.stem for file in (ROOT / "conf" / "architecture").glob("*.yaml"))
EPOCHS = 40
"""At most, of the models that are trained well: the default."""


class Cohort(NamedTuple):
    """A simulated cohort, by what it changes of the default one."""

    name: str
    changes: tuple[str, ...]


class Sweep(NamedTuple):
    """One command: comma-separated values are one model each."""

    words: tuple[str, ...]


FULL = (
    Cohort("demo", ("cohort.seed=1",)),
    Cohort(
        "weak effects, strong structure",
        (
            *(
                "cohort.seed=2",
                "cohort.individuals=5000",
                "cohort.planted_loci=36",
                "cohort.planted_chromosomes=18",
            ),
            *("cohort.variance_explained=0.035", "cohort.ancestry_effect=0.8"),
        ),
    ),
    Cohort(
        "few people, few loci",
        (
            *(
                "cohort.seed=3",
                "cohort.individuals=3000",
                "cohort.planted_loci=14",
                "cohort.planted_chromosomes=14",
            ),
            *("cohort.variance_explained=0.08", "cohort.ancestry_effect=-0.5"),
        ),
    ),
)
"""Every default was tried on the first; no number of the others was chosen by what came out."""

NULL = Cohort(
    "nothing planted",
    (
        "cohort.seed=4",
        "cohort.individuals=3000",
        "cohort.planted_loci=0",
        "cohort.ancestry_effect=0.8",
    ),
)

SWEEPS = (
    Sweep((f"architecture={','.join(ARCHITECTURES)}",)),
    Sweep(("architecture=pca", "architecture.latent_dim=2,6,64")),
    Sweep(("architecture=residual", "trainer.max_epochs=3")),
)
"""Every architecture at its default size, and models that are too small, too large and hardly
trained, so that there is something to tell apart."""

NULL_SWEEPS = (Sweep(("architecture=residual,pca",)),)

SMALL = (
    *(
        "cohort.individuals=400",
        "cohort.variants=2200",
        "cohort.planted_loci=6",
        "cohort.planted_chromosomes=6",
    ),
    *("cohort.chromosome_length=500_000", "cohort.variance_explained=0.25", "cohort.damaged=2"),
)
QUICK = (
    Cohort("small", ("cohort.seed=1", *SMALL)),
    Cohort("small, other seed", ("cohort.seed=2", *SMALL)),
)
QUICK_NULL = Cohort("nothing planted", ("cohort.seed=3", *SMALL, "cohort.planted_loci=0"))
QUICK_SWEEPS = (
    Sweep(("architecture=pca", "architecture.latent_dim=2,4,12")),
    Sweep(("architecture=plain", "architecture.width=0.25", "trainer.max_epochs=2")),
)
QUICK_NULL_SWEEPS = (Sweep(("architecture=pca", "architecture.latent_dim=4")),)


class Plan(NamedTuple):
    """All that is trained."""

    cohorts: Sequence[Cohort]
    sweeps: Sequence[Sweep]
    null: Cohort
    null_sweeps: Sequence[Sweep]
    permutations: int
    """Shuffled scans that the family-wise threshold comes from; 100 others say how often it is
    passed."""


PLAN = Plan(FULL, SWEEPS, NULL, NULL_SWEEPS, 1000)
QUICK_PLAN = Plan(QUICK, QUICK_SWEEPS, QUICK_NULL, QUICK_NULL_SWEEPS, 40)


def folder_of(out: Path, cohort: Cohort) -> Path:
    """Where the cohort's runs are."""
    return out / cohort.name.replace(",", "").replace(" ", "_")


def train(out: Path, cohort: Cohort, sweeps: Sequence[Sweep], words: Sequence[str] = ()) -> None:
    """Trains and scores what is not there yet. A model that fails is reported by the command and
    left out."""
    common = [*cohort.changes, f"paths.runs={folder_of(out, cohort)}", f"paths.data={out / 'data'}"]
    common += [f"paths.cache={out / 'cache'}", "logger=null", *words]
    for sweep in sweeps:
        call("train.py", "-m", *common, *sweep.words, check=False)


def call(script: str, *words: str, check: bool = True) -> None:
    """An entry point, as its own process; its output goes where errors go."""
    print(f"$ python {script} {' '.join(words)}", file=sys.stderr, flush=True)
    subprocess.run(
        [sys.executable, str(ROOT / script), *words], check=check, stdout=sys.stderr, cwd=ROOT
    )


def scored(folder: Path) -> list[tuple[str, Path, dict[str, Any]]]:
    """Name, directory and config of every scored run and yardstick; of those of one name the one
    scored last."""
    newest: dict[str, tuple[str, Path, dict[str, Any]]] = {}
    scores = [*folder.glob("*/score.json"), *folder.glob("yardsticks/*/score.json")]
    for file in sorted(scores, key=lambda file: file.stat().st_mtime):
        directory = file.parent
        if not directory.name.endswith(".partial") and (directory / "latents.h5").is_file():
            config = yaml.safe_load((directory / "config.yaml").read_text())
            newest[name_of(config)] = (name_of(config), directory, config)
    return list(newest.values())


def name_of(config: dict[str, Any]) -> str:
    """What the tables call a run or a yardstick."""
    if "yardstick" in config:
        return f"yardstick {config['yardstick']}"
    name = config["architecture"]["_target_"].split(".")[-2]
    told = [f"{config['architecture']['latent_dim']} latents"]
    told += (
        [f"{config['trainer']['max_epochs']} epochs"]
        if config["trainer"]["max_epochs"] < EPOCHS
        else []
    )
    return ", ".join([name, *told])
