"""Training of an autoencoder: the only file that knows PyTorch Lightning."""

import logging
import math
import os
import signal
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Shaped
from lightning_fabric.plugins.environments import SLURMEnvironment
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor, nn
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.machine.processes import is_first_process
from ecgae.models.architecture import Autoencoder, ClosedForm
from ecgae.models.batches import Batch, Batches, Samples
from ecgae.models.checkpoint import CHECKPOINT, Fitted, Normalization, device_of, load, save, write
from ecgae.models.dataset import Dataset
from ecgae.models.features import Standard
from ecgae.models.objective import Objective
from ecgae.models.schedule import Schedule
from ecgae.people.split import TRAINING, VALIDATION

BEST, LAST = "best.ckpt", "last.ckpt"
"""What a training in progress keeps in its directory: the best weights, and everything that going
on needs."""

ADAM_EPSILON = (
    1e-7  # Keras' default, with which the published models were trained; PyTorch's is 1e-8
)

PRECISIONS: Mapping[str, Any] = {"float32": "32-true", "bf16": "bf16-mixed"}


class Machine(NamedTuple):
    """Where training runs and leaves things; none of it changes a result."""

    accelerator: str
    logger: Logger | None
    directory: Path
    devices: int = 1
    """Processes, one per GPU; started by Lightning, or by torchrun or srun."""
    memory: int | None = None
    """Bytes that training data may take; None: half of what is free."""


def fit(
    model: Autoencoder,
    objective: Objective,
    normalization: Normalization,
    dataset: Dataset,
    schedule: Schedule,
    machine: Machine,
    parts: Shaped[np.ndarray, " individual"],
) -> Fitted:
    """Fits the normalization on the training people, then the model, and restores its best weights.

    parts: `TRAINING` or `VALIDATION` for those whom it sees; anything else for the others.

    Leaves `checkpoint.ckpt` in the machine's directory. A training that was interrupted there goes
    on from the end of its last whole epoch, and ends with the same weights; one that was finished
    there is not done again.
    """
    file = machine.directory / CHECKPOINT
    if file.is_file():
        _only_first_process_goes_on()
        return load(model, normalization, file, machine.accelerator)
    people = {part: np.flatnonzero(parts == part) for part in (TRAINING, VALIDATION)}
    normalization = _fit_normalization(normalization, dataset, people[TRAINING])
    features = dataset.features
    expert = Standard() if features is None else Standard().fit(features[people[TRAINING]])
    fitted = Fitted(model, normalization, expert, [])
    device = device_of(machine.accelerator)
    samples = Samples(dataset, normalization, expert, device, machine.memory)
    rows = {
        part: _samples_of(chosen, dataset.view.per_individual) for part, chosen in people.items()
    }
    training = Batches(samples, rows[TRAINING], schedule.batch_size, schedule.seed)
    validation = Batches(samples, rows[VALIDATION], schedule.batch_size)
    if isinstance(model, ClosedForm):
        _only_first_process_goes_on()
        fitted = fitted._replace(history=[_solve(model, objective, training, validation, device)])
    else:
        history = _descend(fitted, objective, training, validation, schedule, machine)
        fitted = fitted._replace(model=model.eval().to(device), history=history)
        if schedule.principal_axes:
            everyone = Batches(samples, rows[TRAINING], schedule.batch_size, shared=False)
            _rotate_to_principal_axes(fitted.model, everyone)
    save(fitted, file)
    for name in (BEST, LAST):
        (machine.directory / name).unlink(missing_ok=True)
    return fitted


def _samples_of(people: np.ndarray, per_individual: int) -> np.ndarray:
    return (people[:, None] * per_individual + np.arange(per_individual)).ravel()


def _fit_normalization(
    normalization: Normalization, dataset: Dataset, people: np.ndarray
) -> Normalization:
    """With the numbers of the training people, read in blocks."""
    blocks = np.array_split(people, -(-len(people) // 256))
    return normalization.fit(dataset.view.signals(dataset.cleaned[rows]) for rows in blocks)


def _solve(
    model: ClosedForm,
    objective: Objective,
    training: Batches,
    validation: Batches,
    device: torch.device,
) -> dict[str, float]:
    """The weights in one step, and the terms of the objective with them."""
    started = time.monotonic()
    model.to(device)
    model.solve(lambda: ((batch.ecg, batch.condition) for batch in training))
    model.eval()
    row = {"epoch": 1.0, "learning_rate": math.nan}
    for stage, batches in (("training", training), ("validation", validation)):
        terms = _Means()
        with torch.inference_mode():
            for batch in batches:
                terms.add(objective(model, batch.ecg, batch.condition), batch.size)
        row |= {f"{stage}/{name}": float(value) for name, value in terms.means().items()}
    return row | {"seconds": time.monotonic() - started}


def _descend(
    fitted: Fitted,
    objective: Objective,
    training: Batches,
    validation: Batches,
    schedule: Schedule,
    machine: Machine,
) -> list[dict[str, float]]:
    """Trains `fitted.model` by gradient descent, leaves its best weights in it, and returns the
    history."""
    module = _Module(fitted.model, objective, schedule)
    stop = EarlyStopping(
        "validation/loss", min_delta=0.0, patience=schedule.early_stopping_patience, verbose=False
    )
    course = _Course(machine.directory, module, stop)
    _quieten_lightning()
    with warnings.catch_warnings():
        _ignore_what_is_on_purpose()
        trainer = pl.Trainer(
            max_epochs=schedule.max_epochs,
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=_nodes(),
            strategy=_strategy(fitted.model, objective, machine.devices),
            precision=PRECISIONS[schedule.precision],
            plugins=[SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else None,
            sync_batchnorm=machine.devices > 1 and device_of(machine.accelerator).type == "cuda",
            logger=machine.logger or False,
            callbacks=[course, stop],
            enable_checkpointing=False,
            default_root_dir=machine.directory,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=50,
        )
        try:
            trainer.fit(module, training, validation)
        except (
            SIGTERMException
        ):  # Lightning's own would end the process with code 0, as if the job were done
            sys.exit(128 + signal.SIGTERM)
    _only_first_process_goes_on()
    _require_finite(course.history)
    fitted.model.load_state_dict(
        torch.load(machine.directory / BEST, map_location="cpu", weights_only=True)
    )
    return course.history


class _Means:
    """Means of named terms over samples, kept where the terms are, so that no step waits for a
    number."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, terms: Mapping[str, Tensor], count: int) -> None:
        for name, term in terms.items():
            weighted = term.detach().double() * count
            self._sums[name] = self._sums[name] + weighted if name in self._sums else weighted
        self._count += count

    def means(self) -> dict[str, Tensor]:
        """Over all processes."""
        names = list(self._sums)
        sums = torch.stack(
            [*self._sums.values(), torch.full_like(self._sums[names[0]], self._count)]
        )
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        return dict(zip(names, sums[:-1] / sums[-1], strict=True))


class _Module(pl.LightningModule):
    def __init__(self, model: Autoencoder, objective: Objective, schedule: Schedule) -> None:
        super().__init__()
        self.model, self._objective, self._schedule = model, objective, schedule
        self._means: dict[str, _Means] = defaultdict(_Means)
        self.slowed = _Plateaus(schedule.plateau_factor, schedule.plateau_patience)

    def on_fit_start(self) -> None:
        if self._schedule.compile:
            # Set on the instance, where they hide the methods: names of weights stay as they are.
            self.model.encode = torch.compile(self.model.encode, dynamic=False)  # type: ignore[method-assign]
            self.model.decode = torch.compile(self.model.decode, dynamic=False)  # type: ignore[method-assign]

    def on_fit_end(self) -> None:
        if self._schedule.compile:
            del self.model.encode, self.model.decode

    def on_train_epoch_start(self) -> None:
        self.trainer.train_dataloader.set_epoch(self.current_epoch)  # type: ignore[union-attr]

    def forward(self, batch: Batch, epoch: float | None) -> dict[str, Tensor]:
        return self._objective(self.model, batch.ecg, batch.condition, epoch)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        terms = self(batch, self._epoch(index))
        self._means["training"].add(terms, batch.size)
        return terms["loss"] if batch.share == 1 else terms["loss"] * batch.share

    def validation_step(self, batch: Batch, index: int) -> None:
        self._means["validation"].add(self(batch, None), batch.size)

    def _epoch(self, index: int) -> float:
        return self.current_epoch + index / self.trainer.num_training_batches

    def on_train_batch_start(self, batch: Batch, index: int) -> None:
        rate = self._schedule.rate(self._epoch(index + 1)) * self.slowed.factor
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def optimizer_zero_grad(self, *_: Any) -> None:
        """Not here, between forward and backward pass: gradients would lie in memory beside the
        activations."""

    def on_train_batch_end(self, *_: Any) -> None:
        self.trainer.optimizers[0].zero_grad()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        # Lightning's own clipping refuses the fused Adam in mixed precision, also where no gradient
        # is scaled.
        if self._schedule.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self._schedule.gradient_clip)

    def on_validation_epoch_end(self) -> None:
        # Validation comes last in an epoch; the callbacks see the numbers of both stages
        # afterwards.
        means = {stage: self._means.pop(stage).means() for stage in ("training", "validation")}
        for stage, terms in means.items():
            for name, mean in terms.items():
                self.log(
                    f"{stage}/{name}", mean.float(), on_step=False, on_epoch=True, batch_size=1
                )
        if (
            self._schedule.annealing == "plateau"
            and self.current_epoch + 1 > self._schedule.warmup_epochs
        ):
            self.slowed.step(means["validation"]["loss"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        return torch.optim.Adam(
            parameters, lr=self._schedule.learning_rate, eps=ADAM_EPSILON, fused=True
        )


class _Plateaus:
    """What plateaus of the validation loss have left of the learning rate.

    The rate of a step is a product of warm-up, annealing and this; PyTorch's scheduler, which sets
    the rate itself, therefore works on a stand-in.
    """

    def __init__(self, factor: float, patience: int) -> None:
        self._stand_in = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        # A relative threshold (PyTorch's default), because the loss has the square of the
        # normalization's unit.
        self._scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self._stand_in, factor=factor, patience=patience
        )

    @property
    def factor(self) -> float:
        return float(self._stand_in.param_groups[0]["lr"])

    def step(self, loss: Tensor) -> None:
        self._scheduler.step(loss)

    def state_dict(self) -> dict[str, Any]:
        return {"factor": self.factor, "scheduler": self._scheduler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._stand_in.param_groups[0]["lr"] = state["factor"]
        self._scheduler.load_state_dict(state["scheduler"])


class _Course(pl.Callback):
    """The history, one progress bar for the whole training, the best weights, and what going on
    needs.

    Both files are replaced whole. Lightning's own resuming would not come back to the same weights:
    it leaves out a step of the plateau schedule, and the states of the generators.
    """

    def __init__(self, directory: Path, module: _Module, stop: EarlyStopping) -> None:
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
        self.history = state["history"]
        progress: Any = trainer.fit_loop.epoch_progress.current
        progress.ready = progress.started = progress.processed = progress.completed = len(
            self.history
        )
        _set_generators(state["generators"])
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
    """False for a loss that is no number."""
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


@torch.inference_mode()
def _rotate_to_principal_axes(model: Autoencoder, batches: Batches) -> None:
    """Turns the latent space so that the latents of the training people are uncorrelated, the
    widest first.

    Training leaves the axes of a linear bottleneck arbitrary, and with them every count of hits per
    axis; principal components are the usual choice (M-REGLE: Zhou et al., AJHG 2025;112:1562). The
    sign of an axis is set so that its largest weight is positive.
    """
    device = next(model.parameters()).device
    latents = torch.cat([model.encode(batch.ecg.to(device)).mean.double() for batch in batches])
    centre = latents.mean(dim=0)
    _, axes = torch.linalg.eigh((latents - centre).T @ (latents - centre))
    axes = axes.flip(1)
    axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    model.rotate(centre.float(), axes.float())


def start_seed(seed: int) -> None:
    """Seeds every generator that training draws from; to be called before the model is built."""
    pl.seed_everything(seed, workers=True, verbose=False)


def costs(fitted: Fitted) -> dict[str, float]:
    """What the model took: parameters, epochs until the best and in all, and seconds of
    training."""
    losses = [row["validation/loss"] for row in fitted.history]
    return {
        "n_parameters": count_parameters(fitted.model),
        "epochs": len(losses),
        "best_epoch": int(np.argmin(losses)) + 1,
        "training_seconds": sum(row["seconds"] for row in fitted.history),
    }


def count_parameters(model: nn.Module) -> int:
    """The numbers that training sets, by gradients or in closed form."""
    return sum(parameter.numel() for parameter in model.parameters())


def gpu_is_there() -> bool:
    return torch.cuda.is_available()


def _only_first_process_goes_on() -> None:
    """Latents are computed once: where several processes train, all but the first are done."""
    if not is_first_process():
        sys.exit(0)


def _nodes() -> int:
    """Computers that train together, as srun or torchrun say."""
    if "LOCAL_WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"]) // int(os.environ["LOCAL_WORLD_SIZE"])
    return int(os.environ.get("SLURM_NNODES", 1)) if SLURMEnvironment.detect() else 1


def _strategy(model: Autoencoder, objective: Objective, devices: int) -> Any:
    """One process, or one per device that average their gradients."""
    if devices * _nodes() == 1:
        return "auto"
    # Without noise the head for the variances of a variational model gets no gradient.
    return DDPStrategy(
        find_unused_parameters=model.variational and not getattr(objective, "kl_weight", 0)
    )


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
