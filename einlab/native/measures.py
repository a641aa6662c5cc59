"""Programs made ready for the kernels: strided steps prepared, every step cut into tasks."""

from __future__ import annotations

import numba
import numpy as np

from einlab.native.compiled import entry, load64, store64
from einlab.native.preparing import prepared
from einlab.native.product import product_scratch, product_tasks
from einlab.native.strided import strided_scratch, strided_tasks
from einlab.native.words import ADVANCES, HEADER, NOTHING, PRODUCT, STRIDED, Axis, Words

__all__ = ["made_ready"]


@entry("UniTuple(int64, 2)(int64)")
def _set_tasks(program: int) -> tuple[int, int]:
    """Write the tasks of each step into it; bytes of scratch of a thread, most tasks of a step."""
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
            tasks = strided_tasks(descriptor)
            scratch = max(scratch, strided_scratch(descriptor))
        store64(step + 16, tasks)
        most = max(most, tasks)
        step += 8 * load64(step)
    return scratch, most


def made_ready(words: Words) -> tuple[Words, int, int]:
    """The words as the interpreter reads them: strided steps prepared, the tasks of each step.

    Beside them the bytes of scratch that a thread needs, and the most tasks that a step has.
    """
    itemsize = 4 if words[0] == 0 else 8
    at = ADVANCES + int(words[3])
    given = words.tolist()
    ready = given[:at]
    while at < len(given):
        length = given[at]
        step = given[at : at + length]
        if step[1] == STRIDED:
            add, numbers = bool(step[HEADER + 1]), iter(step[HEADER + 2 :])
            axes = tuple(map(Axis, numbers, numbers, numbers, numbers))
            descriptor = prepared(axes, itemsize, two=step[5] != NOTHING, add=add)
            step[HEADER:] = descriptor
            step[0] = len(step)
        ready += step
        at += length
    made = np.array(ready, np.int64)
    scratch, most = _set_tasks(made.ctypes.data)
    return made, int(scratch), int(most)
