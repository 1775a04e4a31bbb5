"""Models of strips on the scale of models of median beats: the beat of what they reconstruct,
beside the device's own.

A strip and a median beat hold different things (rhythm, noise), so the errors of their models do
not compare. The
median beat that is built of a reconstructed strip does: it stands for the same 1.2 s as the
device's.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ecgae.errors import InputError
from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.encoding import through_bottleneck
from ecgae.models.reconstruction_error import agreement
from ecgae.signals.beats import MedianBeat, r_peaks

STRIP, DEVICE = "strip", "median_beat"

BEAT = MedianBeat()
"""How beats are built here: laid out like the device's, whatever the run's own `beats` are."""

REACH = 0.04
"""Largest distance in s between the R peak of the device's beat and ours."""

BLOCK = 32
"""Number of people whose strips are reconstructed at once."""

Quality = dict[str, Float[np.ndarray, "individual lead"]]


class DeviceComparison(NamedTuple):
    """Measures of `reconstruction.agreement` with the device's median beat; NaN where no beat could
    be built."""

    reconstructed: Quality
    """Agreement of the beat that is built of the reconstructed strip."""
    recorded: Quality
    """Agreement of the beat that is built of the recorded strip: what a perfect reconstruction would
    reach."""
    without_beat: int
    """Number of people of whom no beat could be built, such as those in atrial fibrillation."""


def has_device_beat(dataset: Dataset) -> bool:
    """Whether the store holds the device's median beats of the strips that a model is trained on,
    laid out alike."""
    store = dataset.store
    if dataset.kind != STRIP or DEVICE not in store.kinds:
        return False
    strip, beat = store.layout(STRIP), store.layout(DEVICE)
    return (strip.leads, strip.sampling_rate) == (
        beat.leads,
        beat.sampling_rate,
    ) and beat.samples is not None


def compare(
    fitted: Fitted, dataset: Dataset, rows: Int[np.ndarray, " individual"]
) -> DeviceComparison:
    """Both strips' beats beside the device's, of the people `rows`; for datasets that
    `has_device_beat`.

    R peaks and normal beats are those of the recorded strip, so that a poor reconstruction cannot
    leave any out.
    """
    rate = dataset.store.layout(STRIP).sampling_rate
    sides: tuple[list[np.ndarray], ...] = ([], [], [])
    for block in np.array_split(rows, -(-len(rows) // BLOCK)):
        reconstructions = through_bottleneck(fitted, dataset, block).reconstruction
        for row, reconstructed_strip in zip(block.tolist(), reconstructions, strict=True):
            strip, device = (
                dataset.store.ecg(kind, slice(row, row + 1))[0] for kind in (STRIP, DEVICE)
            )
            three = _three(device, strip, reconstructed_strip, rate)
            for side, ecg in zip(sides, three, strict=True):
                side.append(ecg)

    reference, recorded, reconstructed = map(np.stack, sides)
    return DeviceComparison(
        reconstructed=agreement(reference, reconstructed),
        recorded=agreement(reference, recorded),
        without_beat=int(np.isnan(reference).all(axis=(1, 2)).sum()),
    )


def _three(
    device: Float[np.ndarray, "lead sample"],
    recorded: Float[np.ndarray, "lead time"],
    reconstructed: Float[np.ndarray, "lead time"],
    rate: float,
) -> list[Float[np.ndarray, "lead inner"]]:
    """The device's beat and those of both strips over the same time, R on R; NaN where there is no
    beat."""
    reach = round(REACH * rate)
    length = min(round(BEAT.before * rate) + round(BEAT.after * rate), device.shape[-1]) - 2 * reach
    try:
        built = BEAT(recorded, rate, r_peaks(recorded, rate))
        every_beat = replace(BEAT, min_beats=1, min_correlation=-1.0)
        again = every_beat(reconstructed, rate, built.used).median_beat
    except InputError:  # counted by who asks
        return [np.full((len(device), length), np.nan, np.float32)] * 3

    inner = device[:, reach : reach + length]
    starts = range(2 * reach + 1)
    start = max(
        starts, key=lambda place: _likeness(inner, built.median_beat[:, place : place + length])
    )
    return [inner, built.median_beat[:, start : start + length], again[:, start : start + length]]


def _likeness(
    one: Float[np.ndarray, "lead inner"], other: Float[np.ndarray, "lead inner"]
) -> float:
    one, other = (ecg - ecg.mean(axis=-1, keepdims=True) for ecg in (one, other))
    return float((one * other).sum() / max(np.linalg.norm(other), np.finfo(float).tiny))
