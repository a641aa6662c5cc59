"""The compiled loop of exact subtree refinement. Imports Numba: import it late."""

from __future__ import annotations

import numpy as np
from numba import uint64

from einlab.search.kernels import SUMS, helper, kernel, log_product, log_volume, lowest_bit

__all__ = ["refine"]


@helper
def _cut_out(root, children, costs, operands, results):  # type: ignore[no-untyped-def]
    """Grow a subtree from `root`, costliest result first; return how many operands it has.

    `operands` receives the arrays that it starts from, `results` those it makes, root first.
    """
    count = (len(children) + 1) // 2
    operands[0], found = root, 1
    for made in range(len(operands)):
        worst = -1
        for place in range(found):
            node = operands[place]
            if node >= count and (worst < 0 or costs[node] > costs[operands[worst]]):
                worst = place
        if worst < 0 or found == len(operands):
            return found
        node = operands[worst]
        results[made] = node
        operands[worst], operands[found] = children[node, 0], children[node, 1]
        found += 1
    return found


@helper
def _weigh(operands, found, root, sets, stops, logs, rest, inside, beside):  # type: ignore[no-untyped-def]
    """Fill in log2 volumes for each set S of operands, a number in binary.

    inside[S]: of the indices held in S and nowhere else; beside[S]: of those held by no operand of
    the subtree outside S. Return the log2 volume of all indices of the operands.
    """
    one, full, total = uint64(1), 1 << found, 0.0
    for held in range(full):
        inside[held] = beside[held] = 0.0
    group, uniform = 0, stops[len(stops) - 1] if len(stops) else 0
    for word in range(sets.shape[1]):
        while group < len(stops) and word >= stops[group]:
            group += 1
        bits = uint64(0)
        for place in range(found):
            bits |= sets[operands[place], word]
        while bits:
            bit = bits & (~bits + one)
            bits ^= bit
            weight = (
                logs[group] if word < uniform else rest[(word - uniform) * 64 + lowest_bit(bit)]
            )
            holders = 0
            for place in range(found):
                if sets[operands[place], word] & bit:
                    holders |= 1 << place
            total += weight
            beside[holders] += weight
            if not sets[root, word] & bit:
                inside[holders] += weight
    for place in range(found):
        half = 1 << place
        for held in range(full):
            if held & half:
                inside[held] += inside[held ^ half]
                beside[held] += beside[held ^ half]
    return total


@helper
def _solve(  # type: ignore[no-untyped-def]
    found, bound, multiply, outer, element, ratio, inside, result, whole, dearer, best, split
):
    """The cheapest tree over `found` operands by dynamic programming over their sets.

    The product of S and T has volume whole[S ∪ T] · inside[S] · inside[T]: all they touch without
    what either summed before. It sums if that is more than `ratio` times the result. A set whose
    result alone costs `bound` is passed over. Fills `best` and, with the half that holds the lowest
    operand, `split`.
    """
    cheapest_product = min(multiply, outer)
    full = 1 << found
    for place in range(found):
        best[1 << place] = 0.0
    for held in range(3, full):
        low = held & -held
        others = held ^ low
        if others == 0:
            continue
        cheapest, chosen = np.inf, 0
        own = dearer[held] * result[held]
        if own * (cheapest_product + element) < bound:
            joint, sums = dearer[held] * whole[held], ratio * own
            own *= element
            part = others
            while part:
                part = (part - 1) & others
                first = part | low
                second = held ^ first
                below = best[first] + best[second] + own
                if below < cheapest:
                    product = joint * inside[first] * inside[second]
                    cost = below + (multiply if product > sums else outer) * product
                    if cost < cheapest:
                        cheapest, chosen = cost, first
        best[held] = cheapest
        split[held] = chosen
    return best[full - 1]


@helper
def _rebuild(operands, found, results, split, sets, children, parents):  # type: ignore[no-untyped-def]
    """Wire the solution into the tree, keeping the root's number and reusing the others'."""
    full = (1 << found) - 1
    todo = np.empty(found, np.int64)
    nodes = np.empty(found, np.int64)
    todo[0], nodes[0], waiting, used = full, results[0], 1, 1
    while waiting:
        waiting -= 1
        held, node = todo[waiting], nodes[waiting]
        for side in range(2):
            half = split[held] if side == 0 else held ^ split[held]
            if half & (half - 1):
                child = results[used]
                used += 1
                todo[waiting], nodes[waiting] = half, child
                waiting += 1
                for word in range(sets.shape[1]):
                    within, without = uint64(0), sets[results[0], word]
                    for place in range(found):
                        if half >> place & 1:
                            within |= sets[operands[place], word]
                        else:
                            without |= sets[operands[place], word]
                    sets[child, word] = within & without
            else:
                child = operands[lowest_bit(uint64(half))]
            children[node, side], parents[child] = child, node


@kernel(
    "int64(uint64[:,::1], int64[:,::1], int64[::1], float64[::1], float64[::1], int64[::1],"
    " float64[::1], float64[::1], float64, float64, float64, float64, float64, float64, float64,"
    " int64[::1], int64)"
)
def refine(  # type: ignore[no-untyped-def]
    sets, children, parents, costs, held, stops, logs, rest,
    multiply, outer, element, power, shift, limit, penalty, roots, width,
):  # fmt: skip
    """Solve subtrees of up to `width` operands below `roots`; return how many improved."""
    operands, results = np.empty(width, np.int64), np.empty(width, np.int64)
    inside, beside = np.empty(1 << width), np.empty(1 << width)
    result, whole, best = np.empty(1 << width), np.empty(1 << width), np.empty(1 << width)
    dearer, split = np.empty(1 << width), np.empty(1 << width, np.int64)
    ratio = np.exp2(power * SUMS)
    improved = 0
    for root in roots:
        found = _cut_out(root, children, costs, operands, results)
        if found < 3:
            continue
        total = _weigh(operands, found, root, sets, stops, logs, rest, inside, beside)
        full = 1 << found
        for number in range(1, full):
            volume = total - beside[full - 1 - number]
            result[number] = np.exp2(power * (volume - inside[number]) - shift)
            whole[number] = np.exp2(power * volume - shift)
            volume -= inside[number]
            dearer[number] = np.exp2(penalty * (volume - limit)) if volume > limit else 1.0
        for number in range(1, full):
            inside[number] = np.exp2(-power * inside[number])
        before = 0.0
        for place in range(found - 1):
            before += costs[results[place]]
        after = _solve(
            found,
            before,
            multiply,
            outer,
            element,
            ratio,
            inside,
            result,
            whole,
            dearer,
            best,
            split,
        )
        if not after < before * (1.0 - 1e-9):
            continue
        improved += 1
        _rebuild(operands, found, results, split, sets, children, parents)
        for place in range(found - 1):
            node = results[place]
            volume = log_volume(sets[node], stops, logs, rest)
            left, right = sets[children[node, 0]], sets[children[node, 1]]
            product = log_product(left, right, stops, logs, rest)
            above = np.exp2(penalty * (volume - limit)) if volume > limit else 1.0
            held[node] = above * element * np.exp2(power * volume - shift)
            each = multiply if product - volume > SUMS else outer
            costs[node] = above * each * np.exp2(power * product - shift) + held[node]
    return improved
