"""The compiled dissection of a network into a line of operands. Imports Numba: import it late.

A hypergraph is kept as `starts` and `pins`: edge e joins the nodes pins[starts[e]:starts[e + 1]].
"""

from __future__ import annotations

import numpy as np

from einlab.search.bisection_kernels import bisect, incidence
from einlab.search.kernels import helper, kernel

__all__ = ["dissect"]


@helper
def _within(order, rank, low, high, begin, edges, starts, pins, weights, seen):  # type: ignore[no-untyped-def]
    """The hypergraph of the operands order[low:high], with nodes 0 … high - low - 1, and anchors.

    All that stands before them is one anchor, all that stands behind the other; an edge that
    reaches both is cut anyway.
    """
    nodes, kept, filled = high - low, 0, 0
    room, lines = 0, 0
    for place in range(low, high):
        lines += begin[order[place] + 1] - begin[order[place]]
        for spot in range(begin[order[place]], begin[order[place] + 1]):
            room += starts[edges[spot] + 1] - starts[edges[spot]] + 2
    local, ends, heavy = np.zeros(lines + 1, np.int64), np.empty(room, np.int64), np.empty(lines)
    for place in range(low, high):
        for spot in range(begin[order[place]], begin[order[place] + 1]):
            edge = edges[spot]
            if seen[edge] == low + 1:
                continue
            seen[edge] = low + 1
            last, before, behind = filled, False, False
            for pin in range(starts[edge], starts[edge + 1]):
                position = rank[pins[pin]]
                before |= position < low
                behind |= position >= high
                if low <= position < high:
                    ends[filled] = position - low
                    filled += 1
            if before and not behind:
                ends[filled] = nodes
                filled += 1
            if behind and not before:
                ends[filled] = nodes + 1
                filled += 1
            if filled - last < 2 or (before and behind):
                filled = last
                continue
            heavy[kept] = weights[edge]
            kept += 1
            local[kept] = filled
    for place in range(low, high):
        for spot in range(begin[order[place]], begin[order[place] + 1]):
            seen[edges[spot]] = 0
    return local[: kept + 1], ends[:filled], heavy[:kept]


@kernel(
    "void(uint8[::1], int64[::1], int64[::1], float64[::1], float64, float64, uint64[::1],"
    " int64[::1])"
)
def dissect(halt, starts, pins, weights, slack, deep, state, order):  # type: ignore[no-untyped-def]
    """Put the operands in a line by recursive bisection: few indices reach across any place in it.

    A side holds at most 1/2 + `slack` of the operands it comes from; the fewer these are, the more
    nearly it is 1/2 + `deep`. Each part is cut so that what hangs on its left neighbours goes left.
    Once `halt` is set, the rest stays as it is.
    """
    count = len(order)
    begin, edges = incidence(count, starts, pins)
    rank, spare = np.empty(count, np.int64), np.empty(count, np.int64)
    for place in range(count):
        order[place] = rank[place] = place
    seen = np.zeros(len(weights), np.int64)
    stack, waiting = np.empty((count + 1, 2), np.int64), 1
    stack[0, 0], stack[0, 1] = 0, count
    while waiting and not halt[0]:
        waiting -= 1
        low, high = stack[waiting, 0], stack[waiting, 1]
        local, ends, heavy = _within(
            order, rank, low, high, begin, edges, starts, pins, weights, seen
        )
        here = deep + (slack - deep) * (high - low) / count
        most = max((high - low) * (0.5 + here), (high - low) // 2 + 1)  # one at least can move
        most = min(most, high - low - 1)
        loads, side = np.zeros(high - low + 2), np.empty(high - low + 2, np.int64)
        for place in range(high - low):
            loads[place] = 1.0
        bisect(loads, local, ends, heavy, most, state, side)
        middle, upper = low, 0
        for place in range(low, high):
            if side[place - low]:
                spare[upper] = order[place]
                upper += 1
            else:
                order[middle] = order[place]
                middle += 1
        for place in range(upper):
            order[middle + place] = spare[place]
        for place in range(low, high):
            rank[order[place]] = place
        if middle in (low, high):
            middle = (low + high) // 2
        if middle - low > 1:
            stack[waiting, 0], stack[waiting, 1] = low, middle
            waiting += 1
        if high - middle > 1:
            stack[waiting, 0], stack[waiting, 1] = middle, high
            waiting += 1
