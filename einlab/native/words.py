"""Programs of the interpreter, as 64-bit words.

A program multiplies, adds and copies parts of numbered buffers, step by step, some of them in
loops. Buffers are the operands in their order, then the results. All offsets and strides count
elements of the program's dtype. No Numba and no JAX here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "ADVANCES",
    "BEGIN",
    "DTYPES",
    "END",
    "FILL",
    "HEADER",
    "MOST_DEPTH",
    "NOTHING",
    "PRODUCT",
    "STRIDED",
    "Axis",
    "Host",
    "Part",
    "Step",
    "Words",
    "assembled",
    "begin",
    "end",
    "fill",
    "product",
    "steps_at",
    "strided",
]

Words = npt.NDArray[np.int64]

DTYPES = ("float32", "float64")
"""Dtypes by their number in a program."""
PRODUCT, STRIDED, FILL, BEGIN, END = range(5)
"""Kinds of steps: products of matrices, anything else, zeros; where a loop begins and ends."""
MOST_DEPTH = 32
"""Loops within each other, at most."""
NOTHING = -1
"""The buffer of an operand that a step does not have."""
ADVANCES = 6
"""Words before the advances: dtype, steps, depth of loops, buffers, threads, bytes of scratch a
thread. Then come, for every step and so many loops as the deepest step is in, how far left operand,
right operand and result move on from one iteration to the next."""
HEADER = 9
"""Words of a step before its descriptor: words in all, kind, tasks, then buffer and offset of the
left operand, the right operand and the result."""

(
    BATCH_AXES, ROW_AXES, SUM_AXES, COLUMN_AXES, ADDED, ROWS_BY, WAY, RUN, PACKED, STRAIGHT,
    PAST, AHEAD, TALL, LONG, WIDE, OF_A, OF_B, BY_BATCH, BY_ROWS, BY_COLUMNS, READY,
) = range(21)  # fmt: skip
"""Words of a product that is ready for its kernel, before its axes: how many axes of batch, m, k
and n, 1 if it is added; 1 if the left operand gives the rows of tiles, 3 if the right one; a way of
`WAYS`; how many places of k follow each other, or elements of the batch that are taken together;
1 if A is packed, if B is not
where it need not be, if the result is written past the caches; bytes by which B is asked for
beforehand; places in m, k and n of a block, elements of its packed A and B; into how many pieces
batch, rows and columns are cut. Without `READY` words in front of its axes a product has the first
five."""

WAYS = IN_TILES, ALONG_K, ALONG_BATCH = range(3)
"""Ways to multiply: tiles whose vectors run along the columns, or along k, or along the batch."""


class Host(NamedTuple):
    """What the size of blocks depends on: bytes of a vector, rows of the largest tile."""

    vector: int
    rows: int


class Part(NamedTuple):
    """Where an array begins."""

    buffer: int
    offset: int


class Axis(NamedTuple):
    """An axis of a step: its length, and how far neighbours lie apart in each array.

    The distance is 0 in an array that does not have the axis.
    """

    extent: int
    left: int
    right: int
    result: int


class Step(NamedTuple):
    """One step of a program."""

    kind: int
    left: Part
    right: Part
    result: Part
    descriptor: tuple[int, ...]
    advances: tuple[tuple[int, int, int], ...] = ()
    """For each loop around the step, the outermost first, how far left operand, right operand and
    result move on in each iteration."""


def product(
    left: Part,
    right: Part,
    result: Part,
    axes: tuple[Sequence[Axis], Sequence[Axis], Sequence[Axis], Sequence[Axis]],
    *,
    add: bool = False,
) -> Step:
    """A product of matrices, or a batch of them, over the axes of batch, m, k and n."""
    numbers = [len(group) for group in axes]
    descriptor = (*numbers, int(add), *(word for group in axes for axis in group for word in axis))
    return Step(PRODUCT, left, right, result, descriptor)


def strided(
    left: Part, right: Part | None, result: Part, axes: Sequence[Axis], *, add: bool = False
) -> Step:
    """An operand, or the product of two entry by entry, summed over axes the result has not."""
    descriptor = (len(axes), int(add), *(word for axis in axes for word in axis))
    return Step(STRIDED, left, right or Part(NOTHING, 0), result, descriptor)


def fill(result: Part, length: int) -> Step:
    """Zeros."""
    return Step(FILL, Part(NOTHING, 0), Part(NOTHING, 0), result, (length,))


def begin(extent: int) -> Step:
    """The start of a loop of so many iterations, one at least."""
    return Step(BEGIN, Part(NOTHING, 0), Part(NOTHING, 0), Part(NOTHING, 0), (extent,))


def end() -> Step:
    """The end of the loop that was begun last."""
    return Step(END, Part(NOTHING, 0), Part(NOTHING, 0), Part(NOTHING, 0), ())


def assembled(
    dtype: str, steps: Iterable[Step], lengths: Sequence[int], *, batch: int = 1
) -> Words:
    """The words of a program that runs its steps one after the other.

    With a batch they run so many times, and each buffer is looked at so many elements further on
    each time as `lengths` says: the length of an operand or a result, 0 for what all elements use.

    >>> two = [Axis(3, 1, 1, 0)]
    >>> dot = strided(Part(0, 0), Part(1, 0), Part(2, 0), two)
    >>> assembled("float32", [dot], (3, 3, 1)).tolist()
    [0, 1, 0, 3, 1, 0, 15, 1, 1, 0, 0, 1, 0, 2, 0, 1, 0, 3, 1, 1, 0]
    """
    every = list(steps)
    if batch != 1:
        every = [begin(batch), *(_moved(step, lengths) for step in every), end()] if batch else []
    depth = max((len(step.advances) for step in every), default=0)
    words = [DTYPES.index(dtype), len(every), depth, len(lengths), 1, 0]
    for step in every:
        for advances in (*step.advances, *[(0, 0, 0)] * (depth - len(step.advances))):
            words += advances
    for kind, left, right, result, descriptor, _ in every:
        words += (HEADER + len(descriptor), kind, 1, *left, *right, *result, *descriptor)
    return np.array(words, np.int64)


def _moved(step: Step, lengths: Sequence[int]) -> Step:
    """The step in one loop more, around all others, in which every buffer moves on."""
    left, right, result = (
        0 if part.buffer == NOTHING else lengths[part.buffer]
        for part in (step.left, step.right, step.result)
    )
    return step._replace(advances=((left, right, result), *step.advances))


def steps_at(words: Words) -> int:
    """The word with which the first step of a program begins."""
    return ADVANCES + 3 * int(words[1]) * int(words[2])
