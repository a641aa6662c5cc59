"""The compiled elimination of indices, and the tree it makes. Imports Numba: import it late.

An index is named by its bit. Two indices are neighbours if some array holds both; eliminating one
contracts all arrays that hold it and makes its neighbours pairwise neighbours.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from einlab.search.kernels import (
    GONE,
    draw,
    enter,
    first,
    helper,
    kernel,
    log_product,
    log_volume,
    lowest_bit,
)

__all__ = ["eliminate"]

BOTH, FIRST = uint64(0), ~uint64(0)
EFFORT = 100_000_000  # words read to keep fill scores exact, before they are given up: some 0.3 s
FILL = 64.0  # what a missing pair of neighbours weighs against the log2 volume of a step


@helper
def _bits(sets, row, other, flip, found):  # type: ignore[no-untyped-def]
    """Write to `found` the bits that row `row` has and row `other` has too; return how many.

    With `flip` all ones, those that row `other` has not.
    """
    count = 0
    for word in range(sets.shape[1]):
        left = sets[row, word] & (sets[other, word] ^ flip)
        while left:
            found[count] = word * 64 + lowest_bit(left)
            left &= left - uint64(1)
            count += 1
    return count


@helper
def _connect(sets, count, near):  # type: ignore[no-untyped-def]
    """Fill `near` with the neighbours of every index, itself among them."""
    found = np.empty(sets.shape[1] * 64, np.int64)
    for leaf in range(count):
        for place in range(_bits(sets, leaf, leaf, BOTH, found)):
            for word in range(sets.shape[1]):
                near[found[place], word] |= sets[leaf, word]


@helper
def _score(index, near, weights, stops, logs, rest, by_fill, found):  # type: ignore[no-untyped-def]
    """How bad it is to eliminate an index: weight of pairs it would join, then log2 of volume."""
    volume = log_volume(near[index], stops, logs, rest)
    if not by_fill:
        return volume
    missing = 0.0
    for place in range(_bits(near, index, index, BOTH, found)):
        other = found[place]
        joint = log_product(near[index], near[other], stops, logs, rest)
        missing += weights[other] * (joint - log_volume(near[other], stops, logs, rest))
    return FILL * missing / 2 + volume


@helper
def _order(halt, near, live, weights, stops, logs, rest, by_fill, noise, state, order):  # type: ignore[no-untyped-def]
    """Write the order in which the `live` indices are eliminated; return how many there are.

    Fill scores stay exact: a pair that is joined no longer counts for any index that has both as
    neighbours, and the neighbours of the eliminated index are scored anew. Where neighbourhoods
    grow so large that this would take seconds, the rest goes by degree, and later as it stands.
    """
    half = 1
    while half < len(near):
        half *= 2
    scores, luck = np.empty(2 * half), np.empty(len(near))
    for place in range(2 * half):
        scores[place] = GONE
    found, hood = np.empty(len(near), np.int64), np.empty(len(near), np.int64)
    common = np.empty(len(near), np.int64)
    for index in range(len(near)):
        luck[index] = 1.0
        if live[index]:
            luck[index] = 1.0 + noise * (draw(state) >> uint64(11)) * 2.0**-53
            score = _score(index, near, weights, stops, logs, rest, by_fill, found)
            enter(scores, index, score * luck[index])
    done, effort = 0, 0
    while scores[1] < GONE and not halt[0]:
        if by_fill and effort > EFFORT:
            by_fill = False
            for index in range(len(near)):
                if scores[half + index] < GONE:
                    score = _score(index, near, weights, stops, logs, rest, by_fill, found)
                    enter(scores, index, score * luck[index])
        index = first(scores)
        order[done] = index
        done += 1
        enter(scores, index, GONE)
        word, bit = index // 64, uint64(1) << uint64(index % 64)
        size = _bits(near, index, index, BOTH, hood)
        effort += size * size * near.shape[1]
        if effort > 3 * EFFORT:
            continue
        for place in range(size):
            near[hood[place], word] &= ~bit
        for place in range(size if by_fill else 0):
            one = hood[place]
            if one == index:
                continue
            for later in range(_bits(near, index, one, FIRST, found)):
                other = found[later]
                if other < one:
                    continue
                for shared in range(_bits(near, one, other, BOTH, common)):
                    third = common[shared]
                    if live[third] and scores[half + third] < GONE:
                        less = FILL * weights[one] * weights[other] * luck[third]
                        enter(scores, third, scores[half + third] - less)
        for place in range(size):
            for word in range(near.shape[1]):
                near[hood[place], word] |= near[index, word]
        for place in range(size):
            one = hood[place]
            if one != index and live[one]:
                score = _score(one, near, weights, stops, logs, rest, by_fill, found)
                enter(scores, one, score * luck[one])
    return done


@helper
def _root(up, node):  # type: ignore[no-untyped-def]
    """The live array that holds an array, by path halving."""
    while up[node] != node:
        up[node] = up[up[node]]
        node = up[node]
    return node


@helper
def _merge(  # type: ignore[no-untyped-def]
    halt, bucket, size, made, sets, holders, volumes, children, up, stops, logs, rest, found
):
    """Contract the arrays of `bucket`, smallest first, each with the partner of least product."""
    while size > 1 and not halt[0]:
        small = 0
        for place in range(size):
            if volumes[bucket[place]] < volumes[bucket[small]]:
                small = place
        bucket[size - 1], bucket[small] = bucket[small], bucket[size - 1]
        left, partner, least = bucket[size - 1], 0, np.inf
        for place in range(size - 1):
            volume = log_product(sets[left], sets[bucket[place]], stops, logs, rest)
            if volume < least:
                partner, least = place, volume
        right = bucket[partner]
        children[made, 0], children[made, 1] = left, right
        up[left] = up[right] = made
        for word in range(sets.shape[1]):
            sets[made, word] = sets[left, word] | sets[right, word]
        for place in range(_bits(sets, left, right, BOTH, found)):
            index = found[place]
            holders[index] -= 1
            if holders[index] == 1:
                sets[made, index // 64] &= ~(uint64(1) << uint64(index % 64))
        volumes[made] = log_volume(sets[made], stops, logs, rest)
        bucket[partner] = made
        made, size = made + 1, size - 1
    return made


@kernel(
    "int64(uint8[::1], uint64[:,::1], uint64[::1], int64[::1], float64[::1], float64[::1],"
    " boolean, float64, uint64[::1], int64[:,::1])"
)
def eliminate(halt, leaves, output, stops, logs, rest, by_fill, noise, state, children):  # type: ignore[no-untyped-def]
    """Fill `children` with the tree of an elimination order, in SSA form; return its length.

    Each index in turn has the arrays that hold it contracted; what is left is multiplied last.
    Once `halt` is set, the tree stays unfinished.
    """
    count, words = leaves.shape
    bits = words * 64
    found = np.empty(max(bits, 2 * count), np.int64)
    near = np.zeros((bits, words), np.uint64)
    _connect(leaves, count, near)
    holders, weights, single = np.zeros(bits, np.int64), np.zeros(bits), np.empty(words, np.uint64)
    for word in range(words):
        single[word] = uint64(0)
    for leaf in range(count):
        for place in range(_bits(leaves, leaf, leaf, BOTH, found)):
            holders[found[place]] += 1
    starts = np.zeros(bits + 1, np.int64)
    for index in range(bits):
        starts[index + 1] = starts[index] + holders[index]
    held, filled = np.empty(starts[bits], np.int64), np.empty(bits, np.int64)
    for index in range(bits):
        filled[index] = starts[index]
    for leaf in range(count):
        for place in range(_bits(leaves, leaf, leaf, BOTH, found)):
            held[filled[found[place]]] = leaf
            filled[found[place]] += 1
    live = np.zeros(bits, np.int64)
    for index in range(bits):
        live[index] = holders[index] > 0
        single[index // 64] = uint64(1) << uint64(index % 64)
        weights[index] = log_volume(single, stops, logs, rest)
        if output[index // 64] & single[index // 64]:
            live[index] = 0
            holders[index] += 1
        single[index // 64] = uint64(0)
    order = np.empty(bits, np.int64)
    total = _order(halt, near, live, weights, stops, logs, rest, by_fill, noise, state, order)
    sets = np.zeros((2 * count - 1, words), np.uint64)
    volumes = np.zeros(2 * count - 1)
    for leaf in range(count):
        for word in range(words):
            sets[leaf, word] = leaves[leaf, word]
        volumes[leaf] = log_volume(leaves[leaf], stops, logs, rest)
    up, bucket = np.empty(2 * count - 1, np.int64), np.empty(count, np.int64)
    for array in range(2 * count - 1):
        up[array] = array
    seen, made = np.zeros(2 * count - 1, np.int64), count
    for turn in range(total):
        size = 0
        for place in range(starts[order[turn]], starts[order[turn] + 1]):
            array = _root(up, held[place])
            if seen[array] != turn + 1:
                seen[array] = turn + 1
                bucket[size] = array
                size += 1
        made = _merge(
            halt, bucket, size, made, sets, holders, volumes, children, up, stops, logs, rest, found
        )
    size = 0
    for array in range(made):
        if up[array] == array:
            bucket[size] = array
            size += 1
    _merge(halt, bucket, size, made, sets, holders, volumes, children, up, stops, logs, rest, found)
    return total
