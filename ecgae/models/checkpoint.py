"""A trained model with everything that its use needs, and the file that holds it."""

import dataclasses
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch

from ecgae.errors import InputError
from ecgae.machine.processes import local_rank
from ecgae.models.architecture import Autoencoder
from ecgae.models.features import Standard
from ecgae.signals.normalization import Scaling

CHECKPOINT = "checkpoint.ckpt"
FORMAT = "ecgae checkpoint 1"

DAMAGED = (
    RuntimeError,
    UnpicklingError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    struct.error,
)
"""Errors that torch's reader raises for files that were truncated or changed: collected by damaging
thousands."""


@runtime_checkable
class Normalization(Protocol):
    """What every normalization of `ecgae.signals.normalization` can do: be fitted, and scale ECGs."""

    def fit(self, blocks: Iterator[np.ndarray]) -> "Normalization": ...
    def __call__(self, ecg: np.ndarray) -> Scaling: ...


class Fitted(NamedTuple):
    """A trained model with its best weights, what it was trained with, and the course of
    training."""

    model: Autoencoder
    normalization: Normalization
    expert: Standard
    """Standardises the measurements that the decoder is told."""
    history: list[dict[str, float]]
    """One row per epoch: epoch, seconds, learning_rate, training/<term>, validation/<term>."""


def save(fitted: Fitted, file: Path) -> None:
    """Writes weights, the numbers of normalization and measurements, and the history; whole or not
    at all."""
    content = {
        "format": FORMAT,
        "weights": {name: weight.cpu() for name, weight in fitted.model.state_dict().items()},
        "normalization": dataclasses.asdict(fitted.normalization),  # type: ignore[call-overload]
        "expert": dataclasses.asdict(fitted.expert),
        "history": fitted.history,
    }
    write(content, file)


def write(content: dict[str, Any], file: Path) -> None:
    """Writes tensors and plain values in torch's format, whole or not at all."""
    buffer = io.BytesIO()  # torch.save into a file reports a full disk in words of its own
    torch.save(content, buffer)
    partial = file.with_suffix(".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, file)


def load(model: Autoencoder, normalization: Normalization, file: Path, accelerator: str) -> Fitted:
    """Puts the checkpoint's weights into `model` and its numbers into `normalization`; on the GPU
    unless told "cpu"."""
    content = _read(file)
    try:
        model.load_state_dict(content["weights"])
    except RuntimeError:
        raise InputError(
            f"{file} must fit the architecture of the run's config.yaml; it holds other weights. Train again."
        ) from None

    expert = Standard(**{name: tuple(values) for name, values in content["expert"].items()})
    return Fitted(
        model=model.eval().to(device_of(accelerator)),
        normalization=type(normalization)(**content["normalization"]),
        expert=expert,
        history=content["history"],
    )


def device_of(accelerator: str) -> torch.device:
    """The GPU of this process, unless told "cpu" or there is none."""
    if accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", local_rank() % torch.cuda.device_count())


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"run must hold {file.name}; got {file.parent}, which does not.")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except DAMAGED as error:
        raise InputError(
            f"{file} must be a readable checkpoint; {type(error).__name__}. Train again."
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{file} must be of format {FORMAT!r}. Train again.")
    return content
