"""Sums in two steps: first whole stretches of an array are added up, then what is left within one.

Where what is summed lies both around and within what is kept, or around a few entries, each number
of the result is the sum of many short runs. Adding up long stretches entry by entry reads the array
as fast as memory gives it, and the second step has a small array left. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

__all__ = ["Halves", "in_two"]

STRETCHES = 4
"""Stretches that are added up, at least."""
SHORT, LONG = 128, 2**14
"""Entries of a run that is long enough by itself, and of the longest stretch made of short runs."""
WORTH = 2**14
"""Entries of an array that is worth a second step."""


class Halves(NamedTuple):
    """How an array is summed in two steps."""

    strides: Mapping[str, int]
    """How far neighbours along each axis lie apart in the array; one axis may have become two."""
    sizes: Mapping[str, int]
    stretch: tuple[str, ...]
    """Axes of what is left between, the longest stride first; the first step sums the others."""


def in_two(
    strides: Mapping[str, int], kept: Collection[str], sizes: Mapping[str, int]
) -> Halves | None:
    """How an array that lies so is summed in two steps; None where one is as fast.

    >>> in_two({"i": 6000, "j": 30, "k": 1}, "j", {"i": 50, "j": 200, "k": 30}).stretch
    ('j', 'k')
    >>> in_two({"i": 20, "j": 1}, "j", {"i": 4000, "j": 20}).stretch
    ('i within', 'j')
    >>> in_two({"i": 6000, "j": 30, "k": 1}, "jk", {"i": 50, "j": 200, "k": 30}) is None
    True
    """
    if min(strides.values(), default=0) < 1 or _volume(strides, sizes) < WORTH:
        return None
    order = sorted(strides, key=strides.__getitem__, reverse=True)
    around = next((place for place, axis in enumerate(order) if axis in kept), len(order))
    outer, rest = order[:around], order[around:]
    run = _volume(rest, sizes)
    if run >= SHORT:
        fits = _volume(outer, sizes) >= STRETCHES and any(axis not in kept for axis in rest)
        return Halves(strides, sizes, tuple(rest)) if fits else None
    if not rest or not outer:
        return None
    last = outer[-1]
    if run * sizes[last] <= LONG and run * sizes[last] >= SHORT:
        fits = _volume(outer[:-1], sizes) >= STRETCHES
        return Halves(strides, sizes, (last, *rest)) if fits else None
    return _divided(strides, sizes, last, rest, run)


def _divided(
    strides: Mapping[str, int], sizes: Mapping[str, int], axis: str, rest: list[str], run: int
) -> Halves | None:
    """A stretch of short runs along a part of an axis, which divides its length."""
    size = sizes[axis]
    parts = [n for n in range(2, LONG // 8 // run + 1) if size % n == 0 and size // n >= STRETCHES]
    if not parts or parts[-1] * run < SHORT:
        return None
    within = f"{axis} within"
    return Halves(
        {**strides, axis: strides[axis] * parts[-1], within: strides[axis]},
        {**sizes, axis: size // parts[-1], within: parts[-1]},
        (within, *rest),
    )


def _volume(axes: Collection[str], sizes: Mapping[str, int]) -> int:
    return math.prod(sizes[axis] for axis in axes)
