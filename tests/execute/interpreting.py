"""The words of a native program, interpreted entry by entry in NumPy: what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from einlab.native.words import (
    ADVANCES,
    BEGIN,
    DTYPES,
    END,
    FILL,
    HEADER,
    NOTHING,
    PRODUCT,
    Words,
)

Array = Any


def interpreted(words: Words, inputs: Sequence[Array], lengths: Sequence[int]) -> list[Array]:
    """The results, of these lengths, of a program on flat inputs; what it does not write is NaN."""
    dtype, steps, depth, buffers = DTYPES[words[0]], *map(int, words[1:4])
    advances = words[ADVANCES : ADVANCES + 3 * depth * steps].reshape(steps, depth, 3)
    results = [np.full(length, np.nan, dtype) for length in lengths]
    memory = [*(np.asarray(x, dtype).reshape(-1) for x in inputs), *results]
    assert len(memory) == buffers
    every, at = [], ADVANCES + 3 * depth * steps
    for _ in range(steps):
        every.append(words[at : at + words[at]])
        at += words[at]
    assert at == len(words)
    number, loops = 0, list[list[int]]()
    while number < steps:
        step = every[number]
        kind, descriptor = step[1], step[HEADER:]
        if kind == BEGIN:
            loops.append([number, 0, int(descriptor[0])])
        elif kind == END:
            loops[-1][1] += 1
            if loops[-1][1] < loops[-1][2]:
                number = loops[-1][0]
            else:
                loops.pop()
        else:
            moved = sum(
                (loop[1] * by for loop, by in zip(loops, advances[number], strict=False)),
                np.zeros(3, np.int64),
            )
            parts = [
                (memory[buffer], offset + by)
                for (buffer, offset), by in zip(step[3:HEADER].reshape(3, 2), moved, strict=True)
                if buffer != NOTHING
            ]
            _run(kind, descriptor, parts)
        number += 1
    assert not loops
    return results


def _run(kind: int, descriptor: Words, parts: list[tuple[Array, int]]) -> None:
    (result, start), taken = parts[-1], parts[:-1]
    if kind == FILL:
        result[start : start + descriptor[0]] = 0
        return
    if kind == PRODUCT:
        counts, add, axes = descriptor[:4], descriptor[4], descriptor[5:].reshape(-1, 4)
        assert sum(counts) == len(axes)
        bounds = np.cumsum([0, *counts])
        for role, had in enumerate(((1, 1, 1), (1, 0, 1), (1, 1, 0), (0, 1, 1))):
            for axis in axes[bounds[role] : bounds[role + 1]]:
                assert tuple(map(bool, axis[1:])) == had or (role == 2 and not axis[3])
    else:
        add, axes = descriptor[1], descriptor[2:].reshape(-1, 4)
        assert descriptor[0] == len(axes)
    columns = (*range(1, len(parts)), 3)
    places = [
        offset + _grid(axes[:, 0], axes[:, column])
        for (_, offset), column in zip(parts, columns, strict=True)
    ]
    for (array, _), where in zip(parts, places, strict=True):
        assert where.min() >= 0
        assert where.max() < len(array)
    total = np.ones(places[0].shape, result.dtype)
    for (array, _), where in zip(taken, places, strict=False):
        total = total * array[where]
    if not add:
        result[places[-1]] = 0
    np.add.at(result, places[-1], total)


def _grid(extents: Words, strides: Words) -> Array:
    """Where every entry lies, one axis a dimension."""
    places = np.zeros((), np.int64)
    for extent, stride in zip(extents, strides, strict=True):
        places = places[..., None] + np.arange(extent) * stride
    return places
