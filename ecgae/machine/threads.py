"""Blocks worked on by several threads at once, results in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits
from tqdm import tqdm

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Job], Result],
    jobs: Iterable[tuple[Job, int]],
    total: int,
    label: str,
    threads: int = 0,
) -> Iterator[tuple[Job, Result]]:
    """`work` done on each job by one of `threads` (0: one per core), with a bar; a job comes with
    its size.

    Every thread takes a job from the file to the results, matrix products included: they run in one
    thread each, which is faster than one after the other in several. Only so many jobs are in
    memory at once.
    """
    threads = threads or len(os.sched_getaffinity(0))
    waiting: deque[tuple[Job, int, Future[Result]]] = deque()
    with (
        threadpool_limits(1, user_api="blas"),
        tqdm(total=total, desc=label, unit="variant", unit_scale=True) as progress,
        ThreadPoolExecutor(threads) as pool,
    ):

        def oldest() -> tuple[Job, Result]:
            """The job that was started first, waited for, with its result."""
            job, size, future = waiting.popleft()
            result = future.result()
            progress.update(size)
            return job, result

        try:
            for job, size in jobs:
                waiting.append((job, size, pool.submit(work, job)))
                if len(waiting) > threads + 1:
                    yield oldest()
            while waiting:
                yield oldest()
        finally:
            for _, _, future in waiting:
                future.cancel()
