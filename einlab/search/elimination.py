"""Elimination orders: the indices are summed one by one, cheapest first, which makes a tree.

On networks whose indices are held by many operands, such as graphical models, these orders are by
far the best start: they cost milliseconds. An index whose neighbours are all joined already is
always taken first, which is safe; so are indices that two operands share and no third one touches.
Rules: min-fill (fewest pairs of neighbours to join, weighed by log2 sizes) and min-degree (the
smallest product). Source: Bodlaender and Koster 2010 (Information and Computation 208), section 3.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from einlab.contraction import Contraction
from einlab.objectives import Objective, objective_for
from einlab.search.bench import Bench, plant, searchable
from einlab.search.bits import pack
from einlab.search.halting import call
from einlab.search.tree import Tree, tree_from_path

__all__ = ["Elimination"]


@dataclass(frozen=True, slots=True)
class Elimination:
    """The best tree of some elimination orders: the first by the rule, the others blurred."""

    rule: Literal["min-fill", "min-degree"] = "min-fill"
    seed: int = 0
    trials: int = 1
    noise: float = 0.2
    """Each index has its score raised by up to this part, drawn afresh each trial but the first."""
    needed: int = 1
    """Trials that are made however long they take."""

    def search(
        self,
        contraction: Contraction,
        objective: str | Objective = "flops",
        deadline: float | None = None,
    ) -> Tree:
        """The cheapest tree of all trials by `deadline` (perf_counter), one at least by default.

        Raises TimeoutError if none is needed and none was done in time.

        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm")))
        >>> c = Contraction(terms, ("i", "m"), shapes, ("float32",) * 4)
        >>> Elimination().search(c).multiplications
        80
        """
        if not searchable(contraction):
            count = len(contraction.terms)
            return tree_from_path(contraction, [tuple(range(count))] if count > 1 else [])
        return self.run(contraction, objective_for(objective), deadline).tree()

    def run(
        self, contraction: Contraction, objective: Objective, deadline: float | None = None
    ) -> Bench:
        """The same, on a bench."""
        from einlab.search import elimination_kernels

        packed = pack(contraction.network)
        count = len(packed.leaves)
        state = np.array([self.seed % 2**64], np.uint64)
        best: Bench | None = None
        for trial in range(self.trials):
            end = None if trial < self.needed else deadline
            if end is not None and time.perf_counter() > end:
                break
            children = np.full((2 * count - 1, 2), -1, np.int64)
            try:
                call(
                    elimination_kernels.eliminate, count, packed.leaves, packed.output,
                    *packed.weights, self.rule == "min-fill", self.noise if trial else 0.0, state,
                    children, deadline=end,
                )  # fmt: skip
            except TimeoutError:
                break
            bench = plant(contraction, packed, children, objective, self.seed)
            if best is None or bench.total < best.total:
                best = bench
        if best is None:
            raise TimeoutError("no elimination order was found in time")
        return best
