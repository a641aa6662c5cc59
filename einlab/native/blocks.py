"""Blocks of a product: what a thread holds of them in its scratch memory.

The operands are called A and B here after their roles: A gives the rows of tiles, B the columns.
Group `r` is the axis group of the rows and `s` that of the columns: 1 and 3, or 3 and 1 where the
operands change their roles; the same numbers say which word of an axis is which operand's stride.
Imports Numba: import it late.
"""

from __future__ import annotations

import numpy as np

from einlab.native.compiled import helper, load64, store64
from einlab.native.microkernel import ROWS
from einlab.native.named_kernels import pack_at
from einlab.native.scratch import DOTS, HEAD, scratch_of
from einlab.native.tables import (
    COLUMNS,
    IN_A,
    IN_B,
    IN_C,
    ROWS_OF_A,
    SUM,
    axes_of,
    fill_runs,
    fill_table,
    in_squares,
    linear,
    pad,
    up,
)
from einlab.native.vectors import WIDTH
from einlab.native.words import LONG, OF_A, OF_B, TALL, WIDE

__all__ = [
    "A_K",
    "A_PACKED_K",
    "A_ROWS",
    "B_COLUMNS",
    "B_K",
    "B_PACKED_K",
    "B_RUNS",
    "C_COLUMNS",
    "C_ROWS",
    "C_RUNS",
    "PACKED_A",
    "PACKED_B",
    "PACKED_ROWS",
    "WORDS",
    "begin_columns",
    "begin_rows",
    "begin_sum",
    "laid_out",
    "lanes_of",
    "lies_right",
    "pack_a",
    "pack_along",
    "pack_b",
    "panel_of",
    "step_of",
    "word",
]

BOUNDLESS = np.int64(1 << 62)
"""A run may be as long as it likes."""
(
    A_ROWS, C_ROWS, A_K, B_K, A_PACKED_K, B_PACKED_K, B_COLUMNS, C_COLUMNS, B_RUNS, C_RUNS,
    PACKED_ROWS, PACKED_A, PACKED_B, WORDS,
) = (8 * place for place in range(14))  # fmt: skip
"""Where in scratch the addresses of its parts are, and the words of a kernel's call."""
_scratch_of = helper(scratch_of)


@helper
def lanes_of(size):  # type: ignore[no-untyped-def]
    """Elements of a vector."""
    return WIDTH >> (2 if size == 4 else 3)


@helper
def panel_of(m, size):  # type: ignore[no-untyped-def]
    """Columns of a panel of B: the fewer rows use it, the wider."""
    return (2 if m > ROWS // 2 else 4) * lanes_of(size)


@helper
def laid_out(scratch, descriptor, size):  # type: ignore[no-untyped-def]
    """Cut scratch into its parts."""
    tall, long, wide = word(descriptor, TALL), word(descriptor, LONG), word(descriptor, WIDE)
    of_a, of_b = word(descriptor, OF_A), word(descriptor, OF_B)
    at, part = scratch + HEAD, scratch
    for length in _scratch_of(tall, long, wide, of_a, of_b, size, WIDTH, ROWS):
        store64(part, at)
        at += length
        part += 8


@helper
def word(descriptor, place):  # type: ignore[no-untyped-def]
    """A word of a product that is ready."""
    return load64(descriptor + 8 * place)


@helper
def begin_rows(scratch, descriptor, r, start, stop, size):  # type: ignore[no-untyped-def]
    """Fill the tables of a block of rows."""
    axes, number = axes_of(descriptor, r)
    count, tall = stop - start, up(stop - start, ROWS)
    in_a, in_c = load64(scratch + A_ROWS), load64(scratch + C_ROWS)
    fill_table(axes, number, start, stop, IN_A if r == ROWS_OF_A else IN_B, size, in_a)
    fill_table(axes, number, start, stop, IN_C, size, in_c)
    pad(in_a, count, tall)
    pad(in_c, count, tall)


@helper
def begin_sum(scratch, descriptor, r, start, stop, size):  # type: ignore[no-untyped-def]
    """Fill the tables of a block of k."""
    axes, number = axes_of(descriptor, SUM)
    operand = IN_A if r == ROWS_OF_A else IN_B
    fill_table(axes, number, start, stop, operand, size, load64(scratch + A_K))
    fill_table(axes, number, start, stop, IN_A + IN_B - operand, size, load64(scratch + B_K))


@helper
def begin_columns(scratch, descriptor, s, start, stop, size):  # type: ignore[no-untyped-def]
    """Fill the tables of a block of columns."""
    axes, number = axes_of(descriptor, s)
    count, wide = stop - start, up(stop - start, lanes_of(size))
    beyond = max(wide, count + 2 * DOTS)
    in_b, in_c = load64(scratch + B_COLUMNS), load64(scratch + C_COLUMNS)
    fill_table(axes, number, start, stop, IN_B if s == COLUMNS else IN_A, size, in_b)
    pad(in_b, count, beyond)
    fill_table(axes, number, start, stop, IN_C, size, in_c)
    pad(in_c, count, beyond)
    fill_runs(in_b, count, wide, size, BOUNDLESS, load64(scratch + B_RUNS))
    fill_runs(in_c, count, wide, size, lanes_of(size), load64(scratch + C_RUNS))


@helper
def step_of(columns, panel, place, size):  # type: ignore[no-untyped-def]
    """How many of the columns left the next tile takes: one, two or four vectors, or less."""
    one = lanes_of(size)
    left = min(columns, panel - (place & (panel - 1)))
    if left >= 4 * one:
        return 4 * one
    return 2 * one if left >= 2 * one else min(left, one)


@helper
def lies_right(scratch, place, columns):  # type: ignore[no-untyped-def]
    """Whether so many columns follow each other in B without a gap."""
    return load64(load64(scratch + B_RUNS) + 8 * place) >= columns


@helper
def _pack(scratch, source, columns, count, room, rows, k, squares, target, size):  # type: ignore[no-untyped-def]
    words = scratch + WORDS
    store64(words, source)
    store64(words + 8, columns)
    store64(words + 16, count)
    store64(words + 24, room)
    store64(words + 32, rows)
    store64(words + 40, k)
    store64(words + 48, squares)
    store64(words + 56, target)
    pack_at(words, size)


@helper
def pack_b(scratch, b, k, n, panel, straight, size):  # type: ignore[no-untyped-def]
    """Pack the panels of a block of B; if `straight`, but those that can be read where they lie."""
    rows = load64(scratch + B_K)
    squares = -1
    for place in range(0, n, panel):
        count = min(panel, n - place)
        if straight and lies_right(scratch, place, count):
            continue
        if squares < 0:
            squares = in_squares(rows, k, ROWS, size)
            linear(load64(scratch + B_PACKED_K), k, panel * size)
        columns = load64(scratch + B_COLUMNS) + 8 * place
        target = load64(scratch + PACKED_B) + size * k * place
        _pack(scratch, b, columns, count, panel, rows, k, squares, target, size)


@helper
def pack_a(scratch, a, m, k, size):  # type: ignore[no-untyped-def]
    """Pack a block of A; where rows are missing in the last panel the last one stands again.

    Tiles compute all their rows, and what is written to C for a row that it lacks is the last row.
    """
    rows = load64(scratch + A_K)
    squares = in_squares(rows, k, ROWS, size)
    linear(load64(scratch + PACKED_ROWS), ROWS, size)
    linear(load64(scratch + A_PACKED_K), k, ROWS * size)
    for place in range(0, m, ROWS):
        columns = load64(scratch + A_ROWS) + 8 * place
        target = load64(scratch + PACKED_A) + size * k * place
        _pack(scratch, a, columns, ROWS, ROWS, rows, k, squares, target, size)


@helper
def pack_along(scratch, a, m, k, size):  # type: ignore[no-untyped-def]
    """Pack rows of A side by side along k, with zeros up to whole vectors."""
    step = up(k * size, WIDTH)
    target = load64(scratch + PACKED_A)
    linear(load64(scratch + PACKED_ROWS), ROWS, step)
    if step != k * size:
        for row in range(m):
            for word in range(-WIDTH, 0, 8):
                store64(target + (row + 1) * step + word, 0)
    columns, rows = load64(scratch + A_K), load64(scratch + A_ROWS)
    _pack(scratch, a, columns, k, step // size, rows, m, np.int64(0), target, size)
