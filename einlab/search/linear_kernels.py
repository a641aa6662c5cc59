"""The compiled search for the best tree over a line of operands. Imports Numba: import it late.

Every array of such a tree is an interval of the line, so all of them are solved, shorter ones
first, as in the matrix-chain programme. A hypergraph is kept as in `dissection_kernels`; its pins
are places in the line, ascending, and every index takes part. A `kept` index is never summed.
"""

from __future__ import annotations

import numba
import numpy as np

from einlab.search.kernels import GONE, SUMS, helper, kernel

__all__ = ["solve_line"]


@helper
def _tables(count, starts, pins, kept, weights, inside, untouched):  # type: ignore[no-untyped-def]
    """Fill log2 volumes for all intervals [i, j) of the line.

    inside[i, j]: of indices held in the interval alone; untouched[i, j]: held outside alone.
    """
    for edge in range(len(weights)):
        begin, end = starts[edge], starts[edge + 1]
        if not kept[edge]:
            inside[pins[begin], pins[end - 1] + 1] += weights[edge]
        before = -1
        for place in range(begin, end + 1):
            after = pins[place] if place < end else count
            if after > before + 1:
                untouched[before + 1, after] += weights[edge]
            before = after
    for i in range(count - 1, -1, -1):
        for j in range(i + 1, count + 1):
            inside[i, j] += inside[i + 1, j] + inside[i, j - 1] - inside[i + 1, j - 1]
    for i in range(count):
        for j in range(count, i, -1):
            above = untouched[i - 1, j] if i else 0.0
            right = untouched[i, j + 1] if j < count else 0.0
            both = untouched[i - 1, j + 1] if i and j < count else 0.0
            untouched[i, j] += above + right - both


@numba.njit(nogil=True, fastmath={"nnan", "nsz"})  # min() is vectorised without NaN and -0 only
def _cheapest(left, right, gains, mirror, whole, sums, multiply, outer):  # type: ignore[no-untyped-def]
    """The least price over all places where an interval can be parted."""
    best = GONE
    if multiply == outer:
        joint = multiply * whole
        for k in range(len(left)):
            best = min(best, left[k] + right[k] + joint * gains[k] * mirror[k])
    else:
        for k in range(len(left)):
            product = whole * gains[k] * mirror[k]
            each = multiply if product > sums else outer
            best = min(best, left[k] + right[k] + each * product)
    return best


@helper
def _power(exponent):  # type: ignore[no-untyped-def]
    """Two to a power, kept within a float's range so that no product is 0 times infinity."""
    return np.exp2(min(max(exponent, -1000.0), 1000.0))


@helper
def _solve(  # type: ignore[no-untyped-def]
    halt, count, starts, pins, kept, weights, bound, multiply, outer, element, power, shift, split
):
    """Write to split[i, j] where the best tree parts [i, j), for the intervals that it has.

    Return its price. The product of [i, k) and [k, j) has the volume of all that [i, j) touches
    without what either half sums itself. All three factors are scaled by what the line sums up to
    i, j and k, to stay in a float's range. Intervals whose result alone costs more than `bound` are
    passed over.
    """
    inside = np.zeros((count + 2, count + 2))
    untouched = np.zeros((count + 1, count + 2))
    _tables(count, starts, pins, kept, weights, inside, untouched)
    total = 0.0
    for edge in range(len(weights)):
        total += weights[edge]
    # left[i, k] and gains[i, k] are read along a row; right[j, k] and mirror[j, k] hold [k, j)
    left, right = np.zeros((count + 1, count + 1)), np.zeros((count + 1, count + 1))
    gains, mirror = np.zeros((count + 1, count + 1)), np.zeros((count + 1, count + 1))
    ratio, least = np.exp2(power * SUMS), min(multiply, outer) + element
    widest = (np.log2(bound / least) + shift) / power
    for i in range(count - 1, -1, -1):
        if halt[0]:
            return GONE
        for j in range(i + 1, count + 1):
            volume, summed = total - untouched[i, j], inside[0, j] - inside[0, i]
            if j > i + 1 and volume - inside[i, j] > widest:
                left[i, j] = right[j, i] = GONE
                continue
            gains[i, j] = mirror[j, i] = _power(power * (summed - inside[i, j]))
            if j > i + 1:
                result = _power(power * (volume - inside[i, j]) - shift)
                left[i, j] = right[j, i] = element * result + _cheapest(
                    left[i, i + 1 : j], right[j, i + 1 : j], gains[i, i + 1 : j],
                    mirror[j, i + 1 : j], _power(power * (volume - summed) - shift),
                    ratio * result, multiply, outer,
                )  # fmt: skip
    todo, waiting = np.empty((count + 1, 2), np.int64), 1
    todo[0, 0], todo[0, 1] = 0, count
    while waiting:  # where each price came from
        waiting -= 1
        i, j = todo[waiting, 0], todo[waiting, 1]
        if j - i == 1:
            continue
        volume, summed = total - untouched[i, j], inside[0, j] - inside[0, i]
        whole = _power(power * (volume - summed) - shift)
        sums = ratio * _power(power * (volume - inside[i, j]) - shift)
        best, chosen = GONE, i + 1
        for k in range(i + 1, j):
            product = whole * gains[i, k] * mirror[j, k]
            price = left[i, k] + right[j, k] + (multiply if product > sums else outer) * product
            if price < best:
                best, chosen = price, k
        split[i, j] = chosen
        todo[waiting, 0], todo[waiting, 1] = i, chosen
        todo[waiting + 1, 0], todo[waiting + 1, 1] = chosen, j
        waiting += 2
    return left[0, count]


@helper
def _part(starts, pins, kept, weights, low, high):  # type: ignore[no-untyped-def]
    """The line from `low` to `high` alone: what is held elsewhere too is kept."""
    begin, places = np.zeros(len(starts), np.int64), np.empty(len(pins), np.int64)
    keep, heavy = np.empty(len(kept), np.bool_), np.empty(len(weights))
    found, filled = 0, 0
    for edge in range(len(weights)):
        last = filled
        for pin in range(starts[edge], starts[edge + 1]):
            if low <= pins[pin] < high:
                places[filled] = pins[pin] - low
                filled += 1
        if filled > last:
            keep[found] = kept[edge] or filled - last < starts[edge + 1] - starts[edge]
            heavy[found] = weights[edge]
            found += 1
            begin[found] = filled
    return begin[: found + 1], places[:filled], keep[:found], heavy[:found]


@helper
def _blocks(starts, pins, block):  # type: ignore[no-untyped-def]
    """The line of whole blocks."""
    begin, places, filled = np.zeros(len(starts), np.int64), np.empty(len(pins), np.int64), 0
    for edge in range(len(starts) - 1):
        last = filled
        for pin in range(starts[edge], starts[edge + 1]):
            place = pins[pin] // block
            if filled == last or places[filled - 1] != place:
                places[filled] = place
                filled += 1
        begin[edge + 1] = filled
    return begin, places[:filled]


@kernel(
    "float64(uint8[::1], int64, int64[::1], int64[::1], boolean[::1], float64[::1], int64[::1],"
    " int64, float64, float64, float64, float64, float64, float64, int64[:,::1])"
)
def solve_line(  # type: ignore[no-untyped-def]
    halt, count, starts, pins, kept, weights, order, block, bound,
    multiply, outer, element, power, shift, children,
):  # fmt: skip
    """Fill `children` with the best tree that has the operands in this order; return its price.

    With a `block` above 1 the line is first parted into blocks of that many operands, each is
    solved on its own, and then the line of blocks. If nothing costs at most `bound`, the price is
    infinite and the tree arbitrary, and also once `halt` is set.
    """
    number, price = -(-count // block), 0.0
    inner = np.zeros((number, block + 1, block + 1), np.int32)
    if block > 1:
        for place in range(number):
            low, high = place * block, min(count, place * block + block)
            if high - low > 1:
                part = _part(starts, pins, kept, weights, low, high)
                price += _solve(
                    halt, high - low, part[0], part[1], part[2], part[3], np.inf,
                    multiply, outer, element, power, shift, inner[place],
                )  # fmt: skip
        starts, pins = _blocks(starts, pins, block)
    split = np.zeros((number + 1, number + 1), np.int32)
    price += _solve(
        halt, number, starts, pins, kept, weights, bound,
        multiply, outer, element, power, shift, split,
    )  # fmt: skip
    if halt[0]:
        return GONE
    stack = np.empty((count + 1, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, count, 2 * count - 2
    waiting, free = 1, 2 * count - 3
    while waiting:
        waiting -= 1
        low, high, node = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        place, last = low // block, -(-high // block)
        if last - place > 1:
            middle = split[place, last] * block
        else:
            middle = place * block + inner[place, low - place * block, high - place * block]
        for half in range(2):
            begin, end = (low, middle) if half == 0 else (middle, high)
            if end - begin == 1:
                children[node, half] = order[begin]
                continue
            children[node, half] = free
            stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = begin, end, free
            free, waiting = free - 1, waiting + 1
    return price
