"""One training step on a GPU: samples per second, and its share of what the GPU can multiply and
move."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from cases import Case, recordings
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

PRECISIONS = ("float32", "tf32", "bf16")
EPOCHS, PEOPLE, LEADS = 100, 10_000, 12
"""The training whose time is estimated: one lead per sample, nine tenths of the people."""


class Traffic(TorchDispatchMode):
    """Bytes that the operations read and write when each one goes through memory once."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [
                leaf
                for leaf in tree_leaves((args, kwargs, found))
                if isinstance(leaf, torch.Tensor)
            ]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return found


class Step:
    """A training step on samples that are on the device."""

    def __init__(
        self, case: Case, device: str, precision: str, mode: str | None, batch: int | None = None
    ) -> None:
        self.size = batch or case.config.trainer.batch_size
        self.model, self._objective = case.model().to(device), case.objective()
        people = -(-self.size // case.view.per_individual)
        signals = case.view.signals(next(recordings(people, case.samples)))[: self.size]
        self._ecg = torch.from_numpy(signals.copy()).to(device)
        self._adam = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self._mixed = torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
        self._tf32 = precision == "tf32"
        self._loss = torch.compile(self._eager, mode=mode, dynamic=False) if mode else self._eager

    def _eager(self) -> torch.Tensor:
        with self._mixed:
            return self._objective(self.model, self._ecg)["loss"]

    def __call__(self) -> None:
        torch.set_float32_matmul_precision("high" if self._tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = self._tf32
        self._adam.zero_grad()
        self._loss().backward()
        self._adam.step()


def seconds(work: Callable[[], Any], times: int, device: str) -> float:
    """Median of the single calls after three that are not counted."""
    found = []
    for _ in range(3 + times):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        found.append(time.perf_counter() - start)
    return statistics.median(found[3:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def ceilings(device: str, size: int) -> dict[str, float]:
    """Measured: TFLOP/s of products of square matrices, and TB/s of a copy (read and write)."""
    found = {}
    for precision, kind in {
        "float32": torch.float32,
        "tf32": torch.float32,
        "bf16": torch.bfloat16,
    }.items():
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        a, b = torch.randn(2, size, size, device=device).to(kind)
        found[precision] = 2 * size**3 / seconds(lambda a=a, b=b: a @ b, 10, device) / 1e12
    torch.set_float32_matmul_precision("highest")
    source = torch.empty(size * size * 8, device=device)
    target = torch.empty_like(source)
    found["copy"] = (
        2 * source.numel() * 4 / seconds(lambda: target.copy_(source), 10, device) / 1e12
    )
    return found


def work_of(step: Step) -> dict[str, float]:
    """Operations and bytes of one step (eager)."""
    with FlopCounterMode(display=False) as counted:
        step()
    with Traffic() as traffic:
        step()
    return {"flop": float(counted.get_total_flops()), "bytes": float(traffic.bytes)}


def profile(step: Step, device: str) -> str:
    """The operations that take longest."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if device == "cuda":
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=kinds) as profiled:
        for _ in range(3):
            step()
        _wait(device)
    return profiled.key_averages().table(
        sort_by=f"self_{device}_time_total", row_limit=20, max_name_column_width=60
    )


def measure(
    case: Case,
    device: str,
    times: int,
    batches: tuple[int | None, ...],
    modes: tuple[str | None, ...],
    matrix: int,
) -> dict[str, Any]:
    """Rows of every precision and mode of torch.compile (None: eager); a batch of None is the
    config's."""
    limits = ceilings(device, matrix)
    rows = []
    for batch in batches:
        for precision in PRECISIONS:
            work = work_of(Step(case, device, precision, None, batch))
            for mode in modes:
                step = Step(case, device, precision, mode, batch)
                took = seconds(step, times, device)
                rate = step.size / took
                rows.append(
                    {
                        "case": case.name,
                        "batch": step.size,
                        "precision": precision,
                        "compiled": mode or "eager",
                        "samples_per_second": rate,
                        "share_of_products": work["flop"] / took / 1e12 / limits[precision],
                        "share_of_copy": work["bytes"] / took / 1e12 / limits["copy"],
                        "minutes_of_100_epochs": 0.9 * EPOCHS * PEOPLE * LEADS / rate / 60,
                    }
                )
    base = rows[0]["samples_per_second"]
    for row in rows:
        row["ratio"] = row["samples_per_second"] / base
    table = profile(Step(case, device, "bf16" if device == "cuda" else "float32", None), device)
    return {"ceilings": limits, "rows": rows, "profile": table}
