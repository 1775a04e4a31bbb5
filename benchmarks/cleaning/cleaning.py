"""Every cleaning step against the per-trace loop that a user would write: `python
benchmarks/cleaning/cleaning.py`.

The step is called as the pipeline calls it, with float32 blocks [64 people, 12 leads, 10 s at 500
Hz]; the loop is that of `tests/per_trace.py` (SciPy, PyWavelets, double precision). Both run in
this process by turns; a ratio is the median over the turns. With `--device cuda` the steps that can
are also timed on a GPU: on resident data, and with the transfers from and to pageable memory.
"""

import argparse
import dataclasses
import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "GOMP_SPINCOUNT", "5000"
)  # as the entry points set it; read when torch is imported

import numpy as np
import torch
import yaml

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import per_trace  # noqa: E402

from ecgae.signals.arrays import runs_on_gpu  # noqa: E402

RATE, SAMPLES, BLOCK = 500.0, 5000, 64 * 12
CHAIN = ("baseline=moving_average", "denoiser=dwt")

Step = Callable[[Any, float], Any]


def shipped(choice: str) -> Any:
    """The step of `axis=name` with the numbers of its yaml file."""
    axis, name = choice.split("=")
    numbers = yaml.safe_load((ROOT / "conf" / axis / f"{name}.yaml").read_text())
    module, kind = numbers.pop("_target_").rsplit(".", 1)
    return getattr(importlib.import_module(module), kind)(**numbers)


def strips(traces: int) -> np.ndarray:
    """ECG-like traces [trace time] in mV: P, QRS and T at 50 to 100 beats a minute, wander, hum and
    muscle noise."""
    random = np.random.default_rng(0)
    time_ = np.arange(SAMPLES) / RATE
    phase = (
        time_ * random.uniform(50 / 60, 100 / 60, (traces, 1)) + random.uniform(0, 1, (traces, 1))
    ) % 1
    waves = (
        (0.12, 0.20, 0.03),
        (-0.10, 0.365, 0.008),
        (1.0, 0.38, 0.011),
        (-0.2, 0.40, 0.009),
        (0.3, 0.65, 0.05),
    )
    ecg = sum(
        height * np.exp(-(((phase - centre) / width) ** 2)) for height, centre, width in waves
    )
    wander = 0.2 * np.sin(2 * np.pi * (0.25 * time_ + random.uniform(0, 1, (traces, 1))))
    hum = 0.01 * np.sin(2 * np.pi * 50 * time_)
    return (
        ecg * random.normal(1, 0.3, (traces, 1)) + wander + hum + random.normal(0, 0.02, ecg.shape)
    ).astype("f4")


def loop(choices: tuple[str, ...], steps: list[Any], ecg: np.ndarray) -> np.ndarray:
    """The per-trace twins of the steps, one trace at a time."""
    cleaned = np.empty(ecg.shape)
    for row, trace in enumerate(ecg):
        result = trace.astype(np.float64)
        for choice, step in zip(choices, steps, strict=True):
            result = getattr(per_trace, choice.split("=")[1])(
                result, RATE, **dataclasses.asdict(step)
            )
        cleaned[row] = result
    return cleaned


def chained(steps: list[Step], ecg: Any) -> Any:
    for step in steps:
        ecg = step(ecg, RATE)
    return ecg


def seconds(work: Callable[[], Any]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(
    choices: tuple[str, ...], ecg: np.ndarray, device: str, turns: int, slow_traces: int
) -> dict[str, Any]:
    """Traces per second of the loop and of the step, their ratio, and the largest difference over
    the range."""
    steps = [shipped(choice) for choice in choices]
    few = ecg[:slow_traces]
    blocks = [
        block.reshape(-1, 12, SAMPLES) for block in np.split(ecg, range(BLOCK, len(ecg), BLOCK))
    ]

    ways: dict[str, Callable[[], Any]] = {
        "numpy": lambda: [chained(steps, block) for block in blocks]
    }
    if device != "cpu" and all(map(runs_on_gpu, steps)):
        resident = torch.from_numpy(ecg).to(device)
        ways[device] = lambda: chained(steps, resident)
        ways[f"{device} with transfers"] = lambda: chained(
            steps, torch.from_numpy(ecg).to(device)
        ).cpu()

    for way in ways.values():
        way()
    rates: dict[str, list[float]] = {name: [] for name in ("loop", *ways)}
    for _ in range(turns):
        rates["loop"].append(len(few) / seconds(lambda: loop(choices, steps, few)))
        for name, way in ways.items():
            rates[name].append(len(ecg) / seconds(way))

    twin = loop(choices, steps, few)
    cleaned = (
        chained(steps, torch.from_numpy(few).to(device)).cpu().numpy()
        if device in ways
        else chained(steps, few)
    )
    difference = np.abs(cleaned - twin).max(axis=-1) / np.ptp(few, axis=-1)
    return {
        "choice": " ".join(choices),
        "traces_per_second": {name: statistics.median(rate) for name, rate in rates.items()},
        "ratio": {
            name: statistics.median(b / a for a, b in zip(rates["loop"], rates[name], strict=True))
            for name in ways
        },
        "difference_over_range": float(difference.max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--traces", type=int, default=2 * BLOCK, help="traces per turn, a multiple of 12"
    )
    parser.add_argument("--slow-traces", type=int, default=96, help="traces of the loop per turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", nargs="*", help="choices such as denoiser=fft; default all")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()

    ecg = strips(wanted.traces // 12 * 12)
    cases = [
        (f"{axis}={file.stem}",)
        for axis in ("baseline", "denoiser")
        for file in sorted((ROOT / "conf" / axis).glob("*.yaml"))
    ]
    cases = [case for case in (CHAIN, *cases) if not wanted.only or set(case) <= set(wanted.only)]

    rows = []
    for case in cases:
        row = measure(case, ecg, wanted.device, wanted.turns, wanted.slow_traces)
        rows.append(row)
        speeds = "  ".join(
            f"{name} {row['traces_per_second'][name]:10,.0f}/s {ratio:7.1f}x"
            for name, ratio in row["ratio"].items()
        )
        print(
            f"{row['choice']:40} loop {row['traces_per_second']['loop']:7,.0f}/s  {speeds}  "
            f"difference {row['difference_over_range']:.0e}",
            flush=True,
        )

    machine = {
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load": os.getloadavg(),
    }
    if wanted.device == "cuda":
        machine["gpu"] = torch.cuda.get_device_name()
    if wanted.json:
        versions = {module.__name__: module.__version__ for module in (np, torch, per_trace.pywt)}
        wanted.json.write_text(
            json.dumps({"machine": machine, "versions": versions, "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
