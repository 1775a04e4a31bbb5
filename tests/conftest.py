"""What several tests share: components built from the shipped yaml files, and ECG-like traces."""

import os
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings

from ecgae import sweeping

sweeping.register()

settings.register_profile("suite", deadline=None)  # a busy machine fails no law
settings.load_profile("suite")

ROOT = Path(__file__).parent.parent
os.environ.setdefault(
    "GOMP_SPINCOUNT", "5000"
)  # as ecgae.entry.build.start sets it, here before torch is imported
REAL_DATA = Path(os.environ.get("ECGAE_REAL_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def real_data() -> Path:
    """The folder of real files; tests that want them skip where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at $ECGAE_REAL_DATA ({REAL_DATA})")
    return REAL_DATA


def composed(*overrides: str, config_name: str = "train"):
    """The config that the command line `overrides` give."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(config_name, overrides=list(overrides))


def choices(axis: str) -> list[str]:
    return sorted(file.stem for file in (ROOT / "conf" / axis).glob("*.yaml"))


def heartbeats(individuals: int, samples: int = 1000, seed: int = 0) -> np.ndarray:
    """Traces [individual 12 time] in mV at 500 Hz: QRS-like peaks once a second, a T wave, wander
    and noise."""
    random = np.random.default_rng(seed)
    time = np.arange(samples) / 500
    phase = (time[None, :] + random.uniform(0, 1, (individuals, 1))) % 1.0
    beat = np.exp(-(((phase - 0.4) / 0.012) ** 2)) + 0.25 * np.exp(-(((phase - 0.7) / 0.06) ** 2))
    amplitude = random.normal(1, 0.4, (individuals, 12, 1))
    wander = 0.3 * np.sin(2 * np.pi * 0.2 * time + random.uniform(0, 6, (individuals, 12, 1)))
    noise = random.normal(0, 0.02, (individuals, 12, samples))
    return (amplitude * beat[:, None, :] + wander + noise).astype(np.float32)


def pytest_collection_modifyitems(items):
    """The file that takes longest begins first: beside the others it is what a run of the suite
    waits for."""
    items.sort(key=lambda item: item.path.name != "test_commands.py")
