"""Training of an autoencoder: the only folder that knows PyTorch Lightning.

`fit` here says what training does; `_descent.py` runs it, `_module.py` makes a step, `_course.py`
keeps what a killed training goes on from.
"""

import math
import time

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Shaped
from torch import nn

from ecgae.models.architecture import Autoencoder, ClosedForm
from ecgae.models.batches import Batches, Samples
from ecgae.models.checkpoint import CHECKPOINT, Fitted, Normalization, device_of, load, save
from ecgae.models.dataset import Dataset
from ecgae.models.features import Standard
from ecgae.models.objective import Objective
from ecgae.models.schedule import Schedule
from ecgae.models.training._course import BEST, LAST
from ecgae.models.training._descent import Machine, descend, only_first_process_goes_on
from ecgae.models.training._module import ADAM_EPSILON, Means
from ecgae.people.split import TRAINING, VALIDATION

__all__ = [
    "ADAM_EPSILON",
    "BEST",
    "LAST",
    "Machine",
    "costs",
    "count_parameters",
    "fit",
    "gpu_is_there",
    "start_seed",
]


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
        only_first_process_goes_on()
        return load(model, normalization, file, machine.accelerator)

    people = {part: np.flatnonzero(parts == part) for part in (TRAINING, VALIDATION)}
    normalization = _fit_normalization(normalization, dataset, people[TRAINING])
    features = dataset.features
    expert = Standard() if features is None else Standard().fit(features[people[TRAINING]])

    device = device_of(machine.accelerator)
    samples = Samples(dataset, normalization, expert, device, machine.memory)
    rows = {
        part: _samples_of(chosen, dataset.view.per_individual) for part, chosen in people.items()
    }
    training = Batches(samples, rows[TRAINING], schedule.batch_size, schedule.seed)
    validation = Batches(samples, rows[VALIDATION], schedule.batch_size)

    if isinstance(model, ClosedForm):
        only_first_process_goes_on()
        history = [_solve(model, objective, training, validation, device)]
    else:
        history = descend(
            model,
            objective,
            training=training,
            validation=validation,
            schedule=schedule,
            machine=machine,
        )
        model.eval().to(device)
        if schedule.principal_axes:
            everyone = Batches(samples, rows[TRAINING], schedule.batch_size, shared=False)
            _rotate_to_principal_axes(model, everyone)

    fitted = Fitted(model, normalization, expert, history)
    save(fitted, file)
    for name in (BEST, LAST):
        (machine.directory / name).unlink(missing_ok=True)
    return fitted


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
    """Whether torch sees a GPU."""
    return torch.cuda.is_available()


def _samples_of(people: np.ndarray, per_individual: int) -> np.ndarray:
    """Rows of all samples of these people; a person's samples stand one after the other."""
    return (people[:, None] * per_individual + np.arange(per_individual)).ravel()


def _fit_normalization(
    normalization: Normalization, dataset: Dataset, people: np.ndarray
) -> Normalization:
    """The normalization with the numbers of these people, who are read in blocks."""
    blocks = np.array_split(people, -(-len(people) // 256))
    return normalization.fit(dataset.view.signals(dataset.cleaned[rows]) for rows in blocks)


def _solve(
    model: ClosedForm,
    objective: Objective,
    training: Batches,
    validation: Batches,
    device: torch.device,
) -> dict[str, float]:
    """Sets the weights in one step; returns the terms of the objective with them, as a row of the
    history."""
    started = time.monotonic()
    model.to(device)
    model.solve(lambda: ((batch.ecg, batch.condition) for batch in training))
    model.eval()

    row = {"epoch": 1.0, "learning_rate": math.nan}
    for stage, batches in (("training", training), ("validation", validation)):
        terms = Means()
        with torch.inference_mode():
            for batch in batches:
                terms.add(objective(model, batch.ecg, batch.condition), batch.size)
        row |= {f"{stage}/{name}": float(value) for name, value in terms.means().items()}
    return row | {"seconds": time.monotonic() - started}


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
