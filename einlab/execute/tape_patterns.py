"""A step of a tape's program as tiles of one padded product, and where their operands lie.

Steps of one form differ by where their values begin, and by no more, so the pattern of a form is
made once for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from einlab.execute.tape_program import Product, Program, View, row_major

__all__ = ["Form", "Pattern", "Sides", "form_of", "grid", "pattern_of", "power_of_4"]

Sides = tuple[int, int, int]
"""m, k and n of a tile."""
Groups = tuple[tuple[int, ...], ...]
"""Sizes or strides of axes in three groups, each of which is fused to one axis."""

LONGEST, WIDEST, AREA = 64, 16, 256
"""Largest m, n and m·n of a tile: longer sides are cut."""


@dataclass(frozen=True, slots=True)
class Form:
    """A step as a batch of products of matrices, the larger free side first."""

    sizes: Groups
    """Of the batch axes, of the rows and of the columns of the result."""
    result: Groups
    """Strides of the same axes in the result."""
    terms: tuple[tuple[tuple[int, ...], Groups, Groups], ...]
    """For each term: sizes of the summed axes, strides of (batch, m, k) and of (batch, k, n)."""
    swapped: bool
    """Whether the right view of a term is the left matrix."""

    @property
    def tile(self) -> Sides:
        """The sides of its largest tiles: powers of 4."""
        rows, columns = math.prod(self.sizes[1]), math.prod(self.sizes[2])
        n = min(WIDEST, power_of_4(columns))
        return min(LONGEST, power_of_4(rows), AREA // n), self.row[1], n

    @property
    def row(self) -> Sides:
        """The sides of a tile that makes one entry."""
        return 1, power_of_4(sum(math.prod(sizes) for sizes, _, _ in self.terms)), 1

    def tiles(self, sides: Sides) -> int:
        """How many tiles of these sides there are."""
        m, _, n = sides
        batch, rows, columns = map(math.prod, self.sizes)
        return batch * -(-rows // m) * -(-columns // n)


def form_of(step: Product, program: Program) -> Form:
    """The form of a step."""
    left, right = step.terms[0]
    in_left, in_right, kept = set(left.labels), set(right.labels), set(step.labels)
    batch = [i for i in step.labels if i in in_left and i in in_right]
    m = [i for i in step.labels if i not in in_right]
    n = [i for i in step.labels if i not in in_left]
    swapped = program.volume(n) > program.volume(m)
    if swapped:
        m, n = n, m
    sizes = program.sizes
    terms = []
    for pair in step.terms:
        one, other = reversed(pair) if swapped else pair
        k = [i for i in pair[0].labels if i not in kept]
        terms.append(
            (tuple(sizes[i] for i in k), _strides(one, batch, m, k), _strides(other, batch, k, n))
        )
    lies = View(0, 0, step.labels, row_major([sizes[i] for i in step.labels]))
    extents = tuple(tuple(sizes[i] for i in group) for group in (batch, m, n))
    return Form(extents, _strides(lies, batch, m, n), tuple(terms), swapped)


def _strides(view: View, *groups: list[str]) -> Groups:
    stride = dict(zip(view.labels, view.strides, strict=True))
    return tuple(tuple(stride[i] for i in group) for group in groups)


def power_of_4(size: int) -> int:
    """The least power of 4 that is at least `size`.

    >>> [power_of_4(size) for size in (1, 2, 4, 5)]
    [1, 4, 4, 16]
    """
    power = 1
    while power < size:
        power *= 4
    return power


@dataclass(frozen=True, slots=True)
class Pattern:
    """Places of a form's operands and results, from where their values begin; -1 is nowhere."""

    left: Any
    """(tiles, m, k)"""
    right: Any
    """(tiles, k, n)"""
    result: Any
    """(tiles, m, n)"""
    term_of: Any
    """The term to which each k belongs."""


@lru_cache(maxsize=4096)
def pattern_of(form: Form, sides: Sides) -> Pattern:
    """The pattern of all steps of a form that are cut into tiles of these sides."""
    batch, rows, columns = form.sizes
    m, k, n = sides
    lefts = [_cube((batch, rows, sizes), one) for sizes, one, _ in form.terms]
    rights = [_cube((batch, sizes, columns), other) for sizes, _, other in form.terms]
    left = _tiled(np.concatenate(lefts, 2), (m, k))
    right = _tiled(np.concatenate(rights, 1), (k, n))
    result = _tiled(_cube((batch, rows, columns), form.result), (m, n))
    count, down, across = result.shape[:3]
    term_of = np.zeros(k, np.int64)
    depths = [math.prod(sizes) for sizes, _, _ in form.terms]
    term_of[: sum(depths)] = np.repeat(np.arange(len(depths)), depths)
    return Pattern(
        np.broadcast_to(left[:, :, :1], (count, down, across, m, k)).reshape(-1, m, k),
        np.broadcast_to(right[:, :1], (count, down, across, k, n)).reshape(-1, k, n),
        result.reshape(-1, m, n),
        term_of,
    )


def grid(sizes: Sequence[int], strides: Sequence[int]) -> Any:
    """Places of the entries over these axes, row by row.

    >>> grid([2, 3], [10, 1])
    array([ 0,  1,  2, 10, 11, 12])
    """
    places = np.zeros(1, np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        places = (places[:, None] + np.arange(size) * stride).reshape(-1)
    return places


def _cube(sizes: Groups, strides: Groups) -> Any:
    """Places of the entries of an array of three fused axes."""
    one, two, three = (grid(size, stride) for size, stride in zip(sizes, strides, strict=True))
    return one[:, None, None] + two[None, :, None] + three[None, None, :]


def _tiled(cube: Any, tile: tuple[int, int]) -> Any:
    """(batch, rows, columns) cut into tiles: (batch, tiles down, tiles across, *tile)."""
    batch, rows, columns = cube.shape
    down, across = -(-rows // tile[0]), -(-columns // tile[1])
    padded = np.full((batch, down * tile[0], across * tile[1]), -1, np.int64)
    padded[:, :rows, :columns] = cube
    return padded.reshape(batch, down, tile[0], across, tile[1]).transpose(0, 1, 3, 2, 4)
