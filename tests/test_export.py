"""A model that was exported gives the run's latents without ecgae, and says nothing about anybody."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from conftest import choices, composed, heartbeats
from networks import small
from safetensors.torch import load_file

from ecgae.ecg import LEADS
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.models import export
from ecgae.models.checkpoint import Fitted
from ecgae.models.encoding import latents_of
from ecgae.models.features import Standard
from ecgae.models.views import View
from ecgae.signals.normalization import Scaling

onnxruntime = pytest.importorskip("onnxruntime")

CARD = {
    "name": "a run",
    "ecgae": "0.1.0",
    "input": {
        "leads": list(LEADS),
        "samples": 57,
        "sampling_rate": 500.0,
        "unit": "mV",
        "kind": "median_beat",
    },
    "cleaning": {"baseline": "none", "denoiser": "fft (low=0.5)"},
    "needs_cleaning": True,
    "lead_mode": "joint",
    "normalization": "global",
    "architecture": "plain",
    "parameters": 1234,
    "latents": ["latent_01"],
    "training_people": 30,
    "cohort": "simulated",
    "scores": {"loci": 3},
}


def fitted_of(architecture: str, normalization: str, view: View, ecg: np.ndarray) -> Fitted:
    """A network with random weights, scaled by these recordings."""
    signals = view.signals(ecg)
    scaling = build(composed(f"normalization={normalization}").normalization).fit(iter([signals]))
    model = small(architecture, leads=view.channels).eval()
    if architecture == "pca":
        with torch.no_grad():
            for weight in model.parameters():
                weight.normal_(generator=torch.Generator().manual_seed(1))
    return Fitted(model, scaling, Standard(), [])


def through(file, ecg: np.ndarray) -> np.ndarray:
    """The exported file alone."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return session.run([export.OUTPUT], {export.INPUT: ecg})[0]


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return heartbeats(9, 57)


@pytest.mark.parametrize("architecture", choices("architecture"))
def test_every_architecture_gives_the_same_latents_without_ecgae(
    architecture, ecg, tmp_path, capfd
):
    view = View(LEADS)
    fitted = fitted_of(architecture, "global", view, ecg)
    export.write_encoder(fitted, view, 57, tmp_path / "encoder.onnx")
    expected = latents_of(fitted, view, ecg)
    assert np.ptp(expected) > 1e-3
    for people in (9, 1):
        found = through(tmp_path / "encoder.onnx", ecg[:people])
        np.testing.assert_allclose(found, expected[:people], rtol=1e-4, atol=1e-5)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("normalization", choices("normalization"))
@pytest.mark.parametrize("lead_mode", ["joint", "single"])
def test_scaling_and_choice_of_leads_are_part_of_the_graph(normalization, lead_mode, ecg, tmp_path):
    view = View(LEADS, lead_mode, "independent")
    fitted = fitted_of("plain", normalization, view, ecg)
    export.write_encoder(fitted, view, 57, tmp_path / "encoder.onnx")
    expected = latents_of(fitted, view, ecg)
    found = through(tmp_path / "encoder.onnx", ecg)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_files_are_whole_and_name_no_place(ecg, tmp_path):
    view = View(LEADS)
    fitted = fitted_of("residual", "global", view, ecg)
    export.export(fitted, view, 57, CARD, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        export.ENCODER,
        export.FACTS,
        export.CARD,
        export.WEIGHTS,
    ]
    held = load_file(tmp_path / "out" / export.WEIGHTS)
    assert all(
        torch.equal(held[name], weight) for name, weight in fitted.model.state_dict().items()
    )
    assert json.loads((tmp_path / "out" / export.FACTS).read_text()) == CARD
    for file in (tmp_path / "out").iterdir():
        assert not [
            word
            for word in (b"/tmp", b"/home", b"site-packages", b".py")
            if word in file.read_bytes()
        ]

    card = (tmp_path / "out" / export.CARD).read_text()
    assert "57 samples at 500 Hz" in card
    assert "both steps, in this order" in card
    assert "30 people" in card


def test_a_folder_with_something_in_it_is_left_alone(ecg, tmp_path):
    view = View(LEADS)
    (tmp_path / "mine").write_text("x")
    fitted = fitted_of("plain", "none", view, ecg)
    with pytest.raises(InputError, match="must be a new or an empty folder"):
        export.export(fitted, view, 57, CARD, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_a_normalization_that_no_graph_holds_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Largest:
        def __call__(self, ecg):
            return Scaling(
                np.zeros((1, 1, 1), np.float32), np.abs(ecg).max(axis=(1, 2), keepdims=True)
            )

    with pytest.raises(
        InputError, match="normalization must be none, global, robust or per_signal"
    ):
        export.scaling_of(Largest(), 12)
