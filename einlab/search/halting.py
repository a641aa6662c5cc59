"""Kernels in threads: side by side, or alone, so that Ctrl-C and a deadline reach them.

Inside compiled code there is neither clock nor Ctrl-C, but the kernels release the GIL: one that
may take long runs in a thread of its own while this one waits, and ends soon after its flag is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numpy as np

__all__ = ["call", "side_by_side"]

Result = TypeVar("Result")

LARGE = 1000  # operands from which these kernels take more than some 10 ms


def call(
    kernel: Callable[..., Any], operands: int, *arguments: Any, deadline: float | None = None
) -> Any:
    """The result of `kernel(halt, *arguments)`, where `halt` is the flag that ends it early.

    Raises TimeoutError if it was ended at `deadline` (perf_counter), KeyboardInterrupt on Ctrl-C;
    what it wrote is worthless then. Networks of few operands are not worth a thread: there the
    deadline is not kept.

    >>> call(lambda halt, number: number + 1, 30, 1)
    2
    """
    halt = np.zeros(1, np.uint8)
    if operands < LARGE:
        return kernel(halt, *arguments)
    with ThreadPoolExecutor(1) as thread:
        try:
            future = thread.submit(kernel, halt, *arguments)
            left = None if deadline is None else max(deadline - time.perf_counter(), 0.0)
            done = wait([future], left).done
        finally:
            halt[0] = 1
    if not done:
        raise TimeoutError("a search was ended at its deadline")
    return future.result()


def side_by_side(jobs: Sequence[Callable[[], Result]], workers: int) -> Iterator[Result]:
    """The results of some jobs, in their order, worked out by so many threads.

    On Ctrl-C jobs not begun yet are given up, and those at work are left to their end.

    >>> list(side_by_side([lambda: 1, lambda: 2], 2))
    [1, 2]
    """
    if workers == 1:
        yield from (job() for job in jobs)
        return
    threads = ThreadPoolExecutor(workers)
    try:
        yield from threads.map(lambda job: job(), jobs)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
