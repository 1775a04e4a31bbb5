"""Gradient descent by PyTorch Lightning, in one process or in one per GPU."""

import logging
import math
import os
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import SLURMEnvironment
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import SIGTERMException

from ecgae.errors import InputError
from ecgae.machine.processes import is_first_process
from ecgae.models.architecture import Autoencoder
from ecgae.models.batches import Batches
from ecgae.models.checkpoint import device_of
from ecgae.models.objective import Objective
from ecgae.models.schedule import Schedule
from ecgae.models.training._course import BEST, Course
from ecgae.models.training._module import Module

PRECISIONS: Mapping[str, Any] = {"float32": "32-true", "bf16": "bf16-mixed"}


class Machine(NamedTuple):
    """Where training runs and where it leaves its files; none of this changes a result."""

    accelerator: str
    logger: Logger | None
    directory: Path
    devices: int = 1
    """Number of processes, one per GPU; started by Lightning, or by torchrun or srun."""
    memory: int | None = None
    """Bytes that training data may take; None: half of what is free."""


def descend(
    model: Autoencoder,
    objective: Objective,
    training: Batches,
    validation: Batches,
    schedule: Schedule,
    machine: Machine,
) -> list[dict[str, float]]:
    """Trains `model` by gradient descent, leaves its best weights in it, and returns the history,
    one row per epoch."""
    module = Module(model, objective, schedule)
    stop = EarlyStopping(
        "validation/loss", min_delta=0.0, patience=schedule.early_stopping_patience, verbose=False
    )
    course = Course(machine.directory, module, stop)

    _quieten_lightning()
    with warnings.catch_warnings():
        _ignore_what_is_on_purpose()
        strategy = _strategy(model, objective, machine.devices)
        trainer = _trainer(schedule, machine, strategy, [course, stop])
        try:
            trainer.fit(module, training, validation)
        except SIGTERMException:
            # Lightning's own would end the process with code 0, as if the job were done.
            sys.exit(128 + signal.SIGTERM)

    only_first_process_goes_on()
    _require_finite(course.history)
    model.load_state_dict(
        torch.load(machine.directory / BEST, map_location="cpu", weights_only=True)
    )
    return course.history


def _trainer(
    schedule: Schedule, machine: Machine, strategy: Any, callbacks: list[pl.Callback]
) -> pl.Trainer:
    """Lightning's loop over epochs; what is printed, kept and stopped is left to the callbacks."""
    on_slurm = SLURMEnvironment.detect()
    on_gpu = device_of(machine.accelerator).type == "cuda"

    return pl.Trainer(
        max_epochs=schedule.max_epochs,
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=_nodes(),
        strategy=strategy,
        precision=PRECISIONS[schedule.precision],
        plugins=[SLURMEnvironment(auto_requeue=False)] if on_slurm else None,
        sync_batchnorm=machine.devices > 1 and on_gpu,
        logger=machine.logger or False,
        callbacks=callbacks,
        enable_checkpointing=False,
        default_root_dir=machine.directory,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
    )


def _strategy(model: Autoencoder, objective: Objective, devices: int) -> Any:
    """How Lightning trains: in one process, or in one per device that average their gradients."""
    if devices * _nodes() == 1:
        return "auto"
    # Without noise the head for the variances of a variational model gets no gradient.
    return DDPStrategy(
        find_unused_parameters=model.variational and not getattr(objective, "kl_weight", 0)
    )


def _nodes() -> int:
    """The number of computers that train together, as srun or torchrun say."""
    if "LOCAL_WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"]) // int(os.environ["LOCAL_WORLD_SIZE"])
    return int(os.environ.get("SLURM_NNODES", 1)) if SLURMEnvironment.detect() else 1


def only_first_process_goes_on() -> None:
    """Latents are computed once: where several processes train, all but the first are done."""
    if not is_first_process():
        sys.exit(0)


def _require_finite(history: list[dict[str, float]]) -> None:
    for row in history:
        if not math.isfinite(row["validation/loss"]):
            raise InputError(
                f"training loss must stay finite; got {row['validation/loss']} in epoch {row['epoch']:.0f}. "
                "Lower trainer.learning_rate, set trainer.gradient_clip=1, or choose another normalization."
            )


def _quieten_lightning() -> None:
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _ignore_what_is_on_purpose() -> None:
    for message in (
        ".*does not have many workers.*",  # batches are gathered in this process
        ".*exists and is not empty.*",  # the run's config is in the directory
        ".*is smaller than the logging interval.*",
        ".*`srun` command is available.*",
        ".*sync_dist=True.*",  # means are taken over all processes before they are logged
    ):
        warnings.filterwarnings("ignore", message=message)
    # Lightning's own, with torch 2.13
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
