"""What the time of a native product depends on: how it is walked over.

Which kernel a step is left to and how that one walks are asked of the kernels' own plain modules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from einlab.contraction import Term
from einlab.moves import APART, log, move_of, shared, volume
from einlab.native import preparing
from einlab.native.borders import is_strided
from einlab.native.words import Axis
from einlab.nativemodel import NO_ROWS, Walk, how_they_lie, run_within
from einlab.orders import Roles
from einlab.steps import Step

__all__ = ["NativeWork", "native_work"]

BATCH, M, K, N = range(4)
"""Roles of the axes of a product."""


class NativeWork(NamedTuple):
    """What of a native product its time depends on."""

    arrays: tuple[tuple[float, float], ...]
    """Entries of left, right and result, and of the runs in which they lie."""
    alike: str
    """"native" if it goes through blocks of matrices, "direct" if it goes over rows."""
    traits: tuple[float, ...]
    walk: Walk = NO_ROWS


def native_work(step: Step, parts: Roles, sizes: Mapping[str, int]) -> NativeWork:
    """A product by compiled code of our own: how its operands and its result lie.

    >>> from einlab.planning import plan
    >>> (step,) = plan("ij,jk->ik", (64, 64), (64, 64)).steps
    >>> native_work(step, step.roles, dict.fromkeys("ijk", 64)).alike
    'native'
    """
    groups, terms = (parts.batch, parts.m, parts.k, parts.n), (*step.terms, step.output)
    lying = how_they_lie(terms, groups, sizes)
    itemsize = step.cost.bytes_written / max(lying[2][0], 1)
    axes = _axes(terms, sizes)
    if is_strided(axes):
        rows = _rows(axes, 4 if itemsize == 4.0 else 8)
        direct = tuple(
            (float(entries), min(run, float(entries)))
            for (entries, _), run in zip(lying, rows.runs, strict=True)
        )
        return NativeWork(direct, "direct", rows.traits, rows.walk)
    arrays = tuple(
        (float(entries), min(float(run), _run_together(terms, place, sizes)))
        for place, (entries, run) in enumerate(lying)
    )
    return NativeWork(arrays, "native", _in_blocks(step, groups, sizes, 64.0 / itemsize))


def _axes(terms: Sequence[Term], sizes: Mapping[str, int]) -> tuple[Axis, ...]:
    """The axes of left, right and result as the kernels take them."""
    strides = []
    for term in terms:
        step, found = 1, dict[str, int]()
        for index in reversed(term):
            found[index] = found.get(index, 0) + step
            step *= sizes[index]
        strides.append(found)
    held = (index for index in dict.fromkeys(terms[0] + terms[1]) if sizes[index] > 1)
    return tuple(Axis(sizes[i], *(own.get(i, 0) for own in strides)) for i in held)


class _Rows(NamedTuple):
    """How the kernel of strided steps walks."""

    runs: tuple[float, float, float]
    """Entries of left, right and result that are met side by side."""
    traits: tuple[float, ...]
    walk: Walk


@lru_cache(maxsize=4096)
def _rows(axes: tuple[Axis, ...], itemsize: int) -> _Rows:
    """How the kernel of strided steps walks: what a row is, and how the operands lie along it."""
    words = preparing.prepared(axes, itemsize)
    mode = words[preparing.MODE_A]
    flags = (
        words[preparing.KIND] == preparing.SUM,
        mode == preparing.UNIT,
        mode == preparing.FLAT,
        mode == preparing.GATHER,
        words[preparing.MODE_B] == preparing.GATHER,
        words[preparing.MODE_C] == preparing.SCATTER,
        words[preparing.COUNT_SUMMED],
    )
    entries = math.prod(axis.extent for axis in axes)
    sizes = (preparing.ROW, preparing.RUN_A, preparing.RUN_B)
    loops = (preparing.POSITIONS, preparing.SUMMANDS, preparing.ROW_LAST)
    logs = (log(words[place]) for place in (*sizes, *loops))
    runs = [
        {preparing.UNIT: words[preparing.ROW], preparing.TURN: words[run], preparing.GATHER: 1}
        for run in (preparing.RUN_A, preparing.RUN_B)
    ]
    first, second = (
        float(known.get(words[place], entries))
        for known, place in zip(runs, (preparing.MODE_A, preparing.MODE_B), strict=True)
    )
    if words[preparing.SWAP]:
        first, second = second, first
    by_number = words[preparing.KIND] == preparing.DOT
    made = entries if by_number else 1 if flags[5] else words[preparing.ROW]
    traits = (log(entries), *(APART * flag for flag in flags), *logs)
    places = preparing.MODE_A, preparing.MODE_B
    staged = sum(words[place] in (preparing.TURN, preparing.GATHER) for place in places)
    rows = entries / max(words[preparing.ROW], 1)
    walk = Walk(rows, float(staged * entries), words[preparing.TASKS] > 1)
    return _Rows((first, second, float(made)), traits, walk)


def _in_blocks(
    step: Step, groups: Sequence[Term], sizes: Mapping[str, int], line: float
) -> tuple[float, ...]:
    """Traits of a native product of matrices; `line` entries make a line of the cache.

    If the result ends in an axis of m, or in the batch, and m is larger than n, the product is
    looked at the other way round.
    """
    role = {index: number for number, group in enumerate(groups) for index in group}

    def last(term: Term) -> int | None:
        """The role of the axis in which an array ends."""
        return next((role[i] for i in reversed(term) if sizes[i] > 1), None)

    left, right = step.terms
    batch, m, k, n = (volume(group, sizes) for group in groups)
    if last(step.output) == M or (last(step.output) != N and m > n):
        left, right, m, n = right, left, n, m
        role = {i: {M: N, N: M}.get(number, number) for i, number in role.items()}
    lying = left, right, step.output
    runs = [float(run_within(term, role, sizes)) for term in lying]
    ends = (last(left) == M, last(right) == K, *(last(term) == BATCH for term in lying))
    filled = math.ceil(n / line) * line / n
    large = max(step.terms, key=lambda term: volume(term, sizes))
    moved = move_of(*shared(large, step.output), sizes).traits[1:]
    return (*map(log, (batch, m, k, n, *runs, filled)), *map(float, ends), *moved)


def _run_together(terms: Sequence[Term], place: int, sizes: Mapping[str, int]) -> float:
    """Entries of an array that lie side by side in the other array of their axes, too.

    `terms` are those of the operands and the result: what is not summed is met in the result.
    """
    first, second = (terms[2], terms[1 - place]) if place < 2 else (terms[0], terms[1])
    run = 1.0
    after: str | None = None
    there: Term = ()
    for index in reversed(terms[place]):
        if sizes[index] == 1:
            continue
        met = tuple(i for i in (first if index in first else second) if sizes[i] > 1)
        if after is not None and (met != there or met.index(index) + 1 != met.index(after)):
            break
        run, after, there = run * sizes[index], index, met
    return run
