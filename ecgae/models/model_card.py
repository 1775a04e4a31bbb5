"""The model card: what somebody who has only the exported files must know; of no person in
particular."""

import dataclasses
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ecgae.models.latents import TRAINING, VALIDATION, read_latents
from ecgae.models.trained import TrainedModel
from ecgae.runs.run_directory import read_headline, read_score

FORMAT = "ecgae model card 1"

NO_CLEANING, IN_GRAPH, BEFORE_GRAPH = "none needed", "in encoder.onnx", "before encoder.onnx"
"""Where recordings are cleaned."""

SCORES = (
    *("valid", "invalid_because", "loci", "omnibus_loci", "hits", "threshold"),
    *("genomic_inflation", "n_individuals", "n_variants", "scored_people"),
)
"""Of score.json; what the headline of model.json holds comes with them."""

NO_LICENCE = (
    "none stated for the weights: whoever shares them states one, within the terms under which the recordings were "
    "obtained (UK Biobank's agreement, a licence of PhysioNet, ...); the code of ecgae is MIT"
)

INTENDED_USE = (
    "research on groups of people, such as genome-wide association; not a medical device: no diagnosis, no decision "
    "about a patient"
)

LIMITS = (
    "It knows recordings like those of its training: the same leads, rate and length, devices, filters and people. "
    "Elsewhere, look at reconstructions first.",
    "Latents have no unit, and those of one model say nothing about those of another.",
    "Weights are computed from the training people's ECGs: the fewer they are, the more of a single one may be left in "
    "them.",
)


def facts(
    trained: TrainedModel, run: Path, cleaned_where: str, licence: str | None
) -> dict[str, Any]:
    """Plain values, as model_card.json holds them; nothing that names a person or a place of this
    computer."""
    return {
        "format": FORMAT,
        "name": run.resolve().name,
        "ecgae": _version_of("ecgae"),
        "torch": torch.__version__,
        "input": _input(trained),
        "cleaning": {
            "baseline": _choice(trained.config["baseline"]),
            "denoiser": _choice(trained.config["denoiser"]),
            "where": cleaned_where,
        },
        "normalization": {
            **_choice(trained.config["normalization"]),
            **dataclasses.asdict(trained.fitted.normalization),  # type: ignore[call-overload]
        },
        "architecture": _choice(trained.config["architecture"])
        | {"parameters": sum(weight.numel() for weight in trained.model.parameters())},
        "objective": _choice(trained.config["objective"]),
        "output": {"name": "latents", "axes": ["batch", "latent"], "latents": trained.names},
        "latent_qc": _choice(trained.config["latent_qc"]),
        "training": _training(trained, run),
        "scores": _scores(run),
        "licence": licence or NO_LICENCE,
        "intended_use": INTENDED_USE,
        "limits": list(LIMITS),
    }


def _input(trained: TrainedModel) -> dict[str, Any]:
    shape = {
        "name": "ecg",
        "axes": ["batch", "lead", "time"],
        "unit": "mV",
        "leads": list(trained.leads),
        "leads_seen": list(trained.view.leads),
        "lead_mode": trained.view.lead_mode,
        "sampling_rate": trained.sampling_rate,
        "samples": trained.samples,
        "recording": trained.recording,
    }
    if trained.recording == "median_beat":
        shape["median_beat_built_with"] = _choice(trained.config["beats"])
    return shape


def _training(trained: TrainedModel, run: Path) -> dict[str, Any]:
    latents = read_latents(run / "latents.h5")
    people = {
        part: len(np.unique(latents.sample_ids[latents.split == part]))
        for part in (TRAINING, VALIDATION)
    }
    return {
        "people": people[TRAINING],
        "people_who_chose_the_epoch": people[VALIDATION],
        "cohort": _choice(trained.config["cohort"])["choice"],
        "epochs": len(trained.fitted.history),
    }


def _scores(run: Path) -> dict[str, Any]:
    score = read_score(run) or {}
    counts = {name: score[name] for name in SCORES if name in score}
    return read_headline(run) | counts


def _choice(section: Mapping[str, Any]) -> dict[str, Any]:
    """What a section of a config chose and its numbers; text that may be a path is left out."""
    numbers = {
        name: value
        for name, value in section.items()
        if name != "_target_" and not (isinstance(value, str) and ("/" in value or "\\" in value))
    }
    return {"choice": section["_target_"].split(".")[-2], **numbers}


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a clone that is not installed
        return "not installed"


def as_text(card: Mapping[str, Any]) -> str:
    """The card in Markdown: the facts of `card`, to be read."""
    given, trained, latents = card["input"], card["training"], card["output"]["latents"]
    head = [
        f"# {card['name']}",
        "",
        f"An encoder of ECGs: {given['recording']}s in, {len(latents)} latents out.",
        f"Trained on {trained['people']:,} people of cohort={trained['cohort']}; another "
        f"{trained['people_who_chose_the_epoch']:,} chose the epoch.",
        f"Written by ecgae {card['ecgae']} with torch {card['torch']}.",
    ]

    model = [
        f"Architecture: {_listed(card['architecture'])}.",
        f"Objective: {_listed(card['objective'])}.",
        "`weights.safetensors` holds the weights of encoder and decoder by name.",
    ]
    use = [
        f"Licence: {card['licence']}.",
        f"Intended use: {card['intended_use']}.",
        *card["limits"],
        "The run left out latents of recordings that were badly reconstructed; `encoder.onnx` gives all: "
        f"{_listed(card['latent_qc'])}.",
    ]

    sections = {
        "Input and output": _input_as_text(given, latents),
        "Before the network": _cleaning_as_text(card["cleaning"], card["normalization"]),
        "Model": model,
        "Scores": _scores_as_text(card["scores"]),
        "Use": use,
    }
    body = [line for title, lines in sections.items() for line in ("", f"## {title}", "", *lines)]
    return "\n".join([*head, *body, ""])


def _input_as_text(given: Mapping[str, Any], latents: Sequence[str]) -> list[str]:
    """The table of what goes into the graph and what comes out."""
    seconds = given["samples"] / given["sampling_rate"]
    seen = f"{', '.join(given['leads_seen'])}, {_SEEN[given['lead_mode']]}"
    rows = {
        "leads, in this order": ", ".join(given["leads"]),
        "leads that the network sees": seen,
        "sampling rate": f"{given['sampling_rate']:g} Hz",
        "samples": f"{given['samples']:,} ({seconds:g} s)",
    }
    if "median_beat_built_with" in given:
        rows["a median beat is built with"] = _listed(given["median_beat_built_with"])
    rows["latents"] = f"{latents[0]} to {latents[-1]} ({len(latents)})"

    return [
        "`encoder.onnx` takes `ecg` [batch lead time] in mV and gives `latents` [batch latent]; both are float32.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
    ]


def _cleaning_as_text(cleaning: Mapping[str, Any], normalization: Mapping[str, Any]) -> list[str]:
    """The steps between a recording and the network, and where each is done."""
    where = cleaning["where"]
    table = [
        "| step | choice and numbers | done |",
        "|---|---|---|",
        f"| baseline | {_listed(cleaning['baseline'])} | {where} |",
        f"| denoiser | {_listed(cleaning['denoiser'])} | {where} |",
        f"| normalization | {_listed(normalization)} | in encoder.onnx |",
    ]
    if where != BEFORE_GRAPH:
        return table
    return [
        *table,
        "",
        "Baseline and denoiser come before `encoder.onnx`, in this order and with these numbers.",
        "`ecgae.clean` applies them; their files in ecgae say how.",
    ]


_SEEN = {"joint": "together", "single": "each as a sample of its own"}


def _scores_as_text(scores: Mapping[str, Any]) -> list[str]:
    if not scores:
        return ["None are known: nothing was measured or scanned."]
    lines = ["| | |", "|---|---|"]
    lines += [
        f"| {name} | {_shown(value)} |"
        for name, value in scores.items()
        if name not in ("invalid_because", "model_warnings")
    ]
    remarks = [*scores.get("invalid_because", ()), *scores.get("model_warnings", ())]
    return [*lines, *(["", *(f"- {remark}" for remark in remarks)] if remarks else [])]


def _listed(choice: Mapping[str, Any]) -> str:
    numbers = [f"{name} {_shown(value)}" for name, value in choice.items() if name != "choice"]
    return ", ".join([choice["choice"], *numbers])


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not known"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
