"""What kernels bound by memory do to rows of numbers, and to blocks of rows that change places.

A row is `n` neighbours in memory. Addresses, and the words of tables, are bytes. Imports Numba:
import it late.
"""

from __future__ import annotations

from typing import Any

from einlab.native.compiled import load64
from einlab.native.memory import (
    VECTOR,
    get,
    helper,
    put,
    size,
    turn,
    turn4,
    turn8,
    vadd,
    vfill,
    vget,
    vmul,
    vmuladd,
    vput,
    vsub,
    vsum,
)

__all__ = [
    "add_block",
    "copy_row",
    "dot_row",
    "fill_row",
    "gather_block",
    "multiply_row",
    "settle",
    "turn_block",
]


@helper
def copy_row(zero, a, c, n, add):  # type: ignore[no-untyped-def]
    """Let c (+)= a."""
    e, stop = 0, n * size(zero)
    if add:
        while e + VECTOR <= stop:
            vput(c + e, vadd(vget(zero, c + e), vget(zero, a + e)))
            e += VECTOR
    while e + 2 * VECTOR <= stop:
        x, y = vget(zero, a + e), vget(zero, a + e + VECTOR)
        vput(c + e, x)
        vput(c + e + VECTOR, y)
        e += 2 * VECTOR
    while e < stop:
        put(c + e, get(zero, a + e) + get(zero, c + e) if add else get(zero, a + e))
        e += size(zero)


@helper
def fill_row(zero, number, c, n, add):  # type: ignore[no-untyped-def]
    """Let c (+)= one number."""
    e, stop, many = 0, n * size(zero), vfill(number)
    while e + VECTOR <= stop:
        vput(c + e, vadd(vget(zero, c + e), many) if add else many)
        e += VECTOR
    while e < stop:
        put(c + e, get(zero, c + e) + number if add else number)
        e += size(zero)


@helper
def multiply_row(zero, a, b, flat, c, n, add):  # type: ignore[no-untyped-def]
    """Let c (+)= a * b, where b is one number if it is `flat`."""
    e, stop = 0, n * size(zero)
    if flat:
        number = get(zero, b)
        many = vfill(number)
        while e + VECTOR <= stop:
            x = vget(zero, a + e)
            vput(c + e, vmuladd(x, many, vget(zero, c + e)) if add else vmul(x, many))
            e += VECTOR
        while e < stop:
            x = get(zero, a + e) * number
            put(c + e, x + get(zero, c + e) if add else x)
            e += size(zero)
        return
    while e + VECTOR <= stop:
        x, y = vget(zero, a + e), vget(zero, b + e)
        vput(c + e, vmuladd(x, y, vget(zero, c + e)) if add else vmul(x, y))
        e += VECTOR
    while e < stop:
        x = get(zero, a + e) * get(zero, b + e)
        put(c + e, x + get(zero, c + e) if add else x)
        e += size(zero)


@helper
def dot_row(zero, a, b, flat, n):  # type: ignore[no-untyped-def]
    """The sum of a * b over a row; if `flat`, b is one number, and none if its address is 0."""
    e, stop = 0, n * size(zero)
    rest, nothing = zero, vfill(zero)
    p, q, r, s = nothing, nothing, nothing, nothing
    if flat:
        while e + 4 * VECTOR <= stop:
            p = vadd(p, vget(zero, a + e))
            q = vadd(q, vget(zero, a + e + VECTOR))
            r = vadd(r, vget(zero, a + e + 2 * VECTOR))
            s = vadd(s, vget(zero, a + e + 3 * VECTOR))
            e += 4 * VECTOR
        while e + VECTOR <= stop:
            p = vadd(p, vget(zero, a + e))
            e += VECTOR
        while e < stop:
            rest += get(zero, a + e)
            e += size(zero)
        total = vsum(vadd(vadd(p, q), vadd(r, s))) + rest
        return total * get(zero, b) if b else total
    while e + 4 * VECTOR <= stop:
        p = vmuladd(vget(zero, a + e), vget(zero, b + e), p)
        q = vmuladd(vget(zero, a + e + VECTOR), vget(zero, b + e + VECTOR), q)
        r = vmuladd(vget(zero, a + e + 2 * VECTOR), vget(zero, b + e + 2 * VECTOR), r)
        s = vmuladd(vget(zero, a + e + 3 * VECTOR), vget(zero, b + e + 3 * VECTOR), s)
        e += 4 * VECTOR
    while e + VECTOR <= stop:
        p = vmuladd(vget(zero, a + e), vget(zero, b + e), p)
        e += VECTOR
    while e < stop:
        rest += get(zero, a + e) * get(zero, b + e)
        e += size(zero)
    return vsum(vadd(vadd(p, q), vadd(r, s))) + rest


@helper
def add_block(zero, a, aj, aflat, b, bj, bflat, c, low, n, count, kind):  # type: ignore[no-untyped-def]
    """The sum over `count` rows of a * b (of a alone if b is 0), of length n.

    Row f begins at a + aj[f] and b + bj[f]; a flat one is one number. The sum is written to c
    (kind 0), added to c (1), or added to c with what rounding lost so far in `low` (2).
    """
    step = size(zero)
    e, stop = 0, n * step
    while e + VECTOR <= stop:
        p, q = vfill(zero), vfill(zero)
        for f in range(count):
            ax = a + load64(aj + 8 * f)
            x = vfill(get(zero, ax)) if aflat else vget(zero, ax + e)
            if b:
                bx = b + load64(bj + 8 * f)
                y = vfill(get(zero, bx)) if bflat else vget(zero, bx + e)
                if f & 1:
                    q = vmuladd(x, y, q)
                else:
                    p = vmuladd(x, y, p)
            elif f & 1:
                q = vadd(q, x)
            else:
                p = vadd(p, x)
        p = vadd(p, q)
        if kind == 2:
            p = vsub(p, vget(zero, low + e))
            before = vget(zero, c + e)
            after = vadd(before, p)
            vput(low + e, vsub(vsub(after, before), p))
            vput(c + e, after)
        else:
            vput(c + e, vadd(p, vget(zero, c + e)) if kind else p)
        e += VECTOR
    while e < stop:
        total = zero
        for f in range(count):
            x = get(zero, a + load64(aj + 8 * f) + (0 if aflat else e))
            if b:
                total += x * get(zero, b + load64(bj + 8 * f) + (0 if bflat else e))
            else:
                total += x
        if kind == 2:
            settle(zero, total, c + e, low + e)
        else:
            put(c + e, total + get(zero, c + e) if kind else total)
        e += step


@helper
def settle(zero, number, high, low):  # type: ignore[no-untyped-def]
    """Add a number to the one at `high`; `low` keeps what rounding lost (Kahan 1965)."""
    number -= get(zero, low)
    before = get(zero, high)
    after = before + number
    put(low, (after - before) - number)
    put(high, after)


@helper
def gather_block(zero, a, av, aj, c, cv, cj, n, count, add):  # type: ignore[no-untyped-def]
    """c[cj[f] + cv[e]] (+)= a[aj[f] + av[e]] for n numbers of `count` rows."""
    for f in range(count):
        source, target = a + load64(aj + 8 * f), c + load64(cj + 8 * f)
        for e in range(n):
            x = get(zero, source + load64(av + 8 * e))
            place = target + load64(cv + 8 * e)
            put(place, x + get(zero, place) if add else x)


def _by_squares(turn: Any) -> Any:
    @helper
    def squares(zero, width, a, av, c, columns, n, count):  # type: ignore[no-untyped-def]
        """Transpose n × count numbers; the last square of a line starts early enough to fit."""
        for f in range(0, count, width):
            f = min(f, count - width)
            for e in range(0, n, width):
                e = min(e, n - width)
                step = size(zero)
                turn(zero, a + f * step, av + 8 * e, c + e * step, columns + 8 * f)

    return squares


_squares, _squares8, _squares4 = map(_by_squares, (turn, turn8, turn4))


@helper
def turn_block(zero, a, av, aj, run, c, cj, n, count):  # type: ignore[no-untyped-def]
    """c[cj[f] + e] = a[aj[f] + av[e]] where every `run` of the places f are neighbours in a.

    Squares overlap at the ends.
    """
    lanes = VECTOR // size(zero)
    for start in range(0, count, run):
        length = min(run, count - start)
        base, columns = a + load64(aj + 8 * start), cj + 8 * start
        side = min(length, n)
        if side >= lanes:
            _squares(zero, lanes, base, av, c, columns, n, length)
        elif side >= 8:
            _squares8(zero, 8, base, av, c, columns, n, length)
        elif side >= 4:
            _squares4(zero, 4, base, av, c, columns, n, length)
        else:
            for f in range(length):
                target, source = c + load64(columns + 8 * f), base + f * size(zero)
                for e in range(n):
                    x = get(zero, source + load64(av + 8 * e))
                    put(target + e * size(zero), x)
