"""Training through Lightning, as train.py does it, against the bare PyTorch loop that anybody would
write first."""

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from cases import Case, recordings

from ecgae.models.architecture import Autoencoder
from ecgae.models.dataset import Dataset
from ecgae.models.schedule import Schedule
from ecgae.models.training import ADAM_EPSILON, Machine, fit
from ecgae.people.split import TRAINING, VALIDATION


class Clock:
    """An objective that notes when every training step began."""

    def __init__(self, objective: Any) -> None:
        self._objective, self.began = objective, []
        self.features, self.closed_form = objective.features, objective.closed_form

    def __call__(
        self, model: Autoencoder, ecg: torch.Tensor, *rest: Any
    ) -> Mapping[str, torch.Tensor]:
        if model.training:
            self.began.append((time.perf_counter(), time.process_time()))
        return self._objective(model, ecg, *rest)


class Speed(NamedTuple):
    """Training samples per second."""

    whole: float
    """Speed over whole epochs, with validation and whatever else an epoch ends with; the first and
    last are left out."""
    steps: float
    """Speed of the median step."""
    cpu: float
    """Speed over whole epochs per second of processor time, which other processes disturb least."""
    validation_loss: float


def speed(
    began: Sequence[tuple[float, float]],
    epochs: int,
    samples: int,
    batch: int,
    validation_loss: float,
) -> Speed:
    """`began`: wall and processor seconds at every step of at least 3 `epochs` with so many
    `samples` each."""
    times = np.array(began).reshape(epochs, -1, 2)
    whole, cpu = samples * (epochs - 2) / (times[-1, 0] - times[1, 0])
    return Speed(
        whole, batch / float(np.median(np.diff(times[1:, :, 0], axis=1))), cpu, validation_loss
    )


def ours(case: Case, dataset: Dataset, schedule: Schedule, device: str) -> Speed:
    clock = Clock(case.objective())
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine("gpu" if device == "cuda" else "cpu", None, Path(folder))
        parts = everybody(dataset, schedule)
        fitted = fit(case.model(), clock, case.normalization(), dataset, schedule, machine, parts)
    samples = len(_rows(dataset, schedule, TRAINING))
    loss = fitted.history[-1]["validation/loss"]
    return speed(clock.began, schedule.max_epochs, samples, schedule.batch_size, loss)


def bare(case: Case, dataset: Dataset, schedule: Schedule, device: str) -> Speed:
    """The same model, samples, batches and optimizer; all samples in one tensor, the mean
    validation loss printed."""
    clock, model = Clock(case.objective()), case.model().to(device)
    training, validation = (_rows(dataset, schedule, part) for part in (TRAINING, VALIDATION))
    signals = dataset.view.signals(dataset.cleaned)
    scaling = case.normalization().fit([signals[training]])(signals)
    ecg = torch.from_numpy(scaling.apply(signals)).to(device)
    adam = torch.optim.Adam(
        model.parameters(), lr=schedule.learning_rate, eps=ADAM_EPSILON, fused=True
    )
    mixed = torch.autocast(device, torch.bfloat16, enabled=schedule.precision == "bf16")
    size = schedule.batch_size
    for epoch in range(schedule.max_epochs):
        model.train()
        order = np.random.default_rng((schedule.seed, epoch)).permutation(training)
        for start in range(0, len(order), size):
            batch = ecg[torch.from_numpy(np.sort(order[start : start + size])).to(device)]
            adam.zero_grad()
            with mixed:
                loss = clock(model, batch, None, float(epoch))["loss"]
            loss.backward()
            adam.step()
        model.eval()
        total = torch.zeros((), device=device)
        with torch.no_grad(), mixed:
            for start in range(0, len(validation), size):
                batch = ecg[torch.from_numpy(validation[start : start + size]).to(device)]
                total += clock(model, batch, None)["loss"] * len(batch)
        mean = float(total / len(validation))
    return speed(clock.began, schedule.max_epochs, len(training), size, mean)


def everybody(dataset: Dataset, schedule: Schedule) -> np.ndarray:
    """All people train, but for those who validate."""
    return schedule.hold_out(np.full(len(dataset), TRAINING), dataset.store.sample_ids)


def _rows(dataset: Dataset, schedule: Schedule, part: str) -> np.ndarray:
    per_individual = dataset.view.per_individual
    people = np.flatnonzero(everybody(dataset, schedule) == part)
    return (people[:, None] * per_individual + np.arange(per_individual)).ravel()


def measure(
    case: Case, people: int, epochs: int, turns: int, device: str, **changes: Any
) -> dict[str, Any]:
    """Both by turns; a ratio is the median over the turns. `changes` of the schedule, such as
    precision="bf16"."""
    cleaned = np.concatenate(list(recordings(people, case.samples)))
    dataset, schedule = case.dataset(cleaned), case.schedule(epochs, **changes)
    found: dict[str, list[Speed]] = {"ours": [], "bare": []}
    for _ in range(turns):
        for name, way in (("bare", bare), ("ours", ours)):
            found[name].append(way(case, dataset, schedule, device))
    pairs = list(zip(found["ours"], found["bare"], strict=True))
    return {
        "case": case.name,
        **changes,
        "bare": statistics.median(speed.whole for speed in found["bare"]),
        "ours": statistics.median(speed.whole for speed in found["ours"]),
        "ratio": statistics.median(a.whole / b.whole for a, b in pairs),
        "ratio_of_median_steps": statistics.median(a.steps / b.steps for a, b in pairs),
        "ratio_cpu": statistics.median(a.cpu / b.cpu for a, b in pairs),
        "loss_difference": max(abs(a.validation_loss / b.validation_loss - 1) for a, b in pairs),
    }
