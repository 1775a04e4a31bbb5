"""Several processes that do the same work on many files, and which process this one is."""

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

from ecgae.errors import InputError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The settings of glibc's allocator, numbered as in its malloc.h."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_parallel(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[Result]:
    """The results in the order of the tasks; computed in this process where one worker is asked
    for.

    After an exception no further task is started. Raises `InputError` where a worker is ended from
    outside.

    >>> list(in_parallel(str.upper, ["avr", "avl"], workers=1))
    ['AVR', 'AVL']
    """
    if workers <= 1:
        yield from map(function, tasks)
        return

    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_prepare_worker
    )
    try:
        yield from pool.map(function, tasks)
    except BrokenProcessPool:
        raise InputError(
            "A worker process must not be ended from outside; one was, perhaps for want of memory. "
            "Lower runtime.workers and type the same command again."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def local_rank() -> int:
    """Which of the processes that train together on this computer this is (torchrun, srun,
    Lightning)."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", 0)))


def is_first_process() -> bool:
    """False in the further processes of a training on several devices, True everywhere else."""
    return all(int(os.environ.get(name, 0)) == 0 for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))


def _prepare_worker() -> None:
    """What every worker does before its first task."""
    keep_freed_memory(trim=256 * 2**20, map_from=64 * 2**20)
    _end_with_parent()


def keep_freed_memory(trim: int, map_from: int) -> None:
    """Keeps up to `trim` bytes of freed memory, in blocks of up to `map_from` bytes, for the next
    use.

    By default glibc returns the memory of one file, or of one layer's activations, to the kernel
    and asks for that of the next: a fifth of the time of reading, a third of that of training.
    Nothing happens where the C library is another one.
    """
    try:
        c_library = ctypes.CDLL("libc.so.6")
        c_library.mallopt(M_TRIM_THRESHOLD, trim)
        c_library.mallopt(M_MMAP_THRESHOLD, map_from)
    except (OSError, AttributeError):
        return


def _end_with_parent() -> None:
    """Ends this worker when its parent is killed; it would wait for work for ever."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()
