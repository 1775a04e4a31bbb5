"""Recordings in memory, as the parts of the program that need a store see them."""

import numpy as np
from conftest import heartbeats

from ecgae.ecg import LEADS
from ecgae.models.dataset import Dataset
from ecgae.models.views import View
from ecgae.recordings.formats.recording import Layout
from ecgae.recordings.store import Store


class Recorded(Store):
    """What training and encoding need of a store, from an array."""

    def __init__(self, ecg: np.ndarray, kinds: tuple[str, ...] = ("strip",)) -> None:
        self.recorded, self.kinds, self.cohort = ecg, kinds, "tests"
        self.sample_ids = np.array([f"{number:04d}" for number in range(len(ecg))])
        self.visits = np.full(len(ecg), 2)

    def __len__(self) -> int:
        return len(self.recorded)

    def layout(self, kind):
        return Layout(LEADS, self.recorded.shape[-1], 500.0)

    def ecg(self, kind, rows):
        return self.recorded[rows]

    def blocks(self, kind, size=64):
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self.recorded[rows]


def dataset(
    people: int, samples: int = 120, lead_mode: str = "joint", leads: str = "all", features=None
) -> Dataset:
    """ECG-like recordings of so many people; what the network gets is what was recorded."""
    ecg = heartbeats(people, samples)
    return Dataset(Recorded(ecg), "strip", ecg, View(LEADS, lead_mode, leads), features)
