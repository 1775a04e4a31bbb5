"""What a run of people who are not public leaves for W&B names nobody: every byte of it is searched
for their ids."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wandb
from commands import ROOT
from conftest import composed
from wandb_here import runs_in, server, written

from ecgae.entry.build import build
from ecgae.recordings.cohort.simulated import Simulated
from ecgae.runs import tracking

QUICK = (
    *(
        "architecture.filters=[2]",
        "architecture.kernel_sizes=[7]",
        "architecture.latent_dim=2",
        "trainer.max_epochs=1",
    ),
    *(
        "checks.permutations=0",
        "checks.heritability=false",
        "checks.ld_scores=false",
        "yardsticks=[]",
    ),
)
USER = "a-user-of-this-computer"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Simulated:
    """Simulated people, to be read as if they were UK Biobank's."""
    made = Simulated(
        **{
            "individuals": 150,
            "variants": 1500,
            "planted_loci": 4,
            "planted_chromosomes": 4,
            "damaged": 4,
        },
        chromosome_length=300_000,  # base pairs: fewer digits than an id
        directory=str(tmp_path_factory.mktemp("data")),
    )
    made.prepare()
    return made


@pytest.fixture(scope="module")
def ids(cohort) -> set[str]:
    return {file.name.split("_")[0] for file in (cohort.root / "ecgs").glob("*.xml")}


def train(
    cohort: Simulated, work: Path, *words: str, **variables: str
) -> subprocess.CompletedProcess:
    """A real run of people whom nobody may see, offline as by default, by a user in a home of the
    name `USER`."""
    command = [
        *(
            sys.executable,
            str(ROOT / "train.py"),
            "cohort=ukb_rest",
            f"cohort.ecgs={cohort.root / 'ecgs'}",
        ),
        *(
            f"cohort.genotypes={cohort.genotypes}",
            f"cohort.covariates={cohort.covariates}",
            *QUICK,
            *words,
        ),
        *(f"paths.{name}={work / name}" for name in ("runs", "cache")),
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    home = work / USER
    home.mkdir()
    environment = {**clean, "HOME": str(home), "USER": USER, "LOGNAME": USER, **variables}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


@pytest.fixture(scope="module")
def offline(cohort, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    work = tmp_path_factory.mktemp("work")
    result = train(cohort, work)
    assert result.returncode == 0, result.stderr
    return work, result


def named(ids: set[str], content: bytes) -> set[str]:
    """The ids that stand in there as numbers of their own, not as digits of longer ones."""
    return {found.decode() for found in re.findall(rb"(?<![\d.])\d{7}(?!\d)", content)} & ids


def test_the_search_finds_every_id_even_where_the_log_cuts_a_word_in_two(tmp_path):
    ids = {str(number) for number in range(1_000_000, 1_020_000)}
    with tracking.one_run(
        tracking.WandB("ecgae", True, str(tmp_path)), "n", {"cohort": {}, "ids": " ".join(ids)}
    ):
        pass
    wandb.teardown()
    (log,) = [content for name, content in written(tmp_path).items() if name.endswith(".wandb")]
    assert named(ids, log) == ids
    assert not named(ids, b"0.1000000 11000000 10000001")


def test_no_file_of_w_and_b_and_no_word_printed_names_a_person(offline, ids):
    work, result = offline
    files = written(work / "runs" / "wandb")
    assert {Path(name).suffix for name in files} == {".wandb", ".png", ".json", ".log"}
    assert len(ids) == 150
    for name, content in files.items():
        assert not named(ids, content), name
    assert not named(ids, (result.stdout + result.stderr).encode())


def test_nothing_that_will_be_sent_names_the_computer_its_user_or_a_folder(offline, cohort):
    """Not searched are logs/, which are W&B's own, name its folder, and are never sent."""
    work, _ = offline
    private = (os.uname().nodename, USER, str(work), str(cohort.root), str(ROOT))
    for name, content in written(work / "runs" / "wandb").items():
        if "/logs/" not in name and not name.endswith(
            ".png"
        ):  # a short name of a host stands in any picture
            assert not [word for word in private if _stands_in(word, content)], name


def _stands_in(word: str, content: bytes) -> bool:
    return re.search(rb"(?<!\w)" + re.escape(word.encode()) + rb"(?!\w)", content) is not None


def test_a_run_that_was_moved_is_synced_whole_and_what_is_sent_names_nobody(
    offline, cohort, ids, tmp_path
):
    work, _ = offline
    (run,) = runs_in(work / "runs")
    moved = shutil.copytree(run, tmp_path / run.name)
    with server() as there:
        told = {
            "WANDB_API_KEY": "0" * 40,
            "WANDB_BASE_URL": there.address,
            "HOME": str(work / USER),
        }
        command = [sys.executable, "-m", "wandb", "sync", str(moved)]
        environment = {**os.environ, **told}
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        assert there.exit_code() == 0
        uploaded = {
            path.removeprefix("/upload/")
            for path, _ in there.received
            if path.startswith("/upload/media/")
        }
        kept = {
            str(file.relative_to(run / "files")) for file in (run / "files" / "media").rglob("*.*")
        }
        assert uploaded == kept
        sent = there.bytes
    assert not named(ids, sent)
    assert not [word for word in (str(work), str(cohort.root), str(ROOT)) if _stands_in(word, sent)]


def test_outside_of_its_folder_a_run_leaves_logs_of_w_and_b_alone_and_they_name_nobody(
    offline, ids
):
    left = {
        name: content for name, content in written(offline[0] / USER).items() if "wandb" in name
    }
    assert {Path(name).suffix for name in left} <= {".log"}
    assert not any(named(ids, content) for content in left.values())


def test_every_figure_of_a_report_is_known_as_one_of_many_people_or_of_few(offline):
    (run,) = [
        file for file in (offline[0] / "runs").iterdir() if file.name.startswith("median_beat")
    ]
    drawn = {file.stem for file in (run / "figures").glob("*.png")}
    assert drawn <= {*tracking.FIGURES, *tracking.TRACES}
    (mirror,) = runs_in(offline[0] / "runs")
    sent = {file.name.rsplit("_", 2)[0] for file in mirror.glob("files/media/images/report/*.png")}
    assert sent == drawn


@pytest.mark.parametrize("kind", ["traces", "latents", "checkpoint"])
def test_each_kind_has_one_switch_that_is_off_by_default(kind):
    assert getattr(build(composed().logger), f"send_{kind}") is False
    assert getattr(build(composed(f"logger.send_{kind}=true").logger), f"send_{kind}") is True
