"""Sweeps: one array takes in the operands one by one, each time the one that leaves least.

On dense networks of a few dozen operands nearly every cheap tree is of that kind, and pairwise
greedy search, which starts in many places at once, ends a thousand times dearer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from einlab.contraction import Contraction, Network
from einlab.objectives import Objective
from einlab.search.tree import Tree

__all__ = ["Sweep", "sweep_seconds"]

LARGEST = 1000.0  # exponent of two, within the range of a float


def sweep_seconds(operands: int) -> float:
    """Roughly what sweeps from every operand take."""
    return 1.5e-6 * operands**3


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep from each operand; the tree of fewest multiplications first."""

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of fewest multiplications; other objectives are left to refinement.

        >>> from einlab.objectives import OBJECTIVES
        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm")))
        >>> c = Contraction(terms, ("i", "m"), shapes, ("float32",) * 4)
        >>> Sweep().search(c, OBJECTIVES["flops"]).pairs
        ((2, 3), (1, 4), (0, 5))
        """
        return self.each(contraction)[0]

    def each(self, contraction: Contraction) -> list[Tree]:
        """The trees of all sweeps, without repetition, the fewest multiplications first."""
        count, network = len(contraction.terms), contraction.network
        orders = sorted(_sweep(network, start) for start in range(count))
        found = dict.fromkeys(_pairs(order) for _, order in orders)
        return [Tree(contraction, pairs) for pairs in found]


def _sweep(network: Network, start: int) -> tuple[float, tuple[int, ...]]:
    """The multiplications of a sweep, and the operands in its order."""
    logs = [math.log2(size) if size else 0.0 for size in network.sizes]
    terms = [frozenset(term) for term in network.terms]
    holders = [0] * len(logs)
    for term in (*terms, network.output):
        for index in term:
            holders[index] += 1
    left = dict.fromkeys(range(len(terms)))
    made, order, total = frozenset[int](), list[int](), 0.0
    chosen = start
    while True:
        del left[chosen]
        order.append(chosen)
        for index in terms[chosen]:
            holders[index] -= 1
        union = made | terms[chosen]
        if made:
            total += 2.0 ** min(sum([logs[index] for index in union]), LARGEST)
        made = frozenset([index for index in union if holders[index]])
        if not left:
            return total, tuple(order)
        chosen = min(left, key=lambda other: _growth(terms[other], made, holders, logs))


def _growth(
    term: frozenset[int], made: frozenset[int], holders: list[int], logs: list[float]
) -> float:
    """log2 of the factor by which an array grows when it takes in an operand."""
    growth = 0.0
    for index in term:
        if index in made:
            growth -= logs[index] if holders[index] == 1 else 0.0
        else:
            growth += logs[index] if holders[index] > 1 else 0.0
    return growth


def _pairs(order: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The steps of the tree that takes operands in this order."""
    count, made, pairs = len(order), order[0], []
    for step, operand in enumerate(order[1:]):
        pairs.append((min(made, operand), max(made, operand)))
        made = count + step
    return tuple(pairs)
