"""The commands, as a user types them: what they write, print and refuse."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from commands import COHORT, ROOT, refused, run

MODEL = (
    "architecture.filters=[4,8]",
    "architecture.kernel_sizes=[7,7]",
    "architecture.latent_dim=4",
)
QUICK = (*MODEL, "trainer.max_epochs=2")
RESULTS = {
    "config.yaml",
    "checkpoint.ckpt",
    "latents.h5",
    "associations.parquet",
    "score.json",
    "omnibus_loci.tsv",
    "model.json",
    "loci.tsv",
    "report.html",
}
FIGURES = {
    *(
        "manhattan",
        "qq",
        "overlays",
        "quality",
        "errors",
        "training",
        "latents",
        "probes",
        "traversals",
    ),
    "inflation",
}


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def paths(work) -> tuple[str, ...]:
    return tuple(f"paths.{name}={work / name}" for name in ("data", "cache", "runs"))


@pytest.fixture(scope="module")
def finished(work, paths) -> tuple[Path, subprocess.CompletedProcess]:
    """The run directory of a small cohort's run with the default W&B logger, and what the command
    printed."""
    result = run("train.py", *COHORT, *MODEL, "trainer.max_epochs=25", *paths)
    assert result.returncode == 0, result.stderr
    (directory,) = [
        file for file in (work / "runs").iterdir() if file.name.startswith("median_beat")
    ]
    return directory, result


@pytest.fixture(scope="module")
def cohort(work, finished) -> Path:
    (folder,) = (
        file.parent for file in (work / "data" / "simulated").glob("300-people-*/cohort.json")
    )
    return folder


def score(directory: Path) -> dict:
    return json.loads((directory / "score.json").read_text())


def test_a_run_leaves_everything_that_is_promised(finished):
    directory, result = finished
    assert {file.name for file in directory.iterdir()} >= RESULTS
    assert {file.stem for file in (directory / "figures").iterdir()} == FIGURES
    assert not list(directory.parent.glob("*.partial"))
    for line in (
        "people",
        "hits",
        "independent loci",
        "at a planted variant",
        "genomic inflation",
        "report: ",
    ):
        assert line in result.stdout


def test_the_score_has_its_numbers_and_they_agree(finished, cohort):
    numbers = score(finished[0])
    damaged = set(pd.read_csv(cohort / "truth" / "damaged.tsv", sep="\t").file)
    whole = {
        file.name.split("_")[0] for file in (cohort / "ecgs").iterdir() if file.name not in damaged
    }
    with h5py.File(finished[0] / "latents.h5") as source:
        split = source["split"].asstr()[:]
    assert len(split) == len(whole) < 300
    assert numbers["n_individuals"] == (split == "select").sum() == pytest.approx(180, abs=40)
    assert numbers["n_phenotypes"] == 4
    assert numbers["planted_loci"] == 4
    assert numbers["loci"] == numbers["recovered_loci"] + numbers["false_loci"]
    assert numbers["threshold"] == pytest.approx(5e-8 / 4)
    associations = pd.read_parquet(finished[0] / "associations.parquet")
    assert list(associations) == [
        "chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "standard_error",
        "effect_allele_frequency", "neg_log_10_p_value", "variant_id", "rsid", "n", "phenotype",
    ]  # fmt: skip
    hits = associations[associations.neg_log_10_p_value > -np.log10(numbers["threshold"])]
    assert len(hits) == numbers["hits"]
    assert hits.variant_id.nunique() == numbers["hit_variants"]
    assert len(hits) <= len(associations) < numbers["n_variants"]
    assert (associations.neg_log_10_p_value >= 5).all()
    assert numbers["heritability_by_phenotype"].keys() == {
        "latent_01",
        "latent_02",
        "latent_03",
        "latent_04",
    }


def test_strong_planted_loci_are_recovered_and_nothing_else_is(finished):
    numbers = score(finished[0])
    assert numbers["recovered_loci"] >= 1
    assert numbers["false_loci"] == 0


def test_the_report_is_one_file_with_its_figures_in_it(finished):
    page = (finished[0] / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(FIGURES)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]*|http-equiv", "", page)
    assert finished[0].name in page


def test_no_identifier_is_printed_or_mirrored(finished, cohort):
    directory, result = finished
    people = pd.read_csv(cohort / "covariates.tsv", sep="\t", dtype=str).IID
    everything = result.stdout + result.stderr + (directory / "report.html").read_text()
    assert not [person for person in people if person in everything]
    mirrored = b"".join(
        file.read_bytes() for file in (directory.parent / "wandb").rglob("*") if file.is_file()
    )
    assert mirrored
    assert not [person for person in people if person.encode() in mirrored]


def test_every_job_has_one_offline_wandb_run_with_its_score_and_figures(finished):
    (mirror,) = (finished[0].parent / "wandb").glob("offline-run-*")
    assert {file.stem.split("_")[0] for file in mirror.rglob("*.png")} == FIGURES
    command = [
        Path(sys.executable).with_name("wandb"),
        "leet",
        "inspect",
        "--json",
        "--summary",
        str(mirror),
    ]
    inspected = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if inspected.returncode:
        pytest.skip("this version of wandb cannot read an offline run")
    summary = json.loads(inspected.stdout)
    assert f'"score/loci": {score(finished[0])["loci"]}' in json.dumps(summary["summary"])
    assert summary["exit_code"] == 0
    assert summary["config"]["architecture"]["latent_dim"] == 4


def test_a_finished_job_is_not_computed_again(finished, paths):
    before = (finished[0] / "checkpoint.ckpt").stat().st_mtime_ns
    result = run(
        "train.py",
        *COHORT,
        *MODEL,
        "trainer.max_epochs=25",
        *paths,
        "runtime.workers=1",
        "logger=null",
    )
    assert result.returncode == 0
    assert "finished before, not computed again" in result.stdout
    assert (finished[0] / "checkpoint.ckpt").stat().st_mtime_ns == before


def test_encoding_again_gives_the_same_latents(finished, paths, work, tmp_path):
    result = run(
        "encode.py", f"run={finished[0]}", f"out={tmp_path}", f"paths.cache={work / 'cache'}"
    )
    assert result.returncode == 0, result.stderr
    with (
        h5py.File(finished[0] / "latents.h5") as first,
        h5py.File(tmp_path / "latents.h5") as second,
    ):
        assert np.allclose(first["latents"][:], second["latents"][:], atol=1e-6)
        assert first["split"].asstr()[:].tolist() == second["split"].asstr()[:].tolist()


def test_another_cohort_is_encoded_beside_the_run(finished, paths, work):
    result = run(
        "encode.py", f"run={finished[0]}", "cohort=simulated", "cohort.individuals=60", "cohort.variants=600",
        "cohort.chromosome_length=1_000_000", "cohort.planted_loci=0", *paths[:2],
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (latents,) = (finished[0] / "cohorts").rglob("latents.h5")
    with h5py.File(latents) as source:
        assert source["latents"].shape[1] == 4
        assert set(source["split"].asstr()) == {"none"}  # nobody of another cohort was in training


def test_scoring_again_with_other_settings_changes_the_score_and_train_restores_its_own(
    finished, paths, tmp_path
):
    directory = tmp_path / finished[0].name
    shutil.copytree(finished[0], directory)
    before = score(directory)
    result = run(
        "gwas.py",
        f"run={directory}",
        "engine.transform=none",
        "engine.report_below=0.01",
        "score.alpha=1e-3",
    )
    assert result.returncode == 0, result.stderr
    assert score(directory)["alpha"] == 1e-3
    assert score(directory)["hits"] > before["hits"]
    assert yaml.safe_load((directory / "config.yaml").read_text())["engine"]["transform"] == "none"
    again = run(
        "train.py",
        *COHORT,
        *MODEL,
        "trainer.max_epochs=25",
        "logger=null",
        *paths[:2],
        f"paths.runs={tmp_path}",
    )
    assert again.returncode == 0, again.stderr
    assert score(directory) == before


def test_a_run_whose_scoring_was_interrupted_does_not_look_finished(finished, paths, tmp_path):
    directory = tmp_path / finished[0].name
    shutil.copytree(finished[0], directory)
    before = score(directory)
    (directory / "score.json").unlink()  # as a scan that was killed leaves it
    arguments = (
        *COHORT,
        *MODEL,
        "trainer.max_epochs=25",
        "logger=null",
        *paths[:2],
        f"paths.runs={tmp_path}",
    )
    result = run("train.py", *arguments)
    assert result.returncode == 0, result.stderr
    assert "finished before" not in result.stdout
    assert score(directory) == before


def test_scoring_again_keeps_what_was_not_typed(finished, tmp_path):
    directory = tmp_path / finished[0].name
    shutil.copytree(finished[0], directory)
    config = yaml.safe_load((directory / "config.yaml").read_text())
    config["variants"]["min_minor_allele_count"], config["people"] = 33, "shared"
    config["engine"]["block_size"] = 1024  # as a former version wrote it
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    result = run("gwas.py", f"run={directory}", "score.alpha=1e-6", f"out={tmp_path / 'again'}")
    assert result.returncode == 0, result.stderr
    again = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text())
    assert "engine.block_size of the run is no setting of this version" in result.stdout
    assert again["engine"] | {"block_size": 1024} == config["engine"]
    assert again["variants"] == config["variants"]
    assert again["people"] == "shared"
    assert again["score"] == config["score"] | {"alpha": 1e-6}
    message = refused("gwas.py", f"run={directory}", "genotypes=/no/such")
    assert "genotypes cannot be changed with run=" in message


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not on the PATH")
def test_a_run_can_be_scored_by_another_engine(finished, tmp_path):
    result = run(
        "gwas.py",
        f"run={finished[0]}",
        "engine=plink2",
        f"out={tmp_path / 'plink2'}",
        "report=false",
    )
    assert result.returncode == 0, result.stderr
    numbers, own = score(tmp_path / "plink2"), score(finished[0])
    for name in ("hits", "hit_variants", "loci", "n_variants", "n_individuals", "threshold"):
        assert numbers[name] == own[name]
    assert numbers["genomic_inflation"] == pytest.approx(own["genomic_inflation"], abs=2e-3)
    assert numbers["omnibus_loci"] is None


def test_any_phenotype_table_can_be_scanned(cohort, tmp_path):
    result = run(
        "gwas.py", f"phenotypes={cohort / 'truth' / 'parameters.tsv'}", f"genotypes={cohort / 'genotypes' / 'chr'}",
        f"covariates={cohort / 'covariates.tsv'}", f"planted={cohort / 'truth' / 'planted.tsv'}",
        "categorical=[centre]", f"out={tmp_path / 'truth'}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    numbers = score(tmp_path / "truth")
    assert numbers["recovered_loci"] == 4
    assert numbers["false_loci"] == 0
    assert (tmp_path / "truth" / "report.html").is_file()


def test_a_job_that_fails_costs_itself_alone_and_ends_its_own_wandb_run(paths, work):
    before = set((work / "runs" / "wandb").glob("offline-run-*"))
    result = run(
        "train.py",
        "-m",
        *COHORT,
        *QUICK,
        *paths,
        "trainer.learning_rate=1e30,2e-3",
        "normalization=none",
    )
    assert result.returncode == 1
    assert "failed, training loss must stay finite" in result.stdout
    assert "error: 1 of 2 jobs failed" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(set((work / "runs" / "wandb").glob("offline-run-*")) - before) == 2
    finished = list((work / "runs").glob("median_beat-none-none-*/config.yaml"))
    rates = [yaml.safe_load(file.read_text())["trainer"]["learning_rate"] for file in finished]
    assert 2e-3 in rates
    assert len(list((work / "runs").glob("*.partial/score.json"))) == 0


def test_two_runs_that_want_the_same_cohort_and_cache_at_once_share_them(tmp_path):
    paths = [f"paths.{name}={tmp_path / name}" for name in ("data", "cache", "runs")]
    small = (
        "cohort.individuals=60",
        "cohort.variants=600",
        "cohort.chromosome_length=1_000_000",
        "cohort.planted_loci=0",
    )
    jobs = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), *small, *QUICK, *paths, "logger=null", f"trainer.seed={seed}"],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for seed in (1, 2)
    ]  # fmt: skip
    for job in jobs:
        _, errors = job.communicate(timeout=300)
        assert job.returncode == 0, errors
    assert len(list((tmp_path / "data" / "simulated").glob("60-people-*/cohort.json"))) == 1
    assert len(list((tmp_path / "cache" / "cleaned").glob("*.npy"))) == 1
    assert len(list((tmp_path / "runs").glob("median_beat*/score.json"))) == 2


def test_latents_as_a_table_score_like_their_run(finished, cohort, tmp_path):
    result = run(
        "gwas.py", f"phenotypes={finished[0] / 'latents.h5'}", f"genotypes={cohort / 'genotypes' / 'chr'}",
        f"covariates={cohort / 'covariates.tsv'}", "categorical=[centre]", f"out={tmp_path}",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert score(tmp_path)["hits"] == score(finished[0])["hits"]
    assert score(tmp_path)["loci"] == score(finished[0])["loci"]


def test_without_an_engine_a_run_trains_and_encodes_only(paths, work):
    result = run(
        "train.py", *COHORT, "experiment=report_final", "engine=null", "logger=null", *paths, "trainer.max_epochs=1",
        "architecture.filters=[2,2,4]", "architecture.latent_dim=2", "trainer.batch_size=256",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (directory,) = [
        file
        for file in (work / "runs").iterdir()
        if file.name.startswith("strip-dwt-global-residual")
    ]
    assert "trainable parameters" in result.stdout
    assert not (directory / "score.json").exists()
    with h5py.File(directory / "latents.h5") as source:
        assert source["phenotype"].asstr()[0] == "I_latent_01"
        assert source["latents"].shape[1] == 24


def arrays(file: Path) -> dict[str, bytes]:
    """Every array of a store."""
    found: dict[str, bytes] = {}
    with h5py.File(file) as source:
        source.visititems(
            lambda name, node: found.update(
                {name: node[()].tobytes()} if isinstance(node, h5py.Dataset) else {}
            )
        )
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers under /proc")
def test_reading_that_is_killed_leaves_no_process_and_goes_on_to_the_same_store(
    cohort, paths, tmp_path
):
    ecgs = tmp_path / "ecgs"
    ecgs.mkdir()
    files = sorted((cohort / "ecgs").iterdir())
    for number in range(500):
        shutil.copyfile(files[number % len(files)], ecgs / f"{number:07d}_20205_2_0.xml")
    read = (
        "train.py",
        "cohort=ukb_rest",
        f"cohort.ecgs={ecgs}",
        "engine=null",
        "logger=null",
        *QUICK,
    )
    where = (f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}")
    job = subprocess.Popen(
        [sys.executable, str(ROOT / read[0]), *read[1:], *where],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    while job.poll() is None and not list((tmp_path / "cache").rglob("store.parts/*.h5")):
        time.sleep(0.02)
    workers = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    job.kill()
    job.wait()
    assert workers
    assert not list((tmp_path / "cache").rglob("store.h5"))
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived the job"
        time.sleep(0.1)
    assert run(*read, *where).returncode == 0
    assert (
        run(
            *read,
            where[0],
            f"paths.cache={tmp_path / 'other'}",
            "runtime.workers=1",
            "trainer.seed=2",
        ).returncode
        == 0
    )
    (again,), (whole,) = (list((tmp_path / name).rglob("store.h5")) for name in ("cache", "other"))
    assert arrays(again) == arrays(whole)


def test_a_job_that_is_killed_looks_unfinished_and_goes_on_to_the_same_result(
    finished, paths, tmp_path
):
    kill = signal.SIGKILL
    arguments = (
        *COHORT,
        *MODEL,
        "trainer.max_epochs=25",
        "logger=null",
        *paths[:2],
        f"paths.runs={tmp_path}",
    )
    job = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("*.partial/last.ckpt")):
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.01)
    os.kill(job.pid, kill)
    assert job.wait(60) in (-kill, 128 + kill)
    assert not [
        file for file in tmp_path.glob("median_beat*") if not file.name.endswith(".partial")
    ]
    again = run("train.py", *arguments)
    assert again.returncode == 0, again.stderr
    assert "an interrupted training of this run goes on after epoch" in again.stdout
    with (
        h5py.File(finished[0] / "latents.h5") as whole,
        h5py.File(tmp_path / finished[0].name / "latents.h5") as other,
    ):
        assert np.array_equal(whole["latents"][:], other["latents"][:])


def test_a_full_disk_ends_in_a_sentence_and_what_is_finished_stays(finished, paths, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        arguments = (
            *COHORT,
            *QUICK,
            "logger=null",
            "yardsticks=[]",
            *paths[:2],
            f"paths.runs={small}",
        )
        assert "disk must have room for what is written" in refused("train.py", *arguments)
        assert list(small.glob("*.partial/config.yaml"))
        subprocess.run(["mount", "-o", "remount,size=100m", small], check=True)
        assert run("train.py", *arguments).returncode == 0
    finally:
        subprocess.run(["umount", small], check=True)


def table(file: Path, **columns) -> Path:
    pd.DataFrame(columns).to_csv(file, sep="\t", index=False)
    return file


@pytest.fixture
def scan(cohort, tmp_path):
    """A scan of a small phenotype table, changed by keyword; returns its refusal."""
    people = pd.read_csv(cohort / "covariates.tsv", sep="\t", dtype={"IID": str})
    random = np.random.default_rng(0)
    good = {"FID": people.IID, "IID": people.IID, "y": random.normal(size=len(people)).round(3)}
    covariates = {"FID": people.IID, "IID": people.IID, "age": people.age, "sex": people.sex}

    def arguments(phenotypes=None, covariate_changes=None, **settings) -> list[str]:
        files = {
            "phenotypes": table(tmp_path / "y.tsv", **(good | (phenotypes or {}))),
            "covariates": table(tmp_path / "c.tsv", **(covariates | (covariate_changes or {}))),
            "genotypes": cohort / "genotypes" / "chr",
            "out": tmp_path / "out",
        }
        return [f"{name}={value}" for name, value in (files | settings).items()]

    def scan(*tables, **settings) -> str:
        message = refused("gwas.py", *arguments(*tables, **settings))
        assert not (tmp_path / "out" / "score.json").exists()
        return message

    scan.people, scan.arguments = people, arguments
    return scan


def test_a_missing_file_is_named(scan, tmp_path):
    assert "nowhere.tsv" in scan(phenotypes=None, **{"covariates": tmp_path / "nowhere.tsv"})
    assert "nowhere" in scan(genotypes=tmp_path / "nowhere")


def test_an_id_that_occurs_on_one_side_only_is_counted_and_named(scan):
    strangers = scan.people.IID.where(
        scan.people.index > 1, "stranger" + scan.people.index.astype(str)
    )
    message = scan({"IID": strangers, "FID": strangers})
    assert "2 of 300 individuals in y.tsv" in message
    assert "stranger0" in message
    assert "people=shared" in message


def test_text_in_a_covariate_is_named_with_file_and_column(scan):
    message = scan(
        covariate_changes={"age": scan.people.age.astype(str).where(scan.people.index != 3, "old")}
    )
    assert all(word in message for word in ("c.tsv", "age", "old"))


def test_the_output_must_be_a_folder(scan, tmp_path):
    (tmp_path / "taken").write_text("")
    assert "out must be a folder that can be written" in scan(out=tmp_path / "taken")


def test_covariates_that_say_nothing_are_named_and_not_used(scan):
    changes = {"batch": 1, "months": scan.people.age * 12}
    result = run("gwas.py", *scan.arguments(covariate_changes=changes), "report=false")
    assert result.returncode == 0, result.stderr
    assert "covariate batch of c.tsv is not used: all 300 have 1" in result.stdout
    assert "covariate months of c.tsv is not used: it follows from age" in result.stdout


def test_a_scan_in_jobs_of_a_sweep_is_put_together_by_the_same_command(scan, tmp_path):
    command = ("gwas.py", *scan.arguments(), "report=false", "engine.report_below=0.01")
    jobs = run("gwas.py", "-m", *command[1:], "chromosomes=[1],[2,3]")
    assert jobs.returncode == 0, jobs.stderr
    assert not (tmp_path / "out" / "score.json").exists()
    assert run(*command).returncode == 0
    parts = pd.read_parquet(tmp_path / "out" / "associations.parquet")
    whole = run(*command, f"out={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    pd.testing.assert_frame_equal(
        parts, pd.read_parquet(tmp_path / "whole" / "associations.parquet")
    )
    assert score(tmp_path / "out") == score(tmp_path / "whole")


def test_a_chromosome_that_is_not_there_is_refused(scan):
    assert "chromosomes must be some of 1, 2, " in scan(chromosomes="[31]")


def test_a_constant_phenotype_is_named(scan):
    assert "flat" in scan({"flat": 3.5})


def test_fewer_people_than_parameters_is_refused(scan, cohort):
    few = scan.people.index < 5
    random = np.random.default_rng(0)
    noise = {f"c{number}": random.normal(size=len(scan.people)) for number in range(6)}
    message = scan({"y": pd.Series(random.normal(size=len(scan.people))).where(few)}, noise)
    assert "more individuals than parameters" in message


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda content: content[:-7], "size|bytes"),
        (lambda content: b"PLINK" + content[5:], "magic|not a"),
        (lambda content: content[:2] + b"\x00" + content[3:], "sample-major|individual"),
    ],
    ids=["truncated", "bad magic", "sample-major"],
)
def test_a_corrupt_bed_is_named(scan, cohort, tmp_path, damage, word):
    genotypes = tmp_path / "genotypes"
    shutil.copytree(cohort / "genotypes", genotypes)
    (genotypes / "chr3.bed").write_bytes(damage((cohort / "genotypes" / "chr3.bed").read_bytes()))
    message = scan(genotypes=genotypes / "chr")
    assert "chr3.bed" in message


def test_people_without_genotypes_are_found_before_training(cohort, paths, tmp_path):
    """A cohort in UK Biobank's files of which one person has no row in the covariates."""
    covariates = pd.read_csv(cohort / "covariates.tsv", sep="\t", dtype=str).iloc[:-5]
    covariates.to_csv(tmp_path / "covariates.tsv", sep="\t", index=False)
    message = refused(
        "train.py", "cohort=ukb_rest", f"cohort.ecgs={cohort / 'ecgs'}", paths[1], "logger=null",
        f"cohort.genotypes={cohort / 'genotypes' / 'chr'}", f"cohort.covariates={tmp_path / 'covariates.tsv'}",
        *QUICK, f"paths.runs={tmp_path / 'runs'}",
    )  # fmt: skip
    assert "have no row in covariates.tsv" in message
    assert not list((tmp_path / "runs").glob("*.partial"))


def test_truncated_files_alone_are_refused_with_the_reason(cohort, paths, tmp_path):
    file = min((cohort / "ecgs").glob("*_2_0.xml"))
    (tmp_path / "ecgs").mkdir()
    (tmp_path / "ecgs" / file.name).write_bytes(file.read_bytes()[:5000])
    message = refused(
        "train.py",
        "cohort=ukb_rest",
        f"cohort.ecgs={tmp_path / 'ecgs'}",
        "engine=null",
        *paths,
        "logger=null",
    )
    assert "XML must be complete and well formed" in message
