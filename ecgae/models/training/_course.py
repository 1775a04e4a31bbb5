"""The course of training: its history and progress bar, and the files from which a killed training
goes on."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor
from tqdm import tqdm

from ecgae.models.checkpoint import write
from ecgae.models.training._module import Module

BEST, LAST = "best.ckpt", "last.ckpt"
"""What a training in progress keeps in its directory: the best weights, and everything that going
on needs."""


class Course(pl.Callback):
    """Keeps the history, one progress bar for the whole training, the best weights, and everything
    that a killed training needs to go on.

    Both files are replaced whole. Lightning's own resuming would not come back to the same weights:
    it skips a step of the plateau schedule, and the states of the generators.
    """

    def __init__(self, directory: Path, module: Module, stop: EarlyStopping) -> None:
        self.history: list[dict[str, float]] = []
        self._best, self._last = directory / BEST, directory / LAST
        self._module, self._stop = module, stop

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self._last.is_file():
            self._restore(trainer)

        steps, done = int(trainer.num_training_batches), len(self.history)
        hidden = not trainer.is_global_zero
        total = (trainer.max_epochs or 0) * steps
        self._bar = tqdm(
            total=total,
            initial=done * steps,
            desc="training",
            unit="step",
            mininterval=1,
            disable=hidden,
        )

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # Here, and not at the end of the epoch before, because only now everything that its end
        # changes is changed.
        if self.history and trainer.is_global_zero:
            self._save(trainer)
        self._started = time.monotonic()

    def _save(self, trainer: pl.Trainer) -> None:
        content = {
            "weights": self._module.model.state_dict(),
            "optimizer": trainer.optimizers[0].state_dict(),
            "slowed": self._module.slowed.state_dict(),
            "stop": self._stop.state_dict(),
            "history": self.history,
            "generators": _generators(),
        }
        write(content, self._last)

    def _restore(self, trainer: pl.Trainer) -> None:
        state = torch.load(self._last, map_location=self._module.device, weights_only=True)
        self._module.model.load_state_dict(state["weights"])
        trainer.optimizers[0].load_state_dict(state["optimizer"])
        self._module.slowed.load_state_dict(state["slowed"])
        self._stop.load_state_dict(state["stop"])
        _set_generators(state["generators"])

        self.history = state["history"]
        progress: Any = trainer.fit_loop.epoch_progress.current
        progress.ready = progress.started = progress.processed = progress.completed = len(
            self.history
        )
        if trainer.is_global_zero:
            print(f"an interrupted training of this run goes on after epoch {len(self.history)}")

    def on_train_batch_end(self, *_: Any) -> None:
        self._bar.update()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row = {
            "epoch": len(self.history) + 1.0,
            "seconds": time.monotonic() - self._started,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }

        if trainer.is_global_zero and _is_lowest(metrics["validation/loss"], self.history):
            write(self._module.model.state_dict(), self._best)
        self.history.append({**row, **metrics})

        progress = f"epoch {len(self.history)}, validation loss {metrics['validation/loss']:.4g}"
        self._bar.set_postfix_str(progress, refresh=False)

    def on_train_end(self, *_: Any) -> None:
        self._bar.close()

    def on_exception(self, *_: Any) -> None:
        self._bar.close()  # so that what is said of it has a line of its own


def _is_lowest(loss: float, history: Sequence[Mapping[str, float]]) -> bool:
    """Whether the loss is below that of all epochs so far; False for one that is no number."""
    return math.isfinite(loss) and all(loss < row["validation/loss"] for row in history)


def _generators() -> dict[str, Tensor]:
    """The states of torch's generators, from which dropout and the noise of objectives are
    drawn."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _set_generators(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"].cpu())
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"].cpu())
