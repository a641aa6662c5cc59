"""Tables of offsets: where the elements of an axis group lie, in bytes behind an address.

Axes are told by four words each: extent, then the strides in A, B and C, in elements. A group's
axes stand outermost first. Imports Numba: import it late.
"""

from __future__ import annotations

import numpy as np

from einlab.native.compiled import helper, load64, store64
from einlab.native.words import READY

__all__ = [
    "AXIS",
    "BATCH",
    "COLUMNS",
    "IN_A",
    "IN_B",
    "IN_C",
    "ROWS_OF_A",
    "SUM",
    "axes_of",
    "count_of",
    "fill_runs",
    "fill_table",
    "in_squares",
    "linear",
    "offset_of",
    "pad",
    "up",
]

AXIS = 32
"""Bytes of an axis in a descriptor."""
BATCH, ROWS_OF_A, SUM, COLUMNS = np.int64(0), np.int64(1), np.int64(2), np.int64(3)
"""Axis groups by their places in a descriptor: batch, m, k and n. They, and the operands, are no
plain integers, for each of which Numba would compile another version of what takes them."""
IN_A, IN_B, IN_C = np.int64(1), np.int64(2), np.int64(3)
"""Operands and the result by the places of their strides in an axis."""


@helper
def up(number, multiple):  # type: ignore[no-untyped-def]
    """The next multiple, which is a power of two."""
    return (number + multiple - 1) & -multiple


@helper
def axes_of(descriptor, group):  # type: ignore[no-untyped-def]
    """Where the axes of group 0 (batch), 1 (m), 2 (k) or 3 (n) begin, and how many they are."""
    before = 0
    for earlier in range(group):
        before += load64(descriptor + 8 * earlier)
    return descriptor + 8 * READY + AXIS * before, load64(descriptor + 8 * group)


@helper
def count_of(descriptor, group):  # type: ignore[no-untyped-def]
    """Places in a group."""
    axes, number = axes_of(descriptor, group)
    product = 1
    for axis in range(number):
        product *= load64(axes + AXIS * axis)
    return product


@helper
def offset_of(axes, number, place, operand, size):  # type: ignore[no-untyped-def]
    """The offset of one place in the group in operand 1 (A), 2 (B) or 3 (C)."""
    offset, axis = 0, number - 1
    while place > 0 and axis >= 0:
        extent = load64(axes + AXIS * axis)
        offset += place % extent * load64(axes + AXIS * axis + 8 * operand)
        place //= extent
        axis -= 1
    return offset * size


@helper
def fill_table(axes, number, start, stop, operand, size, table):  # type: ignore[no-untyped-def]
    """The offsets of the places from start to before stop.

    The table grows axis by axis, innermost first: what is there is repeated once for every further
    place. A stretch that begins or ends within the group is put together from such boxes.
    """
    place = start
    while place < stop:
        have, axis, rest, room = 1, number - 1, place, stop - place
        here = table + 8 * (place - start)
        store64(here, offset_of(axes, number, place, operand, size))
        whole = True
        while whole and axis >= 0 and have < room:
            extent = load64(axes + AXIS * axis)
            stride = size * load64(axes + AXIS * axis + 8 * operand)
            digit = rest % extent if rest else 0
            times = extent - digit
            if times * have > room:
                times = room // have
            for again in range(1, times):
                for entry in range(have):
                    moved = load64(here + 8 * entry) + again * stride
                    store64(here + 8 * (again * have + entry), moved)
            have *= times
            whole = times == extent
            rest = rest // extent if rest else 0
            axis -= 1
        place += have


@helper
def linear(table, number, step):  # type: ignore[no-untyped-def]
    """Offsets at equal distances."""
    for entry in range(number):
        store64(table + 8 * entry, entry * step)


@helper
def pad(table, number, room):  # type: ignore[no-untyped-def]
    """Repeat the last offset, so that a table can be read beyond its end."""
    last = load64(table + 8 * (number - 1))
    for entry in range(number, room):
        store64(table + 8 * entry, last)


@helper
def fill_runs(table, number, room, size, most, runs):  # type: ignore[no-untyped-def]
    """How many entries from each on follow each other without a gap, within pieces of `most`.

    `most` is a power of two.
    """
    for entry in range(number, room):
        store64(runs + 8 * entry, 0)
    run, after = 0, 0
    for entry in range(number - 1, -1, -1):
        here = load64(table + 8 * entry)
        run = run + 1 if run and after - here == size and (entry + 1) & (most - 1) != 0 else 1
        store64(runs + 8 * entry, run)
        after = here


@helper
def in_squares(table, number, side, size):  # type: ignore[no-untyped-def]
    """1 if places follow each other without a gap, `side` at a time, else 0.

    `side` is a power of two.
    """
    for place in range(1, number & -side):
        if place & (side - 1) != 0:
            before = load64(table + 8 * place - 8)
            if load64(table + 8 * place) - before != size:
                return 0
    return 1 if number >= side else 0
