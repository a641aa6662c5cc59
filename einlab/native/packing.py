"""Packing: a block of an operand copied into panels, in the order in which tiles read it.

A panel holds some columns side by side, row after row: rows are places in k, columns are places in
m (for A) or n (for B). Imports Numba: import it late.
"""

from __future__ import annotations

from einlab.native.compiled import helper, load64
from einlab.native.microkernel import ROWS
from einlab.native.transposing import copy_square_row, transpose
from einlab.native.vectors import (
    WIDTH,
    ask,
    item,
    lanes,
    load,
    masked_load,
    masked_store,
    store,
    vector_load,
    vector_store,
)

__all__ = ["pack", "pack_vectors"]

AHEAD = 512
"""Bytes by which rows are asked for beforehand: each may lie in another page."""


@helper
def _together(columns, count, size):  # type: ignore[no-untyped-def]
    """Whether so many columns follow each other without a gap."""
    for column in range(1, count):
        if load64(columns + 8 * column) - load64(columns + 8 * column - 8) != size:
            return False
    return True


@helper
def _pack_few(source, columns, count, rows, k, squares, target, step, like):  # type: ignore[no-untyped-def]
    """At most ROWS columns; the table may be read up to ROWS."""
    size = item(like)
    if _together(columns, count, size):
        first = source + load64(columns)
        for row in range(k):
            place = first + load64(rows + 8 * row)
            if count == ROWS:
                copy_square_row(place, target + step * row, like)
            else:
                few = masked_load(place, 0, count, like)
                masked_store(target + step * row, few, 0, count)
        return
    done = 0
    if squares:
        done = k - k % ROWS
        for row in range(0, done, ROWS):
            begin = source + load64(rows + 8 * row)
            transpose(begin, columns, target + step * row, step, like)
    for row in range(done, k):
        place = source + load64(rows + 8 * row)
        for column in range(count):
            value = load(place + load64(columns + 8 * column), like)
            store(target + step * row + size * column, value)


@helper
def pack(source, columns, count, room, rows, k, squares, target, like):  # type: ignore[no-untyped-def]
    """One panel of `room` columns, of which `count` exist; the others are left as they are."""
    size = item(like)
    step = room * size
    if count == room and room % lanes(like) == 0 and _together(columns, count, size):
        first = source + load64(columns)
        for row in range(k):
            place = first + load64(rows + 8 * row)
            for column in range(0, step, size * lanes(like)):
                ask(place + column + AHEAD)
                vector_store(target + step * row + column, vector_load(place + column, like))
        return
    for column in range(0, count, ROWS):
        few = min(ROWS, count - column)
        _pack_few(
            source, columns + 8 * column, few, rows, k, squares, target + size * column, step, like
        )


@helper
def pack_vectors(source, lines, count, side, places, k, elements, target, like):  # type: ignore[no-untyped-def]
    """Panels of `side` lines, rows of A or columns of B: for each place in k a vector of each.

    A vector has `elements` of the batch, and zeros. Where the last panel lacks lines the last one
    stands again, as it does in the table.
    """
    whole = elements == lanes(like)
    for line in range(0, count, side):
        for within in range(side):
            begin = source + load64(lines + 8 * (line + within))
            to = target + WIDTH * (k * line + within)
            for place in range(k):
                at = begin + load64(places + 8 * place)
                ask(at + WIDTH)
                if whole:
                    vector = vector_load(at, like)
                else:
                    vector = masked_load(at, 0, elements, like)
                vector_store(to + WIDTH * side * place, vector)
