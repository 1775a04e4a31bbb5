"""Kernels written once in torch, for NumPy arrays and for tensors on a CPU or a CUDA GPU; and what
they share."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float

Array = TypeVar("Array", np.ndarray, torch.Tensor)

CPU_PIECE = 2**19
"""Samples handled at once by a thread: what is computed from them stays near the processor's
cache."""

GPU_PIECE = 2**26
"""Samples handled at once on a GPU: bounds its memory to a few GB however many recordings come."""


def in_torch(
    method: Callable[[Any, torch.Tensor, float], torch.Tensor],
) -> Callable[[Any, Array, float], Array]:
    """Makes `method(self, ecg [trace time] tensor, sampling_rate)` a step on arrays [*leads time]
    of NumPy and of torch.

    A NumPy array gives a NumPy array, a tensor gives a tensor on its device, of the same shape and
    float type. The result is always new memory, so a method may return its input; it must not write
    into it. No gradient is kept.
    """

    def call(
        self: Any, ecg: Float[Array, "*leads time"], sampling_rate: float
    ) -> Float[Array, "*leads time"]:
        samples = ecg.shape[-1]
        cleaned: Any = _new(ecg)
        source, target = ecg.reshape(-1, samples), torch.as_tensor(cleaned).view(-1, samples)
        rows = max(1, (GPU_PIECE if target.is_cuda else CPU_PIECE) // max(1, samples))
        pieces = [slice(start, start + rows) for start in range(0, len(source), rows)]

        @torch.no_grad()
        def clean(piece: slice) -> None:
            target[piece] = method(self, _tensor(source[piece]), sampling_rate)

        _for_each(clean, pieces, 1 if target.is_cuda else torch.get_num_threads())
        return cleaned

    step: Any = functools.wraps(method)(call)
    step.in_torch = True
    return step


def runs_on_gpu(step: Callable[..., Any]) -> bool:
    """Whether a step may be called with a tensor on a GPU; the others take NumPy arrays only."""
    return getattr(type(step).__call__, "in_torch", False)


def _for_each(work: Callable[[slice], None], pieces: list[slice], threads: int) -> None:
    """Does all pieces, on as many threads as torch may use."""
    if min(threads, len(pieces)) < 2:
        for piece in pieces:
            work(piece)
        return
    # One thread per piece instead of all threads in every operation on a piece: these are so short
    # that the threads would mostly wait for each other, and all for the slowest where another
    # program wants a core.
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(work, pieces):
                pass
    finally:
        torch.set_num_threads(threads)


def _new(like: Float[Array, "*leads time"]) -> Float[Array, "*leads time"]:
    """Memory for an array of the same kind, shape, type and device, not yet filled."""
    if isinstance(like, torch.Tensor):
        return torch.empty(like.shape, dtype=like.dtype, device=like.device)
    return np.empty(like.shape, like.dtype)


def _tensor(ecg: Float[Array, "trace time"]) -> Float[torch.Tensor, "trace time"]:
    """The traces as a tensor, in the same memory where that can be shared."""
    if isinstance(ecg, torch.Tensor):
        return ecg
    # torch shares memory only with contiguous writable arrays; a read-only one, as from a memory
    # map, is copied.
    return torch.from_numpy(np.require(ecg, requirements=["C", "W"]))


def extended(
    ecg: Float[torch.Tensor, "trace time"], left: int, right: int
) -> Float[torch.Tensor, "trace longer"]:
    """The trace mirrored at both ends, the end samples repeated (`d c b a | a b c d | d c b a`), as
    often as needed.

    SciPy calls this "reflect", NumPy and PyWavelets "symmetric".

    >>> extended(torch.tensor([[1.0, 2.0, 3.0]]), left=2, right=4).tolist()
    [[2.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 1.0]]
    """
    samples = ecg.shape[-1]
    before, after = min(left, samples), min(right, samples)
    longer = torch.cat([ecg[:, :before].flip(-1), ecg, ecg[:, samples - after :].flip(-1)], dim=-1)
    return (
        longer
        if (before, after) == (left, right)
        else extended(longer, left - before, right - after)
    )


def moving_mean(
    ecg: Float[torch.Tensor, "trace time"], window: int
) -> Float[torch.Tensor, "trace time"]:
    """Mean over `window` samples around each, mirrored at the ends:
    `scipy.ndimage.uniform_filter1d(mode="reflect")`.

    An even window reaches one sample further back than ahead. The sum over the window is kept by
    adding what enters and taking off what leaves, so the running sum stays small and its rounding
    too.

    >>> moving_mean(torch.tensor([[0.0, 0.0, 3.0, 0.0, 0.0]]), window=3).numpy().round(3)
    array([[0., 1., 1., 1., 0.]], dtype=float32)
    """
    longer = extended(ecg, window // 2 + 1, window - window // 2 - 1)
    change = longer[:, window:] - longer[:, :-window]
    change[:, 0] += longer[:, :window].sum(dim=-1)
    return change.cumsum_(dim=-1).mul_(1 / window)


def ranked(
    values: Float[torch.Tensor, "trace time"], *ranks: int
) -> Float[torch.Tensor, "trace rank"]:
    """The values that would stand at the places `ranks` (from 0) if each trace were sorted.

    >>> ranked(torch.tensor([[5.0, 1.0, 3.0]]), 0, 2).tolist()
    [[1.0, 5.0]]
    """
    # NumPy's selection is vectorised: four to ten times as fast as torch's.
    if values.device.type == "cpu":
        return torch.from_numpy(
            np.partition(values.numpy(), sorted(set(ranks)), axis=-1)[:, list(ranks)]
        )
    return torch.stack([values.kthvalue(rank + 1, dim=-1).values for rank in ranks], dim=-1)


def median(values: Float[torch.Tensor, "trace time"]) -> Float[torch.Tensor, "trace 1"]:
    """The median of each trace; of an even number of values the mean of the two middle ones.

    >>> median(torch.tensor([[4.0, 1.0, 2.0, 100.0]])).tolist()
    [[3.0]]
    """
    count = values.shape[-1]
    return ranked(values, (count - 1) // 2, count // 2).mean(dim=-1, keepdim=True)
