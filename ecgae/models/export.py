"""A model that leaves: weights, the encoder as ONNX and a model card, of no person in particular.

The graph takes recordings [batch lead time] in mV, at the run's rate and with its leads, and gives
the run's latents: it holds the cleaning where a layer does the same (`cleaning_layers`), the choice of
leads, the normalization and the encoder. Other cleaning comes before it, as the card says.
"""

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecgae.errors import InputError
from ecgae.machine.extras import extra
from ecgae.models.cleaning_layers import Matrix, example_traces, layer_of
from ecgae.models.model_card import BEFORE_GRAPH, IN_GRAPH, NO_CLEANING, as_text, facts
from ecgae.models.trained import TrainedModel

ENCODER, WEIGHTS, CARD, FACTS = (
    "encoder.onnx",
    "weights.safetensors",
    "model_card.md",
    "model_card.json",
)
INPUT, OUTPUT = "ecg", "latents"
"""Names in the graph."""

OPSET = 18
"""Version of ONNX's operators; onnxruntime knows it since 1.14 (2023)."""

PACKAGES = ("onnx", "onnxscript", "safetensors")


class MillivoltEncoder(nn.Module):
    """From recordings in mV to latents: cleaning where it is given, leads, normalization,
    encoder."""

    seen: Tensor

    def __init__(self, trained: TrainedModel, cleaning: nn.Module | None) -> None:
        super().__init__()
        view = trained.view
        self.encoder = trained.fitted.model
        self.channels, self.per_individual = view.channels, view.per_individual
        self.normalization = _as_module(trained)
        seen = [view.recorded.index(lead) for lead in view.leads]
        self.register_buffer("seen", torch.tensor(seen))
        self.all_seen = view.lead_set == "all"
        self.cleaning = nn.Identity() if cleaning is None else cleaning

    def forward(self, ecg: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch phenotype"]:
        ecg = self.cleaning(ecg)
        if not self.all_seen:
            ecg = ecg.index_select(1, self.seen)
        signals = ecg.reshape(-1, self.channels, ecg.shape[-1])
        latents = self.encoder.encode(self.normalization(signals)).mean
        return latents.reshape(-1, self.per_individual * latents.shape[-1])


class ConstantScaling(nn.Module):
    """`(ecg - shift) / scale` with the same two numbers for all, in mV."""

    def __init__(self, shift: float, scale: float) -> None:
        super().__init__()
        self.shift, self.scale = shift, scale

    def forward(
        self, ecg: Float[Tensor, "signal channel time"]
    ) -> Float[Tensor, "signal channel time"]:
        return (ecg - self.shift) / self.scale


class SignalScaling(nn.Module):
    """`(ecg - mean) / sd` of every lead of every signal; a flat lead keeps scale 1 mV."""

    def forward(
        self, ecg: Float[Tensor, "signal channel time"]
    ) -> Float[Tensor, "signal channel time"]:
        centred = ecg - ecg.mean(dim=-1, keepdim=True)
        scale = centred.square().mean(dim=-1, keepdim=True).sqrt()
        return centred / torch.where(scale > 0, scale, torch.ones_like(scale))


def cleaning_layers(trained: TrainedModel) -> nn.Module | None:
    """Baseline and denoiser of the model as layers; None where one of them cannot be in a graph."""
    baseline, denoiser = (
        layer_of(step, trained.samples, trained.sampling_rate)
        for step in (trained.baseline, trained.denoiser)
    )
    if baseline is None or denoiser is None:
        return None
    if isinstance(baseline, Matrix) and isinstance(denoiser, Matrix):
        return Matrix(baseline.matrix.double().numpy() @ denoiser.matrix.double().numpy())
    return nn.Sequential(baseline, denoiser)


def needs_cleaning(trained: TrainedModel) -> bool:
    """Whether baseline or denoiser changes anything."""
    traces = example_traces(trained.samples)[None]
    return not np.array_equal(trained.clean(traces), traces)


def export(trained: TrainedModel, run: Path, folder: Path, licence: str | None = None) -> None:
    """Writes the model of `run` as four files into `folder`, which is new or empty; whole or not at
    all.

    Raises `InputError` for a folder that holds something, and where a package is missing.
    """
    require_empty(folder)
    require_packages()
    from safetensors.torch import save

    cleaning, cleaned_where = None, NO_CLEANING
    if needs_cleaning(trained):
        cleaning = cleaning_layers(trained)
        cleaned_where = BEFORE_GRAPH if cleaning is None else IN_GRAPH
    card = facts(trained, run, cleaned_where, licence)
    weights = trained.fitted.model.state_dict()

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        (partial / ENCODER).write_bytes(as_onnx(trained, cleaning))
        whole = {name: weight.detach().cpu().clone() for name, weight in weights.items()}
        (partial / WEIGHTS).write_bytes(save(whole))
        (partial / FACTS).write_text(json.dumps(card, indent=2, allow_nan=False) + "\n")
        (partial / CARD).write_text(as_text(card))
        if folder.is_dir():
            folder.rmdir()
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def as_onnx(trained: TrainedModel, cleaning: nn.Module | None) -> bytes:
    """The graph, for any number of recordings at once; nothing in it tells where it was made."""
    wrapped = MillivoltEncoder(trained, cleaning).cpu().eval()
    example = torch.zeros(2, len(trained.leads), trained.samples)
    example += torch.linspace(-1, 1, trained.samples)

    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            wrapped,
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        )
    assert program is not None  # so it is without dynamo
    model = program.model_proto
    _forget_the_origin(model)
    return model.SerializeToString()


def _forget_the_origin(message: Any) -> None:
    """Takes out what torch notes for debugging: files, lines and names of the code that made each
    node."""
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for inner in value if field.is_repeated else (value,):
                _forget_the_origin(inner)


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch's exporter prints and warns about packages that are not needed here."""
    noisy = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in noisy]
    for logger in noisy:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)


def _as_module(trained: TrainedModel) -> nn.Module:
    """The normalization in torch, compared with the one that it stands for."""
    normalization = trained.fitted.normalization
    shape = (3, trained.view.channels, trained.samples)
    signals = np.random.default_rng(0).normal(1, 2, shape).astype(np.float32)
    scaling = normalization(signals)
    made: nn.Module = SignalScaling()
    if trained.constant_scaling:
        made = ConstantScaling(float(scaling.shift.flat[0]), float(scaling.scale.flat[0]))
    expected = scaling.apply(signals)
    if not np.allclose(made(torch.from_numpy(signals)).numpy(), expected, rtol=1e-4, atol=1e-5):
        raise InputError(
            "normalization must be none, global, robust or per_signal for an export, or made of constants like these; "
            f"got {type(normalization).__name__}."
        )
    return made


def require_empty(folder: Path) -> None:
    """Raises `InputError` where something is in the way."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--to must be a folder; got {folder}, which is a file.")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"--to must be a new or an empty folder; {folder} holds files already. Name another one."
        )


def require_packages() -> None:
    """Raises `InputError` where a package that only an export needs is not installed."""
    for name in PACKAGES:
        extra(name, "export", "an export")
