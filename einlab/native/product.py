"""Products of matrices, and batches of them, straight from tensors with any strides.

A descriptor is the address of words: the numbers of axes of batch, m, k and n, then 1 if the
product is added to C (0 if it replaces it), then for every axis, in that order and outermost first,
its extent and its strides in A, B and C, in elements. A step is cut over batch, m and n into pieces
that are computed independently. Within a piece the loops are those of BLIS: blocks of n, k and m
whose parts of B and A stay in the caches, packed where that pays, and the micro-kernel's tiles.
Source: Van Zee and van de Geijn 2015 (BLIS); Matthews 2018 (TBLIS).

Imports Numba: import it late.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from einlab.native.blocks import (
    ALONG,
    BLOCKED,
    FLAT,
    begin_columns,
    begin_rows,
    begin_sum,
    laid_out,
    lanes_of,
    lengths,
    pack_a,
    pack_b,
    panel_of,
)
from einlab.native.compiled import entry, helper, load64
from einlab.native.microkernel import ADD, DOTS, OVERWRITE, ROWS, STREAM
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
    run_of,
)
from einlab.native.tiles import aligned, multiply_along, multiply_tiles
from einlab.native.vectors import WIDTH

__all__ = ["product_f32", "product_f64", "product_scratch", "product_tasks"]

STREAMED = 1 << 25
"""Bytes of a result from which on it is written past the caches."""
PIECE = 25_000
"""Nanoseconds of the smallest piece that is worth a thread."""
NONE = np.int64(-1)
"""Where a block begins whose tables were never filled."""
CHANGED = 32
"""Places in m and k from which on operands change their roles where n is a part of a vector, and
in k from which on few rows are read along k."""
FEW = 4 * ROWS
"""Rows up to which B is not packed where its columns follow each other."""
SMALL = 1 << 14
"""Bytes of B up to which it is not packed, since a first-level cache holds it as it lies."""


@helper
def _roles(descriptor):  # type: ignore[no-untyped-def]
    """The group of rows, and places in rows, k and columns.

    Where n is a part of a vector and m is long, A gives the columns of tiles.
    """
    m, n = count_of(descriptor, ROWS_OF_A), count_of(descriptor, COLUMNS)
    k = count_of(descriptor, SUM)
    if n <= ROWS // 2 and m >= CHANGED and k >= CHANGED:
        return COLUMNS, n, k, m
    return ROWS_OF_A, m, k, n


@helper
def _shape(descriptor, r, m, k, n, size):  # type: ignore[no-untyped-def]
    """The shape of the product, and how many places in k follow each other in B."""
    if m > ROWS:
        return BLOCKED, k
    s, operand = (COLUMNS, IN_B) if r == ROWS_OF_A else (ROWS_OF_A, IN_A)
    along, across = run_of(descriptor, SUM, operand), run_of(descriptor, s, operand)
    if m <= ROWS // 2 and along >= CHANGED and across < DOTS and n >= DOTS:
        return ALONG, along
    if across >= 4 * WIDTH and run_of(descriptor, s, IN_C) >= lanes_of(size):
        return FLAT, k
    return BLOCKED, k


@helper
def _cuts(pieces, batch, m, n, size):  # type: ignore[no-untyped-def]
    """Into how many parts batch, m and n are cut for at most so many pieces."""
    if pieces == 1:
        return 1, 1, 1
    by_batch = min(pieces, batch)
    rest = pieces // by_batch
    most_m, most_n = (m + ROWS - 1) // ROWS, (n + 2 * lanes_of(size) - 1) // (2 * lanes_of(size))
    by_m, by_n, best = 1, 1, np.float64(0)
    for cut_n in range(1, min(rest, most_n) + 1):
        cut_m = min(rest // cut_n, most_m)
        value = cut_m * cut_n / (m / cut_m + n / cut_n)
        if value > best:
            by_m, by_n, best = cut_m, cut_n, value
    return by_batch, by_m, by_n


@helper
def _cut(total, unit, parts, part):  # type: ignore[no-untyped-def]
    """Where a part begins and stops."""
    if parts == 1:
        return np.int64(0), total
    units = (total + unit - 1) // unit
    return min(total, units * part // parts * unit), min(total, units * (part + 1) // parts * unit)


@helper
def _tasks(descriptor, size):  # type: ignore[no-untyped-def]
    """Pieces that are worth a thread each: as many as 16 threads share evenly."""
    batch = count_of(descriptor, BATCH)
    _, m, k, n = _roles(descriptor)
    if batch * m * n == 0:
        return 1
    nanoseconds = batch * (m * n * k * size / 250 + (m * k + k * n + 2 * m * n) * size / 12)
    pieces = int(min(nanoseconds / PIECE, 16.0))
    if pieces < 2:
        return 1
    if batch < pieces:
        pieces = (pieces + batch - 1) // batch * batch
    by_batch, by_m, by_n = _cuts(pieces, batch, m, n, size)
    return by_batch * by_m * by_n


@helper
def _scratch(descriptor, size):  # type: ignore[no-untyped-def]
    """Bytes of scratch of one thread."""
    r, m, k, n = _roles(descriptor)
    shape, run = _shape(descriptor, r, m, k, n, size)
    tall, long, wide = lengths(m, k, n, shape, run, size)
    return laid_out(np.int64(0), tall, long, wide, size)


@helper
def _block(  # type: ignore[no-untyped-def]
    scratch, descriptor, r, a, b, c, m_from, m_to, tall, rows_at, k, n, panel,
    packed, straight, large, mode, size,
):  # fmt: skip
    """All rows of a piece times one block of B; gives where the rows begin whose tables stand."""
    for m_at in range(m_from, m_to, tall):
        m = min(tall, m_to - m_at)
        if m_at != rows_at:
            begin_rows(scratch, descriptor, r, m_at, m_at + m, size)
            rows_at = m_at
        if packed:
            pack_a(scratch, a, m, k, size)
        past = large and mode == OVERWRITE and aligned(scratch, c, m, n, size)
        multiply_tiles(
            scratch, a, b, c, m, k, n, panel, packed, straight, STREAM if past else mode, size
        )
    return rows_at


@helper
def _element(  # type: ignore[no-untyped-def]
    scratch, descriptor, r, a, b, c, rows, columns, k, sizes, state, packed, straight, large,
    along, size,
):  # fmt: skip
    """One element of the batch: its blocks of n and k. `state` says whose tables stand."""
    tall, long, wide, panel, run = sizes
    rows_at, sum_at, columns_at = state
    adding = load64(descriptor + 32) != 0
    for n_at in range(columns[0], columns[1], wide):
        n = min(wide, columns[1] - n_at)
        if n_at != columns_at:
            begin_columns(scratch, descriptor, ROWS_OF_A + COLUMNS - r, n_at, n_at + n, size)
            columns_at = n_at
        k_at = np.int64(0)
        while k_at == 0 or k_at < k:
            now = min(long, k - k_at)
            if along:
                now = min(now, run - k_at % run)
            if k_at != sum_at:
                begin_sum(scratch, descriptor, r, k_at, k_at + now, size)
                sum_at = k_at
            mode = ADD if adding or k_at else OVERWRITE
            if along:
                if rows_at != rows[0]:
                    rows_at = rows[0]
                    begin_rows(scratch, descriptor, r, rows[0], rows[1], size)
                multiply_along(scratch, a, b, c, rows[1] - rows[0], now, n, mode, size)
            else:
                pack_b(scratch, b, now, n, panel, straight, size)
                rows_at = _block(
                    scratch, descriptor, r, a, b, c, rows[0], rows[1], tall, rows_at, now, n, panel,
                    packed, straight, large, mode, size,
                )  # fmt: skip
            k_at += max(now, 1)
    return rows_at, sum_at, columns_at


@helper
def _part(descriptor, a, b, c, scratch, task, tasks, size):  # type: ignore[no-untyped-def]
    """One piece of a product."""
    batch = count_of(descriptor, BATCH)
    r, m, k, n = _roles(descriptor)
    if batch * m * n == 0:
        return
    by_batch, by_m, by_n = _cuts(tasks, batch, m, n, size)
    if task >= by_batch * by_m * by_n:
        return
    panel = panel_of(m, size)
    shape, run = _shape(descriptor, r, m, k, n, size)
    tall, long, wide = lengths(m, k, n, shape, run, size)
    laid_out(scratch, tall, long, wide, size)
    zero = np.int64(0)
    elements, rows, columns = (zero, batch), (zero, m), (zero, n)
    if tasks > 1:
        elements = _cut(batch, np.int64(1), by_batch, task // (by_m * by_n))
        rows = _cut(m, np.int64(ROWS), by_m, task // by_n % by_m)
        columns = _cut(n, panel, by_n, task % by_n)
    sizes, state = (tall, long, wide, panel, run), (NONE, NONE, NONE)
    packed = columns[1] - columns[0] > 4 * panel and m * k > 4096
    straight = rows[1] - rows[0] <= FEW or k * n * size <= SMALL
    large = batch * m * n * size >= STREAMED
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
        for _ in range(element, stop):
            state = _element(
                scratch, descriptor, r, a_now, b_now, c_now, rows, columns, k, sizes, state,
                packed, straight, large, shape == ALONG, size,
            )  # fmt: skip
            if number:
                a_now += size * load64(inner + 8 * of_a)
                b_now += size * load64(inner + 8 * of_b)
                c_now += size * load64(inner + 24)
        element = stop


@entry("int64(int64,int64)")
def product_tasks(descriptor, size):  # type: ignore[no-untyped-def]
    """Pieces worth a thread each, for elements of `size` bytes; 1 for what is small."""
    return _tasks(descriptor, size)


@entry("int64(int64,int64)")
def product_scratch(descriptor, size):  # type: ignore[no-untyped-def]
    """Bytes of scratch that one thread needs."""
    return _scratch(descriptor, size)


@entry("void(int64,int64,int64,int64,int64,int64,int64)")
def product_f32(descriptor, a, b, c, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """Piece `task` of `tasks` of a float32 product of the operands at `a` and `b` into `c`."""
    _part(descriptor, a, b, c, scratch, task, tasks, np.int64(4))


@entry("void(int64,int64,int64,int64,int64,int64,int64)")
def product_f64(descriptor, a, b, c, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """Piece `task` of `tasks` of a float64 product of the operands at `a` and `b` into `c`."""
    _part(descriptor, a, b, c, scratch, task, tasks, np.int64(8))
