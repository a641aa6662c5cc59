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

import numpy as np

from einlab.native.compiled import helper, load64, store64
from einlab.native.microkernel import ADD, OVERWRITE, ROWS, STREAM
from einlab.native.packing import in_squares, pack
from einlab.native.tables import AXIS, entries, fill_runs, fill_table, linear, offset_of, pad
from einlab.native.tiles import multiply_tile
from einlab.native.vectors import WIDTH, item
from einlab.search.kernels import kernel

__all__ = [
    "product_f32",
    "product_f64",
    "product_scratch",
    "product_tasks",
]

LONGEST = 256
"""Places in k of a block: a panel of B of 32 float32 columns then takes 32 KiB, a first-level cache
less room for A and C."""
TALLEST = 256
"""Places in m of a block: its part of A takes a quarter of a second-level cache of 1 MiB, half in
float64."""
NEAR, FAR = 1 << 18, 1 << 21
"""Bytes of a block of B: near, where few rows of A use it; else in a share of the last cache."""
WIDEST = 4096
"""Places in n of a block, whose tables are held."""
STREAMED = 1 << 25
"""Bytes of a result from which on it is written past the caches."""
PIECE = 25_000
"""Nanoseconds of the smallest piece that is worth a thread."""

(
    A_ROWS, C_ROWS, A_K, B_K, A_PACKED_K, B_PACKED_K, B_COLUMNS, C_COLUMNS, B_RUNS, C_RUNS,
    PACKED_ROWS, PACKED_A, PACKED_B, END,
) = (8 * place for place in range(14))  # fmt: skip
"""Where in scratch the addresses of its parts are."""


@helper
def _axes(descriptor, group):  # type: ignore[no-untyped-def]
    """Where the axes of group 0 (batch), 1 (m), 2 (k) or 3 (n) begin, and how many they are."""
    before = 0
    for earlier in range(group):
        before += load64(descriptor + 8 * earlier)
    return descriptor + 40 + AXIS * before, load64(descriptor + 8 * group)


@helper
def _count(descriptor, group):  # type: ignore[no-untyped-def]
    """Places in a group."""
    axes, number = _axes(descriptor, group)
    return entries(axes, number)


@helper
def _up(number, multiple):  # type: ignore[no-untyped-def]
    """The next multiple."""
    return (number + multiple - 1) // multiple * multiple


@helper
def _panel(m, size):  # type: ignore[no-untyped-def]
    """Columns of a panel of B: the fewer rows use it, the wider."""
    return (2 if m > ROWS // 2 else 4) * (WIDTH // size)


@helper
def _lengths(m, k, n, size):  # type: ignore[no-untyped-def]
    """Places in m, k and n of a block."""
    parts = max(1, (k + LONGEST - 1) // LONGEST)
    long = (k + parts - 1) // parts
    room = (NEAR if m <= 64 else FAR) // (size * max(long, 16))
    panel = _panel(m, size)
    wide = min(WIDEST, _up(min(room, n), panel))
    return min(m, TALLEST), long, wide


@helper
def _place(scratch, m, k, n, size):  # type: ignore[no-untyped-def]
    """Cut scratch into its parts; gives the bytes of them all. Writes nothing if scratch is 0."""
    tall, long, wide = _lengths(m, k, n, size)
    tall, wide = _up(tall, ROWS), _up(wide, 4 * (WIDTH // size))
    at = END
    for part in range(13):
        if scratch:
            store64(scratch + 8 * part, scratch + at)
        place = 8 * part
        if place == A_ROWS or place == C_ROWS:
            at += 8 * tall
        elif place <= B_PACKED_K:
            at += 8 * long
        elif place <= C_RUNS:
            at += 8 * wide
        elif place == PACKED_ROWS:
            at = _up(at + 8 * ROWS, WIDTH)
        elif place == PACKED_A:
            at += _up(tall * long * size, WIDTH)
        else:
            at += _up(wide * long * size, WIDTH)
    return at


@helper
def _cuts(pieces, batch, m, n, size):  # type: ignore[no-untyped-def]
    """Into how many parts batch, m and n are cut for at most so many pieces."""
    by_batch = min(pieces, batch)
    rest = pieces // by_batch
    most_m, most_n = (m + ROWS - 1) // ROWS, (n + 2 * (WIDTH // size) - 1) // (2 * (WIDTH // size))
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
    units = (total + unit - 1) // unit
    return min(total, units * part // parts * unit), min(total, units * (part + 1) // parts * unit)


@helper
def _tasks(descriptor, size):  # type: ignore[no-untyped-def]
    """Pieces that are worth a thread each: as many as 16 threads share evenly."""
    batch, m = _count(descriptor, 0), _count(descriptor, 1)
    k, n = _count(descriptor, 2), _count(descriptor, 3)
    if batch * m * n == 0:
        return 1
    nanoseconds = batch * (m * n * k * size / 250 + (m * k + k * n + 2 * m * n) * size / 12)
    pieces = int(min(nanoseconds / PIECE, 16.0))
    if pieces < 2:
        return 1
    if batch < pieces:
        pieces = _up(pieces, batch)
    by_batch, by_m, by_n = _cuts(pieces, batch, m, n, size)
    return by_batch * by_m * by_n


@helper
def _scratch(descriptor, size):  # type: ignore[no-untyped-def]
    """Bytes of scratch of one thread."""
    m, k, n = _count(descriptor, 1), _count(descriptor, 2), _count(descriptor, 3)
    return _place(0, m, k, n, size)


@helper
def _begin_rows(scratch, descriptor, start, stop, size):  # type: ignore[no-untyped-def]
    """Fill the tables of a block of m."""
    axes, number = _axes(descriptor, 1)
    tall = _up(stop - start, ROWS)
    for operand, part in ((1, A_ROWS), (3, C_ROWS)):
        table = load64(scratch + part)
        fill_table(axes, number, start, stop, operand, size, table)
        pad(table, stop - start, tall)


@helper
def _begin_sum(scratch, descriptor, start, stop, size):  # type: ignore[no-untyped-def]
    """Fill the tables of a block of k."""
    axes, number = _axes(descriptor, 2)
    fill_table(axes, number, start, stop, 1, size, load64(scratch + A_K))
    fill_table(axes, number, start, stop, 2, size, load64(scratch + B_K))


@helper
def _begin_columns(scratch, descriptor, start, stop, size):  # type: ignore[no-untyped-def]
    """Fill the tables of a block of n."""
    axes, number = _axes(descriptor, 3)
    count, wide = stop - start, _up(stop - start, 4 * (WIDTH // size))
    in_b, in_c = load64(scratch + B_COLUMNS), load64(scratch + C_COLUMNS)
    fill_table(axes, number, start, stop, 2, size, in_b)
    pad(in_b, count, wide)
    fill_table(axes, number, start, stop, 3, size, in_c)
    fill_runs(in_b, count, wide, size, wide, load64(scratch + B_RUNS))
    fill_runs(in_c, count, wide, size, WIDTH // size, load64(scratch + C_RUNS))


@helper
def _vectors(columns, panel, size):  # type: ignore[no-untyped-def]
    """Vectors of the micro-kernel for what is left of a panel."""
    count = (min(columns, panel) + WIDTH // size - 1) // (WIDTH // size)
    return count if count < 3 else 4


@helper
def _lies_right(scratch, place, vectors, size):  # type: ignore[no-untyped-def]
    """Whether a panel's columns follow each other in B without a gap, up to whole vectors."""
    return load64(load64(scratch + B_RUNS) + 8 * place) >= vectors * (WIDTH // size)


@helper
def _pack_b(scratch, b, k, n, panel, straight, like):  # type: ignore[no-untyped-def]
    """Pack the panels of a block of B; if `straight`, but those that can be read where they lie."""
    rows, size = load64(scratch + B_K), item(like)
    squares = in_squares(rows, k, size)
    for place in range(0, n, panel):
        if straight and _lies_right(scratch, place, _vectors(n - place, panel, size), size):
            continue
        columns = load64(scratch + B_COLUMNS) + 8 * place
        target = load64(scratch + PACKED_B) + size * k * place
        pack(b, columns, min(panel, n - place), panel, rows, k, squares, target, like)


@helper
def _pack_a(scratch, a, m, k, like):  # type: ignore[no-untyped-def]
    """Pack a block of A."""
    rows, size = load64(scratch + A_K), item(like)
    squares = in_squares(rows, k, size)
    for place in range(0, m, ROWS):
        columns = load64(scratch + A_ROWS) + 8 * place
        target = load64(scratch + PACKED_A) + size * k * place
        pack(a, columns, min(ROWS, m - place), ROWS, rows, k, squares, target, like)


@helper
def _tiles(scratch, a, b, c, m, k, n, panel, packed, straight, mode, like):  # type: ignore[no-untyped-def]
    """All tiles of a block."""
    size = item(like)
    c_rows, c_columns = load64(scratch + C_ROWS), load64(scratch + C_COLUMNS)
    down = load64(c_rows + 8 * (min(m, ROWS + 1) - 1)) - load64(c_rows)
    along = load64(c_columns + 8 * (min(n, panel + 1) - 1)) - load64(c_columns)
    by_columns = k > 64 or down < along
    outer, inner = (panel, ROWS) if by_columns else (ROWS, panel)
    for slow in range(0, n if by_columns else m, outer):
        for fast in range(0, m if by_columns else n, inner):
            row, column = (fast, slow) if by_columns else (slow, fast)
            vectors = _vectors(n - column, panel, size)
            if packed:
                in_a, a_rows = load64(scratch + PACKED_A) + size * k * row, scratch + PACKED_ROWS
                a_rows, a_k = load64(a_rows), load64(scratch + A_PACKED_K)
            else:
                in_a, a_rows = a, load64(scratch + A_ROWS) + 8 * row
                a_k = load64(scratch + A_K)
            if straight and _lies_right(scratch, column, vectors, size):
                in_b = b + load64(load64(scratch + B_COLUMNS) + 8 * column)
                b_k = load64(scratch + B_K)
            else:
                in_b = load64(scratch + PACKED_B) + size * k * column
                b_k = load64(scratch + B_PACKED_K)
            multiply_tile(
                m - row, vectors, k, in_a, a_rows, a_k, in_b, b_k,
                c, c_rows + 8 * row, c_columns + 8 * column,
                load64(scratch + C_RUNS) + 8 * column, mode, like,
            )  # fmt: skip


@helper
def _streams(scratch, c, m, n, size):  # type: ignore[no-untyped-def]
    """Whether whole vectors of a block's result begin where vectors may be written past caches."""
    places = c
    for row in range(m):
        places |= load64(load64(scratch + C_ROWS) + 8 * row)
    for column in range(0, n, WIDTH // size):
        places |= load64(load64(scratch + C_COLUMNS) + 8 * column)
    return places % WIDTH == 0


@helper
def _part(descriptor, a, b, c, scratch, task, tasks, like):  # type: ignore[no-untyped-def]
    """One piece of a product."""
    size = item(like)
    batch, m = _count(descriptor, 0), _count(descriptor, 1)
    k, n = _count(descriptor, 2), _count(descriptor, 3)
    if batch * m * n == 0:
        return
    by_batch, by_m, by_n = _cuts(tasks, batch, m, n, size)
    if task >= by_batch * by_m * by_n:
        return
    panel = _panel(m, size)
    _place(scratch, m, k, n, size)
    tall, long, wide = _lengths(m, k, n, size)
    linear(load64(scratch + PACKED_ROWS), ROWS, size)
    linear(load64(scratch + A_PACKED_K), long, ROWS * size)
    linear(load64(scratch + B_PACKED_K), long, panel * size)
    batch_from, batch_to = _cut(batch, 1, by_batch, task // (by_m * by_n))
    m_from, m_to = _cut(m, ROWS, by_m, task // by_n % by_m)
    n_from, n_to = _cut(n, panel, by_n, task % by_n)
    if m_from == m_to or n_from == n_to:
        return
    m_now = n_now = k_now = np.int64(-1)
    packed = n_to - n_from > 4 * panel and m * k > 4096
    straight = m_to - m_from <= 4 * ROWS or k * n * size <= 16384
    large = batch * m * n * size >= STREAMED and k <= long and load64(descriptor + 32) == 0
    axes, number = _axes(descriptor, 0)
    for element in range(batch_from, batch_to):
        a_now = a + offset_of(axes, number, element, 1, size)
        b_now = b + offset_of(axes, number, element, 2, size)
        c_now = c + offset_of(axes, number, element, 3, size)
        for n_at in range(n_from, n_to, wide):
            n_end = min(n_at + wide, n_to)
            if n_at != n_now:
                _begin_columns(scratch, descriptor, n_at, n_end, size)
                n_now = n_at
            for k_at in range(0, max(k, 1), max(long, 1)):
                k_end = min(k_at + long, k)
                if k_at != k_now:
                    _begin_sum(scratch, descriptor, k_at, k_end, size)
                    k_now = k_at
                _pack_b(scratch, b_now, k_end - k_at, n_end - n_at, panel, straight, like)
                mode = ADD if k_at > 0 or load64(descriptor + 32) != 0 else OVERWRITE
                for m_at in range(m_from, m_to, tall):
                    m_end = min(m_at + tall, m_to)
                    if m_at != m_now:
                        _begin_rows(scratch, descriptor, m_at, m_end, size)
                        m_now = m_at
                    if packed:
                        _pack_a(scratch, a_now, m_end - m_at, k_end - k_at, like)
                    if large and _streams(scratch, c_now, m_end - m_at, n_end - n_at, size):
                        mode = STREAM
                    _tiles(
                        scratch, a_now, b_now, c_now, m_end - m_at, k_end - k_at, n_end - n_at,
                        panel, packed, straight, mode, like,
                    )  # fmt: skip


@kernel("int64(int64,int64)")
def product_tasks(descriptor, size):  # type: ignore[no-untyped-def]
    """Pieces worth a thread each, for elements of `size` bytes; 1 for what is small."""
    return _tasks(descriptor, size)


@kernel("int64(int64,int64)")
def product_scratch(descriptor, size):  # type: ignore[no-untyped-def]
    """Bytes of scratch that one thread needs."""
    return _scratch(descriptor, size)


@kernel("void(int64,int64,int64,int64,int64,int64,int64)")
def product_f32(descriptor, a, b, c, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """Piece `task` of `tasks` of a float32 product of the operands at `a` and `b` into `c`."""
    _part(descriptor, a, b, c, scratch, task, tasks, np.float32(0))


@kernel("void(int64,int64,int64,int64,int64,int64,int64)")
def product_f64(descriptor, a, b, c, scratch, task, tasks):  # type: ignore[no-untyped-def]
    """Piece `task` of `tasks` of a float64 product of the operands at `a` and `b` into `c`."""
    _part(descriptor, a, b, c, scratch, task, tasks, np.float64(0))
