"""How an array lies beside another one, as numbers by which measured steps are compared.

Traits are on scales on which near means alike: powers of two of volumes and strides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from einlab.contraction import Term

__all__ = ["APART", "Move", "log", "move_of", "repeated", "shared", "volume"]

APART = 3.0
"""Distance, in powers of two, between steps that permute an operand and those that do not."""


class Move(NamedTuple):
    """An array that is permuted."""

    entries: float
    run: float
    """Entries that stay side by side."""
    traits: tuple[float, ...]


@lru_cache(maxsize=4096)
def _move(before: tuple[int, ...], places: tuple[int, ...]) -> Move:
    """The permutation of an array of this shape whose axis `places[i]` comes to place i."""
    entries = float(math.prod(before))
    run = 1.0
    for place, axis in zip(range(len(places) - 1, -1, -1), reversed(places), strict=True):
        if axis != place:
            break
        run *= before[axis]
    if run == entries:
        return Move(entries, run, (log(entries), log(entries), 0.0, log(entries), 0.0, 0.0))
    there = [places.index(axis) for axis in range(len(before))]
    after = tuple(before[axis] for axis in places)
    out_inner, in_stride = _last_group(before, places)
    in_inner, out_stride = _last_group(after, tuple(there))
    sizes = (entries, out_inner, in_stride, in_inner, out_stride, run)
    return Move(entries, run, tuple(map(log, sizes)))


def _last_group(shape: Sequence[int], places: Sequence[int]) -> tuple[float, float]:
    """Entries of the axes that end the new order and stood together, and their stride before."""
    last = places[-1]
    count = float(shape[last])
    stride = float(math.prod(shape[last + 1 :]))
    for one, other in zip(reversed(places[:-1]), reversed(places[1:]), strict=True):
        if one + 1 != other:
            break
        count *= shape[one]
    return count, stride


def move_of(before: Term, after: Term, sizes: Mapping[str, int]) -> Move:
    """The permutation from one order of axes to another; axes of length 1 do not count.

    >>> move_of(("a", "b"), ("b", "a"), {"a": 4, "b": 8}).traits
    (5.0, 2.0, 3.0, 3.0, 2.0, 0.0)
    """
    held = [index for index in before if sizes[index] > 1]
    places = tuple(held.index(index) for index in after if sizes[index] > 1)
    return _move(tuple(sizes[index] for index in held), places)


def shared(term: Sequence[str], output: Sequence[str]) -> tuple[Term, Term]:
    """The axes that an array shares with another one, in the order of each.

    >>> shared("abc", "cxb")
    (('b', 'c'), ('c', 'b'))
    """
    return tuple(i for i in term if i in output), tuple(i for i in output if i in term)


def repeated(output: Sequence[str], term: Sequence[str], sizes: Mapping[str, int]) -> float:
    """Entries of the result, side by side, that one entry of an operand belongs to.

    >>> repeated("abc", "a", {"a": 2, "b": 4, "c": 8})
    32.0
    """
    count = 1.0
    for index in reversed(output):
        if index in term and sizes[index] > 1:
            break
        count *= sizes[index]
    return count


def volume(term: Sequence[str], sizes: Mapping[str, int]) -> float:
    """Entries over these axes.

    >>> volume("ab", {"a": 4, "b": 8})
    32.0
    """
    return float(math.prod(sizes[index] for index in term))


def log(size: float) -> float:
    """Powers of two in a size; 0 for nothing.

    >>> log(8), log(0)
    (3.0, 0.0)
    """
    return math.log2(max(size, 1.0))
