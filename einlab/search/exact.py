"""Exact search: a dynamic programme over all subsets of the operands, outer products included.

The cheapest tree of a set of operands is the cheapest of its splits in two, each side contracted at
its best. All 3^n / 2 splits are tried, so that an outer product is taken whenever it pays (which
dgasmith/opt_einsum#254 asks for). Left out are only subsets that no tree better than a greedy one
can hold: making such a result, using it, and everything else that is still to do would cost more.
Subsets that are alike are solved once. Sums of prices are floats of 53 bits: trees whose values
differ by less than some 10^-15 of them are not told apart.

For `peak`, one side of a step is finished before the other begins; on 10,000 random networks of 5
to 8 operands no order that goes to and fro between branches had a lower peak.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np

from einlab.contraction import Contraction, Network
from einlab.errors import MemoryLimitError
from einlab.objectives import PICO, Objective
from einlab.search.greedy import greedy_trials
from einlab.search.subsets import (
    Floats,
    Masks,
    Subsets,
    Twins,
    levels,
    splits,
    subsets_of,
    twins_of,
)
from einlab.search.tree import Tree
from einlab.stepmodel import Constants

__all__ = ["Exact", "at_least", "best_pairs", "prices"]

Pair = tuple[int, int]

PRUNED = 10  # operands from which results too large to be of use are left out
TRIALS, MANY = 8, 13  # greedy trees that say what is too large, and from how many operands on
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Exact:
    """The best tree there is, by dynamic programming over subsets; meant for up to 16 operands.

    Time is up to 3^n / 2 array elements, of which networks in use need few: about 2 ms at 12
    operands and 10 to 180 ms at 16. Where nothing can be left out it is 7 ms and 0.25 s for `flops`
    and up to 13 ms and 0.8 s for `seconds`. Trees of equal `size` are told apart by their FLOPs.
    """

    size_limit: int | None = None
    """Elements that the result of a step may have at most, the last step apart."""

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of least value. Raises MemoryLimitError if `size_limit` leaves none."""
        return Tree(contraction, best_pairs(contraction.network, objective, self.size_limit))


def best_pairs(
    network: Network, objective: Objective, size_limit: int | None = None
) -> tuple[tuple[int, int], ...]:
    """The steps of the best tree, in SSA form.

    Raises MemoryLimitError if `size_limit` leaves none.
    """
    count = len(network.terms)
    if count <= 2:
        return ((0, 1),) * (count - 1)
    if count == 3 and size_limit is None and objective.adds:
        return best_of_three(network, objective)
    return _Programme(network).pairs(objective, None if size_limit is None else float(size_limit))


def best_of_three(network: Network, objective: Objective) -> tuple[tuple[int, int], ...]:
    """The best of the three trees over three operands, with bit masks of indices.

    Earlier pairs win ties.
    """
    sizes = network.sizes
    a, b, c = (sum([1 << index for index in term]) for term in network.terms)
    out = sum([1 << index for index in network.output])
    volumes: dict[int, int] = {}

    def volume(mask: int) -> int:
        if mask not in volumes:
            product, rest = 1, mask
            while rest:
                low = rest & -rest
                product *= sizes[low.bit_length() - 1]
                rest ^= low
            volumes[mask] = product
        return volumes[mask]

    best, choice, price = None, ((0, 1), (2, 3)), objective.price
    final = volume(out)
    for first, second, third, pairs in (
        (a, b, c, ((0, 1), (2, 3))),
        (a, c, b, ((0, 2), (1, 3))),
        (b, c, a, ((1, 2), (0, 3))),
    ):
        middle = (first | second) & (third | out)
        value = price(
            volume(first), volume(second), volume(middle), volume(first | second)
        ) + price(volume(middle), volume(third), final, volume(middle | third))
        if best is None or value < best:
            best, choice = value, pairs
    return choice


class _Programme:
    """The dynamic programme over the subsets of one network."""

    def __init__(self, network: Network) -> None:
        self.network, self.count = network, len(network.terms)
        self.sets = subsets_of(network)
        self.twins: Twins | None = twins_of(network) if self.count >= PRUNED else None

    def pairs(self, objective: Objective, limit: float | None) -> tuple[Pair, ...]:
        """The steps of the best tree whose results, the last one apart, keep a limit."""
        if objective.combine == "max":
            least = self.least_size()
            limit = least if limit is None else min(limit, least)
            objective = Objective("flops", multiply=2, outer=1)
        solved = self.solve(objective, self.ceiling(objective) if limit is None else limit)
        if limit is None and not np.isfinite(solved.value[-1]):  # out of the range of a float
            solved = self.solve(objective, math.inf)
        elif not np.isfinite(solved.value[-1]):
            raise MemoryLimitError(
                f"no order keeps every intermediate within {limit:.0f} elements; "
                f"{self.least_size():.0f} would do"
            )
        return _pairs(self.count, solved, self.twins)

    def least_size(self) -> float:
        """The least size of the largest intermediate, the last step's result apart."""
        solved = self.solve(_SIZE, self.ceiling(_SIZE))
        return float(solved.value[-1])

    def solve(self, objective: Objective, ceiling: float) -> _Solved:
        """The best tree of every subset whose result has at most `ceiling` elements."""
        volume, count = self.sets.volume, self.count
        keep = volume <= ceiling
        keep[-1] = True
        if self.twins is not None:
            keep &= self.twins.solved
        value = np.full(1 << count, np.inf)
        value[1 << np.arange(count)] = 0.0
        alive = np.zeros(1 << count)
        choice = np.zeros(1 << count, dtype=np.int64)
        price = {"sum": _sums, "max": _sizes, "peak": _peaks}[objective.combine]
        with np.errstate(over="ignore", invalid="ignore"):
            for size, subsets in enumerate(levels(count, np.flatnonzero(keep)), start=2):
                for block, left in splits(subsets):
                    some = subsets[block]
                    costs = price(objective, self.sets, value, alive, some, left)
                    best = costs.argmin(axis=1)
                    row = np.arange(len(some))
                    value[some], choice[some] = costs[row, best], left[row, best]
                alive[subsets] = volume[subsets]
                if self.twins is not None:
                    level = np.flatnonzero(np.bitwise_count(np.arange(1 << count)) == size)
                    its = self.twins.stands_for[level]
                    value[level], alive[level] = value[its], alive[its]
        return _Solved(value, choice, alive)

    def ceiling(self, objective: Objective) -> float:
        """Elements above which no result can be part of a tree better than a greedy one.

        Making a result takes as many multiplications as it has elements, at least, and so does
        using it, unless an index has size 0. Every operand is used too, two at a time at most: of
        the steps that do so all but two, the dearest, are apart from those that make and use the
        result.
        """
        if self.count < PRUNED or 0 in self.network.sizes:
            return math.inf
        value = self._greedy_value(objective)
        if not objective.adds:
            return value
        objective = at_least(objective)
        each = min(objective.multiply, objective.outer)
        operands = sorted(self.sets.volume[1 << np.arange(self.count)].tolist(), reverse=True)
        rest = each * sum(operands[4::2]) + objective.read * sum(operands)
        rest += objective.step * (self.count - 1)
        twice = 2 * each + objective.read + objective.write
        return (value * (1 + ROUNDING) - rest) / twice if twice else math.inf

    def _greedy_value(self, objective: Objective) -> float:
        """The value of the best of a few greedy trees."""
        trials = greedy_trials(self.network, TRIALS if self.count >= MANY else 1, random.Random(0))
        return min(_value(self.sets, objective, pairs) for pairs in trials)


_SIZE = Objective("size", "max", write=1)


@dataclass(frozen=True, eq=False)
class _Solved:
    """What a programme found, by subset."""

    value: Floats
    choice: Masks
    """The half that holds the lowest member, of a subset that was solved itself."""
    alive: Floats
    """Elements of a result that waits; operands count nothing."""


def at_least(objective: Objective) -> Objective:
    """Linear prices that the objective's own are never below."""
    c = objective.constants
    if c is None:
        return objective
    fastest = max(c.bandwidth, c.cache_bandwidth) if c.cache else c.bandwidth
    element = c.itemsize / fastest * PICO
    return replace(objective, multiply=0, outer=0, read=element, write=element)


def _value(sets: Subsets, objective: Objective, pairs: list[Pair]) -> float:
    """The value of a tree, from the volumes of its subsets; for `size` its last result apart."""
    masks = [1 << operand for operand in range(len(pairs) + 1)]
    for left, right in pairs:
        masks.append(masks[left] | masks[right])
    made = np.array(masks[len(pairs) + 1 :])
    results = sets.volume[made]
    if objective.combine == "max":
        return float(results[:-1].max())
    if objective.combine == "peak":
        alive = peak = 0.0
        for (left, right), result in zip(pairs, results.tolist(), strict=True):
            alive += result
            peak = max(peak, alive)
            alive -= sum(float(sets.volume[m]) for m in (masks[left], masks[right]) if m & (m - 1))
        return peak
    halves = np.array([[masks[left]] for left, _ in pairs])
    with np.errstate(over="ignore", invalid="ignore"):
        return float(_prices(objective, sets, made, halves, made[:, None] ^ halves).sum())


def _sums(
    objective: Objective, sets: Subsets, value: Floats, alive: Floats, subsets: Masks, left: Masks
) -> Floats:
    """The value of each split: both sides, and the price of the last step."""
    right = subsets[:, None] ^ left
    costs = _prices(objective, sets, subsets, left, right)
    costs += value[left]
    costs += value[right]
    return costs


def _sizes(
    objective: Objective, sets: Subsets, value: Floats, alive: Floats, subsets: Masks, left: Masks
) -> Floats:
    """The largest result of each split, that of the whole set apart."""
    costs: Floats = np.maximum(value[left], value[subsets[:, None] ^ left])
    whole = len(sets.volume) - 1
    np.maximum(costs, np.where(subsets == whole, 0.0, sets.volume[subsets])[:, None], out=costs)
    return costs


def _peaks(
    objective: Objective, sets: Subsets, value: Floats, alive: Floats, subsets: Masks, left: Masks
) -> Floats:
    """The peak of each split when one side is finished before the other begins."""
    right = subsets[:, None] ^ left
    a, b, held_a, held_b = value[left], value[right], alive[left], alive[right]
    sides: Floats = np.minimum(np.maximum(a, held_a + b), np.maximum(b, held_b + a))
    np.maximum(sides, held_a + held_b + sets.volume[subsets][:, None], out=sides)
    return sides


def _prices(
    objective: Objective, sets: Subsets, subsets: Masks, left: Masks, right: Masks
) -> Floats:
    """The price of the last step of each split."""
    volume, summed = sets.volume, sets.summed
    entries = summed[left]
    entries *= summed[right]
    np.divide(summed[subsets][:, None], entries, out=entries)
    read = objective.read or objective.constants is not None
    sides = (volume[left], volume[right]) if read else (entries, entries)
    return prices(objective, entries, volume[subsets][:, None], *sides)


def prices(
    objective: Objective, entries: Floats, result: Floats, left: Floats, right: Floats
) -> Floats:
    """`Objective.price` of arrays: the entries summed, volumes of the result and both operands."""
    if objective.constants is not None:
        return _picoseconds(objective.constants, entries, result, left, right)
    each = np.where(entries > 1.5, float(objective.multiply), float(objective.outer))
    each *= entries
    each *= result
    if objective.read:
        each += objective.read * left
        each += objective.read * right
    if objective.write or objective.step:
        each += objective.write * result + objective.step
    return each


def _picoseconds(c: Constants, k: Floats, result: Floats, left: Floats, right: Floats) -> Floats:
    """`stepmodel.product_seconds`, of arrays and from volumes; nothing is computed for size 0."""
    product = k * result
    m, n, batch = product / right, product / left, left * right * result / (product * product)
    moved = (left + right + result) * c.itemsize
    beyond = np.maximum(0.0, moved - c.cache)
    seconds = (moved - beyond) / c.cache_bandwidth + beyond / c.bandwidth
    plain = 2.0 * product
    half = np.where(batch > 1.5, c.batched, 1.0)
    sizes = (m + half * c.half_m) * (k + half * c.half_k) * (n + half * c.half_n)
    work = batch * (c.matrix + 2.0 * sizes / c.rate)
    work += c.product_launch
    work /= 1.0 + c.gain * work / (work + c.gain_from)
    if c.loop_rate > 0.0:
        work = np.minimum(work, plain / c.loop_rate)
    work += np.where(batch > 1.5, c.threads * plain**2 / (plain**2 + c.batch_from**2), 0.0)
    vector = np.maximum(plain / c.rate, moved / c.vector_bandwidth)
    work = np.where((m > 1.0) & (n > 1.0), work, vector)
    some = product > 0.5
    shared = seconds + c.threads * moved * moved / (moved * moved + c.threads_from**2)
    seconds = np.where((k > 1.0) & some, np.maximum(seconds, work), shared)
    written = result * c.itemsize
    seconds += np.where(some & (written >= c.allocation_from), written * c.allocation, 0.0)
    return (seconds + c.launch) * PICO


def _pairs(count: int, solved: _Solved, twins: Twins | None) -> tuple[Pair, ...]:
    """The chosen tree in SSA form; the side that should come first does."""
    pairs: list[Pair] = []
    value, alive = solved.value, solved.alive

    def build(subset: int) -> int:
        if subset & (subset - 1) == 0:
            return subset.bit_length() - 1
        if twins is None:
            left = int(solved.choice[subset])
        else:
            chosen = int(solved.choice[twins.stands_for[subset]])
            left = twins.translated(chosen, subset)
        right = subset ^ left
        sides = [left, right]
        if max(value[right], alive[right] + value[left]) < max(
            value[left], alive[left] + value[right]
        ):
            sides = [right, left]
        arrays = sorted([build(side) for side in sides])
        pairs.append((arrays[0], arrays[1]))
        return count + len(pairs) - 1

    build((1 << count) - 1)
    return tuple(pairs)
