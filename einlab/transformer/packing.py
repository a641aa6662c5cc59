"""How a tensor of a file holds weights: axes merged, in another order, or several in one.

A form is written with the letters of the axes: "h·d c" is a matrix with a row for each entry of
each head, and as many columns as the model is wide; "c h·d+g·d+g·e" holds three weights beside each
other; in "h·(plain+e) rank" two weights share the rows of every head. "1" is an axis of length 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["join", "packed_shape", "split"]

Block = tuple[tuple[str, ...], bool]
"""Axes that lie merged, and whether several weights stand behind each other along them."""

INNER = re.compile(r"(.+)·\((.+)\)")


def packed_shape(form: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of a tensor of this form.

    >>> packed_shape("h·(plain+e) rank", {"h": 2, "plain": 5, "e": 3, "rank": 4})
    (16, 4)
    """
    return tuple(
        sum(_volume(axes, sizes) for axes in _alternatives(group)) for group in form.split()
    )


def split(
    tensor: np.ndarray, form: str, weights: Sequence[str], sizes: Mapping[str, int]
) -> list[np.ndarray]:
    """The weights in a tensor, each with its own axes, as "h d c" names them.

    >>> split(np.arange(4).reshape(2, 2), "c a+b", ["a c", "b c"], {"a": 1, "b": 1, "c": 2})
    [array([[0, 2]]), array([[1, 3]])]
    """
    rows = [_blocks(form, place) for place in range(len(weights))]
    shapes = [_merged(blocks, sizes) for blocks in rows]
    axis = _joined(rows[0])
    if axis is None:
        pieces = [tensor]
    else:
        lengths = [shape[axis] for shape in shapes]
        whole = [*shapes[0][:axis], sum(lengths), *shapes[0][axis + 1 :]]
        pieces = np.split(tensor.reshape(whole), np.cumsum(lengths)[:-1], axis=axis)
    found = []
    for piece, blocks, wanted in zip(pieces, rows, weights, strict=True):
        letters = _letters(blocks)
        apart = piece.reshape([sizes[letter] for letter in letters])
        found.append(apart.transpose([letters.index(letter) for letter in wanted.split()]))
    return found


def join(
    arrays: Sequence[np.ndarray], form: str, weights: Sequence[str], sizes: Mapping[str, int]
) -> np.ndarray:
    """The tensor that holds these weights: what `split` takes apart.

    >>> join([np.array([[0, 2]]), np.array([[1, 3]])], "c a+b", ["a c", "b c"],
    ...      {"a": 1, "b": 1, "c": 2}).tolist()
    [[0, 1], [2, 3]]
    """
    pieces = []
    rows = [_blocks(form, place) for place in range(len(weights))]
    for array, blocks, given in zip(arrays, rows, weights, strict=True):
        letters = given.split()
        turned = array.transpose([letters.index(letter) for letter in _letters(blocks)])
        pieces.append(turned.reshape(_merged(blocks, sizes)))
    axis = _joined(rows[0])
    whole = pieces[0] if axis is None else np.concatenate(pieces, axis=axis)
    return np.ascontiguousarray(whole.reshape(packed_shape(form, sizes)))


def _alternatives(group: str) -> list[tuple[str, ...]]:
    """The axes of each weight that stands in one axis of a tensor."""
    inner = INNER.fullmatch(group)
    front = tuple(inner[1].split("·")) if inner else ()
    return [(*front, *each.split("·")) for each in (inner[2] if inner else group).split("+")]


def _blocks(form: str, place: int) -> list[Block]:
    """The axes of one of the weights in a tensor, as they are merged before it is put together."""
    found: list[Block] = []
    for group in form.split():
        axes = _alternatives(group)
        if "(" in group:
            found += [(axes[place][:-1], False), (axes[place][-1:], True)]
        else:
            several = len(axes) > 1
            found.append((axes[place if several else 0], several))
    return found


def _joined(blocks: Sequence[Block]) -> int | None:
    return next((place for place, (_, several) in enumerate(blocks) if several), None)


def _merged(blocks: Sequence[Block], sizes: Mapping[str, int]) -> list[int]:
    return [_volume(axes, sizes) for axes, _ in blocks]


def _letters(blocks: Sequence[Block]) -> list[str]:
    return [letter for axes, _ in blocks for letter in axes if letter != "1"]


def _volume(axes: Sequence[str], sizes: Mapping[str, int]) -> int:
    return math.prod(sizes[letter] for letter in axes if letter != "1")
