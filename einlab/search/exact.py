"""Exact search: a dynamic programme over all subsets of the operands, outer products included.

The cheapest tree of a set of operands is the cheapest of its splits in two, each side contracted at
its best. All 3^n / 2 splits are tried, so that an outer product is taken whenever it pays (which
dgasmith/opt_einsum#254 asks for). Volumes obey two identities that make a split cost a few
arithmetic operations: with V(S) the volume of the result of S, K(S) the volume of all indices
summed within S and S = A ∪ B, the multiplications of the last step are
V(S)·K(S) / (K(A)·K(B)).

For `peak`, one side of a step is finished before the other begins; on 10,000 random networks of 5
to 8 operands no order that goes to and fro between branches had a lower peak.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einlab.contraction import Contraction, Network
from einlab.errors import MemoryLimitError
from einlab.objectives import Objective
from einlab.search.greedy import greedy_pairs
from einlab.search.tree import Tree

__all__ = ["Exact", "best_pairs"]

Floats = NDArray[np.float64]
Masks = NDArray[np.int64]

PRUNED = 10  # operands from which results too large to be of use are left out
_PEAK = Objective("peak", "peak", write=1)
EMPTY = 2.0**-80  # stands for a size of 0: vanishes in sums, and division by it stays exact


@dataclass(frozen=True, slots=True)
class Exact:
    """The best tree there is, by dynamic programming over subsets; meant for up to 16 operands.

    Time is up to 3^n / 2 array elements: milliseconds at 10 operands, about a second at 16. Results
    larger than a greedy tree can afford are left out, which on sparse networks saves most of it.
    Trees of equal `size` are told apart by their FLOPs.
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
    limit = None if size_limit is None else float(size_limit)
    if objective.combine == "max":
        least = _least_size(network)
        limit = least if limit is None else min(limit, least)
        objective = Objective("flops", multiply=2, outer=1)
    return _splits(network, objective, limit)


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


@dataclass(frozen=True, slots=True)
class Subsets:
    """Volumes by subset of operands, a bit mask being the position."""

    volume: Floats
    """V(S): elements of the result of S."""
    summed: Floats
    """K(S): volume of the indices summed within S."""


def _subsets(network: Network) -> Subsets:
    """Both volumes of every subset; the logarithms are avoided so that whole numbers stay exact."""
    count = len(network.terms)
    masks = np.arange(1 << count, dtype=np.int64)
    volume = np.ones(1 << count)
    summed = np.ones(1 << count)
    held: dict[int, int] = {}
    for operand, term in enumerate(network.terms):
        for index in term:
            held[index] = held.get(index, 0) | 1 << operand
    outside: dict[tuple[int, bool], float] = {}
    for index, mask in held.items():
        key = mask, index in network.output
        outside[key] = outside.get(key, 1.0) * (float(network.sizes[index]) or EMPTY)
    with np.errstate(over="ignore"):
        for (mask, is_output), size in outside.items():
            inside = (masks & mask) == mask
            touched = (masks & mask) != 0
            volume[touched if is_output else touched & ~inside] *= size
            if not is_output:
                summed[inside] *= size
    return Subsets(volume, summed)


def _levels(count: int, made: Masks) -> Iterator[tuple[Masks, Masks]]:
    """For each number of members from 2 up: the subsets that may be made, and the splits of each.

    A split is the half that holds the lowest member; the columns leave out the whole set.
    """
    members = np.bitwise_count(made)
    for size in range(2, count + 1):
        subsets = made[members == size]
        rest, halves = subsets & (subsets - 1), (subsets & -subsets)[:, None]
        for _ in range(size - 1):
            low = rest & -rest
            halves = np.concatenate([halves, halves | low[:, None]], axis=1)
            rest ^= low
        yield subsets, halves[:, :-1]


def _made(volume: Floats, ceiling: float) -> Masks:
    """The subsets whose result has at most `ceiling` elements, and the whole set."""
    keep = volume <= ceiling
    keep[-1] = True
    return np.flatnonzero(keep)


def _ceiling(network: Network, sets: Subsets, objective: Objective) -> float:
    """Elements above which no result can be part of a tree better than the greedy one.

    To make a result takes as many multiplications as it has elements, at least, unless an index has
    size 0.
    """
    if len(network.terms) < PRUNED or 0 in network.sizes:
        return math.inf
    masks = [1 << operand for operand in range(len(network.terms))]
    alive = peak = value = 0.0
    for left, right in greedy_pairs(network):
        a, b = masks[left], masks[right]
        masks.append(a | b)
        result = sets.volume[a | b]
        product = result * sets.summed[a | b] / (sets.summed[a] * sets.summed[b])
        value += objective.price(sets.volume[a], sets.volume[b], result, product)
        alive += result
        peak = max(peak, alive)
        alive -= sum(sets.volume[side] for side in (a, b) if side & (side - 1))
    if not objective.adds:
        return peak
    each = min(objective.multiply, objective.outer) + objective.write
    return value / each if each else math.inf


def _least_size(network: Network) -> float:
    """The least size of the largest intermediate, the last step's result apart."""
    count = len(network.terms)
    sets = _subsets(network)
    volume = sets.volume
    least = _unmade(count)
    for subsets, halves in _levels(count, _made(volume, _ceiling(network, sets, _PEAK))):
        other = subsets[:, None] ^ halves
        least[subsets] = np.maximum(least[halves], least[other]).min(axis=1)
        if len(subsets) > 1 or subsets[0] != len(volume) - 1:
            least[subsets] = np.maximum(least[subsets], volume[subsets])
    return float(least[-1])


def _unmade(count: int) -> Floats:
    """Values before anything is made: 0 for operands, infinite for all other subsets."""
    value = np.full(1 << count, np.inf)
    value[1 << np.arange(count)] = 0.0
    return value


def _splits(
    network: Network, objective: Objective, limit: float | None
) -> tuple[tuple[int, int], ...]:
    """The pairs of the best tree, by level of the number of members."""
    count = len(network.terms)
    sets = _subsets(network)
    ceiling = _ceiling(network, sets, objective) if limit is None else limit
    value, choice, alive = _programme(count, sets, objective, ceiling)
    if limit is None and not np.isfinite(value[-1]):  # prices are out of the range of a float
        value, choice, alive = _programme(count, sets, objective, math.inf)
    elif not np.isfinite(value[-1]):
        raise MemoryLimitError(
            f"no order keeps every intermediate within {limit:.0f} elements; "
            f"{_least_size(network):.0f} would do"
        )
    return _pairs(count, choice, value, alive)


def _programme(
    count: int, sets: Subsets, objective: Objective, ceiling: float
) -> tuple[Floats, Masks, Floats]:
    """The value, the split and the elements alive of every subset that may be made."""
    volume = sets.volume
    value = _unmade(count)
    alive = np.zeros(1 << count)  # elements of a result that waits; operands count nothing
    choice = np.zeros(1 << count, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        for subsets, halves in _levels(count, _made(volume, ceiling)):
            other = subsets[:, None] ^ halves
            if objective.combine == "peak":
                costs = _peak(value, alive, volume[subsets], halves, other)
            else:
                costs = value[halves] + value[other]
                costs += _prices(objective, sets, subsets, halves, other)
            best = costs.argmin(axis=1)
            row = np.arange(len(subsets))
            value[subsets], choice[subsets] = costs[row, best], halves[row, best]
            alive[subsets] = volume[subsets]
    return value, choice, alive


def _prices(objective: Objective, sets: Subsets, subsets: Masks, left: Masks, right: Masks) -> Any:
    """The price of the last step of each split."""
    volume, summed = sets.volume, sets.summed
    result = volume[subsets][:, None]
    entries = summed[subsets][:, None] / (summed[left] * summed[right])
    prices = np.where(entries > 1.5, objective.multiply, objective.outer) * (entries * result)
    if objective.read:
        prices = prices + objective.read * (volume[left] + volume[right])
    return prices + objective.write * result + objective.step


def _peak(value: Floats, alive: Floats, result: Floats, left: Masks, right: Masks) -> Floats:
    """The peak of each split when one side is finished before the other begins."""
    a, b, held_a, held_b = value[left], value[right], alive[left], alive[right]
    sides = np.minimum(np.maximum(a, held_a + b), np.maximum(b, held_b + a))
    return np.maximum(sides, held_a + held_b + result[:, None])


def _pairs(count: int, choice: Masks, value: Floats, alive: Floats) -> tuple[tuple[int, int], ...]:
    """The chosen tree in SSA form; the side that should come first does."""
    pairs: list[tuple[int, int]] = []

    def build(subset: int) -> int:
        if subset & (subset - 1) == 0:
            return subset.bit_length() - 1
        left = int(choice[subset])
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
