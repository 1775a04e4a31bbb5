"""Lets a model leave: `ecgae export runs/<run> --to FOLDER`."""

import argparse
from pathlib import Path
from typing import Any

HELP = "write a run's model for other programs: weights, an ONNX encoder, a model card; nothing of any person"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="RUN", help="run directory")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FOLDER", help="a new or an empty folder"
    )
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="configs of choices of your own that the run names"
    )


def run(arguments: argparse.Namespace) -> None:
    """Leaves the exported files in the folder. Raises `InputError` where the run cannot be
    exported."""
    from ecgae.entry.library import load_run  # seconds
    from ecgae.models.export import export

    model = load_run(arguments.directory)
    card = card_of(model, arguments.directory)
    export(model.fitted, model.view, model.samples, card, arguments.to)
    print(f"{card['name']}: {arguments.to}")


def card_of(model: Any, directory: Path) -> dict[str, Any]:
    """What the model card says, as plain values: facts of the model and of many people, none of one
    person."""
    import dataclasses
    from importlib.metadata import version

    import torch

    from ecgae.entry.library import read_run
    from ecgae.models.training import count_parameters
    from ecgae.runs.run_directory import read_headline

    def choice(section: str) -> str:
        return model.config[section]["_target_"].split(".")[-2]

    def numbers(step: Any) -> str:
        return ", ".join(f"{name}={value}" for name, value in dataclasses.asdict(step).items())

    found = read_run(directory)
    split, score = found.latents["split"], found.score or {}
    cleaning = dict(zip(("baseline", "denoiser"), model.cleaning, strict=True))
    names = ("valid", "loci", "omnibus_loci", "hits", "excess_chi2", "n_individuals")
    scores = {name: score[name] for name in names if score.get(name) is not None}
    return {
        "name": directory.resolve().name,
        "ecgae": version("ecgae"),
        "torch": torch.__version__.partition("+")[0],
        "input": {
            "leads": list(model.leads),
            "samples": model.samples,
            "sampling_rate": model.sampling_rate,
            "unit": "mV",
            "kind": model.kind,
        },
        "cleaning": {
            axis: choice(axis) + (f" ({numbers(step)})" if dataclasses.fields(step) else "")
            for axis, step in cleaning.items()
        },
        "needs_cleaning": any(choice(axis) != "none" for axis in cleaning),
        "lead_mode": model.config["lead_mode"],
        "normalization": f"{choice('normalization')} {numbers(model.normalization)}".strip(),
        "architecture": choice("architecture"),
        "architecture_numbers": {
            name: value
            for name, value in model.config["architecture"].items()
            if name != "_target_"
        },
        "parameters": count_parameters(model.module),
        "latents": [name for name in found.latents if name != "split"],
        "training_people": int((split == "training").sum()),
        "cohort": choice("cohort"),
        "scores": {
            **scores,
            **{
                name: value for name, value in read_headline(directory).items() if value is not None
            },
        },
    }
