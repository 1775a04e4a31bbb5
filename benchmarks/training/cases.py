"""What the arms of the bench share: the shipped networks, and made-up recordings for them."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from ecgae.ecg import LEADS
from ecgae.entry.build import build, network_of, view_of
from ecgae.models.architecture import Autoencoder
from ecgae.models.dataset import Dataset
from ecgae.models.schedule import Schedule
from ecgae.models.training import start_seed
from ecgae.models.views import View
from ecgae.recordings.formats.recording import Layout
from ecgae.recordings.store import Store
from ecgae.root import CONF

RATE = 500.0
"""Sampling rate of the recordings, Hz."""

SAMPLES = {"strip": 5000, "median_beat": 600}
OVERRIDES = {"report_final": ("experiment=report_final",), "demo": ()}
"""The command line that trains each network, after `python train.py`."""

POOL = 256
"""How many people differ; more people are these at other amplitudes."""


class People(Store):
    """Who the rows are: all that training asks of a store."""

    def __init__(self, people: int) -> None:
        self.sample_ids = np.array([f"{number:07d}" for number in range(people)], dtype=object)


@dataclass(frozen=True)
class Case:
    """A network with everything that its training needs, as the command line composes it."""

    name: str
    config: Any
    layout: Layout
    view: View

    @property
    def samples(self) -> int:
        """Length of a recording."""
        return self.layout.samples or 0

    def model(self) -> Autoencoder:
        """The network, with the same weights at every call."""
        start_seed(self.config.trainer.seed)
        return network_of(self.config, self.layout, self.view, self.objective())

    def objective(self) -> Any:
        return build(self.config.objective, sampling_rate=RATE)

    def normalization(self) -> Any:
        return build(self.config.normalization)

    def schedule(self, epochs: int, **changes: Any) -> Schedule:
        """The schedule of the config with so many epochs, none of which is the last by early stopping."""
        schedule = build(self.config.trainer)
        return dataclasses.replace(
            schedule, max_epochs=epochs, early_stopping_patience=epochs, **changes
        )

    def dataset(self, cleaned: np.ndarray) -> Dataset:
        return Dataset(People(len(cleaned)), self.config.input.recording, cleaned, self.view)


def case(name: str) -> Case:
    """`report_final` or `demo` (what `python train.py` trains)."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=list(OVERRIDES[name]))
    layout = Layout(LEADS, SAMPLES[config.input.recording], RATE)
    return Case(name, config, layout, view_of(layout, config))


def recordings(people: int, samples: int) -> Iterator[np.ndarray]:
    """Blocks [individual 12 time] in mV, float32: P, QRS and T at 50 to 100 beats a minute, and
    noise."""
    random = np.random.default_rng(0)
    time = np.arange(samples) / RATE
    waves = (
        (0.12, 0.20, 0.03),
        (-0.10, 0.365, 0.008),
        (1.0, 0.38, 0.011),
        (-0.2, 0.40, 0.009),
        (0.3, 0.65, 0.05),
    )
    phase = (
        time * random.uniform(50 / 60, 100 / 60, (POOL, 1)) + random.uniform(0, 1, (POOL, 1))
    ) % 1
    beat = sum(
        height * np.exp(-(((phase - centre) / width) ** 2)) for height, centre, width in waves
    )
    pool = beat[:, None] * random.normal(1, 0.4, (POOL, 12, 1)) + random.normal(
        0, 0.02, (POOL, 12, samples)
    )
    pool = pool.astype(np.float32)
    for start in range(0, people, POOL):
        size = min(POOL, people - start)
        yield pool[:size] * random.normal(1, 0.1, (size, 1, 1)).astype(np.float32)


def write_array(file: Path, people: int, samples: int) -> None:
    """The recordings as the one array that cleaning leaves."""
    array = np.lib.format.open_memmap(
        file, mode="w+", dtype=np.float32, shape=(people, 12, samples)
    )
    start = 0
    for block in recordings(people, samples):
        array[start : start + len(block)] = block
        start += len(block)
    array.flush()
