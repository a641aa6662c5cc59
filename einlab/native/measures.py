"""Programs made ready for the kernels: strided steps prepared, every step cut into tasks."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from einlab.native.building import build
from einlab.native.preparing import prepared
from einlab.native.words import HEADER, NOTHING, PRODUCT, STRIDED, Axis, Words, steps_at

__all__ = ["made_ready"]


def made_ready(words: Words) -> tuple[Words, int, int]:
    """The words as the interpreter reads them: strided steps prepared, the tasks of each step.

    Beside them the bytes of scratch that a thread needs, and the most tasks that a step has.
    """
    size = 4 if words[0] == 0 else 8
    at = steps_at(words)
    given = words.tolist()
    ready = given[:at]
    starts = []
    while at < len(given):
        length = given[at]
        step = given[at : at + length]
        if step[1] == STRIDED:
            add, numbers = bool(step[HEADER + 1]), iter(step[HEADER + 2 :])
            axes = tuple(map(Axis, numbers, numbers, numbers, numbers))
            step[HEADER:] = prepared(axes, size, two=step[5] != NOTHING, add=add)
            step[0] = len(step)
        starts.append(len(ready))
        ready += step
        at += length
    product_tasks, product_scratch = map(_of_two, ("product_tasks", "product_scratch"))
    strided_tasks, strided_scratch = map(_of_one, ("strided_tasks", "strided_scratch"))
    made = np.array(ready, np.int64)
    base, scratch, most = made.ctypes.data, 1, 1
    for start in starts:
        descriptor = base + 8 * (start + HEADER)
        if ready[start + 1] == PRODUCT:
            tasks = product_tasks(descriptor, size)
            scratch = max(scratch, product_scratch(descriptor, size))
        elif ready[start + 1] == STRIDED:
            tasks = strided_tasks(descriptor)
            scratch = max(scratch, strided_scratch(descriptor))
        else:
            continue
        made[start + 2] = tasks
        most = max(most, tasks)
    return made, scratch, most


def _of_one(name: str) -> Any:
    """A compiled function of one word."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(build()[name])


def _of_two(name: str) -> Any:
    """A compiled function of two words."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(build()[name])
