"""The bypass index: whether a decoder needs its latents, or gets what it knows past them (through
cross skips)."""

import numpy as np
from jaxtyping import Bool, Int

from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.encoding import BLOCK, through_bottleneck
from ecgae.models.latents import Latents

LOWEST_BYPASS_INDEX = 2.0
"""An index below this draws a warning. Where latents hold the share f of what varies between people, true ones leave
1 - f of it as error and a stranger's add 2f, which makes the index 1 + 2f / (1 - f): 2 is a third,
10 is 82 %."""

PEOPLE = 2_000
"""Number of people, evenly spread, whom the index is measured on; more would not change its second
digit."""


def bypass_index(fitted: Fitted, dataset: Dataset, latents: Latents) -> float | None:
    """The error with a stranger's latents over that with the true ones, in mV against what the
    network was given.

    Skips, measurements and scaling stay a person's own; of single leads, a stranger's latents are
    those of the same lead. Near 1 the latents are not used. None for a single person, and for a
    model without any error.
    """
    rows = spread(latents.judged, PEOPLE)
    if len(rows) < 2:
        return None
    strangers = _strangers(rows)
    wrong = 0.0
    for start in range(0, len(rows), BLOCK):
        own, other = rows[start : start + BLOCK], strangers[start : start + BLOCK]
        ecg = through_bottleneck(fitted, dataset, own, latents.values[other]).reconstruction
        wrong += np.square(ecg - dataset.cleaned[own], dtype=np.float64).mean(axis=-1).sum()
    true = latents.quality["mse"][rows].sum(dtype=np.float64)
    return float(wrong / true) if true > 0 else None


def _strangers(rows: Int[np.ndarray, " individual"]) -> Int[np.ndarray, " individual"]:
    """A stranger for everybody: the next in a random round of all, which is always the same."""
    order = np.random.default_rng(0).permutation(len(rows))
    strangers = np.empty_like(rows)
    strangers[order] = rows[np.roll(order, 1)]
    return strangers


def spread(chosen: Bool[np.ndarray, " individual"], most: int) -> Int[np.ndarray, " row"]:
    """The chosen rows, or `most` of them where there are more, evenly spread.

    >>> spread(np.array([True, False, True, True, True, True]), 3).tolist()
    [0, 3, 5]
    """
    rows = np.flatnonzero(chosen)
    return (
        rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]
    )
