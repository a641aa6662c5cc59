"""What kernels bound by memory do to rows of numbers, and to blocks of rows that change places.

A row is `n` neighbours in memory. Addresses, and the words of tables, are bytes. Imports Numba:
import it late.
"""

from __future__ import annotations

from typing import Any

from einlab.native.compiled import helper, load64
from einlab.native.squares import move8, move16, move32, move64, turn, turn4, turn8, turn_past
from einlab.native.vectors import (
    WIDTH,
    add,
    ask,
    fma,
    item,
    load,
    masked_load,
    multiply,
    splat,
    store,
    stream,
    subtract,
    total,
    vector_load,
    vector_store,
)

__all__ = [
    "add_block",
    "copy_row",
    "copy_rows",
    "dot_row",
    "fill_row",
    "gather_block",
    "multiply_row",
    "scatter_block",
    "settle",
    "turn_block",
]


AHEAD = 2048  # bytes from what is summed to what is asked for meanwhile

ALIGNED = 1024  # bytes of a row that is written from a multiple of a vector's bytes on


@helper
def copy_row(zero, a, c, n, onto):  # type: ignore[no-untyped-def]
    """Let c (+)= a."""
    e, stop = 0, n * item(zero)
    if onto:
        while e + WIDTH <= stop:
            vector_store(c + e, add(vector_load(c + e, zero), vector_load(a + e, zero)))
            e += WIDTH
    while e + 2 * WIDTH <= stop:
        x, y = vector_load(a + e, zero), vector_load(a + e + WIDTH, zero)
        vector_store(c + e, x)
        vector_store(c + e + WIDTH, y)
        e += 2 * WIDTH
    if not onto and e + WIDTH <= stop:
        vector_store(c + e, vector_load(a + e, zero))
        e += WIDTH
    while e < stop:
        store(c + e, load(a + e, zero) + load(c + e, zero) if onto else load(a + e, zero))
        e += item(zero)


@helper
def copy_rows(zero, a, aj, c, cj, n, count, onto):  # type: ignore[no-untyped-def]
    """Let c[cj[f] + e] (+)= a[aj[f] + e] for n neighbours of `count` rows; short ones are quick."""
    length = n * item(zero)
    if onto or length < 8 or length > 128:
        for f in range(count):
            copy_row(zero, a + load64(aj + 8 * f), c + load64(cj + 8 * f), n, onto)
    elif length <= 16:
        for f in range(count):
            move8(a + load64(aj + 8 * f), c + load64(cj + 8 * f), length)
    elif length <= 32:
        for f in range(count):
            move16(a + load64(aj + 8 * f), c + load64(cj + 8 * f), length)
    elif length <= 64:
        for f in range(count):
            move32(a + load64(aj + 8 * f), c + load64(cj + 8 * f), length)
    else:
        for f in range(count):
            move64(a + load64(aj + 8 * f), c + load64(cj + 8 * f), length)


@helper
def fill_row(zero, number, c, n, onto):  # type: ignore[no-untyped-def]
    """Let c (+)= one number."""
    e, stop, many = 0, n * item(zero), splat(number)
    while e + WIDTH <= stop:
        vector_store(c + e, add(vector_load(c + e, zero), many) if onto else many)
        e += WIDTH
    while e < stop:
        store(c + e, load(c + e, zero) + number if onto else number)
        e += item(zero)


@helper
def multiply_row(zero, a, b, flat, c, n, onto):  # type: ignore[no-untyped-def]
    """Let c (+)= a * b, where b is one number if it is `flat`."""
    e, stop = 0, n * item(zero)
    aligned = not onto and stop >= ALIGNED
    if flat:
        number = load(b, zero)
        many = splat(number)
        if aligned:
            vector_store(c, multiply(vector_load(a, zero), many))
            e = WIDTH - c % WIDTH
        while e + WIDTH <= stop:
            x = vector_load(a + e, zero)
            vector_store(
                c + e, fma(x, many, vector_load(c + e, zero)) if onto else multiply(x, many)
            )
            e += WIDTH
        while e < stop:
            x = load(a + e, zero) * number
            store(c + e, x + load(c + e, zero) if onto else x)
            e += item(zero)
        return
    if aligned:
        vector_store(c, multiply(vector_load(a, zero), vector_load(b, zero)))
        e = WIDTH - c % WIDTH
    while e + WIDTH <= stop:
        x, y = vector_load(a + e, zero), vector_load(b + e, zero)
        vector_store(c + e, fma(x, y, vector_load(c + e, zero)) if onto else multiply(x, y))
        e += WIDTH
    while e < stop:
        x = load(a + e, zero) * load(b + e, zero)
        store(c + e, x + load(c + e, zero) if onto else x)
        e += item(zero)


@helper
def dot_row(zero, a, b, flat, n):  # type: ignore[no-untyped-def]
    """The sum of a * b over a row; if `flat`, b is one number, and none if its address is 0."""
    e, step, nothing = 0, item(zero), splat(zero)
    stop = n * step
    p, q, r, s = nothing, nothing, nothing, nothing
    if flat:
        while e + 4 * WIDTH <= stop:
            for line in range(0, 4 * WIDTH, 64):
                ask(a + e + AHEAD + line)
            p = add(p, vector_load(a + e, zero))
            q = add(q, vector_load(a + e + WIDTH, zero))
            r = add(r, vector_load(a + e + 2 * WIDTH, zero))
            s = add(s, vector_load(a + e + 3 * WIDTH, zero))
            e += 4 * WIDTH
        while e + WIDTH <= stop:
            p = add(p, vector_load(a + e, zero))
            e += WIDTH
        if e < stop:
            q = add(q, masked_load(a + e, 0, (stop - e) // step, zero))
        summed = total(add(add(p, q), add(r, s)))
        return summed * load(b, zero) if b else summed
    while e + 4 * WIDTH <= stop:
        p = fma(vector_load(a + e, zero), vector_load(b + e, zero), p)
        q = fma(vector_load(a + e + WIDTH, zero), vector_load(b + e + WIDTH, zero), q)
        r = fma(vector_load(a + e + 2 * WIDTH, zero), vector_load(b + e + 2 * WIDTH, zero), r)
        s = fma(vector_load(a + e + 3 * WIDTH, zero), vector_load(b + e + 3 * WIDTH, zero), s)
        e += 4 * WIDTH
    while e + WIDTH <= stop:
        p = fma(vector_load(a + e, zero), vector_load(b + e, zero), p)
        e += WIDTH
    if e < stop:
        x = masked_load(a + e, 0, (stop - e) // step, zero)
        q = fma(x, masked_load(b + e, 0, (stop - e) // step, zero), q)
    return total(add(add(p, q), add(r, s)))


@helper
def _keep(zero, p, c, low, kind):  # type: ignore[no-untyped-def]
    """Write a vector of sums to c, or add it, as `kind` of `add_block` says."""
    if kind == 2:
        p = subtract(p, vector_load(low, zero))
        before = vector_load(c, zero)
        after = add(before, p)
        vector_store(low, subtract(subtract(after, before), p))
        vector_store(c, after)
    else:
        vector_store(c, add(p, vector_load(c, zero)) if kind else p)


@helper
def _add_four(zero, a, aj, b, bj, bflat, c, low, e, count, kind):  # type: ignore[no-untyped-def]
    """Four vectors of `add_block`, the first at c; those of b, if any, begin e bytes on."""
    p = q = r = s = splat(zero)
    for f in range(count):
        ax = a + load64(aj + 8 * f)
        x, y = vector_load(ax, zero), vector_load(ax + WIDTH, zero)
        z, w = vector_load(ax + 2 * WIDTH, zero), vector_load(ax + 3 * WIDTH, zero)
        if b == 0:
            p, q, r, s = add(p, x), add(q, y), add(r, z), add(s, w)
            continue
        bx = b + load64(bj + 8 * f)
        if bflat:
            many = splat(load(bx, zero))
            p, q, r, s = fma(x, many, p), fma(y, many, q), fma(z, many, r), fma(w, many, s)
        else:
            bx += e
            p, q = fma(x, vector_load(bx, zero), p), fma(y, vector_load(bx + WIDTH, zero), q)
            r = fma(z, vector_load(bx + 2 * WIDTH, zero), r)
            s = fma(w, vector_load(bx + 3 * WIDTH, zero), s)
    _keep(zero, p, c, low, kind)
    _keep(zero, q, c + WIDTH, low + WIDTH, kind)
    _keep(zero, r, c + 2 * WIDTH, low + 2 * WIDTH, kind)
    _keep(zero, s, c + 3 * WIDTH, low + 3 * WIDTH, kind)


@helper
def add_block(zero, a, aj, aflat, b, bj, bflat, c, low, n, count, kind):  # type: ignore[no-untyped-def]
    """The sum over `count` rows of a * b (of a alone if b is 0), of length n.

    Row f begins at a + aj[f] and b + bj[f]; a flat one is one number. The sum is written to c
    (kind 0), added to c (1), or added to c with what rounding lost so far in `low` (2).
    """
    step = item(zero)
    e, stop = 0, n * step
    while not aflat and e + 4 * WIDTH <= stop:
        _add_four(zero, a + e, aj, b, bj, bflat, c + e, low + e, e, count, kind)
        e += 4 * WIDTH
    while e + WIDTH <= stop:
        p, q = splat(zero), splat(zero)
        for f in range(count):
            ax = a + load64(aj + 8 * f)
            x = splat(load(ax, zero)) if aflat else vector_load(ax + e, zero)
            if b:
                bx = b + load64(bj + 8 * f)
                y = splat(load(bx, zero)) if bflat else vector_load(bx + e, zero)
                if f & 1:
                    q = fma(x, y, q)
                else:
                    p = fma(x, y, p)
            elif f & 1:
                q = add(q, x)
            else:
                p = add(p, x)
        _keep(zero, add(p, q), c + e, low + e, kind)
        e += WIDTH
    while e < stop:
        summed = zero
        for f in range(count):
            x = load(a + load64(aj + 8 * f) + (0 if aflat else e), zero)
            if b:
                summed += x * load(b + load64(bj + 8 * f) + (0 if bflat else e), zero)
            else:
                summed += x
        if kind == 2:
            settle(zero, summed, c + e, low + e)
        else:
            store(c + e, summed + load(c + e, zero) if kind else summed)
        e += step


@helper
def settle(zero, number, high, low):  # type: ignore[no-untyped-def]
    """Add a number to the one at `high`; `low` keeps what rounding lost (Kahan 1965)."""
    number -= load(low, zero)
    before = load(high, zero)
    after = before + number
    store(low, (after - before) - number)
    store(high, after)


@helper
def gather_block(zero, a, av, aj, c, cj, n, count, past, room):  # type: ignore[no-untyped-def]
    """Let c[cj[f] + e] = a[aj[f] + av[e]] for n neighbours of `count` rows of c.

    With `past`, as in `turn_block`, rows are put together at `room`.
    """
    step = item(zero)
    for f in range(count):
        source, row, places = a + load64(aj + 8 * f), c + load64(cj + 8 * f), av
        target, stop = room if past else row, av + 8 * n
        while places + 32 <= stop:
            p = load(source + load64(places), zero)
            q = load(source + load64(places + 8), zero)
            r = load(source + load64(places + 16), zero)
            s = load(source + load64(places + 24), zero)
            store(target, p)
            store(target + step, q)
            store(target + 2 * step, r)
            store(target + 3 * step, s)
            places += 32
            target += 4 * step
        while places < stop:
            store(target, load(source + load64(places), zero))
            places += 8
            target += step
        for e in range(0, n * step if past else 0, WIDTH):
            stream(row + e, vector_load(room + e, zero))


@helper
def scatter_block(zero, a, av, aj, c, cv, cj, n, count, onto):  # type: ignore[no-untyped-def]
    """Let c[cj[f] + cv[e]] (+)= a[aj[f] + av[e]] for n numbers of `count` rows."""
    for f in range(count):
        source, target = a + load64(aj + 8 * f), c + load64(cj + 8 * f)
        for e in range(n):
            x = load(source + load64(av + 8 * e), zero)
            place = target + load64(cv + 8 * e)
            store(place, x + load(place, zero) if onto else x)


def _by_squares(turn: Any) -> Any:
    @helper
    def squares(zero, width, a, av, c, columns, n, count):  # type: ignore[no-untyped-def]
        """Transpose n × count numbers; the last square of a line starts early enough to fit."""
        for f in range(0, count, width):
            f = min(f, count - width)
            for e in range(0, n, width):
                e = min(e, n - width)
                step = item(zero)
                turn(zero, a + f * step, av + 8 * e, c + e * step, columns + 8 * f)

    return squares


_squares, _squares8, _squares4, _squares_past = map(_by_squares, (turn, turn8, turn4, turn_past))


@helper
def turn_block(zero, a, av, aj, run, c, cj, n, count, past):  # type: ignore[no-untyped-def]
    """c[cj[f] + e] = a[aj[f] + av[e]] where every `run` of the places f are neighbours in a.

    Squares overlap at the ends. With `past` c is written past the caches: its rows begin at
    multiples of a vector's bytes, and n and `run` are multiples of a vector's elements.
    """
    lanes = WIDTH // item(zero)
    for start in range(0, count, run):
        length = min(run, count - start)
        base, columns = a + load64(aj + 8 * start), cj + 8 * start
        side = min(length, n)
        if past:
            _squares_past(zero, lanes, base, av, c, columns, n, length)
        elif side >= lanes:
            _squares(zero, lanes, base, av, c, columns, n, length)
        elif side >= 8:
            _squares8(zero, 8, base, av, c, columns, n, length)
        elif side >= 4:
            _squares4(zero, 4, base, av, c, columns, n, length)
        else:
            for f in range(length):
                target, source = c + load64(columns + 8 * f), base + f * item(zero)
                for e in range(n):
                    x = load(source + load64(av + 8 * e), zero)
                    store(target + e * item(zero), x)
