"""Refinement: subtrees of some operands are solved exactly, the costliest first, again and again.

A subtree is cut out below a step by opening its costliest results until it has `width` operands;
a dynamic programme over their sets finds the best tree over them, outer products included. Between
rounds, rotations that raise no price (nearest-neighbour interchange) move the tree over plateaus.
Source of the idea: Gray and Kourtis 2021 (Quantum 5, 410), section 4.2, subtree reconfiguration.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from einlab.errors import ArgumentError
from einlab.objectives import Objective, objective_for
from einlab.search.anneal import better
from einlab.search.bench import Bench, lay_out, searchable
from einlab.search.tree import Tree

__all__ = ["Refine", "refine_costliest", "refine_rounds"]

WIDEST = 16  # operands: a programme of 65,536 sets, some 10 ms to a second
CHEAP = 1e-4  # of the whole price: steps below are not worth a programme
PROGRAMMES = {8: 600, 9: 300, 10: 150, 11: 60, 12: 25, 13: 10, 14: 4}  # solved in some 10 ms


@dataclass(frozen=True, slots=True)
class Refine:
    """Exact solution of subtrees, at growing widths, until none improves."""

    widths: tuple[int, ...] = (8, 10, 12)
    """Operands of the subtrees, each width repeated until it finds nothing more."""
    interchanges: int = 0
    """Rotations that raise no price, for each operand, before each width."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(3 <= width <= WIDEST for width in self.widths):
            raise ArgumentError(f"widths are 3 to {WIDEST} operands, not {self.widths}")

    def improve(
        self, tree: Tree, objective: str | Objective = "flops", deadline: float | None = None
    ) -> Tree:
        """A tree of no more value, by `deadline` (perf_counter) or when no subtree improves.

        >>> from einlab.contraction import Contraction
        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm")))
        >>> c = Contraction(terms, ("i", "m"), shapes, ("float32",) * 4)
        >>> Refine().improve(Tree(c, ((2, 3), (1, 4), (0, 5)))).multiplications
        76
        """
        objective = objective_for(objective)
        if not searchable(tree.contraction):
            return tree
        bench = lay_out(tree, objective, self.seed)
        self.run(bench, deadline)
        return better(bench.tree(), tree, objective)

    def run(self, bench: Bench, deadline: float | None = None) -> None:
        """Refine the tree on the bench in place."""
        for width in self.widths:
            if self.interchanges:
                interchange(bench, self.interchanges * bench.count, deadline)
            refine_rounds(bench, width, deadline)


def interchange(bench: Bench, moves: int, deadline: float | None = None) -> None:
    """Try rotations in place and take those that raise no price."""
    for done in range(0, moves, bench.stride):
        if deadline is not None and time.perf_counter() > deadline:
            return
        bench.anneal(math.inf, min(bench.stride, moves - done))


def refine_rounds(bench: Bench, width: int, deadline: float | None = None) -> None:
    """Solve the subtrees below all costly steps, costliest first, until a round improves none."""
    block = PROGRAMMES[min(max(width, 8), 14)]
    improved = 1
    while improved:
        improved = 0
        costs = bench.arrays.costs
        order = np.argsort(-costs[bench.count :], kind="stable") + bench.count
        roots = order[costs[order] > CHEAP * bench.total]
        for first in range(0, len(roots), block):
            if deadline is not None and time.perf_counter() > deadline:
                return
            improved += bench.refine(roots[first : first + block], width)


def refine_costliest(bench: Bench, width: int, number: int) -> None:
    """Solve the subtrees below so many of the costliest steps once."""
    roots = np.argsort(-bench.arrays.costs[bench.count :], kind="stable")[:number]
    bench.refine(roots + bench.count, width)
