"""A linear autoencoder whose every answer is known: principal components, with or without a way
past the bottleneck."""

import numpy as np
import torch

from ecgae.ecg import LEADS
from ecgae.entry.build import build
from ecgae.models.architecture import Autoencoder, Latent
from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.features import Standard
from ecgae.models.views import View
from ecgae.recordings.formats.recording import Layout
from ecgae.recordings.store import Store


class Linear(Autoencoder):
    """`centre + latent @ axes`; with `skip` the decoder gets the input itself, and uses the latents
    for the rest.

    `told` [condition ...] is added for each standardised measurement.
    """

    def __init__(
        self,
        signals: np.ndarray,
        latent_dim: int,
        skip: float = 0.0,
        told: np.ndarray | None = None,
    ):
        super().__init__()
        flat = torch.from_numpy(np.ascontiguousarray(signals)).flatten(1)
        self.shape, self.skip = signals.shape[1:], skip
        self.centre = torch.nn.Parameter(flat.mean(dim=0))
        self.axes = torch.nn.Parameter(
            torch.linalg.svd(flat - self.centre, full_matrices=False).Vh[:latent_dim]
        )
        self.told = None if told is None else torch.from_numpy(told)

    def encode(self, ecg):
        return Latent(
            (ecg.flatten(1) - self.centre) @ self.axes.T, skips=(ecg,) if self.skip else ()
        )

    def decode(self, latent, skips=(), condition=None):
        ecg = (self.centre + latent @ self.axes).unflatten(1, self.shape)
        if self.told is not None:
            ecg = ecg + (condition @ self.told).unflatten(1, self.shape)
        return (1 - self.skip) * ecg + self.skip * skips[0] if self.skip else ecg

    def rotate(self, centre, rotation):
        raise NotImplementedError

    def penalty(self):
        return torch.zeros(())


class Recordings(Store):
    """What encoding and judging need of a store, in memory."""

    def __init__(self, ecg, kind="median_beat", rate=500.0, tables=None, others=None):
        self.cohort, self.kinds, self.rate = "toy", (kind, *(others or {})), rate
        self._ecg = {kind: ecg, **(others or {})}
        self.sample_ids = np.array([f"{number:04d}" for number in range(len(ecg))], dtype=object)
        self.visits, self.rows = np.full(len(ecg), 2), np.arange(len(ecg))
        self._tables = tables or {}

    def layout(self, kind):
        return Layout(LEADS, self._ecg[kind].shape[-1], self.rate)

    def ecg(self, kind, rows):
        return self._ecg[kind][rows]

    def table(self, name):
        return self._tables.get(name, {})


def toy(
    composed,
    ecg,
    latent_dim=4,
    lead_mode="joint",
    lead_set="all",
    normalization="global",
    skip=0.0,
    **store,
):
    """A dataset of these ECGs (their own cleaned version), and a model fitted to them."""
    dataset = Dataset(
        Recordings(ecg, **store),
        store.get("kind", "median_beat"),
        ecg,
        View(LEADS, lead_mode, lead_set),
    )
    fitted = build(composed(f"normalization={normalization}").normalization).fit([ecg])
    signals = dataset.view.signals(ecg)
    model = Linear(fitted(signals).apply(signals), latent_dim, skip)
    return Fitted(model.eval(), fitted, Standard(), []), dataset
