"""Minibatches gathered from one array: in memory where it fits, else read ahead from the
memory-mapped recordings."""

import queue
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ecgae.machine.memory import available
from ecgae.models.checkpoint import Normalization
from ecgae.models.dataset import Dataset
from ecgae.models.features import Standard

BLOCK = 512
"""Number of samples that are read and normalized at a time."""

AHEAD = 4
"""Number of batches that wait ready while the network works."""


class Batch(NamedTuple):
    """The samples of one step, in this process."""

    ecg: Float[Tensor, "batch lead time"]
    """The samples in units of the normalization."""
    condition: Float[Tensor, "batch condition"] | None
    """Standardised measurements that the decoder is told; None where it is told none."""
    size: int
    """How many of the samples count: all, but 0 where a process has none of a small last batch."""
    share: float
    """Weight of this process's mean, so that the plain average over processes is the mean over all
    samples."""


class Samples:
    """The samples of a dataset for the network, normalized, on the device where they are kept.

    They are kept on `device` where they take at most `memory` bytes, else in the memory of the
    computer under the same condition, else read from the memory map on every access.
    """

    def __init__(
        self,
        dataset: Dataset,
        normalization: Normalization,
        expert: Standard,
        device: torch.device,
        memory: int | None,
    ) -> None:
        self._dataset, self._normalization = dataset, normalization
        self._per_individual = dataset.view.per_individual
        features = None if dataset.features is None else expert(dataset.features)
        self._condition = None if features is None else torch.from_numpy(features)

        shape = dataset.view.signals(dataset.cleaned[:1]).shape
        self._kept: Tensor | None = None
        place = _place(len(dataset) * int(np.prod(shape)) * 4, device, memory)
        if place is not None:
            self._keep(place, (len(dataset) * self._per_individual, *shape[1:]))

    @property
    def in_memory(self) -> bool:
        """Whether all samples are kept in memory, of the device or of the computer."""
        return self._kept is not None

    def _keep(self, device: torch.device, shape: tuple[int, ...]) -> None:
        """Reads and normalizes everything once, block by block."""
        kept = torch.empty(shape, dtype=torch.float32, device=device)
        for rows in self._dataset.blocks(max(1, BLOCK // self._per_individual)):
            block = torch.from_numpy(
                self._normalized(self._dataset.view.signals(self._dataset.cleaned[rows]))
            )
            kept[rows.start * self._per_individual : rows.stop * self._per_individual] = block.to(
                device
            )

        self._kept = kept
        if self._condition is not None:
            self._condition = self._condition.to(device)

    def _normalized(self, signals: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self._normalization(signals).apply(signals), dtype=np.float32)

    def ecg(self, rows: Int[np.ndarray, "batch"]) -> Float[Tensor, "batch lead time"]:
        """The samples `rows`, in units of the normalization."""
        if self._kept is not None:
            return self._kept.index_select(0, torch.from_numpy(rows).to(self._kept.device))
        return torch.from_numpy(self._normalized(self._read(rows)))

    def _read(self, rows: Int[np.ndarray, "batch"]) -> np.ndarray:
        """The samples `rows` in mV; a sample of one lead does not cost the reading of twelve."""
        view, cleaned = self._dataset.view, self._dataset.cleaned
        if view.lead_mode == "joint":
            return view.signals(cleaned[rows])
        seen = np.array([view.recorded.index(lead) for lead in view.leads])
        return cleaned[rows // len(seen), seen[rows % len(seen)]][:, None]

    def condition(self, rows: Int[np.ndarray, "batch"]) -> Float[Tensor, "batch condition"] | None:
        """The standardised measurements of the people whose samples `rows` are."""
        if self._condition is None:
            return None
        people = torch.from_numpy(rows // self._per_individual)
        return self._condition.index_select(0, people.to(self._condition.device))


def _place(needed: int, device: torch.device, memory: int | None) -> torch.device | None:
    """Where so many bytes may be kept: half of what is free there, or `memory`; None where they do
    not fit."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0] // 2 if memory is None else memory
        if needed <= free:
            return device

    free = available() // 2 if memory is None else memory
    return torch.device("cpu") if needed <= free else None


class Batches:
    """Minibatches of some rows, reshuffled in every epoch where there is a seed.

    Of several processes each takes an equal part of every batch; with `shared=False` each takes all
    of it. The order depends on the seed and the epoch alone.
    """

    def __init__(
        self,
        samples: Samples,
        rows: Int[np.ndarray, "chosen"],
        batch_size: int,
        shuffle_seed: int | None = None,
        shared: bool = True,
    ) -> None:
        self._samples, self._rows, self._size, self._seed = samples, rows, batch_size, shuffle_seed
        self._shared = shared
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Names the epoch whose order is drawn next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __iter__(self) -> Iterator[Batch]:
        batches = self._gathered()
        return batches if self._samples.in_memory else _read_ahead(batches)

    def _gathered(self) -> Iterator[Batch]:
        rows, (rank, processes) = self._rows, _process() if self._shared else (0, 1)
        if self._seed is not None:
            rows = np.random.default_rng((self._seed, self._epoch)).permutation(rows)
        for start in range(0, len(rows), self._size):
            batch = rows[start : start + self._size]
            own = batch[rank::processes]
            count, share = len(own), len(own) * processes / len(batch)
            own = np.sort(own if count else batch[:1])
            yield Batch(self._samples.ecg(own), self._samples.condition(own), count, share)


def _process() -> tuple[int, int]:
    """The number of this process, from 0, and how many train together."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, gathered by a thread while the network works; an error comes out where it
    is waited for."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item: Batch | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
