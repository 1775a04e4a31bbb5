"""How fast networks are trained and used, as ratios within one run: `python
benchmarks/training/training.py`.

    loop      train.py's training against a bare PyTorch loop of the same model on the same batches
    files     its data path against one .npy file per person and lead behind a DataLoader
    settings  one step on the CPU under several settings, against eager float32
    gpu       one step on a GPU (--device cuda): share of the measured ceilings, profile
    encoding  encoding from a store: people per second and memory

`report_final` is the published network (one lead of 10 s per sample), `demo` what `python train.py`
trains.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "GOMP_SPINCOUNT", "5000"
)  # as the entry points set it; read when torch is imported

sys.path[:0] = [str(Path(__file__).parents[2])]

import numpy as np  # noqa: E402
import pytorch_lightning as pl  # noqa: E402
import torch  # noqa: E402
from cases import OVERRIDES, SAMPLES, case  # noqa: E402
from settings import KEPT  # noqa: E402

from ecgae.machine.processes import keep_freed_memory  # noqa: E402

Rows = list[dict[str, Any]]

LOOP_PEOPLE = {"report_final": 60, "demo": 2000}
"""Of one training; an epoch then takes about 20 s and 2 s on two cores."""

COMPILED = ("default", "reduce-overhead")
"""Modes of torch.compile; the second replays a step as one CUDA graph, without Python between its
kernels."""

STEPS = {"report_final": 4, "demo": 40}
"""How many training steps one turn of a setting takes, by network."""


def loop(wanted: argparse.Namespace) -> Rows:
    import loops

    changes = [{}] if wanted.device == "cpu" else [{}, {"precision": "bf16"}]
    people = {name: wanted.people or count for name, count in LOOP_PEOPLE.items()}
    return [
        loops.measure(
            case(name), people[name], wanted.epochs, wanted.turns, wanted.device, **change
        )
        for name in wanted.cases
        for change in changes
    ]


def files(wanted: argparse.Namespace) -> Rows:
    import files

    return files.measure(case("report_final"), wanted.people or 10_000, wanted.seconds)


def settings(wanted: argparse.Namespace) -> Rows:
    import settings

    chosen = settings.SETTINGS + (settings.SLOW if wanted.slow else ())
    if wanted.threads:
        chosen = tuple(
            dict.fromkeys(dataclasses.replace(one, threads=wanted.threads) for one in chosen)
        )
    return [
        row
        for name in wanted.cases
        for row in settings.measure(name, STEPS[name], wanted.turns, chosen)
    ]


def gpu(wanted: argparse.Namespace) -> Rows:
    import gpu

    if wanted.device != "cuda":
        print("gpu: left out; it wants --device cuda and a GPU")
        return []
    measured = gpu.measure(
        case("report_final"), wanted.device, 30, (None, 256, 1024), (None, *COMPILED), 8192
    )
    print(measured["profile"])
    print(
        {name: round(value, 2) for name, value in measured["ceilings"].items()},
        "TFLOP/s; copy in TB/s",
    )
    return measured["rows"]


def encoding(wanted: argparse.Namespace) -> Rows:
    import encode_store

    kinds = ["median_beat", "strip"] if wanted.strips else ["median_beat"]
    people = [wanted.people] if wanted.people else [2000, 50_000]
    return [
        row
        for kind in kinds
        for row in encode_store.measure("demo", kind, SAMPLES[kind], people, wanted.device)
    ]


ARMS: dict[str, Callable[[argparse.Namespace], Rows]] = {
    "loop": loop, "files": files, "settings": settings, "gpu": gpu, "encoding": encoding
}  # fmt: skip


def table(rows: Rows) -> str:
    """A table in Markdown, numbers with three digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [
        names,
        ["---"] * len(names),
        *([_text(row.get(name, "")) for name in names] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--cases", nargs="+", choices=list(OVERRIDES), default=list(OVERRIDES))
    parser.add_argument("--people", type=int, help="instead of each arm's own number; 50 is quick")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4, help="of a training of `loop`, at least 3")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which `files` reads")
    parser.add_argument(
        "--strips", action="store_true", help="encode 10-s strips too; 16 GB of temporary files"
    )
    parser.add_argument(
        "--threads", type=int, help="of all `settings`; 1 shakes least on a busy machine"
    )
    parser.add_argument(
        "--slow", action="store_true", help="settings that take minutes: compiled, bf16"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(words)
    if wanted.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda must find a GPU; there is none")
    return wanted


def main() -> None:
    wanted = arguments()
    keep_freed_memory(*KEPT)
    found: dict[str, Any] = {}
    for name in wanted.only:
        before = os.getloadavg()[0]
        rows = ARMS[name](wanted)
        found[name] = {"rows": rows, "load": [before, os.getloadavg()[0]]}
        if rows:
            print(f"\n{name}\n\n{table(rows)}", flush=True)
    found["machine"] = {"cores": os.cpu_count(), "torch_threads": torch.get_num_threads()}
    if wanted.device == "cuda":
        found["machine"]["gpu"] = torch.cuda.get_device_name()
    found["versions"] = {module.__name__: module.__version__ for module in (np, torch, pl)}
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
