"""A sweep of three short trainings, started as from the shell, whose jobs a test kills while they
train."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

TRAIN = Path(__file__).parent.parent.parent / "train.py"
TINY = (
    *(
        "cohort.individuals=80",
        "cohort.variants=600",
        "cohort.chromosome_length=300_000",
        "cohort.planted_loci=0",
    ),
    *(
        "cohort.damaged=0",
        "split=all",
        "engine=null",
        "logger=null",
        "trainer.early_stopping_patience=1000",
    ),
    *("architecture.filters=[4,8]", "architecture.kernel_sizes=[7,7]", "architecture.latent_dim=4"),
)
EPOCHS = 2, 40, 41
"""Of the jobs: one that just ends, and two that are hit while they train."""


def installed(plugin: str) -> bool:
    """Whether Hydra has this plugin."""
    folder = importlib.util.find_spec("hydra_plugins")
    return folder is not None and importlib.util.find_spec(f"hydra_plugins.{plugin}") is not None


class Sweep:
    """The driver of a sweep in `folder`, and what it has printed."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder, self._output = folder, folder / "driver.out"
        command = [sys.executable, "-W", "ignore", str(TRAIN), "-m", *TINY, *settings]
        with self._output.open("wb") as file:
            self._driver = subprocess.Popen(
                command, cwd=folder, stdout=file, stderr=subprocess.STDOUT
            )

    def ended(self) -> tuple[int, str]:
        """Its exit code and all that it printed; a driver that waits for ever fails the test."""
        try:
            return self._driver.wait(timeout=300), self._output.read_text()
        finally:
            self._driver.kill()

    def log(self, number: int) -> Path:
        (file,) = (self.folder / "runs" / ".sweeps").glob(f"{number}-*.log")
        return file

    def until_it_trains(self, epochs: int) -> None:
        """Waits for the first checkpoint of the job with that many epochs."""
        self.until(
            lambda: any((run / "last.ckpt").is_file() for run in self.runs(epochs, "*.partial"))
        )

    def until(self, there: Callable[[], bool]) -> None:
        limit = time.monotonic() + 240
        while not there():
            assert self._driver.poll() is None, self._output.read_text()
            assert time.monotonic() < limit, self._output.read_text()
            time.sleep(0.05)

    def runs(self, epochs: int, pattern: str = "*-????????") -> list[Path]:
        files = self.folder.glob(f"runs/{pattern}/config.yaml")
        return [
            file.parent
            for file in files
            if yaml.safe_load(file.read_text())["trainer"]["max_epochs"] == epochs
        ]


def axis() -> str:
    return "trainer.max_epochs=" + ",".join(map(str, EPOCHS))
