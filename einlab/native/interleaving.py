"""The order of an operand's own axes in a product of matrices: as the result lies, and as it lies.

Rows or columns are taken in the order in which they lie in the result. Where the operand lies
otherwise, neighbours in it would be met again only after all that lies between them has pushed
their cache line out. Then both innermost axes are cut, and so many places of the one are taken with
so many of the other at a time that lines of both are used whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from einlab.native.words import Axis

__all__ = ["interleaved"]

LEAST, MOST = 8, 32
"""Places of each axis that are taken at a time, if its length has a divisor there."""
MUCH = 6.0
"""Times the entries of the result that an operand has if its own order is taken."""
LARGE = 2**16
"""Entries of the operand's axes together from which on it is worth it."""


def interleaved(axes: Sequence[Axis], own: int, times: float = 1.0) -> list[Axis]:
    """The axes of rows or columns, outermost first, in an order that suits operand and result.

    `own` is 1 for axes of the left operand and 2 for those of the right one; `times` says how many
    times the entries of the result the operand has. A result that is much smaller is written in the
    order of the operand.

    >>> interleaved([Axis(512, 1, 0, 512), Axis(512, 512, 0, 1)], 1) == [
    ...     Axis(32, 16, 0, 8192), Axis(32, 8192, 0, 16), Axis(16, 1, 0, 512), Axis(16, 512, 0, 1)]
    True
    """
    if times >= MUCH:
        return sorted(axes, key=lambda axis: -axis[own])
    last = axes[-1]
    near = min(axes, key=lambda axis: axis[own])
    entries = 1
    for axis in axes:
        entries *= axis.extent
    if near is last or near[own] * LEAST > last[own] or entries < LARGE:
        return list(axes)
    few, some = _part(near.extent), _part(last.extent)
    if few == 1 or some == 1:
        return list(axes)
    rest = [axis for axis in axes if axis is not near and axis is not last]
    outer = [_outer(axis, part) for axis, part in ((near, few), (last, some))]
    outside = sorted([*rest, *outer], key=lambda axis: -axis.result)
    inner = [near._replace(extent=few), last._replace(extent=some)]
    return [axis for axis in (*outside, *inner) if axis.extent > 1]


def _part(extent: int) -> int:
    """Places of an axis that are taken at a time: the divisor nearest to 16, or all."""
    if extent <= MOST:
        return extent
    parts = [part for part in range(LEAST, MOST + 1) if extent % part == 0]
    return min(parts, key=lambda part: abs(part - 16)) if parts else 1


def _outer(axis: Axis, part: int) -> Axis:
    """The axis of the parts that are taken."""
    extent, left, right, result = axis
    return Axis(extent // part, left * part, right * part, result * part)
