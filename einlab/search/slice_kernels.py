"""The compiled loop that exchanges sliced indices. Imports Numba: import it late."""

from __future__ import annotations

import numpy as np
from numba import uint64

from einlab.search.kernels import (
    SUMS,
    bit_count,
    draw,
    helper,
    kernel,
    log_product,
    log_volume,
    lowest_bit,
)

__all__ = ["exchange"]


@helper
def _plant_whole(leaves, output, children, sets, order):  # type: ignore[no-untyped-def]
    """Fill `sets` with the indices of every array, sliced ones too, and `order` root first."""
    count, words = leaves.shape
    sets[:count] = leaves
    stack = np.empty(count, np.int64)
    stack[0], waiting, place = 2 * count - 2, 1, 0
    while waiting:
        waiting -= 1
        node = stack[waiting]
        order[place] = node
        place += 1
        for side in range(2):
            if children[node, side] >= count:
                stack[waiting] = children[node, side]
                waiting += 1
    for place in range(count - 2, -1, -1):
        node = order[place]
        left, right = children[node, 0], children[node, 1]
        for word in range(words):
            sets[node, word] = sets[left, word] | sets[right, word]
    outside = np.empty((2 * count - 1, words), np.uint64)
    outside[2 * count - 2] = output
    for place in range(count - 1):
        node = order[place]
        left, right = children[node, 0], children[node, 1]
        for word in range(words):
            beyond = outside[node, word]
            outside[left, word] = beyond | sets[right, word]
            outside[right, word] = beyond | sets[left, word]
            sets[node, word] &= beyond


@helper
def _weight(bit, stops, logs, rest):  # type: ignore[no-untyped-def]
    """log2 of the size of the index that a bit stands for."""
    uniform, group = stops[len(stops) - 1] if len(stops) else 0, 0
    if bit >= 64 * uniform:
        return rest[bit - 64 * uniform]
    while bit >= 64 * stops[group]:
        group += 1
    return logs[group]


@helper
def _any_bit(words, without, state):  # type: ignore[no-untyped-def]
    """The place of a random bit of a set from which another is taken; -1 if there is none."""
    count = 0
    for word in range(len(words)):
        count += bit_count(words[word] & ~without[word])
    if count == 0:
        return -1
    nth = np.int64(draw(state) % uint64(count))
    for word in range(len(words)):
        bits = words[word] & ~without[word]
        here = bit_count(bits)
        if nth < here:
            for _ in range(nth):
                bits &= bits - uint64(1)
            return word * 64 + lowest_bit(bits)
        nth -= here
    return -1


@helper
def _repriced(  # type: ignore[no-untyped-def]
    sets, children, bit, growth, multiply, outer, element, shift, limit, penalty, state, old, new
):
    """Price every step as it is when the index of a bit weighs `growth` more; -1 is no index.

    `old` and `new` have rows of products and results, both log2 of volumes, and prices. Returns the
    sum, the bits above the limit of all results together, and one of the results that are above it,
    drawn evenly, or -1. The last result has no limit.
    """
    count = (len(sets) + 1) // 2
    total, excess, large, found = 0.0, 0.0, 0, -1
    word, mask = max(bit, 0) // 64, uint64(1) << uint64(max(bit, 0) % 64)
    for node in range(count, 2 * count - 1):
        product, result, cost = old[0, node], old[1, node], old[2, node]
        if bit < 0 or (sets[children[node, 0], word] | sets[children[node, 1], word]) & mask:
            if bit >= 0:
                product += growth
                result += growth if sets[node, word] & mask else 0.0
            cost = (multiply if product - result > SUMS else outer) * np.exp2(product - shift)
            cost += element * np.exp2(result - shift) if element else 0.0
            if result > limit and node != 2 * count - 2:
                cost *= np.exp2(penalty * (result - limit))
        new[0, node], new[1, node], new[2, node] = product, result, cost
        total += cost
        if result > limit and node != 2 * count - 2:
            excess += result - limit
            large += 1
            if draw(state) % uint64(large) == uint64(0):
                found = node
    return total, excess, found


@helper
def _weigh_slice(sets, children, sliced, stops, logs, rest, volumes):  # type: ignore[no-untyped-def]
    """Fill in log2 of the products and results of all steps, sliced indices left out."""
    count = (len(sets) + 1) // 2
    left, right = np.empty(len(sliced), np.uint64), np.empty(len(sliced), np.uint64)
    for node in range(count, 2 * count - 1):
        for word in range(len(sliced)):
            left[word] = sets[children[node, 0], word] & ~sliced[word]
            right[word] = sets[children[node, 1], word] & ~sliced[word]
        volumes[0, node] = log_product(left, right, stops, logs, rest)
        for word in range(len(sliced)):
            left[word] = sets[node, word] & ~sliced[word]
        volumes[1, node] = log_volume(left, stops, logs, rest)


@kernel(
    "int64(uint64[:,::1], uint64[::1], int64[:,::1], uint64[:,::1], uint64[::1], int64[::1],"
    " float64[::1], float64[::1], float64, float64, float64, float64, float64, float64,"
    " uint64[::1], float64, float64, int64)"
)
def exchange(  # type: ignore[no-untyped-def]
    leaves, output, children, sets, sliced, stops, logs, rest,
    multiply, outer, element, shift, limit, penalty, state, sharpness, weight, tries,
):  # fmt: skip
    """Try to exchange sliced indices; return how often that was done, and fill `sets` for a slice.

    A try gives up a sliced index, or none, and slices one of an array that is then above the limit,
    if one is. It is taken by the price of all slices in logarithms, each bit that an array is above
    the limit counting `weight` more, at inverse temperature `sharpness`.
    """
    nodes, none = len(sets), np.zeros_like(sliced)
    now, dropped, added = np.zeros((3, nodes)), np.zeros((3, nodes)), np.zeros((3, nodes))
    _plant_whole(leaves, output, children, sets, np.empty(len(leaves) - 1, np.int64))
    _weigh_slice(sets, children, sliced, stops, logs, rest, now)
    total, excess, large = _repriced(
        sets, children, -1, 0.0, multiply, outer, element, shift, limit, penalty, state, now, now
    )
    taken = 0
    for _ in range(tries):
        after, above, found, growth, gain = total, excess, large, 0.0, -1
        loss = _any_bit(sliced, none, state) if draw(state) & uint64(3) else -1
        base, new = now, now
        if loss >= 0:
            size, new = _weight(loss, stops, logs, rest), dropped
            growth -= size
            after, above, found = _repriced(
                sets, children, loss, size, multiply, outer, element, shift, limit, penalty,
                state, base, new,
            )  # fmt: skip
            sliced[loss // 64] ^= uint64(1) << uint64(loss % 64)
            base = dropped
        if found >= 0 and draw(state) & uint64(7):
            gain = _any_bit(sets[found], sliced, state)
            size, new = _weight(gain, stops, logs, rest), added
            growth += size
            after, above, found = _repriced(
                sets, children, gain, -size, multiply, outer, element, shift, limit, penalty,
                state, base, new,
            )  # fmt: skip
            sliced[gain // 64] ^= uint64(1) << uint64(gain % 64)
        if loss < 0 and gain < 0:
            continue
        chance = (np.float64(draw(state) >> uint64(11)) + 0.5) / 9007199254740992.0
        growth += np.log2(after / total) + weight * (above - excess)
        if growth <= -np.log2(chance) / sharpness:
            total, excess, large = after, above, found
            now[:] = new
            taken += 1
            continue
        for bit in (loss, gain):
            if bit >= 0:
                sliced[bit // 64] ^= uint64(1) << uint64(bit % 64)
    for node in range(nodes):
        for word in range(len(sliced)):
            sets[node, word] &= ~sliced[word]
    return taken
