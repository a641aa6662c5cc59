"""The compiled loops that every tree on the bench needs: planting, pricing, annealing.

Imports Numba: import it late.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import uint64

from einlab.search.kernels import SUMS, bit_count, draw, kernel, log_product, log_volume, lowest_bit

__all__ = ["anneal", "plant", "price"]

TABLE = 1024  # quantiles that the random threshold of a move is drawn from


@kernel("void(uint64[::1], int64[:,::1], int64[::1], uint64[:,::1])")
def plant(output, children, parents, sets):  # type: ignore[no-untyped-def]
    """Fill `parents` and the results' `sets` of a tree in SSA form; operands' sets are given."""
    count = (len(sets) + 1) // 2
    words = sets.shape[1]
    outside = np.empty((len(sets), words), np.uint64)
    parents[2 * count - 2] = -1
    for word in range(words):
        outside[2 * count - 2, word] = output[word]
    for node in range(count, 2 * count - 1):
        left, right = children[node, 0], children[node, 1]
        parents[left] = parents[right] = node
        for word in range(words):
            sets[node, word] = sets[left, word] | sets[right, word]
    for node in range(2 * count - 2, count - 1, -1):
        left, right = children[node, 0], children[node, 1]
        for word in range(words):
            beyond = outside[node, word]
            outside[left, word] = beyond | sets[right, word]
            outside[right, word] = beyond | sets[left, word]
            sets[node, word] &= beyond


@kernel(
    "void(uint64[:,::1], int64[:,::1], int64[::1], float64[::1], float64[::1],"
    " float64, float64, float64, float64, float64, float64, float64, float64[::1], float64[::1])"
)
def price(  # type: ignore[no-untyped-def]
    sets, children, stops, logs, rest,
    multiply, outer, element, power, shift, limit, penalty, costs, held,
):  # fmt: skip
    """Fill `costs` with the price of every step and `held` with the share of its result."""
    count = (len(sets) + 1) // 2
    for node in range(count, len(sets)):
        result = log_volume(sets[node], stops, logs, rest)
        left, right = sets[children[node, 0]], sets[children[node, 1]]
        product = log_product(left, right, stops, logs, rest)
        dearer = np.exp2(penalty * (result - limit)) if result > limit else 1.0
        held[node] = dearer * element * np.exp2(power * result - shift) if element else 0.0
        each = multiply if product - result > SUMS else outer
        costs[node] = dearer * each * np.exp2(power * product - shift) + held[node]


@numba.njit(nogil=True, inline="always")
def _turned(sets, x, k, c, p, fresh, stops, logs, rest):  # type: ignore[no-untyped-def]
    """log2 of the volumes of the step above and of the new result, whose set goes to `fresh`."""
    words = sets.shape[1]
    groups = len(stops)
    uniform = stops[groups - 1] if groups else 0
    one = uint64(1)
    above, result, start = 0.0, 0.0, 0
    for group in range(groups):
        ones, kept = 0, 0
        for word in range(start, stops[group]):
            new = (sets[k, word] | sets[c, word]) & (sets[x, word] | sets[p, word])
            fresh[word] = new
            ones += bit_count(new | sets[x, word])
            kept += bit_count(new)
        above += ones * logs[group]
        result += kept * logs[group]
        start = stops[group]
    for word in range(uniform, words):
        new = (sets[k, word] | sets[c, word]) & (sets[x, word] | sets[p, word])
        fresh[word] = new
        base = (word - uniform) * 64
        left = new
        while left:
            result += rest[base + lowest_bit(left)]
            left &= left - one
        left = new | sets[x, word]
        while left:
            above += rest[base + lowest_bit(left)]
            left &= left - one
    return above, result


@kernel(
    "int64(uint64[:,::1], int64[:,::1], int64[::1], float64[::1], float64[::1], int64[::1],"
    " float64[::1], float64[::1], float64, float64, float64, float64, float64, float64, float64,"
    " uint64[::1], float64, int64)"
)
def anneal(  # type: ignore[no-untyped-def]
    sets, children, parents, costs, held, stops, logs, rest,
    multiply, outer, element, power, shift, limit, penalty, state, beta, moves,
):  # fmt: skip
    """Try `moves` rotations at inverse temperature `beta`; return how many were taken.

    A rotation swaps an operand x of the result d with the array c that d is contracted with:
    (x·k)·c becomes (c·k)·x. The set of d becomes what c or k hold and x or the result above hold
    too, which is right for indices of any number of holders. It is taken if the price of the two
    steps does not grow, else with probability (old / new) ** beta.
    """
    words = sets.shape[1]
    count = (len(sets) + 1) // 2
    limits = np.empty(TABLE)
    for place in range(TABLE):
        limits[place] = ((place + 0.5) / TABLE) ** (-1.0 / beta)
    groups = len(stops)
    uniform = stops[groups - 1] if groups else 0
    fresh = np.empty(words, np.uint64)
    one = uint64(1)
    cheapest = min(multiply, outer)
    needed = multiply != outer or limit < np.inf  # what the result of the step above is
    taken = 0
    for _ in range(moves):
        bits = draw(state)
        d = count + np.int64(((bits >> uint64(32)) * uint64(count - 2)) >> uint64(32))
        side = np.int64(bits & one)
        x, k, p = children[d, side], children[d, 1 - side], parents[d]
        where = 0 if children[p, 1] == d else 1
        c = children[p, where]
        most = (costs[d] + costs[p]) * limits[np.int64((bits >> one) & uint64(TABLE - 1))]
        below, start = 0.0, 0
        for group in range(groups):
            ones = 0
            for word in range(start, stops[group]):
                ones += bit_count(sets[k, word] | sets[c, word])
            below += ones * logs[group]
            start = stops[group]
        for word in range(uniform, words):
            left = sets[k, word] | sets[c, word]
            while left:
                below += rest[(word - uniform) * 64 + lowest_bit(left)]
                left &= left - one
        product_d = np.exp2(power * below - shift)
        if not cheapest * product_d <= most:  # most moves end here
            continue
        above, result = _turned(sets, x, k, c, p, fresh, stops, logs, rest)
        dearer = np.exp2(penalty * (result - limit)) if result > limit else 1.0
        held_d = dearer * element * np.exp2(power * result - shift) if element else 0.0
        price_d = dearer * (multiply if below - result > SUMS else outer) * product_d + held_d
        price_p = np.exp2(power * above - shift)
        if needed:
            final = log_volume(sets[p], stops, logs, rest)
            price_p *= multiply if above - final > SUMS else outer
            if final > limit:
                price_p *= np.exp2(penalty * (final - limit))
        else:
            price_p *= multiply
        price_p += held[p]
        if not price_d + price_p <= most:  # too high, or out of range
            continue
        children[d, side], parents[c] = c, d
        children[p, where], parents[x] = x, p
        for word in range(words):
            sets[d, word] = fresh[word]
        costs[d], costs[p], held[d] = price_d, price_p, held_d
        taken += 1
    return taken
