"""What a notebook gets from `import ecgae`, on a small run that was trained as users train."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from commands import COHORT, run

import ecgae
from ecgae.entry.verbs.export import card_of
from ecgae.models import export
from ecgae.models.latents import read_latents

onnxruntime = pytest.importorskip("onnxruntime")

SMALL = (*COHORT, "trainer.max_epochs=2", "yardsticks=[]", "checks.permutations=0", "logger=null")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run with cleaning, and its cache."""
    place = tmp_path_factory.mktemp("work")
    paths = [f"paths.{name}={place / name}" for name in ("data", "cache", "runs")]
    done = run("train.py", *SMALL, *paths, "denoiser=fft", "normalization=per_signal")
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def directory(folder):
    (file,) = (folder / "runs").glob("*/report.html")
    return file.parent


@pytest.fixture(scope="module")
def store(folder):
    (file,) = (folder / "cache").glob("*/*.h5")
    return ecgae.open_store(file)


@pytest.fixture(scope="module")
def model(directory):
    return ecgae.load_run(directory)


def test_importing_takes_nothing_and_names_are_there():
    code = (
        "import sys, ecgae; assert 'scan' in dir(ecgae); "
        "print(*{'torch', 'pandas', 'hydra', 'numpy', 'h5py'} & {*sys.modules})"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == ""
    )
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ecgae.nonsense


def test_a_store_gives_labelled_arrays(store):
    beats = store.read("median_beat", slice(0, 10))
    assert beats.ecg.shape == (10, len(beats.leads), len(beats.time)) == (10, 12, 600)
    assert beats.time[1] == 1 / beats.sampling_rate
    assert len(beats.sample_ids) == len(beats.visits) == 10
    table = store.table("measurements")
    assert len(table) == len(store)
    assert table["heart_rate"].between(30, 150).all()
    with pytest.raises(ecgae.InputError, match="kind must be one of"):
        store.read()
    with pytest.raises(
        ecgae.InputError, match="table must be one of measurements, metadata, labels"
    ):
        store.table("names")


def test_a_folder_without_a_store_is_refused(tmp_path):
    with pytest.raises(ecgae.InputError, match="holds none"):
        ecgae.open_store(tmp_path)
    with pytest.raises(ecgae.InputError, match="must be a readable store"):
        ecgae.open_store(tmp_path / "x.h5")


def test_the_model_gives_the_latents_of_the_run_to_the_last_bit(model, store, directory):
    beats = store.read("median_beat")
    held = read_latents(directory / "latents.h5")
    rows = pd.MultiIndex.from_arrays([beats.sample_ids, beats.visits]).get_indexer(
        pd.MultiIndex.from_arrays([held.sample_ids, held.visits])
    )
    latents = model.encode(beats.ecg[rows], beats.sampling_rate)
    assert list(latents) == held.names
    known = np.isfinite(held.values).all(axis=1)
    assert known.mean() > 0.9
    np.testing.assert_array_equal(latents.to_numpy()[known], held.values[known])


def test_recordings_that_are_not_the_models_are_refused(model):
    assert "residual of median_beats, 12 leads x 600 samples at 500 Hz" in repr(model)
    ecg = np.zeros((2, 12, 600), np.float32)
    half = model.encode(np.random.default_rng(1).normal(size=(2, 12, 300)), 250.0)
    assert half.shape == (2, len(model.encode(ecg + np.arange(600)).columns))
    for wrong, rate, said in (
        (ecg[:, :3], None, "with the 12 leads I, II"),
        (ecg[0], None, "with the 12 leads I, II"),
        (ecg[..., :500], None, "600 samples at 500 Hz; got 500"),
        (ecg * np.nan, None, "ecg must be finite"),
    ):
        with pytest.raises(ecgae.InputError, match=said):
            model.encode(wrong, rate)


def test_tables_of_a_run_are_read(directory):
    found = ecgae.read_run(directory)
    assert found.score["n_phenotypes"] == 16
    assert set(found.latents["split"]) >= {"training", "select"}
    assert len(found.loci) == found.score["loci"]
    assert {"variant_id", "beta", "neg_log_10_p_value"} <= set(found.associations)
    assert found.model["r2_recorded"] == found.score["r2_recorded"]
    assert found.excluded is not None
    assert directory.name in repr(found)
    with pytest.raises(ecgae.InputError, match=r"holds no config\.yaml"):
        ecgae.read_run(directory / "figures")


def test_a_table_of_phenotypes_is_scanned(directory, tmp_path):
    found = ecgae.read_run(directory)
    config = found.config["cohort"]
    (data,) = [file.parent for file in directory.parent.parent.glob("data/**/covariates.tsv")]
    select = found.latents[found.latents["split"] == "select"]
    quick = ["checks.permutations=0", "checks.heritability=false", "checks.ld_scores=false"]
    scanned = ecgae.scan(
        select, data / "genotypes" / "chr", data / "covariates.tsv",
        settings=[*quick, "categorical=[centre]"],
    )  # fmt: skip
    assert config["individuals"] == 300
    assert scanned.score["n_individuals"] == found.score["n_individuals"]
    assert scanned.score["hits"] == found.score["hits"]
    assert scanned.loci["index_variant"].tolist() == found.loci["index_variant"].tolist()
    assert len(scanned.associations) == len(found.associations)

    with pytest.raises(ecgae.InputError, match="genotypes"):
        ecgae.scan(select, tmp_path / "nothing")


def test_cleaning_by_name_is_that_of_the_configs():
    ecg = np.random.default_rng(1).normal(size=(2, 12, 1000)).astype(np.float32)
    sharper = ecgae.clean(ecg, 500.0, denoiser="fft", denoiser_high=40)
    assert np.square(sharper).sum() < np.square(ecgae.clean(ecg, 500.0, denoiser="fft")).sum()
    np.testing.assert_array_equal(ecgae.clean(ecg, 500.0), ecg)
    for wrong, said in (
        ({"denoiser": "ftt"}, "denoiser must be one of dwt, fft"),
        ({"denoiser": "fft", "denoiser_speed": 3}, "must be some of denoiser_"),
        ({"noise": 3}, "must begin with baseline_ or denoiser_"),
    ):
        with pytest.raises(ecgae.InputError, match=said):
            ecgae.clean(ecg, 500.0, **wrong)


def test_the_exported_model_is_the_runs_and_names_nobody(directory, store, tmp_path):
    command = [
        sys.executable,
        "-m",
        "ecgae",
        "export",
        str(directory),
        "--to",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{directory.name}: {tmp_path / 'out'}\n"

    model, beats = ecgae.load_run(directory), store.read("median_beat", slice(0, 20))
    session = onnxruntime.InferenceSession(
        tmp_path / "out" / export.ENCODER, providers=["CPUExecutionProvider"]
    )
    cleaned = model.clean(beats.ecg)  # the card says so: fft comes before
    (latents,) = session.run([export.OUTPUT], {export.INPUT: cleaned})
    np.testing.assert_allclose(latents, model.encode(beats.ecg), rtol=1e-4, atol=1e-5)

    card = (tmp_path / "out" / export.CARD).read_text()
    assert "denoiser: fft (low=" in card
    assert "both steps, in this order" in card
    assert (
        f"trained on {(ecgae.read_run(directory).latents['split'] == 'training').sum()} people"
        in card
    )
    text = b"".join(file.read_bytes() for file in (tmp_path / "out").iterdir())
    for secret in (*store.read("median_beat").sample_ids, str(directory.parent), "chr1"):
        assert str(secret).encode() not in text
    assert card_of(model, directory)["name"] == directory.name


def test_an_export_of_nothing_is_one_sentence(tmp_path):
    command = [
        sys.executable,
        "-m",
        "ecgae",
        "export",
        str(tmp_path),
        "--to",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: run must be a run directory")
    assert not (tmp_path / "out").exists()
