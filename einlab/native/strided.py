"""Compiled kernels bound by memory: copies in another order, products entry by entry, sums.

C[c] (+)= Σ A[a] · B[b], or Σ A[a], over axes with any strides, cut into tasks over C alone. How a
step runs is chosen by `einlab.native.preparing.prepared`, whose words these kernels read at an
address. A part t of T is independent of the others, wants scratch memory of its own at a multiple
of 64 bytes, and neither allocates nor raises. This module imports Numba: import it late.

Sums are kept as float32 or float64 for at most a few hundred additions in a row; what rounding
loses between such stretches is carried along (Kahan 1965).
"""

from __future__ import annotations

import numpy as np

from einlab.native.compiled import (
    address_of,
    entry,
    function_at,
    helper,
    load64,
    run_kernel,
    store64,
)
from einlab.native.preparing import (
    ADD,
    AJ,
    AT_LOOPS,
    AT_SUMS,
    AV,
    CJ,
    COUNT,
    COUNT_COUNTER,
    COUNT_FINAL,
    COUNT_LAST,
    COUNT_SUMMED,
    CV,
    DOT,
    EACH,
    FLAT,
    GATHER,
    HIGH,
    KIND,
    LOOPS,
    LOW,
    MODE_A,
    MODE_B,
    MODE_C,
    ONE,
    PAST,
    POSITIONS,
    ROW,
    ROW_COUNTER,
    ROW_FINAL,
    ROW_LAST,
    RUN_A,
    SCATTER,
    SJ,
    SUMMANDS,
    SUMS,
    SWAP,
    TILE_A,
    TURN,
    UV,
    WIDE,
)
from einlab.native.rows import (
    add_block,
    copy_rows,
    dot_row,
    fill_row,
    gather_block,
    multiply_row,
    scatter_block,
    settle,
    turn_block,
)
from einlab.native.symbols import published
from einlab.native.vectors import WIDTH, item, load, store

__all__ = ["strided_f32", "strided_f64"]


@helper
def _word(words, place):  # type: ignore[no-untyped-def]
    return load64(words + 8 * place)


@helper
def _begin(words, loops, count, counters, position, a, b, c):  # type: ignore[no-untyped-def]
    """Set the counters of loops to a position; the addresses of a, b and c there."""
    for loop in range(count - 1, -1, -1):
        at = 0
        if position:
            line = words + loops + 32 * loop
            extent = load64(line)
            at = position % extent
            position //= extent
            a += at * load64(line + 8)
            b += at * load64(line + 16)
            c += at * load64(line + 24)
        store64(counters + 8 * loop, at)
    return a, b, c


@helper
def _advance(words, loops, count, counters, a, b, c):  # type: ignore[no-untyped-def]
    """Take the next position of loops, after the last one the first."""
    for loop in range(count - 1, -1, -1):
        line = words + loops + 32 * loop
        extent, at = load64(line), load64(counters + 8 * loop) + 1
        a += load64(line + 8)
        b += load64(line + 16)
        c += load64(line + 24)
        if at < extent:
            store64(counters + 8 * loop, at)
            break
        store64(counters + 8 * loop, 0)
        a -= extent * load64(line + 8)
        b -= extent * load64(line + 16)
        c -= extent * load64(line + 24)
    return a, b, c


@helper
def _length(words, scratch, full, last, counter, final):  # type: ignore[no-untyped-def]
    """How long a direction of the block is at the loops' position."""
    if _word(words, final) >= 0 and load64(scratch + _word(words, counter)) == _word(words, final):
        return _word(words, last)
    return _word(words, full)


@helper
def _rows(zero, words, side, x, copy, lines, n, count, past, room):  # type: ignore[no-untyped-def]
    """Where the rows of operand `side` begin, and the table of their places.

    Rows that do not lie as neighbours are copied first, to where `lines` says from `copy` on, past
    the caches by way of `room` if they are `past` use.
    """
    mode, table = _word(words, MODE_A + side), words + _word(words, AJ + side)
    if mode != TURN and mode != GATHER:
        return x, table
    entries = words + _word(words, AV + side)
    if mode == TURN:
        run = _word(words, RUN_A + side)
        turn_block(zero, x, entries, table, run, copy, lines, n, count, past)
    else:
        gather_block(zero, x, entries, table, copy, lines, n, count, past, room)
    return copy, lines


@helper
def _each(zero, words, x, xj, y, yj, c, cj, n, count, add, copied):  # type: ignore[no-untyped-def]
    """Rows of c (+)= a * b, or a, unless they were `copied` already."""
    if not _word(words, ONE):
        flat = _word(words, MODE_B) == FLAT
        for f in range(count):
            at, by, to = load64(xj + 8 * f), load64(yj + 8 * f), load64(cj + 8 * f)
            multiply_row(zero, x + at, y + by, flat, c + to, n, add)
    elif _word(words, MODE_A) == FLAT:
        for f in range(count):
            fill_row(zero, load(x + load64(xj + 8 * f), zero), c + load64(cj + 8 * f), n, add)
    elif not copied:
        copy_rows(zero, x, xj, c, cj, n, count, add)


@helper
def _sum(zero, words, x, xj, y, yj, c, cj, low, n, count, way):  # type: ignore[no-untyped-def]
    """Rows of a * b, or a, added up to one row of c if they are summed, else each to its own."""
    x_flat, y_flat = _word(words, MODE_A) == FLAT, _word(words, MODE_B) == FLAT
    turns, rows = (1, count) if _word(words, COUNT_SUMMED) else (count, 1)
    for f in range(turns):
        at, by, shift = xj + 8 * f, yj + 8 * f, load64(cj + 8 * f)
        add_block(zero, x, at, x_flat, y, by, y_flat, c + shift, low + shift, n, rows, way)


@helper
def _dot(zero, words, x, xj, y, yj, high, low, n, count):  # type: ignore[no-untyped-def]
    """Sums over rows of a * b, or a, added to the numbers at `high`."""
    flat, summed = _word(words, MODE_B) == FLAT, _word(words, COUNT_SUMMED) != 0
    for f in range(count):
        at = y + load64(yj + 8 * f) if y else 0
        number = dot_row(zero, x + load64(xj + 8 * f), at, flat, n)
        shift = 0 if summed else f * item(zero)
        settle(zero, number, high + shift, low + shift)


@helper
def _block(zero, words, scratch, a, b, c, direct):  # type: ignore[no-untyped-def]
    """A block at the loops' position: straight to c, or to what `_finish` brings there."""
    kind, add = _word(words, KIND), _word(words, ADD)
    n = _length(words, scratch, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL)
    count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    cj = words + _word(words, CJ)
    if not direct:
        c, cj, add = scratch + _word(words, HIGH), words + _word(words, SJ), 0
    copied = kind == EACH and _word(words, ONE) != 0 and not add
    past = direct and copied and WIDTH == 64 and _word(words, PAST) != 0 and c & 63 == 0
    x, xj, y, yj = a, cj, b, cj
    for side in range(1 if b == 0 else 2):
        room, lines = scratch + _word(words, TILE_A + side), words + _word(words, SJ)
        copy = room
        if copied:
            copy, lines = c, cj
        at, table = _rows(zero, words, side, b if side else a, copy, lines, n, count, past, room)
        if side:
            y, yj = at, table
        else:
            x, xj = at, table
    if kind == EACH:
        mode = _word(words, MODE_A)
        copied = copied and mode in (TURN, GATHER)
        _each(zero, words, x, xj, y, yj, c, cj, n, count, add != 0, copied)
        return
    low = scratch + _word(words, LOW)
    if kind == DOT:
        _dot(zero, words, x, xj, y, yj, c, low, n, count)
    else:
        _sum(zero, words, x, xj, y, yj, c, cj, low, n, count, add if direct else 2)


@helper
def _clear(zero, words, scratch):  # type: ignore[no-untyped-def]
    """Zeros where a block's sums and their rounding errors will be."""
    length, count = _word(words, ROW), _word(words, COUNT)
    if _word(words, KIND) == DOT:
        length, count = count, 1
    if _word(words, COUNT_SUMMED):
        count = 1
    lines = words + _word(words, SJ)
    for f in range(count):
        shift = load64(lines + 8 * f)
        fill_row(zero, zero, scratch + _word(words, HIGH) + shift, length, False)
        fill_row(zero, zero, scratch + _word(words, LOW) + shift, length, False)


@helper
def _finish(zero, words, scratch, c):  # type: ignore[no-untyped-def]
    """Bring a block from where it was made to c."""
    n = _length(words, scratch, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL)
    count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    if _word(words, COUNT_SUMMED):
        count = 1
    high, add, cj = scratch + _word(words, HIGH), _word(words, ADD) != 0, words + _word(words, CJ)
    lines = words + _word(words, SJ)
    if _word(words, KIND) == DOT:
        for f in range(count):
            number, place = load(high + f * item(zero), zero), c + load64(cj + 8 * f)
            store(place, number + load(place, zero) if add else number)
    elif _word(words, MODE_C) == SCATTER:
        uv, cv = words + _word(words, UV), words + _word(words, CV)
        scatter_block(zero, high, uv, lines, c, cv, cj, n, count, add)
    else:
        copy_rows(zero, high, lines, c, cj, n, count, add)


@helper
def _part(zero, words, a, b, c, scratch, t, parts):  # type: ignore[no-untyped-def]
    """Part t of a step."""
    positions = _word(words, POSITIONS)
    first, last = positions * t // parts, positions * (t + 1) // parts
    if first == last:
        return
    if _word(words, SWAP):
        a, b = b, a
    if _word(words, ONE):
        b = 0
    kind, summands, direct = _word(words, KIND), _word(words, SUMMANDS), False
    if _word(words, MODE_C) != SCATTER and kind != DOT:
        alone = _word(words, COUNT_SUMMED) != 0 or _word(words, COUNT) == 1
        direct = kind == EACH or (summands == 1 and alone)
    loops, count, sums = _word(words, AT_LOOPS), _word(words, LOOPS), _word(words, SUMS)
    counters = scratch + 8 * count
    store64(scratch, 0)
    for loop in range(sums):
        store64(counters + 8 * loop, 0)
    a, b, c = _begin(words, loops, count, scratch, first, a, b, c)
    for _ in range(first, last):
        if not direct and kind != EACH:
            _clear(zero, words, scratch)
        for _ in range(summands):
            _block(zero, words, scratch, a, b, c, direct)
            if sums:
                a, b, c = _advance(words, _word(words, AT_SUMS), sums, counters, a, b, c)
        if not direct:
            _finish(zero, words, scratch, c)
        a, b, c = _advance(words, loops, count, scratch, a, b, c)


SIGNATURE = "void(int64, int64, int64, int64, int64, int64, int64)"
PAIRS = "einlab_native_strided_pairs"


@entry(SIGNATURE)
def strided_f64(words: int, a: int, b: int, c: int, scratch: int, t: int, parts: int) -> None:
    """Compute part t of `parts` of a step of float64; b is not read if there is one operand."""
    _part(np.float64(0), words, a, b, c, scratch, t, parts)


published(PAIRS, address_of(strided_f64))
_strided_pairs = function_at(PAIRS)


@entry(SIGNATURE)
def strided_f32(words: int, a: int, b: int, c: int, scratch: int, t: int, parts: int) -> None:
    """Compute part t of `parts` of a step of float32; b is not read if there is one operand."""
    if _word(words, WIDE):
        run_kernel(_strided_pairs(), words, a, b, c, scratch, t, parts)
    else:
        _part(np.float32(0), words, a, b, c, scratch, t, parts)
