"""The walk over the tiles of a block.

Imports Numba: import it late.
"""

from __future__ import annotations

import numpy as np

from einlab.native.batched import ACROSS, DOWN
from einlab.native.blocks import (
    A_K,
    A_PACKED_K,
    A_ROWS,
    B_COLUMNS,
    B_K,
    B_PACKED_K,
    C_COLUMNS,
    C_ROWS,
    C_RUNS,
    PACKED_A,
    PACKED_B,
    PACKED_ROWS,
    WORDS,
    lanes_of,
    lies_right,
    pack_along,
    step_of,
)
from einlab.native.compiled import helper, load64, store64
from einlab.native.microkernel import DOTS, ROWS
from einlab.native.named_kernels import batch_at, dots_at, multiply_at
from einlab.native.tables import linear
from einlab.native.vectors import WIDTH

__all__ = ["aligned", "multiply_along", "multiply_batch", "multiply_tiles", "pack_batch"]

SHORT = 64
"""Places in k up to which the order of tiles follows the result's, not the operands' memory."""


@helper
def _tile(scratch, a, b, c, row, column, rows, step, k, panel, packed, straight, ahead, mode, size):  # type: ignore[no-untyped-def]
    """The tile at a row and a column of a block, its operands packed or where they lie."""
    if packed:
        in_a, a_rows = load64(scratch + PACKED_A) + size * k * row, load64(scratch + PACKED_ROWS)
        a_k = load64(scratch + A_PACKED_K)
    else:
        in_a, a_rows, a_k = a, load64(scratch + A_ROWS) + 8 * row, load64(scratch + A_K)
    within = column & (panel - 1)
    if straight and lies_right(scratch, column, step):
        in_b, b_k = b + load64(load64(scratch + B_COLUMNS) + 8 * column), load64(scratch + B_K)
    else:
        in_b = load64(scratch + PACKED_B) + size * (k * (column - within) + within)
        b_k = load64(scratch + B_PACKED_K)
    words = scratch + WORDS
    store64(words, rows)
    store64(words + 8, step)
    store64(words + 16, k)
    store64(words + 24, in_a)
    store64(words + 32, a_rows)
    store64(words + 40, a_k)
    store64(words + 48, in_b)
    store64(words + 56, b_k)
    store64(words + 64, c)
    store64(words + 72, load64(scratch + C_ROWS) + 8 * row)
    store64(words + 80, load64(scratch + C_COLUMNS) + 8 * column)
    store64(words + 88, load64(scratch + C_RUNS) + 8 * column)
    store64(words + 96, mode)
    store64(words + 104, ahead)
    multiply_at(words, size)


@helper
def multiply_tiles(scratch, a, b, c, m, k, n, panel, packed, straight, ahead, mode, size):  # type: ignore[no-untyped-def]
    """All tiles of a block; what lies closer in C comes first where k is short."""
    c_rows, c_columns = load64(scratch + C_ROWS), load64(scratch + C_COLUMNS)
    down = load64(c_rows + 8 * (min(m, ROWS + 1) - 1)) - load64(c_rows)
    along = load64(c_columns + 8 * (min(n, panel + 1) - 1)) - load64(c_columns)
    columns_outside = k > SHORT or down < along
    row, column = 0, 0
    while row < m and column < n:
        step = step_of(n - column, panel, column, size)
        _tile(
            scratch,
            a,
            b,
            c,
            row,
            column,
            m - row,
            step,
            k,
            panel,
            packed,
            straight,
            ahead,
            mode,
            size,
        )
        if columns_outside:
            row += ROWS
            if row >= m:
                row, column = 0, column + step
        else:
            column += step
            if column >= n:
                row, column = row + ROWS, 0


@helper
def aligned(scratch, c, m, n, size):  # type: ignore[no-untyped-def]
    """Whether all vectors of a block's result begin where vectors may be written past caches."""
    places = c
    for row in range(m):
        places |= load64(load64(scratch + C_ROWS) + 8 * row)
    for column in range(0, n, lanes_of(size)):
        places |= load64(load64(scratch + C_COLUMNS) + 8 * column)
    return places % WIDTH == 0


@helper
def multiply_along(scratch, a, b, c, m, k, n, mode, size):  # type: ignore[no-untyped-def]
    """All tiles of a block whose A and B are read along k."""
    rows = np.int64(1 if m == 1 else ROWS // 2)
    pack_along(scratch, a, rows, k, size)
    words = scratch + WORDS
    store64(words, rows)
    store64(words + 16, k)
    store64(words + 24, load64(scratch + PACKED_A))
    store64(words + 32, load64(scratch + PACKED_ROWS))
    store64(words + 48, b + load64(load64(scratch + B_K)))
    store64(words + 64, c)
    store64(words + 72, load64(scratch + C_ROWS))
    store64(words + 96, mode)
    for column in range(0, n, DOTS):
        store64(words + 56, load64(scratch + B_COLUMNS) + 8 * column)
        store64(words + 80, load64(scratch + C_COLUMNS) + 8 * column)
        dots_at(words, size)


@helper
def pack_batch(scratch, operand, lines, count, side, places, k, elements, target, size):  # type: ignore[no-untyped-def]
    """Pack so many elements of the batch for all lines of a block: rows of A or columns of B."""
    words = scratch + WORDS
    store64(words, elements)
    store64(words + 8, operand)
    store64(words + 16, load64(scratch + lines))
    store64(words + 24, count)
    store64(words + 32, side)
    store64(words + 40, load64(scratch + places))
    store64(words + 48, k)
    store64(words + 56, load64(scratch + target))
    store64(words + 64, 0)
    batch_at(words, size)


@helper
def multiply_batch(scratch, a, b, c, m, k, n, packed, elements, mode, size):  # type: ignore[no-untyped-def]
    """All tiles of a block for so many elements of the batch, which are next to each other."""
    if packed:
        pack_batch(scratch, a, A_ROWS, m, DOWN, A_K, k, elements, PACKED_A, size)
        linear(load64(scratch + PACKED_ROWS), ROWS, WIDTH)
        linear(load64(scratch + A_PACKED_K), k, DOWN * WIDTH)
        linear(load64(scratch + B_PACKED_K), k, ACROSS * WIDTH)
    words, one = scratch + WORDS, lanes_of(size)
    store64(words + 8, k)
    store64(words + 32, load64(scratch + (A_PACKED_K if packed else A_K)))
    store64(words + 56, load64(scratch + (B_PACKED_K if packed else B_K)))
    store64(words + 88, mode)
    lines = load64(scratch + PACKED_ROWS)
    for row in range(0, m, DOWN):
        store64(words + 24, lines if packed else load64(scratch + A_ROWS) + 8 * row)
        store64(words + 72, load64(scratch + C_ROWS) + 8 * row)
        for column in range(0, n, ACROSS):
            store64(words + 48, lines if packed else load64(scratch + B_COLUMNS) + 8 * column)
            store64(words + 80, load64(scratch + C_COLUMNS) + 8 * column)
            for element in range(0, elements, one):
                in_a, in_b = a + size * element, b + size * element
                if packed:
                    in_a = load64(scratch + PACKED_A) + WIDTH * k * row
                    in_b = load64(scratch + PACKED_B) + WIDTH * k * column
                store64(words, min(one, elements - element))
                store64(words + 16, in_a)
                store64(words + 40, in_b)
                store64(words + 64, c + size * element)
                batch_at(words, size)
