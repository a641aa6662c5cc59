"""The compiled multilevel bisection of a hypergraph. Imports Numba: import it late.

A hypergraph is kept as `starts` and `pins`: edge e joins the nodes pins[starts[e]:starts[e + 1]].
Nodes have loads (how many operands they stand for), edges weights (log2 of an index' size).
Sources: Karypis et al. 1999 (IEEE Trans. VLSI 7, 69) for the levels, Fiduccia and Mattheyses 1982
for the refinement.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from einlab.search.kernels import GONE, draw, enter, first, helper

__all__ = ["bisect", "incidence"]

COARSEST = 24  # nodes at which the first partitions are tried
ATTEMPTS = 3  # first partitions
PASSES = 2  # of refinement at each level
LARGE = 64  # pins: edges that hold more say little about which nodes belong together
STALL = 40  # moves without a better cut before a pass gives up, and a tenth of the nodes


@helper
def _below(state, limit):  # type: ignore[no-untyped-def]
    """A random number from 0 to limit - 1."""
    return np.int64(((draw(state) >> uint64(32)) * uint64(limit)) >> uint64(32))


@helper
def incidence(nodes, starts, pins):  # type: ignore[no-untyped-def]
    """The edges of every node, as (starts, edges)."""
    begin = np.zeros(nodes + 2, np.int64)
    for place in range(starts[len(starts) - 1]):
        begin[pins[place] + 2] += 1
    for node in range(nodes):
        begin[node + 2] += begin[node + 1]
    edges = np.empty(starts[len(starts) - 1], np.int64)
    for edge in range(len(starts) - 1):
        for place in range(starts[edge], starts[edge + 1]):
            node = pins[place]
            edges[begin[node + 1]] = edge
            begin[node + 1] += 1
    return begin, edges


@helper
def _match(loads, starts, pins, weights, heaviest, state, onto):  # type: ignore[no-untyped-def]
    """Pair nodes that heavy edges join, by writing to `onto` the coarse node; return their number.

    The two anchors, the last nodes, stay alone and last.
    """
    nodes = len(loads) - 2
    begin, edges = incidence(nodes + 2, starts, pins)
    order, near, rating = np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.zeros(nodes)
    for place in range(nodes):
        order[place], onto[place] = place, -1
    for place in range(nodes):
        other = place + _below(state, nodes - place)
        order[place], order[other] = order[other], order[place]
    made = 0
    for turn in range(nodes):
        node = order[turn]
        if onto[node] >= 0:
            continue
        count, partner = 0, -1
        for place in range(begin[node], begin[node + 1]):
            edge = edges[place]
            size = starts[edge + 1] - starts[edge]
            for spot in range(starts[edge], starts[edge + 1] if size <= LARGE else 0):
                other = pins[spot]
                if other == node or other >= nodes or onto[other] >= 0:
                    continue
                if loads[node] + loads[other] > heaviest:
                    continue
                if rating[other] == 0.0:
                    near[count] = other
                    count += 1
                rating[other] += weights[edge] / (size - 1)
        best = 0.0
        for place in range(count):
            worth = rating[near[place]] / loads[near[place]]
            if worth > best:
                partner, best = near[place], worth
            rating[near[place]] = 0.0
        onto[node] = made
        if partner >= 0:
            onto[partner] = made
        made += 1
    onto[nodes], onto[nodes + 1] = made, made + 1
    return made + 2


@helper
def _coarsen(loads, starts, pins, weights, onto, made):  # type: ignore[no-untyped-def]
    """The hypergraph of the coarse nodes; edges that fall into one node vanish."""
    coarse = np.zeros(made)
    for node in range(len(loads)):
        coarse[onto[node]] += loads[node]
    seen, kept, filled = np.zeros(made, np.int64), 0, 0
    begin, ends = np.zeros(len(starts), np.int64), np.empty(len(pins), np.int64)
    heavy = np.empty(len(weights))
    for edge in range(len(weights)):
        last = filled
        for place in range(starts[edge], starts[edge + 1]):
            node = onto[pins[place]]
            if seen[node] != edge + 1:
                seen[node] = edge + 1
                ends[filled] = node
                filled += 1
        if filled - last < 2:
            filled = last
            continue
        heavy[kept] = weights[edge]
        kept += 1
        begin[kept] = filled
    return coarse, begin[: kept + 1], ends[:filled], heavy[:kept]


@helper
def _grow(loads, starts, pins, most, near, state, side):  # type: ignore[no-untyped-def]
    """A first partition: side `near` grows from its anchor, breadth first, to about a half."""
    nodes = len(loads) - 2
    begin, edges = incidence(nodes + 2, starts, pins)
    queue, total, load = np.empty(nodes + 2, np.int64), 0.0, 0.0
    for node in range(nodes):
        total += loads[node]
        side[node] = 1 - near
    side[nodes], side[nodes + 1] = 0, 1
    queue[0], seed = nodes + near, _below(state, nodes)
    head, tail = 0, 1
    while 2 * load < total:
        if head == tail:  # a new component
            while side[seed] == near:
                seed = (seed + 1) % nodes
            queue[tail], side[seed] = seed, near
            load += loads[seed]
            tail += 1
            continue
        node = queue[head]
        head += 1
        for place in range(begin[node], begin[node + 1]):
            for spot in range(starts[edges[place]], starts[edges[place] + 1]):
                other = pins[spot]
                if other >= nodes or side[other] == near:
                    continue
                if 2 * load < total and load + loads[other] <= most:
                    queue[tail], side[other] = other, near
                    load += loads[other]
                    tail += 1


@helper
def _gain(node, side, begin, edges, weights, counts):  # type: ignore[no-untyped-def]
    """How much weight a move of the node takes out of the cut."""
    here, total = side[node], 0.0
    for place in range(begin[node], begin[node + 1]):
        edge = edges[place]
        if counts[edge, here] == 1:
            total += weights[edge]
        if counts[edge, 1 - here] == 0:
            total -= weights[edge]
    return total


@helper
def refine_cut(loads, starts, pins, weights, most, side):  # type: ignore[no-untyped-def]
    """Move nodes across while that makes the cut lighter in the end; return its weight."""
    nodes = len(loads) - 2
    begin, edges = incidence(nodes + 2, starts, pins)
    half = 1
    while half < nodes:
        half *= 2
    counts, moved = np.zeros((len(weights), 2), np.int64), np.empty(nodes, np.int64)
    queues, cut = np.empty((2, 2 * half)), 0.0
    load = np.zeros(len(queues))
    for node in range(nodes):
        load[side[node]] += loads[node]
    for edge in range(len(weights)):
        for place in range(starts[edge], starts[edge + 1]):
            counts[edge, side[pins[place]]] += 1
        if counts[edge, 0] and counts[edge, 1]:
            cut += weights[edge]
    for _ in range(PASSES):
        for place in range(2 * half):
            queues[0, place] = queues[1, place] = GONE
        for node in range(nodes):
            queues[side[node], half + node] = -_gain(node, side, begin, edges, weights, counts)
        for node in range(half - 1, 0, -1):
            queues[0, node] = min(queues[0, 2 * node], queues[0, 2 * node + 1])
            queues[1, node] = min(queues[1, 2 * node], queues[1, 2 * node + 1])
        best, kept, done = cut, 0, 0
        while done < nodes and done - kept < STALL + nodes // 10:
            here, pick = -1, -1
            for origin in range(2):
                if queues[origin, 1] == GONE:
                    continue
                node = first(queues[origin])
                if load[1 - origin] + loads[node] > most:
                    continue
                if here < 0 or queues[origin, 1] < queues[here, 1]:
                    here, pick = origin, node
            if here < 0:
                break
            cut += queues[here, 1]
            enter(queues[here], pick, GONE)
            side[pick] = 1 - here
            load[here] -= loads[pick]
            load[1 - here] += loads[pick]
            moved[done] = pick
            done += 1
            _shift(pick, here, side, begin, edges, starts, pins, weights, counts, queues)
            if cut < best - 1e-9:
                best, kept = cut, done
        for place in range(kept, done):  # take back what did not pay
            node = moved[place]
            here = side[node]
            side[node] = 1 - here
            load[here] -= loads[node]
            load[1 - here] += loads[node]
            for spot in range(begin[node], begin[node + 1]):
                counts[edges[spot], here] -= 1
                counts[edges[spot], 1 - here] += 1
        cut = best
        if kept == 0:
            break
    return cut


@helper
def _shift(pick, here, side, begin, edges, starts, pins, weights, counts, queues):  # type: ignore[no-untyped-def]
    """Count a move from side `here` and correct the gains of the nodes it touches."""
    half = queues.shape[1] // 2
    for place in range(begin[pick], begin[pick + 1]):
        edge = edges[place]
        counts[edge, here] -= 1
        counts[edge, 1 - here] += 1
        ours, theirs = counts[edge, here], counts[edge, 1 - here]
        if ours > 1 and theirs > 2:
            continue
        for spot in range(starts[edge], starts[edge + 1]):
            node = pins[spot]
            change = 0.0
            if node >= len(side) - 2:
                continue
            if side[node] == here:
                change = weights[edge] * ((ours == 1) + (theirs == 1))
            elif node != pick:
                change = -weights[edge] * ((ours == 0) + (theirs == 2))
            score = queues[side[node], half + node]
            if change != 0.0 and score < GONE:
                enter(queues[side[node]], node, score - change)


@helper
def bisect(loads, starts, pins, weights, most, state, side):  # type: ignore[no-untyped-def]
    """Write the side, 0 or 1, of every node, by way of coarser and coarser hypergraphs.

    The last but one node is the anchor of side 0, the last that of side 1.
    """
    nodes = len(loads)
    if nodes > COARSEST:
        onto, heaviest = np.empty(nodes, np.int64), max(2.0, most / COARSEST * 3)
        made = _match(loads, starts, pins, weights, heaviest, state, onto)
        if made <= 0.95 * nodes:
            above = np.empty(made, np.int64)
            coarse, begin, ends, heavy = _coarsen(loads, starts, pins, weights, onto, made)
            bisect(coarse, begin, ends, heavy, most, state, above)
            for node in range(nodes):
                side[node] = above[onto[node]]
            refine_cut(loads, starts, pins, weights, most, side)
            return
    best, trial = GONE, np.empty(nodes, np.int64)
    for attempt in range(ATTEMPTS):
        _grow(loads, starts, pins, most, attempt % 2, state, trial)
        cut = refine_cut(loads, starts, pins, weights, most, trial)
        if cut < best:
            best = cut
            for node in range(nodes):
                side[node] = trial[node]
