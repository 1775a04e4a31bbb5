"""Baseline and denoiser over a whole store, written once as a memory-mapped array and shared by
every run."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.recordings.store import Store
from ecgae.signals.arrays import runs_on_gpu

CLEANING_VERSION = 2
"""Raised when a cleaning step's result changes, so that no cache of the old one is used."""

Step = Callable[[Float[np.ndarray, "*leads time"], float], Float[np.ndarray, "*leads time"]]


def clean(
    store: Store, kind: str, baseline: Step, denoiser: Step, cache: Path, accelerator: str = "cpu"
) -> Float[np.ndarray, "individual lead time"]:
    """All recordings of `kind` after baseline and denoiser, mV, float32, memory-mapped read-only.

    Cached by content: the store, the kind and the numbers of both steps. Of several runs that want
    the same array at once, one computes it and the others wait; a killed run leaves nothing that
    looks whole.
    """
    layout = store.layout(kind)
    if layout.samples is None:
        raise InputError(
            f"recordings must be equally long to be cleaned; those of {kind} are not. Set input.seconds."
        )
    # The steps are frozen dataclasses: their representation holds every number that the result
    # depends on.
    content = repr((CLEANING_VERSION, store.content, kind, baseline, denoiser))
    folder = Path(cache) / "cleaned"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{kind}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.npy"
    with FileLock(file.with_suffix(".lock")):
        if not file.is_file():
            partial = file.with_suffix(".partial")
            shape = (len(store), len(layout.leads), layout.samples)
            cleaned = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
            _reserve(partial)
            with tqdm(total=len(store), desc="cleaning ECGs", unit="person") as bar:
                for rows, ecg in store.blocks(kind):
                    cleaned[rows] = _cleaned(
                        ecg, layout.sampling_rate, (baseline, denoiser), accelerator
                    )
                    _require_finite(cleaned[rows])
                    bar.update(rows.stop - rows.start)
            cleaned.flush()
            del cleaned
            os.replace(partial, file)
    return np.load(file, mmap_mode="r")


def _reserve(file: Path) -> None:
    """A full disk is an error here; later, a write to the map would end the process without a
    word."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)


def _cleaned(
    ecg: Float[np.ndarray, "individual lead time"],
    sampling_rate: float,
    steps: Sequence[Step],
    accelerator: str,
) -> Float[np.ndarray, "individual lead time"]:
    """Through all steps, on the GPU as long as they can run there."""
    found: Any = ecg
    for step in steps:
        if accelerator != "cpu" and torch.cuda.is_available() and runs_on_gpu(step):
            found = torch.as_tensor(found, device="cuda")
        elif isinstance(found, torch.Tensor):
            found = found.cpu().numpy()
        found = step(found, sampling_rate)
    return found.cpu().numpy() if isinstance(found, torch.Tensor) else found


def _require_finite(ecg: Float[np.ndarray, "individual lead time"]) -> None:
    broken = int((~np.isfinite(ecg)).any(axis=(1, 2)).sum())
    if broken:
        raise InputError(
            f"cleaned recordings must be finite; {broken} are not. Leave out those with missing samples."
        )
