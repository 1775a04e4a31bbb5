"""`import ecgae` in a notebook: runs, models, recordings and scans, each as its page describes it;
and what leaves a run with `ecgae export`."""

import doctest
import inspect
import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from commands import ROOT, run_many
from safetensors.torch import load_file

import ecgae
from ecgae import library
from ecgae.__main__ import main
from ecgae.models.latents import read_latents

COHORT = (
    *("cohort.individuals=150", "cohort.variants=1500", "cohort.chromosome_length=300_000"),
    *("cohort.planted_loci=4", "cohort.planted_chromosomes=4", "cohort.variance_explained=0.5"),
    *("cohort.damaged=4", "split.select=0.6", "split.confirm=0.1", "yardsticks=[]"),
    *("logger=null", "architecture.latent_dim=3", "latent_qc.highest=null"),
)
"""Positions of fewer digits than an id."""

NETWORK = ("architecture.filters=[4,8]", "architecture.kernel_sizes=[7,7]", "trainer.max_epochs=2")
UNCHECKED = {"checks.permutations": 0, "checks.heritability": False, "checks.ld_scores": False}
QUICK = tuple(f"{name}={value}" for name, value in UNCHECKED.items())
RUNS = {
    "residual": (*NETWORK, *QUICK, "baseline=highpass"),
    "pca": (
        *("architecture=pca", "normalization=per_signal", "lead_mode=single", "leads=independent"),
        *("denoiser=dwt", "engine=null"),
    ),
    "resnet_vae": (
        *(*NETWORK, "architecture=resnet_vae", "objective=beta_vae", "denoiser=fft_wiener"),
        *("normalization=robust", "engine=null"),
    ),
}
"""What each run changes, by its architecture; only the first is scanned."""


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def runs(work) -> dict[str, Path]:
    """Small finished runs of one cohort."""
    paths = [f"paths.{name}={work / name}" for name in ("data", "cache", "runs")]
    commands = [("train.py", *COHORT, *changes, *paths) for changes in RUNS.values()]
    for result in run_many(commands):
        assert result.returncode == 0, result.stderr
    return {name: next((work / "runs").glob(f"*-{name}-*")) for name in RUNS}


@pytest.fixture(scope="module")
def finished(runs) -> Path:
    return runs["residual"]


@pytest.fixture(scope="module")
def cohort(work, runs) -> Path:
    (folder,) = (work / "data" / "simulated").glob("150-people-*/")
    return folder


def test_importing_ecgae_imports_nothing_else_and_takes_milliseconds():
    code = """if True:
        import sys, time
        took = []
        for _ in range(5):
            sys.modules.pop("ecgae", None)
            start = time.perf_counter()
            import ecgae
            took.append(time.perf_counter() - start)
        heavy = {"torch", "pandas", "hydra", "numpy", "jaxtyping"} & set(sys.modules)
        assert not heavy, heavy
        assert min(took) < 0.05, took
        assert {"open_store", "clean", "load_run", "scan", "read_run"} <= set(dir(ecgae))
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr


def test_every_name_of_the_face_is_there_and_described():
    names = [name for name in dir(ecgae) if name.islower() and not name.startswith("_")]
    for name in {"open_store", "clean", "choice", "load_run", "read_run", "scan"} & set(names):
        described = inspect.getdoc(getattr(ecgae, name))
        assert ">>>" in described or "Example::" in described, name
    stubs = re.findall(r"import (\w+) as \1", inspect.getsource(ecgae))
    assert set(stubs) == set(ecgae._FACE)
    with pytest.raises(AttributeError, match="module 'ecgae' has no attribute 'loadrun'"):
        _ = ecgae.loadrun


def test_the_examples_that_need_no_files_run():
    results = doctest.testmod(library)
    assert results.attempted > 5
    assert results.failed == 0


def example(name: str) -> str:
    """The indented block of a docstring."""
    text = inspect.getdoc(getattr(library, name)).split("Example::")[1]
    return inspect.cleandoc(text)


@pytest.mark.parametrize("name", ["open_store", "load_run", "read_run", "scan"])
def test_the_examples_that_need_a_run_run(name, finished, cohort, tmp_path, monkeypatch):
    run = ecgae.read_run(finished)
    run.latents[run.parts == "select"].reset_index().to_csv(
        tmp_path / "latents.tsv", sep="\t", index=False, na_rep="NA"
    )
    (tmp_path / "covariates.tsv").symlink_to(cohort / "covariates.tsv")
    (tmp_path / "genotypes").symlink_to(cohort / "genotypes")
    monkeypatch.chdir(tmp_path)
    code = example(name).replace("runs/<run>", str(finished))
    exec(compile(code, name, "exec"), {"ecgae": ecgae})


# Recordings and cleaning


def test_a_run_a_store_a_cache_and_a_folder_of_files_are_opened(finished, cohort, work, tmp_path):
    of_run = ecgae.open_store(finished)
    assert of_run.kinds == ("strip", "median_beat", "full_disclosure")
    assert of_run.index.equals(ecgae.read_run(finished).latents.index)
    (store,) = (work / "cache").glob("simulated-*/store.h5")
    for place in (store, store.parent, work / "cache"):
        assert len(ecgae.open_store(place)) >= len(of_run)
    of_files = ecgae.open_store(cohort / "ecgs", cohort="ukb_rest", cache=tmp_path)
    assert np.array_equal(of_files.sample_ids, ecgae.open_store(store).sample_ids)


def test_labelled_arrays_say_what_their_axes_are(finished):
    recordings = ecgae.open_store(finished)
    some = recordings.read("median_beat", slice(3, 8))
    assert some.ecg.shape == (5, 12, 600)
    assert len(some) == 5
    assert some.time[-1] == pytest.approx(599 / 500)
    assert list(some.sample_ids) == list(recordings.sample_ids[3:8])
    assert np.array_equal(some.lead("V1"), some.ecg[:, 6])
    first = np.arange(len(recordings)) < 2
    assert len(recordings.only(first).read("strip")) == 2
    assert len(recordings.table("measurements")) == len(recordings)
    for wrong, said in (
        (lambda: some.lead("V9"), "lead must be one of I, II, .*; got 'V9'"),
        (lambda: recordings.read(), "kind must be one of strip, .*; got none"),
        (lambda: recordings.read("beat"), "input must be one of strip, "),
        (lambda: recordings.table("ages"), "table must be one of measurements, .*; got 'ages'"),
    ):
        with pytest.raises(ecgae.InputError, match=said):
            wrong()


def test_cleaning_takes_names_or_components_and_keeps_labels(finished):
    beats = ecgae.open_store(finished).read("median_beat", slice(0, 4))
    cleaned = ecgae.clean(beats, baseline="highpass", denoiser=ecgae.choice("denoiser", "notch"))
    assert cleaned.leads == beats.leads
    assert np.array_equal(
        cleaned.ecg, ecgae.clean(beats.ecg, 500, baseline="highpass", denoiser="notch")
    )
    counts = np.round(beats.ecg[0, 0] * 1000).astype(np.int16)
    assert ecgae.clean(counts, 500, denoiser="fft").dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda ecg: ecgae.clean(ecg), "sampling_rate must be positive, in Hz; got None"),
        (lambda ecg: ecgae.clean(ecg, 500, denoiser="ftt"), "denoiser must be one of dwt, fft, "),
        (lambda ecg: ecgae.clean(ecg * np.nan, 500), "ecg must be finite; 7,200 samples are miss"),
        (lambda ecg: ecgae.clean(ecg[:, :0], 500), "ecg must have a time axis with samples"),
        (lambda ecg: ecgae.clean(ecg, 60, denoiser="fft"), "denoiser.high must be at most half"),
        (lambda ecg: ecgae.choice("denoisers", "fft"), "axis must be one of architecture, "),
        (lambda ecg: ecgae.choice("denoiser", "fft", hi=1), r"hi must be a setting of .*\(low, h"),
        (lambda ecg: ecgae.choice("denoiser", "fft", low="x"), "denoiser.low must be a finite num"),
        (lambda ecg: ecgae.open_store("/no/such"), "path must hold one store; /no/such holds none"),
        (lambda ecg: ecgae.open_store("/no/such", cohort="ukb_rest"), "cohort.ecgs must be a fold"),
    ],
)
def test_bad_input_is_one_sentence(wrong, said):
    with pytest.raises(ecgae.InputError, match=said):
        wrong(np.zeros((12, 600)))


# Models


@pytest.mark.parametrize("name", RUNS)
def test_a_model_gives_exactly_the_latents_of_its_run(name, runs):
    model = ecgae.load_run(runs[name], accelerator="cpu")
    latents = model.encode(ecgae.open_store(runs[name]).read("median_beat"))
    assert latents.index.equals(ecgae.read_run(runs[name]).latents.index)
    stored = read_latents(runs[name] / "latents.h5")
    assert list(latents) == stored.names == model.names
    assert latents.to_numpy().dtype == np.float32
    assert np.array_equal(latents.to_numpy(), stored.values)


def test_a_model_is_loaded_without_its_cohort_and_leaves_random_numbers_alone(
    finished, work, tmp_path
):
    for name in ("config.yaml", "checkpoint.ckpt"):
        shutil.copy(finished / name, tmp_path)
    (work / "data").rename(work / "elsewhere")
    try:
        torch.manual_seed(5)
        model = ecgae.load_run(tmp_path)
        drawn = torch.rand(1)
    finally:
        (work / "elsewhere").rename(work / "data")
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))
    assert isinstance(model.model, torch.nn.Module)
    assert (model.sampling_rate, model.samples, len(model.leads)) == (500.0, 600, 12)
    assert model.config["architecture"]["latent_dim"] == 3
    assert repr(model) == "Residual of median_beats: 12 leads of 600 samples at 500 Hz to 3 latents"


def test_leads_are_found_by_name_and_other_rates_are_resampled(finished):
    model = ecgae.load_run(finished)
    beats = ecgae.open_store(finished).read("median_beat", slice(0, 20))
    latents = model.encode(beats)
    turned = model.encode(beats.ecg[:, ::-1], 500, leads=beats.leads[::-1])
    assert np.array_equal(turned, latents)
    doubled = np.repeat(beats.ecg, 2, axis=-1)  # 1000 Hz
    assert (
        np.abs(model.encode(doubled, 1000) - latents.to_numpy()).max().max() < latents.std().min()
    )
    assert model.encode(beats.ecg[:0], 500).shape == (0, 3)


@pytest.mark.parametrize(
    ("shape", "values", "said"),
    [
        ((2, 11, 600), {}, "leads must be those that the model was trained on, I, .*; got 11 of"),
        ((2, 2, 600), {"leads": ["I", "II"]}, "leads must be those .* V6; got I, II"),
        ((12, 600), {}, r"ecg must be of shape \[individual, lead, time\]; got 2 axes"),
        ((2, 12, 5000), {}, "ecg must be a median_beat of 1.2 s, 600 samples at 500 Hz"),
        ((2, 12, 600), {"sampling_rate": None}, "sampling_rate must be given in Hz"),
        ((2, 12, 600), {"sampling_rate": 250}, "600 samples at 500 Hz, .*; got 1200 samples"),
    ],
)
def test_ecgs_that_a_model_does_not_know_are_refused(shape, values, said, finished):
    with pytest.raises(ecgae.InputError, match=said):
        ecgae.load_run(finished).encode(np.zeros(shape), **{"sampling_rate": 500, **values})


def test_missing_samples_are_counted(finished):
    ecg = np.zeros((3, 12, 600))
    ecg[1, 4, 7] = np.nan
    with pytest.raises(ecgae.InputError, match="ecg must be finite; 1 of 3 recordings have miss"):
        ecgae.load_run(finished).encode(ecg, 500)


def test_decoding_gives_millivolts_like_the_runs_own_reconstruction(runs):
    for name in ("residual", "pca"):
        model = ecgae.load_run(runs[name])
        beats = ecgae.open_store(runs[name]).read("median_beat", slice(0, 5))
        latents, cleaned = model.encode(beats), model.clean(beats.ecg)
        decoded = model.decode(latents[:1], like=cleaned[0])
        assert decoded.shape == (1, 12, 600)
        r2 = 1 - np.square(cleaned[0] - decoded[0]).sum() / np.square(cleaned[0]).sum()
        stored = ecgae.read_run(runs[name]).quality
        error = np.square(cleaned[0] - decoded[0]).mean(axis=1)
        assert np.allclose(error, stored["mse"].iloc[0], rtol=1e-3)
        assert r2 > (0.3 if name == "pca" else -1)
    with pytest.raises(ecgae.InputError, match=r"like must be an ECG in mV .* knows no amplitude"):
        model.decode(latents)
    constant = ecgae.load_run(runs["residual"])
    assert constant.decode(np.zeros((2, 3))).shape == (2, 12, 600)
    with pytest.raises(ecgae.InputError, match=r"latents must be of shape \[individual, 3\]"):
        constant.decode(np.zeros((2, 4)))


# Tables


def test_the_tables_of_a_run_are_read(runs, finished):
    run = ecgae.read_run(finished)
    assert len(run.loci) == run.score["loci"]
    assert len(run.omnibus_loci) == run.score["omnibus_loci"]
    assert run.score["n_individuals"] == (run.parts == "select").sum()
    assert set(run.associations) >= {"beta", "neg_log_10_p_value", "phenotype"}
    assert list(run.excluded) == ["sample_id", "visit", "reason"]
    assert run.quality["r2"].shape == (len(run.latents), 12)
    assert run.model["latents_per_sample"] == 3
    with pytest.raises(ecgae.InputError, match=r"run must hold loci.tsv; got .* has no scan"):
        _ = ecgae.read_run(runs["pca"]).loci
    with pytest.raises(ecgae.InputError, match="run must be a run directory"):
        ecgae.read_run(finished / "figures")


def test_a_scan_of_the_latents_finds_what_the_run_found(finished, cohort, tmp_path):
    run = ecgae.read_run(finished)
    scored = run.latents[run.parts == "select"]
    found = ecgae.scan(
        scored,
        genotypes=cohort / "genotypes" / "chr",
        covariates=cohort / "covariates.tsv",
        categorical=["centre"],
        planted=cohort / "truth" / "planted.tsv",
        settings=UNCHECKED,
        out=tmp_path / "out",
    )
    pd.testing.assert_frame_equal(found.loci, run.loci)
    pd.testing.assert_frame_equal(found.omnibus_loci, run.omnibus_loci)
    pd.testing.assert_frame_equal(found.associations, run.associations)
    assert found.score["hits"] == run.score["hits"]
    assert (tmp_path / "out" / "score.json").is_file()


def test_what_cannot_be_scanned_is_one_sentence(finished, cohort):
    table = ecgae.read_run(finished).latents
    genotypes = cohort / "genotypes" / "chr"
    for wrong, said in (
        (lambda: ecgae.scan(table.reset_index(drop=True), genotypes), "phenotypes must be indexed"),
        (lambda: ecgae.scan(table, genotypes, engine="x"), "engine must be one of ols, plink2, "),
        (lambda: ecgae.scan(table, genotypes, settings={"score.alfa": 1}), "got 'score.alfa'"),
        (lambda: ecgae.scan(table, genotypes, settings={"score.alpha": "x"}), "score.alpha must b"),
        (lambda: ecgae.scan(table, cohort / "none"), "genotypes"),
    ):
        with pytest.raises(ecgae.InputError, match=said):
            wrong()


# Export


def typed(*words: object) -> tuple[str, str]:
    """What a command says, and what it complains of."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors), suppress(SystemExit):
        main([str(word) for word in words])
    return out.getvalue(), errors.getvalue()


@pytest.fixture(scope="module")
def exported(runs, work) -> dict[str, Path]:
    folders = {name: work / "exported" / name for name in runs}
    for name, folder in folders.items():
        said, complained = typed("export", runs[name], "--to", folder)
        assert complained == ""
        lines = said.splitlines()
        assert [line.split("  ")[0] for line in lines[:-1]] == sorted(map(str, folder.iterdir()))
        assert lines[-1] == "read model_card.md before you share it"
    return folders


def encoded(folder: Path, ecg: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(folder / "encoder.onnx")
    return session.run(["latents"], {"ecg": ecg})[0]


@pytest.mark.parametrize("name", RUNS)
def test_the_exported_file_alone_gives_the_latents_of_the_run(name, runs, exported):
    card = json.loads((exported[name] / "model_card.json").read_text())
    ecg = ecgae.open_store(runs[name]).read("median_beat").ecg
    where = {"residual": "in encoder.onnx", "pca": "in encoder.onnx"}
    assert card["cleaning"]["where"] == where.get(name, "before encoder.onnx")
    if name not in where:  # no layer stands for its denoiser
        numbers = dict(card["cleaning"]["denoiser"])
        ecg = ecgae.clean(
            ecg,
            card["input"]["sampling_rate"],
            denoiser=ecgae.choice("denoiser", numbers.pop("choice"), **numbers),
        )
    stored = read_latents(runs[name] / "latents.h5")
    assert card["output"]["latents"] == stored.names
    for rows in (slice(None), slice(0, 1)):
        expected = stored.values[rows]
        found = encoded(exported[name], ecg[rows])
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * stored.values.std())


@pytest.mark.parametrize("name", RUNS)
def test_nothing_that_is_exported_names_a_person_or_a_place(name, runs, exported, cohort, work):
    ids = {file.name.split("_")[0] for file in (cohort / "ecgs").iterdir()}
    config = ecgae.read_run(runs[name]).config
    places = [str(work), str(ROOT), *map(str, config["paths"].values())]
    assert len(ids) == 150
    files = list(exported[name].iterdir())
    assert {file.name for file in files} == {
        *("encoder.onnx", "weights.safetensors", "model_card.md", "model_card.json"),
    }
    for file in files:
        content = file.read_bytes()
        assert not [place for place in places if place.encode() in content], file.name
        numbers = re.findall(rb"(?<![\d.])\d{7}(?!\d)", content)  # not digits of a longer one
        assert not ids & {number.decode() for number in numbers}, file.name


@pytest.mark.parametrize("name", RUNS)
def test_the_weights_are_those_of_the_run(name, runs, exported):
    weights = load_file(exported[name] / "weights.safetensors")
    own = ecgae.load_run(runs[name]).model.state_dict()
    assert weights.keys() == own.keys()
    assert all(torch.equal(weights[key], own[key]) for key in own)


def test_the_card_says_what_a_stranger_must_know(exported, finished):
    text = (exported["residual"] / "model_card.md").read_text()
    run = ecgae.read_run(finished)
    trained = (run.parts == "training").sum()
    for said in (
        "I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6",
        "500 Hz",
        "600 (1.2 s)",
        "in mV",
        "| baseline | highpass, cutoff 0.5, order 2 | in encoder.onnx |",
        "| normalization | global, shift ",
        "Architecture: residual, latent_dim 3, filters [4, 8]",
        "latent_01 to latent_03 (3)",
        f"Trained on {trained} people of cohort=simulated",
        f"| loci | {run.score['loci']} |",
        "| r2_recorded | ",
        "Licence: none stated for the weights",
        "not a medical device",
    ):
        assert said in text, said
    assert [reason in text for reason in run.score["invalid_because"]] == [True] * len(
        run.score["invalid_because"]
    )
    facts = json.loads((exported["residual"] / "model_card.json").read_text())
    assert facts["normalization"]["scale"] > 0
    assert "None are known" not in text
    assert "come before `encoder.onnx`" in (exported["resnet_vae"] / "model_card.md").read_text()


def test_an_export_never_overwrites_and_refuses_what_is_no_run(exported, finished, tmp_path):
    said, complained = typed("export", finished, "--to", exported["residual"])
    assert said == ""
    assert re.match(r"error: --to must be a new or an empty folder; .*\n$", complained)
    _, complained = typed("export", tmp_path, "--to", tmp_path / "out")
    assert complained.startswith("error: run must be a run directory")
    assert not list(tmp_path.iterdir())


def test_the_licence_can_be_stated(finished, tmp_path):
    typed("export", finished, "--to", tmp_path / "out", "--licence", "CC BY 4.0")
    assert "Licence: CC BY 4.0." in (tmp_path / "out" / "model_card.md").read_text()
