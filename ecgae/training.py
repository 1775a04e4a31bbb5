"""Training of an autoencoder: the only file that knows PyTorch Lightning."""

import dataclasses
import logging
import math
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Float, Int
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor, nn
from tqdm import tqdm

from ecgae.architecture import Autoencoder
from ecgae.errors import InputError
from ecgae.normalization import Scaling
from ecgae.schedule import Schedule

CHECKPOINT = "checkpoint.ckpt"
ADAM_EPSILON = 1e-7  # Keras' default, with which the published models were trained; PyTorch's is 1e-8

Objective = Callable[[Autoencoder, Float[Tensor, "batch lead time"]], dict[str, Float[Tensor, ""]]]


@runtime_checkable
class Normalization(Protocol):
    """The contract of ecgae.normalization."""

    def fit(self, blocks: Iterator[np.ndarray]) -> "Normalization": ...
    def __call__(self, ecg: np.ndarray) -> Scaling: ...


class Fitted(NamedTuple):
    """A trained model with its best weights, the normalization it was trained with, and the course of training."""

    model: Autoencoder
    normalization: Normalization
    history: list[dict[str, float]]
    """One row per epoch: epoch, learning_rate, training/<term>, validation/<term>."""


class Machine(NamedTuple):
    """Where training runs and leaves things; none of it changes a result."""

    accelerator: str
    logger: Logger | None
    directory: Path


class Batches:
    """Minibatches [batch lead time] gathered from one array, normalized on the way; reshuffled in every epoch."""

    def __init__(
        self,
        signals: Float[np.ndarray, "signal lead time"],
        rows: Int[np.ndarray, "chosen"],
        normalization: Normalization,
        batch_size: int,
        shuffle_seed: int | None = None,
    ) -> None:
        self._signals, self._rows, self._normalization, self._size = signals, rows, normalization, batch_size
        self._random = None if shuffle_seed is None else np.random.default_rng(shuffle_seed)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __iter__(self) -> Iterator[Float[Tensor, "batch lead time"]]:
        rows = self._rows if self._random is None else self._random.permutation(self._rows)
        for start in range(0, len(rows), self._size):
            ecg = self._signals[np.sort(rows[start : start + self._size])]
            yield torch.from_numpy(self._normalization(ecg).apply(ecg))


class _Autoencoder(pl.LightningModule):
    def __init__(
        self, model: Autoencoder, objective: Objective, schedule: Schedule, normalization: Normalization
    ) -> None:
        super().__init__()
        self.model, self._objective, self._schedule, self._normalization = model, objective, schedule, normalization

    def training_step(self, ecg: Tensor, index: int) -> Tensor:
        return self._losses(ecg, "training")["loss"]

    def validation_step(self, ecg: Tensor, index: int) -> None:
        self._losses(ecg, "validation")

    def _losses(self, ecg: Tensor, stage: str) -> dict[str, Tensor]:
        terms = self._objective(self.model, ecg)
        named = {f"{stage}/{name}": term.detach() for name, term in terms.items()}
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=len(ecg))
        return terms

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(
            self.model.parameters(), lr=self._schedule.learning_rate, eps=ADAM_EPSILON, fused=True
        )
        # A relative threshold (PyTorch's default), because the loss has the square of the normalization's unit.
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=self._schedule.plateau_factor, patience=self._schedule.plateau_patience
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "validation/loss"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["normalization"] = dataclasses.asdict(self._normalization)  # type: ignore[call-overload]


class _History(pl.Callback):
    """Keeps the metrics of every epoch and shows one progress bar for the whole training."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        steps = (trainer.max_epochs or 0) * int(trainer.num_training_batches)
        self._bar = tqdm(total=steps, desc="training", unit="step", mininterval=1)

    def on_train_batch_end(self, *_: Any) -> None:
        self._bar.update()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        row = {name: float(value) for name, value in trainer.callback_metrics.items()}
        learning_rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.rows.append({"epoch": len(self.rows) + 1, "learning_rate": learning_rate, **row})
        progress = f"epoch {len(self.rows)}, validation loss {row['validation/loss']:.4g}"
        self._bar.set_postfix_str(progress, refresh=False)

    def on_train_end(self, *_: Any) -> None:
        self._bar.close()


def fit(
    model: Autoencoder,
    objective: Objective,
    normalization: Normalization,
    signals: Float[np.ndarray, "signal lead time"],
    sample_ids: np.ndarray,
    schedule: Schedule,
    machine: Machine,
) -> Fitted:
    """Fits the normalization on the training people, then the model, and restores its best weights.

    `sample_ids` [signal] says whose signal each row is. Leaves `checkpoint.ckpt` in the machine's directory.
    """
    held_out = schedule.held_out(sample_ids)
    training, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    normalization = normalization.fit(signals[rows] for rows in np.array_split(training, -(-len(training) // 256)))
    module = _Autoencoder(model, objective, schedule, normalization)
    history = _History()
    best = ModelCheckpoint(
        machine.directory, Path(CHECKPOINT).stem, monitor="validation/loss", enable_version_counter=False, save_top_k=1
    )
    stop = EarlyStopping("validation/loss", min_delta=0.0, patience=schedule.early_stopping_patience, verbose=False)
    _quieten_lightning()
    trainer = pl.Trainer(
        max_epochs=schedule.max_epochs,
        accelerator=machine.accelerator,
        devices=1,
        logger=machine.logger or False,
        callbacks=[history, best, stop],
        default_root_dir=machine.directory,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
    )
    with warnings.catch_warnings():
        # Batches are gathered in this process on purpose; Lightning recommends workers for any loader it sees.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")  # the run's config is in it
        warnings.filterwarnings(
            "ignore", message=".*LeafSpec.*", category=FutureWarning
        )  # Lightning's own, with torch 2.13
        warnings.filterwarnings("ignore", message=".*is smaller than the logging interval.*")
        try:
            trainer.fit(
                module,
                Batches(signals, training, normalization, schedule.batch_size, schedule.seed),
                Batches(signals, validation, normalization, schedule.batch_size),
            )
        except SIGTERMException:  # Lightning's own would end the process with code 0, as if the job were done
            sys.exit(128 + signal.SIGTERM)
    _require_finite(history.rows)
    fitted = load(model, normalization, machine.directory / CHECKPOINT, machine.accelerator)
    if schedule.principal_axes:
        _rotate_to_principal_axes(fitted, Batches(signals, training, normalization, schedule.batch_size))
        _replace_weights(fitted.model, machine.directory / CHECKPOINT)
    return fitted._replace(history=history.rows)


@torch.inference_mode()
def _rotate_to_principal_axes(fitted: Fitted, batches: Batches) -> None:
    """Turns the latent space so that the latents of the training people are uncorrelated, the widest first.

    Training leaves the axes of a linear bottleneck arbitrary, and with them every count of hits per axis; principal
    components are the usual choice (M-REGLE: Zhou et al., AJHG 2025;112:1562). The sign of an axis is set so that its
    largest weight is positive.
    """
    device = next(fitted.model.parameters()).device
    latents = torch.cat([fitted.model.encode(ecg.to(device)).mean.double() for ecg in batches])
    centre = latents.mean(dim=0)
    _, axes = torch.linalg.eigh((latents - centre).T @ (latents - centre))
    axes = axes.flip(1)
    axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    fitted.model.rotate(centre.float(), axes.float())


def _replace_weights(model: Autoencoder, file: Path) -> None:
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    checkpoint["state_dict"] = {f"model.{name}": weight.cpu() for name, weight in model.state_dict().items()}
    partial = file.with_suffix(".partial")
    torch.save(checkpoint, partial)
    os.replace(partial, file)


def start_seed(seed: int) -> None:
    """Seeds every generator that training draws from; to be called before the model is built."""
    pl.seed_everything(seed, workers=True, verbose=False)


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def load(model: Autoencoder, normalization: Normalization, file: Path, accelerator: str) -> Fitted:
    """Puts the checkpoint's weights into `model` and its numbers into `normalization`; on the GPU unless told "cpu"."""
    if not file.is_file():
        raise InputError(f"run must hold {file.name}; got {file.parent}, which does not.")
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    weights = {name.removeprefix("model."): weight for name, weight in checkpoint["state_dict"].items()}
    model.load_state_dict(weights)
    device = "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    return Fitted(model.eval().to(device), type(normalization)(**checkpoint["normalization"]), [])


def _require_finite(history: list[dict[str, float]]) -> None:
    for row in history:
        if not math.isfinite(row["validation/loss"]):
            raise InputError(
                f"training loss must stay finite; got {row['validation/loss']} in epoch {row['epoch']:.0f}. "
                "Lower trainer.learning_rate or choose another normalization."
            )


def _quieten_lightning() -> None:
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
