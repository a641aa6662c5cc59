"""The compiled loop of the greedy search. Imports Numba: import it late.

Terms are sorted runs of index numbers in one pool. Holders of an index sit in a run of their own,
which only ever shrinks: the result of a step takes the place of one operand, the last holder that
of the other.
"""

from __future__ import annotations

import numba
import numpy as np

from einlab.search.kernels import draw, helper, kernel

__all__ = ["greedy"]

LARGEST = 1000.0  # exponent of two, within the range of a float
NOTHING = -1e300  # log2 of no multiplications at all


@helper
def _noise(state):  # type: ignore[no-untyped-def]
    """A standard Gumbel deviate, to be subtracted."""
    uniform = (np.float64(draw(state) >> numba.uint64(11)) + 0.5) * 2.0**-53
    return np.log(-np.log(uniform))


@helper
def _push(prices, ranks, size, price, rank):  # type: ignore[no-untyped-def]
    """Put an offer on the heap; ties go to the lower rank."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if prices[parent] < price or (prices[parent] == price and ranks[parent] < rank):
            break
        prices[place], ranks[place] = prices[parent], ranks[parent]
        place = parent
    prices[place], ranks[place] = price, rank


@helper
def _sift(prices, ranks, size):  # type: ignore[no-untyped-def]
    """Move the last offer of a heap of `size` + 1 to the root, and down."""
    price, rank = prices[size], ranks[size]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            prices[other] < prices[child]
            or (prices[other] == prices[child] and ranks[other] < ranks[child])
        ):
            child = other
        if price < prices[child] or (price == prices[child] and rank < ranks[child]):
            break
        prices[place], ranks[place] = prices[child], ranks[child]
        place = child
    prices[place], ranks[place] = price, rank


@helper
def _result(pool, start, length, left, right, held, output, logs):  # type: ignore[no-untyped-def]
    """log2 volumes of the result of a pair and of its multiplications."""
    i, j = start[left], start[right]
    stop_i, stop_j = i + length[left], j + length[right]
    result, product = 0.0, 0.0
    while i < stop_i or j < stop_j:
        if j == stop_j or (i < stop_i and pool[i] < pool[j]):
            result += logs[pool[i]]
            product += logs[pool[i]]
            i += 1
        elif i == stop_i or pool[j] < pool[i]:
            result += logs[pool[j]]
            product += logs[pool[j]]
            j += 1
        else:
            index = pool[i]
            product += logs[index]
            if held[index] > 2 or output[index]:
                result += logs[index]
            i += 1
            j += 1
    return result, product


@helper
def _merge(pool, start, length, left, right, made, held, first, holders, output):  # type: ignore[no-untyped-def]
    """Write the term of a step to the pool at `start[made]` and put it in its operands' place."""
    i, j, to = start[left], start[right], start[made]
    stop_i, stop_j = i + length[left], j + length[right]
    while i < stop_i or j < stop_j:
        old, twice = left, False
        if j == stop_j or (i < stop_i and pool[i] < pool[j]):
            index = pool[i]
            i += 1
        elif i == stop_i or pool[j] < pool[i]:
            index, old = pool[j], right
            j += 1
        else:
            index, twice = pool[i], True
            i += 1
            j += 1
        begin = first[index]
        for place in range(begin, begin + held[index]):
            if holders[place] == old:
                holders[place] = made
                break
        if twice:
            for place in range(begin, begin + held[index]):
                if holders[place] == right:
                    held[index] -= 1
                    holders[place] = holders[begin + held[index]]
                    break
        if twice and held[index] == 1 and not output[index]:
            held[index] = 0
        else:
            pool[to] = index
            to += 1
    length[made] = to - start[made]


@helper
def _holders(starts, items, indices):  # type: ignore[no-untyped-def]
    """How many arrays hold each index, where their list begins, and the lists one after another."""
    held, first = np.zeros(indices, np.int64), np.zeros(indices + 1, np.int64)
    for item in items:
        held[item] += 1
    for index in range(indices):
        first[index + 1] = first[index] + held[index]
    holders = np.empty(len(items), np.int64)
    filled = np.empty(indices, np.int64)
    for index in range(indices):
        filled[index] = first[index]
    for node in range(len(starts) - 1):
        for place in range(starts[node], starts[node + 1]):
            holders[filled[items[place]]] = node
            filled[items[place]] += 1
    return held, first, holders


@helper
def _price(result, left, right, modifier, temperature, state):  # type: ignore[no-untyped-def]
    """What a pair is offered at, from log2 of its volumes: growth is dear, shrinkage is a gain."""
    operands = 2.0 ** min(left, LARGEST) + 2.0 ** min(right, LARGEST)
    price = 2.0 ** min(result, LARGEST) / modifier - modifier * operands
    if temperature > 0:
        if price != 0:
            price = np.copysign(np.log(abs(price)), price)
        price += temperature * _noise(state)
    return price


@helper
def _copied(values, longer):  # type: ignore[no-untyped-def]
    """The longer array, begun with these values."""
    for place in range(len(values)):
        longer[place] = values[place]
    return longer


@helper
def _cheapest(prices, ranks, offers, live, size):  # type: ignore[no-untyped-def]
    """The cheapest offer whose arrays are both still there, or -1, and what is left of the heap."""
    left, right = -1, -1
    while size > 0 and left < 0:
        offer = 2 * ranks[0]
        if live[offers[offer]] and live[offers[offer + 1]]:
            left, right = offers[offer], offers[offer + 1]
        size -= 1
        _sift(prices, ranks, size)
    return left, right, size


@helper
def _two_smallest(live, volume, made):  # type: ignore[no-untyped-def]
    """The arrays to multiply where no two share an index any more."""
    left, right = -1, -1
    for array in range(made):
        if live[array]:
            if left < 0 or volume[array] < volume[left]:
                left, right = array, left
            elif right < 0 or volume[array] < volume[right]:
                right = array
    return left, right


@kernel(
    "int64(uint8[::1], int64[::1], int64[::1], float64[::1], uint8[::1], float64, float64, float64,"
    " boolean, uint64[::1], int64[:,::1], float64[::1])"
)
def greedy(  # type: ignore[no-untyped-def]
    halt, starts, items, logs, output,
    modifier, temperature, ceiling, shrinking, state, pairs, totals,
):  # fmt: skip
    """Contract greedily; write the SSA pairs, return their number.

    With `shrinking`, only pairs whose result is no larger than the larger operand are contracted,
    and what is left stays. `totals` gets log2 of all multiplications and of the largest result; a
    trial whose multiplications pass `ceiling` is broken off, and any where `halt` is set.
    """
    count, indices = len(starts) - 1, len(logs)
    arrays = 2 * count - 1
    start, length = np.zeros(arrays, np.int64), np.zeros(arrays, np.int64)
    pool, used = _copied(items, np.empty(4 * len(items) + 1024, np.int64)), len(items)
    volume = np.zeros(arrays)
    live, mark = np.zeros(arrays, np.int64), np.zeros(arrays, np.int64)
    for node in range(count):
        live[node] = 1
        start[node], length[node] = starts[node], starts[node + 1] - starts[node]
        for place in range(starts[node], starts[node + 1]):
            volume[node] += logs[items[place]]
    held, first, holders = _holders(starts, items, indices)
    room = 8 * count + 1024
    prices, ranks = np.empty(room), np.empty(room, np.int64)
    offers = np.empty(2 * room, np.int64)
    size, offered, made, node, total, largest = 0, 0, count, 0, NOTHING, 0.0
    while not halt[0]:
        # Push the pairs of `node`: each operand in turn first, then each new result.
        for place in range(start[node], start[node] + length[node]):
            index = pool[place]
            for at in range(first[index], first[index] + held[index]):
                other = holders[at]
                if other == node or mark[other] == node + 1 or (node < count and other < node):
                    continue
                mark[other] = node + 1
                result, _ = _result(pool, start, length, node, other, held, output, logs)
                if shrinking and result > max(volume[node], volume[other]) + 1e-9:
                    continue
                price = _price(result, volume[node], volume[other], modifier, temperature, state)
                if offered == len(prices):
                    prices = _copied(prices, np.empty(2 * offered))
                    ranks = _copied(ranks, np.empty(2 * offered, np.int64))
                    offers = _copied(offers, np.empty(4 * offered, np.int64))
                offers[2 * offered], offers[2 * offered + 1] = node, other
                _push(prices, ranks, size, price, offered)
                size += 1
                offered += 1
        if node < count - 1:
            node += 1
            continue
        left, right, size = _cheapest(prices, ranks, offers, live, size)
        if left < 0:
            if shrinking or made == arrays:
                break
            left, right = _two_smallest(live, volume, made)
        if used + length[left] + length[right] > len(pool):
            pool = _copied(pool, np.empty(2 * len(pool), np.int64))
        volume[made], product = _result(pool, start, length, left, right, held, output, logs)
        start[made] = used
        _merge(pool, start, length, left, right, made, held, first, holders, output)
        used += length[made]
        live[left], live[right], live[made] = 0, 0, 1
        pairs[made - count, 0], pairs[made - count, 1] = min(left, right), max(left, right)
        total = max(total, product) + np.log2(1.0 + 2.0 ** -abs(total - product))
        largest = max(largest, volume[made])
        node, made = made, made + 1
        if total > ceiling:
            break
    totals[0], totals[1] = total, largest
    return made - count
