"""Axes cut and put in another order reach the same entries."""

from __future__ import annotations

import itertools
import random

import pytest

from einlab.native.interleaving import LARGE, interleaved
from einlab.native.words import Axis


def places(axes: list[Axis]) -> list[tuple[int, int, int]]:
    """Where each entry lies in the three arrays."""
    found = []
    for digits in itertools.product(*(range(axis.extent) for axis in axes)):
        moved = [(d * a.left, d * a.right, d * a.result) for d, a in zip(digits, axes, strict=True)]
        found.append((sum(x[0] for x in moved), sum(x[1] for x in moved), sum(x[2] for x in moved)))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_every_entry_is_reached_once(seed: int) -> None:
    draw = random.Random(seed)
    extents = [draw.choice([5, 24, 36, 47, 48, 72, 97]) for _ in range(draw.randint(2, 3))]
    order = draw.sample(range(len(extents)), len(extents))
    own, strides = 1, [0] * len(extents)
    for axis in reversed(order):
        strides[axis], own = own, own * extents[axis]
    axes: list[Axis] = []
    result = 1
    for extent, stride in zip(reversed(extents), reversed(strides), strict=True):
        axes.insert(0, Axis(extent, 0, stride, result))
        result *= extent
    for times in (1.0, 20.0):
        found = interleaved(axes, 2, times)
        assert sorted(places(found)) == sorted(places(axes))


def test_lines_of_both_arrays_are_used_whole() -> None:
    found = interleaved([Axis(72, 1, 0, 5184), Axis(72, 72, 0, 72), Axis(72, 5184, 0, 1)], 1)
    *_, near, last = found
    assert (near.left, last.result) == (1, 1)
    assert near.extent >= 8 <= last.extent


@pytest.mark.parametrize(
    "axes",
    [
        [Axis(300, 300, 0, 300), Axis(300, 1, 0, 1)],  # lies as the result does
        [Axis(100, 1, 0, 100), Axis(100, 100, 0, 1)],  # is small
        [Axis(331, 1, 0, 331), Axis(331, 331, 0, 1)],  # has no divisor
        [Axis(LARGE, 1, 0, 1)],
    ],
)
def test_other_axes_stay_as_they_are(axes: list[Axis]) -> None:
    assert interleaved(axes, 1) == axes


def test_a_small_result_is_written_in_the_order_of_the_operand() -> None:
    found = interleaved([Axis(296, 312, 0, 1), Axis(312, 1, 0, 7104)], 1, 13.0)
    assert [axis.left for axis in found] == [312, 1]
