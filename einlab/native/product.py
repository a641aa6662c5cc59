"""Products of matrices, and batches of them, straight from tensors with any strides.

A descriptor is the address of the words that `einlab.native.sizing.sized` makes, and after them for
every axis, in the order of batch, m, k and n and outermost first, its extent and its strides in A,
B and C, in elements. A step is cut over batch, m and n into pieces that are computed independently.
Within a piece the loops are those of BLIS: blocks of n, k and m whose parts of B and A stay in the
caches, packed where that pays, and the micro-kernel's tiles.
Source: Van Zee and van de Geijn 2015 (BLIS); Matthews 2018 (TBLIS).

Imports Numba: import it late.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from einlab.native.batched import ACROSS
from einlab.native.blocks import (
    B_COLUMNS,
    B_K,
    PACKED_B,
    begin_columns,
    begin_rows,
    begin_sum,
    laid_out,
    pack_a,
    pack_b,
    panel_of,
    word,
)
from einlab.native.compiled import entry, helper, load64
from einlab.native.microkernel import ADD, OVERWRITE, ROWS, STREAM
from einlab.native.tables import (
    AXIS,
    BATCH,
    COLUMNS,
    IN_A,
    IN_B,
    IN_C,
    ROWS_OF_A,
    SUM,
    axes_of,
    count_of,
    offset_of,
)
from einlab.native.tiles import aligned, multiply_along, multiply_batch, multiply_tiles, pack_batch
from einlab.native.vectors import WIDTH
from einlab.native.words import (
    AHEAD,
    ALONG_BATCH,
    ALONG_K,
    BY_BATCH,
    BY_COLUMNS,
    BY_ROWS,
    IN_TILES,
    LONG,
    PACKED,
    PAST,
    ROWS_BY,
    RUN,
    STRAIGHT,
    TALL,
    WAY,
    WIDE,
)

__all__ = ["product_f32", "product_f64", "tile_rows", "vector_bytes"]

NONE = np.int64(-1)
"""Where a block begins whose tables were never filled."""


@helper
def _cut(total, unit, parts, part):  # type: ignore[no-untyped-def]
    """Where a part begins and stops."""
    if parts == 1:
        return np.int64(0), total
    units = (total + unit - 1) // unit
    return min(total, units * part // parts * unit), min(total, units * (part + 1) // parts * unit)


@helper
def _block(  # type: ignore[no-untyped-def]
    scratch, descriptor, r, a, b, c, m_from, m_to, tall, rows_at, k, n, panel, straight,
    elements, mode, size,
):  # fmt: skip
    """All rows of a piece times one block of B; gives where the rows begin whose tables stand."""
    packed, large = word(descriptor, PACKED) != 0, word(descriptor, PAST) != 0
    for m_at in range(m_from, m_to, tall):
        m = min(tall, m_to - m_at)
        if m_at != rows_at:
            begin_rows(scratch, descriptor, r, m_at, m_at + m, size)
            rows_at = m_at
        if elements:
            multiply_batch(scratch, a, b, c, m, k, n, packed, elements, mode, size)
            continue
        if packed:
            pack_a(scratch, a, m, k, size)
        past = large and mode == OVERWRITE and aligned(scratch, c, m, n, size)
        multiply_tiles(
            scratch, a, b, c, m, k, n, panel, packed, straight, word(descriptor, AHEAD),
            STREAM if past else mode, size,
        )  # fmt: skip
    return rows_at


@helper
def _element(  # type: ignore[no-untyped-def]
    scratch, descriptor, r, a, b, c, rows, columns, k, sizes, state, elements, size,
):  # fmt: skip
    """One element of the batch, or so many at once, by blocks of n and k.

    `state` says whose tables stand.
    """
    tall, long, wide, panel = sizes
    rows_at, sum_at, columns_at = state
    way, run = word(descriptor, WAY), word(descriptor, RUN)
    straight = word(descriptor, STRAIGHT) != 0
    adding = load64(descriptor + 32) != 0
    for n_at in range(columns[0], columns[1], wide):
        n = min(wide, columns[1] - n_at)
        if n_at != columns_at:
            begin_columns(scratch, descriptor, ROWS_OF_A + COLUMNS - r, n_at, n_at + n, size)
            columns_at = n_at
        k_at = np.int64(0)
        while k_at == 0 or k_at < k:
            now = min(long, k - k_at)
            if way == ALONG_K:
                now = min(now, run - k_at % run)
            if k_at != sum_at:
                begin_sum(scratch, descriptor, r, k_at, k_at + now, size)
                sum_at = k_at
            mode = ADD if adding or k_at else OVERWRITE
            if way == ALONG_K:
                if rows_at != rows[0]:
                    rows_at = rows[0]
                    begin_rows(scratch, descriptor, r, rows[0], rows[1], size)
                multiply_along(scratch, a, b, c, rows[1] - rows[0], now, n, mode, size)
            else:
                if way == IN_TILES:
                    pack_b(scratch, b, now, n, panel, straight, size)
                elif word(descriptor, PACKED) != 0:
                    pack_batch(scratch, b, B_COLUMNS, n, ACROSS, B_K, now, elements, PACKED_B, size)
                rows_at = _block(
                    scratch, descriptor, r, a, b, c, rows[0], rows[1], tall, rows_at, now, n, panel,
                    straight, elements, mode, size,
                )  # fmt: skip
            k_at += max(now, 1)
    return rows_at, sum_at, columns_at


@helper
def _part(descriptor, a, b, c, scratch, task, tasks, size):  # type: ignore[no-untyped-def]
    """One piece of a product."""
    by_batch, by_m = word(descriptor, BY_BATCH), word(descriptor, BY_ROWS)
    by_n = word(descriptor, BY_COLUMNS)
    if task >= by_batch * by_m * by_n:
        return
    batch, k = count_of(descriptor, BATCH), count_of(descriptor, SUM)
    r, s = (ROWS_OF_A, COLUMNS) if word(descriptor, ROWS_BY) == 1 else (COLUMNS, ROWS_OF_A)
    m, n = count_of(descriptor, r), count_of(descriptor, s)
    if batch * m * n == 0:
        return
    together, panel = np.int64(1), panel_of(m, size)
    along = word(descriptor, WAY) == ALONG_BATCH
    if along:
        together, panel = word(descriptor, RUN), np.int64(ACROSS)
    laid_out(scratch, descriptor, size)
    zero = np.int64(0)
    elements, rows, columns = (zero, batch), (zero, m), (zero, n)
    if tasks > 1:
        elements = _cut(batch, together, by_batch, task // (by_m * by_n))
        rows = _cut(m, np.int64(ROWS), by_m, task // by_n % by_m)
        columns = _cut(n, panel, by_n, task % by_n)
    sizes = word(descriptor, TALL), word(descriptor, LONG), word(descriptor, WIDE), panel
    state = (NONE, NONE, NONE)
    if r == COLUMNS:
        a, b = b, a
    of_a, of_b = (IN_A, IN_B) if r == ROWS_OF_A else (IN_B, IN_A)
    axes, number = axes_of(descriptor, BATCH)
    inner = axes + AXIS * (number - 1)
    extent = load64(inner) if number else np.int64(1)
    element: Any = elements[0]
    while element < elements[1]:
        a_now = a + offset_of(axes, number, element, of_a, size)
        b_now = b + offset_of(axes, number, element, of_b, size)
        c_now = c + offset_of(axes, number, element, IN_C, size)
        stop = min(elements[1], element - element % extent + extent) if number else 1
        for place in range(element, stop, together):
            taken = min(together, stop - place) if along else 0
            state = _element(
                scratch, descriptor, r, a_now, b_now, c_now, rows, columns, k, sizes, state,
                taken, size,
            )  # fmt: skip
            if number:
                a_now += together * size * load64(inner + 8 * of_a)
                b_now += together * size * load64(inner + 8 * of_b)
                c_now += together * size * load64(inner + 24)
        element = stop


@entry("int64()")
def vector_bytes():  # type: ignore[no-untyped-def]
    """Bytes of a vector of this processor."""
    return WIDTH


@entry("int64()")
def tile_rows():  # type: ignore[no-untyped-def]
    """Rows of the largest tile."""
    return ROWS


@entry("void(int64,int64,int64,int64,int64,int64,int64)")
def product_f32(descriptor, a, b, c, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """Piece `task` of `tasks` of a float32 product of the operands at `a` and `b` into `c`."""
    _part(descriptor, a, b, c, scratch, task, tasks, np.int64(4))


@entry("void(int64,int64,int64,int64,int64,int64,int64)")
def product_f64(descriptor, a, b, c, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """Piece `task` of `tasks` of a float64 product of the operands at `a` and `b` into `c`."""
    _part(descriptor, a, b, c, scratch, task, tasks, np.int64(8))
