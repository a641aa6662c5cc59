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

from einlab.native.compiled import entry, helper, load64, store64
from einlab.native.preparing import (
    ADD,
    AJ,
    AT_LOOPS,
    AT_SUMS,
    AV,
    BJ,
    BV,
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
    RUN_B,
    SCATTER,
    SCRATCH,
    SJ,
    SUMMANDS,
    SUMS,
    SWAP,
    TASKS,
    TILE_A,
    TILE_B,
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
from einlab.native.vectors import WIDTH, item, load, store

__all__ = ["strided_f32", "strided_f64", "strided_scratch", "strided_tasks"]


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
def _staged(zero, words, x, mode, run, xv, xj, scratch, tile, n, count):  # type: ignore[no-untyped-def]
    """Where the rows of an operand begin, and the table of their places: of a copy if needed."""
    kind = _word(words, mode)
    rows = words + _word(words, xj)
    if kind != TURN and kind != GATHER:
        return x, rows
    entries, lines = words + _word(words, xv), words + _word(words, SJ)
    copy = scratch + _word(words, tile)
    if kind == TURN:
        turn_block(zero, x, entries, rows, _word(words, run), copy, lines, n, count, False)
    else:
        gather_block(zero, x, entries, rows, copy, lines, n, count)
    return copy, lines


@helper
def _copy(zero, words, scratch, a, c):  # type: ignore[no-untyped-def]
    """A block of c (+)= a."""
    n = _length(words, scratch, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL)
    count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    add, mode = _word(words, ADD) != 0, _word(words, MODE_A)
    av, cv = words + _word(words, AV), words + _word(words, CV)
    aj, cj = words + _word(words, AJ), words + _word(words, CJ)
    if _word(words, MODE_C) == SCATTER:
        scatter_block(zero, a, av, aj, c, cv, cj, n, count, add)
    elif mode == GATHER and not add:
        gather_block(zero, a, av, aj, c, cj, n, count)
    elif mode == TURN and not add:
        past = WIDTH == 64 and _word(words, PAST) != 0 and c & 63 == 0
        turn_block(zero, a, av, aj, _word(words, RUN_A), c, cj, n, count, past)
    elif mode == FLAT:
        for f in range(count):
            number = load(a + load64(aj + 8 * f), zero)
            fill_row(zero, number, c + load64(cj + 8 * f), n, add)
    else:
        a, aj = _staged(zero, words, a, MODE_A, RUN_A, AV, AJ, scratch, TILE_A, n, count)
        copy_rows(zero, a, aj, c, cj, n, count, add)


@helper
def _multiply(zero, words, scratch, a, b, c):  # type: ignore[no-untyped-def]
    """A block of c (+)= a * b."""
    n = _length(words, scratch, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL)
    count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    a, aj = _staged(zero, words, a, MODE_A, RUN_A, AV, AJ, scratch, TILE_A, n, count)
    b, bj = _staged(zero, words, b, MODE_B, RUN_B, BV, BJ, scratch, TILE_B, n, count)
    add, flat = _word(words, ADD) != 0, _word(words, MODE_B) == FLAT
    cj, scatter = words + _word(words, CJ), _word(words, MODE_C) == SCATTER
    target, lines = c, cj
    if scatter:
        target, lines = scratch + _word(words, HIGH), words + _word(words, SJ)
    for f in range(count):
        x, y = a + load64(aj + 8 * f), b + load64(bj + 8 * f)
        multiply_row(zero, x, y, flat, target + load64(lines + 8 * f), n, add and not scatter)
    if scatter:
        uv, cv = words + _word(words, UV), words + _word(words, CV)
        scatter_block(zero, target, uv, lines, c, cv, cj, n, count, add)


@helper
def _add(zero, words, scratch, a, b, c, low, n, kind):  # type: ignore[no-untyped-def]
    """Add the block's rows up: to c if they are summed, else each to its own row of c."""
    count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    a, aj = _staged(zero, words, a, MODE_A, RUN_A, AV, AJ, scratch, TILE_A, n, count)
    bj = aj
    if b:
        b, bj = _staged(zero, words, b, MODE_B, RUN_B, BV, BJ, scratch, TILE_B, n, count)
    a_flat, b_flat = _word(words, MODE_A) == FLAT, _word(words, MODE_B) == FLAT
    repeats, rows = 1, count
    if not _word(words, COUNT_SUMMED):
        repeats, rows = count, 1
    lines = words + _word(words, SJ)
    for f in range(repeats):
        shift = load64(lines + 8 * f)
        at, bt, place = aj + 8 * f, bj + 8 * f, c + shift
        add_block(zero, a, at, a_flat, b, bt, b_flat, place, low + shift, n, rows, kind)


@helper
def _sum(zero, words, scratch, a, b, c):  # type: ignore[no-untyped-def]
    """A block of rows of c (+)= the sum of rows of a * b, or of a if b is 0."""
    n = _length(words, scratch, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL)
    summands, scatter = _word(words, SUMMANDS), _word(words, MODE_C) == SCATTER
    summed = _word(words, COUNT_SUMMED) != 0
    add = _word(words, ADD)
    if summands == 1 and not scatter and (summed or _word(words, COUNT) == 1):
        _add(zero, words, scratch, a, b, c, c, n, add)
        return
    high, low = scratch + _word(words, HIGH), scratch + _word(words, LOW)
    lines, cj = words + _word(words, SJ), words + _word(words, CJ)
    rows = 1
    if not summed:
        rows = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    for f in range(rows):
        fill_row(zero, zero, high + load64(lines + 8 * f), n, False)
        fill_row(zero, zero, low + load64(lines + 8 * f), n, False)
    loops, sums = _word(words, AT_SUMS), _word(words, SUMS)
    counters = scratch + 8 * _word(words, LOOPS)
    for _ in range(summands):
        _add(zero, words, scratch, a, b, high, low, n, 2)
        a, b, c = _next(words, loops, sums, counters, a, b, c)
    if scatter:
        uv, cv = words + _word(words, UV), words + _word(words, CV)
        scatter_block(zero, high, uv, lines, c, cv, cj, n, rows, add != 0)
    else:
        copy_rows(zero, high, lines, c, cj, n, rows, add != 0)


@helper
def _next(words, loops, count, counters, a, b, c):  # type: ignore[no-untyped-def]
    """The next summand; b stays 0 where there is none."""
    a, b_next, c = _advance(words, loops, count, counters, a, b, c)
    return a, b_next if b else b, c


@helper
def _dot(zero, words, scratch, a, b, c):  # type: ignore[no-untyped-def]
    """A block of numbers of c (+)= the sums over rows of a * b, or of a if b is 0."""
    high, low, step = scratch + _word(words, HIGH), scratch + _word(words, LOW), item(zero)
    count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
    summed, summands = _word(words, COUNT_SUMMED) != 0, _word(words, SUMMANDS)
    flat, add = _word(words, MODE_B) == FLAT, _word(words, ADD) != 0
    once = summands == 1 and (not summed or count == 1)
    numbers = 1 if summed else count
    for f in range(numbers):
        store(high + f * step, zero)
        store(low + f * step, zero)
    loops, sums = _word(words, AT_SUMS), _word(words, SUMS)
    counters = scratch + 8 * _word(words, LOOPS)
    for _ in range(summands):
        n = _length(words, scratch, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL)
        count = _length(words, scratch, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL)
        x, aj = _staged(zero, words, a, MODE_A, RUN_A, AV, AJ, scratch, TILE_A, n, count)
        y, bj = b, aj
        if b:
            y, bj = _staged(zero, words, b, MODE_B, RUN_B, BV, BJ, scratch, TILE_B, n, count)
        for f in range(count):
            at = y + load64(bj + 8 * f) if b else 0
            number = dot_row(zero, x + load64(aj + 8 * f), at, flat, n)
            shift = 0 if summed else f * step
            if once:
                store(high + shift, number)
            else:
                settle(zero, number, high + shift, low + shift)
        a, b, c = _next(words, loops, sums, counters, a, b, c)
    cj = words + _word(words, CJ)
    for f in range(numbers):
        place = c + load64(cj + 8 * f)
        number = load(high + f * step, zero)
        store(place, number + load(place, zero) if add else number)


@helper
def _part(zero, wide, words, a, b, c, scratch, t, parts):  # type: ignore[no-untyped-def]
    """Part t of a step; numbers of copies are as wide as `wide` where the words say so."""
    positions = _word(words, POSITIONS)
    first, last = positions * t // parts, positions * (t + 1) // parts
    if first == last:
        return
    if _word(words, SWAP):
        a, b = b, a
    one = _word(words, ONE) != 0
    loops, count, kind = _word(words, AT_LOOPS), _word(words, LOOPS), _word(words, KIND)
    sums = scratch + 8 * count
    for loop in range(_word(words, SUMS)):
        store64(sums + 8 * loop, 0)
    a, b, c = _begin(words, loops, count, scratch, first, a, b, c)
    for _ in range(first, last):
        if kind == EACH:
            if not one:
                _multiply(zero, words, scratch, a, b, c)
            elif _word(words, WIDE):
                _copy(wide, words, scratch, a, c)
            else:
                _copy(zero, words, scratch, a, c)
        elif kind == DOT:
            _dot(zero, words, scratch, a, 0 if one else b, c)
        else:
            _sum(zero, words, scratch, a, 0 if one else b, c)
        a, b, c = _advance(words, loops, count, scratch, a, b, c)


@entry("int64(int64)")
def strided_tasks(words: int) -> int:
    """Into how many parts a step is worth cutting."""
    return _word(words, TASKS)  # type: ignore[no-any-return]


@entry("int64(int64)")
def strided_scratch(words: int) -> int:
    """Bytes of scratch memory of a part."""
    return _word(words, SCRATCH)  # type: ignore[no-any-return]


SIX = ", ".join(["int64"] * 7)


@entry(f"void({SIX})")
def strided_f32(words: int, a: int, b: int, c: int, scratch: int, t: int, parts: int) -> None:
    """Compute part t of `parts` of a step of float32; b is not read if there is one operand."""
    _part(np.float32(0), np.float64(0), words, a, b, c, scratch, t, parts)


@entry(f"void({SIX})")
def strided_f64(words: int, a: int, b: int, c: int, scratch: int, t: int, parts: int) -> None:
    """Compute part t of `parts` of a step of float64; b is not read if there is one operand."""
    _part(np.float64(0), np.float64(0), words, a, b, c, scratch, t, parts)
