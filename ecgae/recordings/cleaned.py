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
"""A baseline or denoiser: voltages in mV and their rate in Hz -> voltages of the same shape."""


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
            _write_cleaned(store, kind, (baseline, denoiser), partial, accelerator)
            os.replace(partial, file)
    return np.load(file, mmap_mode="r")


def _write_cleaned(
    store: Store, kind: str, steps: Sequence[Step], file: Path, accelerator: str
) -> None:
    """All recordings of `kind`, equally long, after all steps, by blocks into one .npy array."""
    layout = store.layout(kind)
    shape = (len(store), len(layout.leads), layout.samples or 0)
    cleaned = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    _reserve(file)

    with tqdm(total=len(store), desc="cleaning ECGs", unit="person") as bar:
        for rows, ecg in store.blocks(kind):
            cleaned[rows] = _cleaned(ecg, layout.sampling_rate, steps, accelerator)
            _require_finite(cleaned[rows])
            bar.update(rows.stop - rows.start)
    cleaned.flush()


def _reserve(file: Path) -> None:
    """Takes the file's whole length from the disk at once: a full disk is an error here, where a
    later write to the map would end the process without a message."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)


def _cleaned(
    ecg: Float[np.ndarray, "individual lead time"],
    sampling_rate: float,
    steps: Sequence[Step],
    accelerator: str,
) -> Float[np.ndarray, "individual lead time"]:
    """One block of recordings after all steps, on the GPU as long as they can run there."""
    cleaned: Any = ecg
    for step in steps:
        if accelerator != "cpu" and torch.cuda.is_available() and runs_on_gpu(step):
            cleaned = torch.as_tensor(cleaned, device="cuda")
        elif isinstance(cleaned, torch.Tensor):
            cleaned = cleaned.cpu().numpy()
        cleaned = step(cleaned, sampling_rate)
    return cleaned.cpu().numpy() if isinstance(cleaned, torch.Tensor) else cleaned


def _require_finite(ecg: Float[np.ndarray, "individual lead time"]) -> None:
    broken = int((~np.isfinite(ecg)).any(axis=(1, 2)).sum())
    if broken:
        raise InputError(
            f"cleaned recordings must be finite; {broken} are not. Leave out those with missing samples."
        )
