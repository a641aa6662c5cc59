"""Programs made ready for the kernels: steps prepared, cut into tasks, fitted to a room.

No JAX and no Numba here, so that a planner can count what a call takes.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from einlab.native.building import build
from einlab.native.preparing import SCRATCH, TASKS, prepared
from einlab.native.sizing import LEAST_ROOM, WIDEST, sized, sized_by_counts
from einlab.native.words import (
    ADVANCES,
    HEADER,
    NOTHING,
    PRODUCT,
    STRIDED,
    Axis,
    Host,
    Words,
    steps_at,
)

__all__ = ["LEAST_ROOM", "made_ready", "product_scratch_bytes", "scratch_bytes"]

MOST_THREADS = 64
ALIGNED = 64
"""Bytes to multiples of which scratch memory is rounded; the memory itself may lie anyhow."""
EASE = 192 << 10
"""Bytes of scratch that a thread should have before there are more of them."""
HOST = ("vector_bytes", "tile_rows")
"""Functions of the compiled code that say what it was compiled for."""


class _Ready(NamedTuple):
    """A step's words after those of every step, its tasks, and bytes of scratch of a thread."""

    descriptor: tuple[int, ...]
    tasks: int
    scratch: int


def made_ready(words: Words, room: int = 0, cores: int = 0) -> tuple[Words, int]:
    """The words as the interpreter reads them, with tasks, threads and scratch.

    Beside them the bytes of scratch of a call, for all its threads. With `room` these are at most
    so many (or LEAST_ROOM): there are fewer threads then, and smaller blocks. `cores` are those of
    this process unless it is told.
    """
    steps = list(_steps(words))
    ready, threads, each = _fitted(words, steps, room, cores, _host())
    begin = words[: steps_at(words)].tolist()
    begin[ADVANCES - 2 : ADVANCES] = threads, each
    for step, (descriptor, tasks, _) in zip(steps, ready, strict=True):
        begin += (HEADER + len(descriptor), step[1], tasks, *step[3:HEADER], *descriptor)
    return np.array(begin, np.int64), threads * each + ALIGNED


def scratch_bytes(words: Words, room: int = 0, cores: int = 0) -> int:
    """Bytes of scratch of a call, for all its threads, as `made_ready` will say.

    Told without compiled code, as for a processor with AVX-512; what others take is close to it,
    and never more than `room` either.

    >>> from einlab.native.words import Part, assembled, strided
    >>> copy = strided(Part(0, 0), None, Part(1, 0), [Axis(8, 1, 0, 1)])
    >>> scratch_bytes(assembled("float32", [copy], (8, 8)))
    128
    """
    _, threads, each = _fitted(words, list(_steps(words)), room, cores, WIDEST)
    return threads * each + ALIGNED


def product_scratch_bytes(
    batch: int, m: int, k: int, n: int, itemsize: int, room: int = 0, cores: int = 0
) -> int:
    """At most the bytes of scratch of a call of one product, from its sizes alone.

    >>> product_scratch_bytes(1, 64, 64, 64, 4, cores=1)
    22144
    >>> product_scratch_bytes(1, 4096, 4096, 4096, 4, room=65536, cores=2) <= 65536
    True
    """
    pieces, scratch = sized_by_counts(batch, m, k, n, itemsize)
    threads, limit = _share([_Ready((), pieces, _rounded(scratch))], room, cores)
    if limit and limit < scratch:
        _, scratch = sized_by_counts(batch, m, k, n, itemsize, limit)
    return threads * _rounded(scratch) + ALIGNED


def _fitted(
    words: Words, steps: list[tuple[int, ...]], room: int, cores: int, host: Host
) -> tuple[list[_Ready], int, int]:
    """The steps prepared, how many threads there are, and bytes of scratch of each."""
    size = 4 if words[0] == 0 else 8
    ready = [_ready(step, size, 0, host) for step in steps]
    if not ready:
        return ready, 1, 0
    threads, limit = _share(ready, room, cores)
    if limit:
        ready = [
            _ready(step, size, limit, host) if limit < made.scratch else made
            for step, made in zip(steps, ready, strict=True)
        ]
    return ready, threads, max(made.scratch for made in ready)


def _share(ready: list[_Ready], room: int, cores: int) -> tuple[int, int]:
    """How many threads there are, and the bytes of scratch that each may have, 0 if any."""
    most = max(made.tasks for made in ready)
    threads = max(1, min(cores or _cores(), MOST_THREADS, most))
    if not room:
        return threads, 0
    left = max(room, LEAST_ROOM) - ALIGNED
    best = max(made.scratch for made in ready)
    threads = max(1, min(threads, left // max(1, min(best, EASE))))
    return threads, left // threads // ALIGNED * ALIGNED


def _steps(words: Words) -> Iterator[tuple[int, ...]]:
    """The words of each step."""
    at, given = steps_at(words), words.tolist()
    while at < len(given):
        yield tuple(given[at : at + given[at]])
        at += given[at]


def _ready(step: tuple[int, ...], size: int, room: int, host: Host) -> _Ready:
    """A step prepared for its kernel."""
    return _prepared(step[1], step[5] != NOTHING, step[HEADER:], size, room, host)


@lru_cache(maxsize=8192)
def _prepared(
    kind: int, two: bool, descriptor: tuple[int, ...], size: int, room: int, host: Host
) -> _Ready:
    if kind == PRODUCT:
        made = sized(descriptor, size, room, host)
        return _Ready((*made.words, *descriptor[5:]), made.pieces, _rounded(made.scratch))
    if kind == STRIDED:
        numbers = iter(descriptor[2:])
        axes = tuple(map(Axis, numbers, numbers, numbers, numbers))
        words = prepared(axes, size, two=two, add=bool(descriptor[1]), room=room)
        return _Ready(words, max(1, words[TASKS]), _rounded(words[SCRATCH]))
    return _Ready(descriptor, 1, 0)


def _rounded(scratch: int) -> int:
    return -(-scratch // ALIGNED) * ALIGNED


@lru_cache(maxsize=1)
def _host() -> Host:
    """What the kernels were compiled for."""
    numbers = (ctypes.CFUNCTYPE(ctypes.c_int64)(build()[name])() for name in HOST)
    return Host(*numbers)


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
