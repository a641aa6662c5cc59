"""Tables of offsets: where the elements of an axis group lie, in bytes behind an address.

Axes are told by four words each: extent, then the strides in A, B and C, in elements. A group's
axes stand outermost first. Imports Numba: import it late.
"""

from __future__ import annotations

from einlab.native.compiled import helper, load64, store64

__all__ = ["AXIS", "entries", "fill_runs", "fill_table", "linear", "offset_of", "pad"]

AXIS = 32
"""Bytes of an axis in a descriptor."""


@helper
def entries(axes, number):  # type: ignore[no-untyped-def]
    """Elements along so many axes together."""
    product = 1
    for axis in range(number):
        product *= load64(axes + AXIS * axis)
    return product


@helper
def offset_of(axes, number, place, operand, size):  # type: ignore[no-untyped-def]
    """The offset of one place in the group in operand 1 (A), 2 (B) or 3 (C)."""
    offset = 0
    for axis in range(number - 1, -1, -1):
        extent = load64(axes + AXIS * axis)
        offset += place % extent * load64(axes + AXIS * axis + 8 * operand)
        place //= extent
    return offset * size


@helper
def fill_table(axes, number, start, stop, operand, size, table):  # type: ignore[no-untyped-def]
    """The offsets of the places from start to before stop.

    The table grows axis by axis, innermost first: what is there is repeated once for every further
    place. A stretch that begins or ends within the group is put together from such boxes.
    """
    place = start
    while place < stop:
        have, base, axis, rest = 1, offset_of(axes, number, place, operand, size), number - 1, place
        room = stop - place
        here = table + 8 * (place - start)
        store64(here, base)
        while axis >= 0 and have < room:
            extent = load64(axes + AXIS * axis)
            stride = size * load64(axes + AXIS * axis + 8 * operand)
            digit = rest % extent
            times = min(extent - digit, room // have)
            for again in range(1, times):
                for entry in range(have):
                    moved = load64(here + 8 * entry) + again * stride
                    store64(here + 8 * (again * have + entry), moved)
            have *= times
            if digit != 0 or times < extent:
                break
            rest //= extent
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
    """How many entries from each on follow each other without a gap, within pieces of `most`."""
    for entry in range(number, room):
        store64(runs + 8 * entry, 0)
    run = 0
    for entry in range(number - 1, -1, -1):
        following = load64(table + 8 * entry + 8) - load64(table + 8 * entry) if run else 0
        run = run + 1 if following == size and (entry + 1) % most != 0 else 1
        store64(runs + 8 * entry, run)
