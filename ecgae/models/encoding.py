"""A trained model over a whole cohort: latents, and the error of every reconstruction in mV.

Reading the store, the network and the comparison of its output with the recordings overlap: each
works on another block of people. Memory holds a few blocks, however many people there are.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from tqdm import tqdm

from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.latents import NOBODY, Latents
from ecgae.models.reconstruction_error import reconstruction_quality
from ecgae.models.views import View
from ecgae.signals.normalization import Scaling

BLOCK = 128
"""Number of people who are read, encoded and compared at once."""

CPU_SAMPLES, GPU_SAMPLES = 2**17, 2**23
"""Samples in time that go through the network at once: a CPU wants what it computes near its
cache."""

Rows = slice | Int[np.ndarray, " individual"]
Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Encoded(NamedTuple):
    """One block of people through the model."""

    latents: Float[np.ndarray, "individual phenotype"]
    """The latents of the people's own ECGs, also where others were decoded."""
    reconstruction: Float[np.ndarray, "individual lead time"]
    """The decoded ECGs in mV, all recorded leads."""
    scale: Float[np.ndarray, "individual seen"]
    """How many mV one unit of the network was, of each lead that it sees."""


def encode(
    fitted: Fitted, dataset: Dataset, parts: Shaped[np.ndarray, " individual"] | None = None
) -> Latents:
    """Latents of all recordings, with every measure of `reconstruction_quality`, and
    `mse_normalized`, per lead.

    parts: one of `latents.SPLITS` per recording; None where nobody was in training.
    """

    def load(rows: slice) -> tuple[slice, np.ndarray, np.ndarray]:
        return rows, dataset.store.ecg(dataset.kind, rows), np.array(dataset.cleaned[rows])

    def judge(
        block: tuple[np.ndarray, np.ndarray, Encoded],
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return block[2].latents, _quality(*block, dataset)

    def encoded() -> Iterator[tuple[np.ndarray, np.ndarray, Encoded]]:
        for rows, recorded, cleaned in ahead(load, dataset.blocks(BLOCK)):
            yield recorded, cleaned, _through(fitted, dataset, rows, cleaned)

    values, quality = [], []
    with tqdm(total=len(dataset), desc="encoding", unit="person") as bar:
        for latents, measures in ahead(judge, encoded()):
            values.append(latents)
            quality.append(measures)
            bar.update(len(latents))

    return Latents(
        sample_ids=dataset.store.sample_ids,
        visits=dataset.store.visits,
        split=np.full(len(dataset), NOBODY) if parts is None else parts,
        names=dataset.view.names(values[0].shape[1] // dataset.view.per_individual),
        values=np.concatenate(values),
        leads=dataset.view.recorded,
        quality={
            measure: np.concatenate([part[measure] for part in quality]) for measure in quality[0]
        },
    )


def through_bottleneck(
    fitted: Fitted,
    dataset: Dataset,
    rows: Rows,
    latents: Float[np.ndarray, "individual phenotype"] | None = None,
) -> Encoded:
    """Latents of these people, and what the decoder makes of them, on the device where the model
    is.

    `latents` are decoded in place of their own, with the skips and measurements of these people.
    """
    return _through(fitted, dataset, rows, np.asarray(dataset.cleaned[rows]), latents)


@torch.inference_mode()
def latents_of(
    fitted: Fitted, view: View, cleaned: Float[np.ndarray, "individual lead time"]
) -> Float[np.ndarray, "individual phenotype"]:
    """Latents of up to `BLOCK` cleaned recordings in mV: those of `encode`, to the last digit."""
    signals, _ = _normalized(fitted, view, cleaned)
    device = _device(fitted)
    size = _signals_at_once(device, signals.shape[-1])
    means = [
        fitted.model.encode(_tensor(signals[start : start + size], device)).mean.cpu().numpy()
        for start in range(0, len(signals), size)
    ]
    return np.concatenate(means).reshape(len(cleaned), -1)


@torch.inference_mode()
def decoded(
    fitted: Fitted,
    view: View,
    like: Float[np.ndarray, "lead time"],
    latents: Float[np.ndarray, "step phenotype"],
) -> Float[np.ndarray, "step lead time"]:
    """What the decoder makes of any latents, in mV, with the skips and the scaling of the ECG
    `like`.

    Measurements that the decoder is told are at their mean.
    """
    signals, scaling = _normalized(fitted, view, like[None])
    device = _device(fitted)
    skips = fitted.model.encode(_tensor(signals, device)).skips
    told = len(fitted.expert.mean)
    condition = torch.zeros(len(signals), told, device=device) if told else None

    steps = []
    for latent in np.ascontiguousarray(latents, np.float32):
        value = _tensor(latent.reshape(len(signals), -1), device)
        ecg = fitted.model.decode(value, skips, condition).cpu().numpy()
        steps.append(view.recordings(scaling.undo(ecg))[0])
    return np.stack(steps) if steps else np.empty((0, *like.shape), np.float32)


def ahead(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], depth: int = 1
) -> Iterator[Result]:
    """`work` of each piece in order, done by another thread up to `depth` pieces before its result
    is asked for.

    >>> list(ahead(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@torch.inference_mode()
def _through(
    fitted: Fitted,
    dataset: Dataset,
    rows: Rows,
    cleaned: Float[np.ndarray, "individual lead time"],
    latents: Float[np.ndarray, "individual phenotype"] | None = None,
) -> Encoded:
    """As `through_bottleneck`, of recordings that have been read."""
    signals, scaling = _normalized(fitted, dataset.view, cleaned)
    replaced = (
        None if latents is None else np.asarray(latents, np.float32).reshape(len(signals), -1)
    )
    condition = _condition(fitted, dataset, rows)
    device = _device(fitted)
    size = _signals_at_once(device, signals.shape[-1])

    means, back = [], np.empty_like(signals)
    for start in range(0, len(signals), size):
        piece = slice(start, start + size)
        latent = fitted.model.encode(_tensor(signals[piece], device))
        told = None if condition is None else _tensor(condition[piece], device)
        given = latent.mean if replaced is None else _tensor(replaced[piece], device)
        back[piece] = fitted.model.decode(given, latent.skips, told).cpu().numpy()
        means.append(latent.mean.cpu().numpy())

    scale = np.broadcast_to(scaling.scale, (*signals.shape[:2], 1))
    return Encoded(
        latents=np.concatenate(means).reshape(len(cleaned), -1),
        reconstruction=dataset.view.recordings(scaling.undo(back)),
        scale=scale.reshape(len(cleaned), -1),
    )


def _signals_at_once(device: torch.device, samples: int) -> int:
    return max(1, (CPU_SAMPLES if device.type == "cpu" else GPU_SAMPLES) // samples)


def _normalized(
    fitted: Fitted, view: View, cleaned: Float[np.ndarray, "individual lead time"]
) -> tuple[Float[np.ndarray, "signal channel time"], Scaling]:
    signals = view.signals(cleaned)
    scaling = fitted.normalization(signals)
    return scaling.apply(signals), scaling


def _condition(
    fitted: Fitted, dataset: Dataset, rows: Rows
) -> Float[np.ndarray, "signal condition"] | None:
    if dataset.features is None:
        return None
    return fitted.expert(dataset.features[rows]).repeat(dataset.view.per_individual, axis=0)


def _quality(
    recorded: Float[np.ndarray, "individual lead time"],
    cleaned: Float[np.ndarray, "individual lead time"],
    encoded: Encoded,
    dataset: Dataset,
) -> dict[str, Float[np.ndarray, "individual lead"]]:
    quality = reconstruction_quality(recorded, cleaned, encoded.reconstruction)
    normalized = np.full_like(quality["mse"], np.nan)  # of leads that the network does not see
    seen = [dataset.view.recorded.index(lead) for lead in dataset.view.leads]
    normalized[:, seen] = quality["mse"][:, seen] / np.square(encoded.scale, dtype=np.float64)
    return quality | {"mse_normalized": normalized}


def _device(fitted: Fitted) -> torch.device:
    return next(fitted.model.parameters()).device


def _tensor(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)
