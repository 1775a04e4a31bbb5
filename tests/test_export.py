"""The exported encoder alone, without ecgae and torch, gives the model's latents: for every choice,
any batch, in mV."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import ROOT, choices, heartbeats
from networks import config, small

from ecgae.ecg import LEADS
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.models import cleaning_layers, export, model_card
from ecgae.models.architecture import ClosedForm
from ecgae.models.checkpoint import Fitted
from ecgae.models.cleaning_layers import layer_of
from ecgae.models.features import Standard
from ecgae.models.trained import TrainedModel
from ecgae.models.views import View
from ecgae.recordings.formats.recording import Layout
from ecgae.signals.denoiser.dwt import DWT

SAMPLES = 150


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return heartbeats(5, SAMPLES, seed=3)


def trained(
    ecg,
    architecture="residual",
    normalization="global",
    baseline="none",
    denoiser="none",
    lead_mode="joint",
    leads="all",
    conditions=0,
) -> TrainedModel:
    """A model whose batch normalizations have seen these ECGs; its other weights are random."""
    view = View(LEADS, lead_mode, leads)
    first, second = (
        build(config(axis, name)) for axis, name in (("baseline", baseline), ("denoiser", denoiser))
    )
    cleaned = second(first(ecg, 500.0), 500.0)
    fitted = build(config("normalization", normalization)).fit([cleaned])
    network = small(architecture, view.channels, SAMPLES, conditions)
    signals = view.signals(cleaned)
    normalized = np.ascontiguousarray(fitted(signals).apply(signals))
    batch = torch.from_numpy(normalized)
    if isinstance(network, ClosedForm):
        told = torch.randn(len(batch), conditions) if conditions else None
        network.solve(lambda: [(batch, told)])
    network.train()
    with torch.no_grad():
        network.encode(batch)
    return TrainedModel(
        fitted=Fitted(network.eval(), fitted, Standard(), []),
        view=view,
        layout=Layout(LEADS, SAMPLES, 500.0),
        recording="median_beat",
        baseline=first,
        denoiser=second,
        config={},
    )


def through_onnx(content: bytes, ecg: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run([export.OUTPUT], {export.INPUT: ecg.astype(np.float32)})
    return found


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert np.ptp(expected) > 1e-3
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.std())


@pytest.mark.parametrize("architecture", choices("architecture"))
def test_every_architecture_gives_its_latents_from_any_number_of_recordings(
    architecture, ecg, capfd
):
    model = trained(ecg, architecture)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = export.as_onnx(model, None)
    assert capfd.readouterr() == ("", "")
    onnx.checker.check_model(content)
    for people in (1, 5):
        assert_alike(
            through_onnx(content, ecg[:people]), model.encode(ecg[:people], 500.0).to_numpy()
        )


@pytest.mark.parametrize(("lead_mode", "leads"), [("joint", "independent"), ("single", "all")])
@pytest.mark.parametrize("normalization", choices("normalization"))
def test_normalization_and_choice_of_leads_are_in_the_graph(normalization, lead_mode, leads, ecg):
    model = trained(ecg, "plain", normalization, leads=leads, lead_mode=lead_mode)
    content = export.as_onnx(model, None)
    latents = model.encode(ecg, 500.0)
    assert list(latents) == model.names
    assert_alike(through_onnx(content, ecg), latents.to_numpy())


def test_a_flat_lead_goes_through(ecg):
    flat = ecg.copy()
    flat[:, 3] = 0
    model = trained(ecg, "pca", "per_signal", lead_mode="single")
    assert_alike(
        through_onnx(export.as_onnx(model, None), flat), model.encode(flat, 500.0).to_numpy()
    )


def test_what_the_decoder_is_told_is_no_input_of_the_encoder(ecg):
    model = trained(ecg, "plain", conditions=2)
    content = export.as_onnx(model, None)
    assert [given.name for given in onnx.load_from_string(content).graph.input] == ["ecg"]
    assert_alike(through_onnx(content, ecg), model.encode(ecg, 500.0).to_numpy())


BEFORE = ("spline", "two_stage_median", "fft_wiener")
"""Choices that no layer stands for."""


@pytest.mark.parametrize(
    ("axis", "name"), [(axis, name) for axis in ("baseline", "denoiser") for name in choices(axis)]
)
@pytest.mark.parametrize("samples", [150, 601])
def test_a_layer_stands_for_a_step_exactly_or_not_at_all(axis, name, samples):
    ecg = heartbeats(3, samples, seed=8)
    step = build(config(axis, name))
    layer = layer_of(step, samples, 500.0)
    assert (layer is None) == (name in BEFORE)
    if layer is not None:
        assert np.allclose(layer(torch.from_numpy(ecg)), step(ecg, 500.0), atol=1e-5)


@pytest.mark.parametrize("wavelet", ["haar", "db4", "sym8", "bior2.2"])
@pytest.mark.parametrize("sigma", ["finest", "per_level"])
def test_wavelets_of_any_length_are_layers(wavelet, sigma):
    ecg = heartbeats(3, 603, seed=8)
    for level in (1, 4):
        step = DWT(wavelet, level, sigma=sigma)
        layer = layer_of(step, 603, 500.0)
        assert np.allclose(layer(torch.from_numpy(ecg)), step(ecg, 500.0), atol=1e-5)


@pytest.mark.parametrize("rule", [{"mode": "hard"}, {"threshold": "sure"}, {"threshold": "bayes"}])
def test_other_wavelet_thresholds_have_no_layer(rule):
    assert layer_of(DWT("db4", 3, **rule), 600, 500.0) is None


def test_a_layer_that_does_something_else_is_not_used(monkeypatch):
    step = build(config("baseline", "moving_average"))
    monkeypatch.setattr(
        cleaning_layers.LessRunningMean, "forward", lambda self, ecg: ecg - ecg.mean()
    )
    assert layer_of(step, 300, 500.0) is None


@pytest.mark.parametrize(
    ("baseline", "denoiser"),
    [("moving_average", "dwt"), ("highpass", "fft"), ("none", "notch"), ("highpass", "dwt")],
)
def test_both_cleaning_steps_are_in_the_graph_in_their_order(baseline, denoiser, ecg):
    model = trained(ecg, baseline=baseline, denoiser=denoiser)
    assert export.needs_cleaning(model)
    content = export.as_onnx(model, export.cleaning_layers(model))
    for people in (1, 5):
        assert_alike(
            through_onnx(content, ecg[:people]), model.encode(ecg[:people], 500.0).to_numpy()
        )


def test_one_step_that_no_layer_stands_for_brings_both_before_the_graph(ecg):
    assert export.cleaning_layers(trained(ecg, baseline="spline", denoiser="dwt")) is None
    assert not export.needs_cleaning(trained(ecg))


def test_long_recordings_get_no_matrix(monkeypatch):
    monkeypatch.setattr(cleaning_layers, "LARGEST_MATRIX", 149)
    assert layer_of(build(config("denoiser", "fft")), 150, 500.0) is None
    assert layer_of(build(config("denoiser", "dwt")), 150, 500.0) is not None


def test_a_normalization_that_the_graph_cannot_hold_is_refused(ecg):
    class Largest:
        def __call__(self, signals):
            from ecgae.signals.normalization import Scaling

            scale = np.abs(signals).max(axis=(1, 2), keepdims=True)
            return Scaling(np.zeros_like(scale), scale)

    model = trained(ecg)
    other = TrainedModel(
        **{**vars(model), "fitted": model.fitted._replace(normalization=Largest())}
    )
    with pytest.raises(InputError, match=r"normalization must be none, global.*got Largest"):
        export.as_onnx(other, None)


def test_the_graph_tells_nothing_of_where_it_was_made(ecg):
    content = export.as_onnx(trained(ecg, "skip_concat"), None)
    for word in (str(ROOT), str(Path.home()), ".py", "site-packages", "Traceback", "ecgae"):
        assert word.encode() not in content


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(
        InputError, match=r"--to must be a new or an empty folder.*Name another one"
    ):
        export.require_empty(tmp_path)
    with pytest.raises(InputError, match=r"--to must be a folder; got .*mine, which is a file"):
        export.require_empty(tmp_path / "mine")
    export.require_empty(tmp_path / "new")


def test_a_missing_package_is_one_sentence_with_the_command(monkeypatch):
    monkeypatch.setattr(export, "PACKAGES", ("safetensors", "no_such_package"))
    with pytest.raises(
        InputError, match=r"no_such_package; it is not installed. Type: pip install 'o"
    ):
        export.require_packages()


def test_text_that_may_be_a_path_is_not_on_the_card():
    section = {"_target_": "ecgae.a.median.Median", "file": "/home/me/x", "win": "C:\\x", "n": 3}
    assert model_card._choice(section) == {"choice": "median", "n": 3}
