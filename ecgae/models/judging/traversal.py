"""What each latent does to the ECG: the decoder's answer to one latent moved, the others at their
mean."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.encoding import decoded

STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Places of each latent, in standard deviations from its mean."""

PEOPLE = 2_000
"""Number of people, evenly spread, whose mean ECG is taken; fewer where there are fewer."""


class Traversal(NamedTuple):
    """The ECGs that one latent goes through, in mV. All start at the cohort's mean: they show
    nobody."""

    ecg: Float[np.ndarray, "latent step lead time"]
    effect: Float[np.ndarray, " latent"]
    """Effect of each latent on the ECG in mV: root mean square over leads and time of half the
    change from one standard deviation below to one above."""


def traverse(
    fitted: Fitted,
    dataset: Dataset,
    rows: Int[np.ndarray, " individual"],
    latents: Float[np.ndarray, "individual phenotype"],
) -> Traversal:
    """Decodes mean + `STEPS` standard deviations of each latent of the people `rows`, with the
    skips of their mean ECG.

    Of a model of single leads the latent of that number is moved in all leads at once, each by its
    own deviation.
    """
    some = rows[:: -(-len(rows) // PEOPLE)]
    mean_ecg = np.asarray(dataset.cleaned[some]).mean(axis=0, dtype=np.float64).astype(np.float32)
    parts = latents.reshape(len(latents), dataset.view.per_individual, -1).astype(np.float64)
    mean, sd = parts.mean(axis=0), parts.std(axis=0)

    ecgs = []
    for latent in range(parts.shape[2]):
        moved = np.repeat(mean[None], len(STEPS), axis=0)
        moved[:, :, latent] += np.array(STEPS)[:, None] * sd[:, latent]
        ecgs.append(decoded(fitted, dataset.view, mean_ecg, moved.reshape(len(STEPS), -1)))
    ecg = np.stack(ecgs)
    half = (ecg[:, STEPS.index(1.0)] - ecg[:, STEPS.index(-1.0)]) / 2
    return Traversal(ecg, np.sqrt(np.square(half, dtype=np.float64).mean(axis=(1, 2))))
