"""One step of training: forward pass, learning rate, means of the terms over an epoch."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from ecgae.models.architecture import Autoencoder
from ecgae.models.batches import Batch
from ecgae.models.objective import Objective
from ecgae.models.schedule import Schedule

# Keras' default, with which the published models were trained; PyTorch's is 1e-8.
ADAM_EPSILON = 1e-7


class Means:
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
        """The mean of each term, over the samples of all processes."""
        names = list(self._sums)
        sums = torch.stack(
            [*self._sums.values(), torch.full_like(self._sums[names[0]], self._count)]
        )
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        return dict(zip(names, sums[:-1] / sums[-1], strict=True))


class Module(pl.LightningModule):
    """A model, its objective and its schedule, as Lightning wants them."""

    def __init__(self, model: Autoencoder, objective: Objective, schedule: Schedule) -> None:
        super().__init__()
        self.model, self._objective, self._schedule = model, objective, schedule
        self._means: dict[str, Means] = defaultdict(Means)
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
        """Does nothing: zeroed between forward and backward pass, gradients would lie in memory
        beside the activations."""

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
