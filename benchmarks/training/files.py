"""The data path of train.py against one .npy file per person and lead behind a DataLoader."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cases import Case, recordings, write_array
from loops import Clock, everybody

from ecgae.ecg import LEADS
from ecgae.models.batches import Batches, Samples
from ecgae.models.features import Standard
from ecgae.models.training import ADAM_EPSILON, Machine, fit


class Files(torch.utils.data.Dataset):
    """Loads a file, subtracts the mean of all files and divides by their standard deviation."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*.npy"))
        moments = np.zeros(3)
        for file in self.files:
            ecg = np.load(file).astype(np.float64)
            moments += ecg.size, ecg.sum(), np.square(ecg).sum()
        self.shift = moments[1] / moments[0]
        self.scale = np.sqrt(moments[2] / moments[0] - self.shift**2)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        ecg = np.load(self.files[index])
        return torch.from_numpy((ecg - self.shift) / self.scale).float()[None]


class EnoughError(Exception):
    """Ends a training after its first step."""


class FirstStep(Clock):
    """Ends the training when its second step begins; the first is whole then."""

    def __call__(self, model: Any, ecg: torch.Tensor, *rest: Any) -> Any:
        if len(self.began) == 1:
            self.ended = time.perf_counter()
            raise EnoughError
        return super().__call__(model, ecg, *rest)


def write_files(folder: Path, people: int, samples: int) -> None:
    folder.mkdir()
    number = itertools.count()
    for block in recordings(people, samples):
        for ecg in block:
            person = next(number)
            for lead, trace in zip(LEADS, ecg, strict=True):
                np.save(folder / f"{person:07d}_{lead}.npy", trace)


def loader(folder: Path, case: Case, workers: int) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(
        Files(folder), case.config.trainer.batch_size, shuffle=True, num_workers=workers
    )


def first_step_of_files(
    folder: Path, case: Case, workers: int
) -> tuple[float, torch.utils.data.DataLoader]:
    """Seconds from nothing to the end of the first step, and the loader that fed it."""
    start = time.perf_counter()
    model, objective = case.model(), case.objective()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, eps=ADAM_EPSILON, fused=True)
    opened = loader(folder, case, workers)
    objective(model, next(iter(opened)))["loss"].backward()
    adam.step()
    return time.perf_counter() - start, opened


def first_step_of_array(file: Path, case: Case, memory: int | None) -> float:
    """The same of `ecgae.models.training.fit`; `memory` = 0 reads the samples from the file in
    every epoch."""
    start = time.perf_counter()
    dataset, clock = case.dataset(np.load(file, mmap_mode="r")), FirstStep(case.objective())
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine("cpu", None, Path(folder), memory=memory)
        try:
            schedule = case.schedule(1)
            parts = everybody(dataset, schedule)
            fit(case.model(), clock, case.normalization(), dataset, schedule, machine, parts)
        except EnoughError:
            return clock.ended - start
    raise RuntimeError("the training ended before its second step; ask for more people")


def per_second(batches: Iterable[Any], seconds: float, size: Callable[[Any], int]) -> float:
    """Samples per second without any network, for so long or one epoch."""
    iterator, count, start = iter(batches), 0, time.perf_counter()
    for batch in iterator:
        count += size(batch)
        if time.perf_counter() - start > seconds:
            break
    return count / (time.perf_counter() - start)


def measure(
    case: Case, people: int, seconds: float, workers: Sequence[int] = (0, 2)
) -> list[dict[str, Any]]:
    """Samples per second that each way could feed a network, and seconds to its first step; files
    are in the cache."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder, file = Path(temporary) / "files", Path(temporary) / "cleaned.npy"
        write_files(folder, people, case.samples)
        for count in workers:
            first, opened = first_step_of_files(folder, case, count)
            fed = per_second(opened, seconds, len)
            rows.append(_row(case, f"files, {count} workers", first, fed))
        write_array(file, people, case.samples)
        dataset = case.dataset(np.load(file, mmap_mode="r"))
        normalization = case.normalization().fit([dataset.cleaned[:POOLED]])
        every = np.arange(people * dataset.view.per_individual)
        for way, memory in (("array, in memory", None), ("array, read ahead", 0)):
            first = first_step_of_array(file, case, memory)
            samples = Samples(dataset, normalization, Standard(), torch.device("cpu"), memory)
            batches = Batches(samples, every, case.config.trainer.batch_size, shuffle_seed=1)
            fed = per_second(batches, seconds, lambda batch: len(batch.ecg))
            rows.append(_row(case, way, first, fed))
    for row in rows:
        row["ratio"] = row["samples_per_second"] / rows[0]["samples_per_second"]
        row["first_step_ratio"] = rows[0]["seconds_to_first_step"] / row["seconds_to_first_step"]
    return rows


POOLED = 64
"""People whose recordings set the scale where only the speed matters."""


def _row(case: Case, way: str, first: float, fed: float) -> dict[str, Any]:
    return {
        "case": case.name,
        "way": way,
        "samples_per_second": fed,
        "seconds_to_first_step": first,
    }
