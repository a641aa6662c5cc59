"""How programs are cut into tasks, asked of the kernels."""

from __future__ import annotations

import numba

from einlab.native.compiled import entry, load64, store64
from einlab.native.kernels import (
    product_scratch,
    product_tasks,
    strided_scratch,
    strided_tasks,
)
from einlab.native.words import ADVANCES, HEADER, PRODUCT, STRIDED, Words

__all__ = ["set_tasks"]


@entry("UniTuple(int64, 2)(int64)")
def _set_tasks(program):  # type: ignore[no-untyped-def]
    """Write into each step its tasks; bytes of scratch that a thread needs, most tasks of a step."""
    size = 4 if load64(program) == 0 else 8
    step = program + 8 * (ADVANCES + load64(program + 24))
    scratch, most = numba.int64(0), numba.int64(1)
    for _ in range(load64(program + 8)):
        kind, descriptor = load64(step + 8), step + 8 * HEADER
        tasks = numba.int64(1)
        if kind == PRODUCT:
            tasks = product_tasks(descriptor, size)
            scratch = max(scratch, product_scratch(descriptor, size))
        elif kind == STRIDED:
            tasks = strided_tasks(descriptor, size)
            scratch = max(scratch, strided_scratch(descriptor, size))
        store64(step + 16, tasks)
        most = max(most, tasks)
        step += 8 * load64(step)
    return scratch, most


def set_tasks(words: Words) -> tuple[int, int]:
    """Write into each step of a program its tasks, in place.

    Gives the bytes of scratch that a thread needs, and the most tasks that a step has.
    """
    scratch, most = _set_tasks(words.ctypes.data)
    return int(scratch), int(most)
