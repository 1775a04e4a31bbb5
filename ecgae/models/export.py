"""A model that leaves: its encoder as ONNX, its weights as safetensors, and a card that says what
they are.

The ONNX graph takes recordings in mV as the card states and gives the run's latents; choosing leads
and scaling are part of it. What cleans recordings is not: where a run has a baseline step or a
denoiser, the card says with which numbers it comes before. Nothing of a person is in any file: no
ids, no paths, no traces.
"""

import contextlib
import io
import json
import logging
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecgae.errors import InputError
from ecgae.machine.extras import extra
from ecgae.models.architecture import Autoencoder
from ecgae.models.checkpoint import Fitted
from ecgae.models.views import View
from ecgae.signals.normalization import Scaling

WEIGHTS, ENCODER, CARD, FACTS = (
    "weights.safetensors",
    "encoder.onnx",
    "model_card.md",
    "model_card.json",
)

INPUT, OUTPUT = "ecg", "latents"
"""Names of the graph's input [batch lead time] in mV and of its output [batch latent]."""

PURPOSE = "an export"


class Encoder(nn.Module):
    """From recordings in mV to latents: the view, the scaling and the encoder as one graph."""

    def __init__(self, model: Autoencoder, view: View, scaling: nn.Module) -> None:
        super().__init__()
        self.model, self.scaling, self.channels = model, scaling, view.channels
        self.per_individual, self.all_leads = view.per_individual, view.lead_set == "all"
        seen = [view.recorded.index(lead) for lead in view.leads]
        self.seen: Tensor
        self.register_buffer("seen", torch.tensor(seen), persistent=False)

    def forward(self, ecg: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch phenotype"]:
        seen = ecg if self.all_leads else ecg.index_select(1, self.seen)
        signals = seen.reshape(-1, self.channels, ecg.shape[-1])
        latents = self.model.encode(self.scaling(signals)).mean
        return latents.reshape(-1, self.per_individual * latents.shape[-1])


class Constant(nn.Module):
    """`(ecg - shift) / scale` with the same numbers for all signals."""

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        self.shift, self.scale = float(scaling.shift.item()), float(scaling.scale.item())

    def forward(
        self, signals: Float[Tensor, "signal channel time"]
    ) -> Float[Tensor, "signal channel time"]:
        return (signals - self.shift) / self.scale


class OfEachLead(nn.Module):
    """Mean and standard deviation of each lead of each signal; a flat lead keeps scale 1 mV."""

    def forward(
        self, signals: Float[Tensor, "signal channel time"]
    ) -> Float[Tensor, "signal channel time"]:
        shift = signals.mean(dim=-1, keepdim=True)
        scale = (signals - shift).square().mean(dim=-1, keepdim=True).sqrt()
        return (signals - shift) / torch.where(scale > 0, scale, torch.ones_like(scale))


def scaling_of(normalization: Any, channels: int) -> nn.Module:
    """The normalization as a layer, proven on random signals. Raises `InputError` for one that is
    none of ours."""
    signals = torch.randn(3, channels, 50, generator=torch.Generator().manual_seed(1)) * 2 + 1
    expected = torch.from_numpy(normalization(signals.numpy()).apply(signals.numpy()))
    scaling = normalization(signals.numpy())
    constant = [Constant(scaling)] if scaling.shift.size == scaling.scale.size == 1 else []
    for layer in (*constant, OfEachLead()):
        if torch.allclose(layer(signals), expected.float(), rtol=1e-5, atol=1e-6):
            return layer
    raise InputError(
        "normalization must be none, global, robust or per_signal to be exported; got "
        f"{type(normalization).__name__}. Train with one of these."
    )


def export(fitted: Fitted, view: View, samples: int, card: dict[str, Any], folder: Path) -> None:
    """Leaves the four files in `folder`, whole or not at all; `card`: what the model card says.

    Raises `InputError` where the folder holds something, or a package is missing.
    """
    extra("onnxscript", "export", PURPOSE)
    extra("onnx", "export", PURPOSE)
    save = extra("safetensors.torch", "export", PURPOSE)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--to must be a new or an empty folder; {folder} holds something.")

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    weights = {name: weight.contiguous() for name, weight in fitted.model.state_dict().items()}
    save.save_file({name: weight.clone() for name, weight in weights.items()}, partial / WEIGHTS)
    write_encoder(fitted, view, samples, partial / ENCODER)
    (partial / FACTS).write_text(json.dumps(card, indent=2) + "\n")
    (partial / CARD).write_text(card_text(card))

    (partial / WEIGHTS).chmod(
        (partial / CARD).stat().st_mode
    )  # safetensors writes for the owner alone
    if folder.exists():
        folder.rmdir()
    os.replace(partial, folder)


def write_encoder(fitted: Fitted, view: View, samples: int, file: Path) -> None:
    """The encoder as one ONNX file; any number of recordings goes through at once."""
    scaling = scaling_of(fitted.normalization, view.channels)
    encoder = Encoder(fitted.model, view, scaling).eval()
    example = torch.zeros(2, len(view.recorded), samples)
    example += torch.linspace(-1, 1, samples)
    with _quietly():
        program = torch.onnx.export(
            encoder,
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={"ecg": {0: torch.export.Dim("batch")}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        assert program is not None
        _forget_where_it_was_made(program.model_proto, file)


def _forget_where_it_was_made(proto: Any, file: Path) -> None:
    """Writes the graph without the notes of its making, which name files of this computer."""
    for thing in (proto, proto.graph, *proto.graph.node, *proto.functions):
        del thing.metadata_props[:]
        if hasattr(thing, "doc_string"):
            thing.ClearField("doc_string")
    for value in (
        *proto.graph.value_info,
        *proto.graph.input,
        *proto.graph.output,
        *proto.graph.initializer,
    ):
        del value.metadata_props[:]
    file.write_bytes(proto.SerializeToString())


@contextlib.contextmanager
def _quietly() -> Any:
    """The exporter prints its steps and warns of its own calls."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def card_text(facts: dict[str, Any]) -> str:
    """The card in Markdown: the same facts, to be read."""
    given, scores = facts["input"], facts["scores"]
    steps = [f"- {name}: {step}" for name, step in facts["cleaning"].items()]
    before = (
        "nothing: recordings go in as they are"
        if not facts["needs_cleaning"]
        else "both steps, in this order"
    )
    numbers = [f"- {name}: {value}" for name, value in scores.items()]
    return "\n".join(
        [
            f"# {facts['name']}",
            "",
            f"An ECG encoder made by ecgae {facts['ecgae']}: `{ENCODER}` takes `{INPUT}` and gives `{OUTPUT}`.",
            "",
            "## Input",
            f"- `{INPUT}` [batch lead time], float32, in {given['unit']}",
            f"- leads, in this order: {', '.join(given['leads'])}",
            f"- {given['samples']} samples at {given['sampling_rate']:g} Hz: a {given['kind']}",
            "",
            "## Cleaning",
            *steps,
            f"- before the graph comes {before}",
            "",
            "## Output",
            f"- `{OUTPUT}` [batch {len(facts['latents'])}]: {', '.join(facts['latents'])}",
            "",
            "## Model",
            f"- architecture: {facts['architecture']}, {facts['parameters']:,} parameters",
            f"- normalization, part of the graph: {facts['normalization']}",
            f"- leads together or one by one: {facts['lead_mode']}",
            f"- trained on {facts['training_people']:,} people of a cohort of kind {facts['cohort']}",
            "",
            "## Scores",
            *(numbers or ["- not scored"]),
            "",
            "## Use and limits",
            "- Made for research on groups of people, such as genome-wide association scans; not a medical device.",
            "- Latents mean what they mean for recordings like those of training: same device and filters.",
            "- No recording, name or genotype of a person is in these files.",
            "  Weights are functions of training data all the same: share them as your data agreement allows.",
            "- Licence: that of the data and of your project; ecgae itself is MIT.",
            "",
        ]
    )
