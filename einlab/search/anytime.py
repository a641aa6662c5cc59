"""Anytime search of large networks: simplify, find starts, hold a tournament, polish the whole.

Everything runs in compiled kernels, in calls of some milliseconds, so that the clock is read and
Ctrl-C is heard between them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.anneal import Anneal
from einlab.search.bench import Bench, lay_out, searchable, worth
from einlab.search.boltzmann import Boltzmann, pairs_from, runs_of
from einlab.search.budget import Budget, Interrupted
from einlab.search.exact import best_pairs
from einlab.search.refine import Refine
from einlab.search.simplify import Simplified, simplify
from einlab.search.starts import Starts, dissection_seconds, layout_seconds
from einlab.search.tournament import MOVES_PER_SECOND, Generation, Tournament
from einlab.search.tree import Tree, tree_from_path
from einlab.search.value import tree_value
from einlab.search.windows import Windows

__all__ = ["Anytime"]

Pairs = tuple[tuple[int, int], ...]
Report = Callable[[float], object]

EXACT = 12  # operands of a part that is solved exactly
POLISH_SHARE = 0.06
POLISHING = 1000  # rotations of the whole tree, for each operand, in the end
REHEATED = 3.5  # inverse temperature at which they begin
CYCLE = 60_000  # rotations, for each operand, of the shortest tournament that is repeated
CYCLES = 1000  # the most tournaments
LAST = 0.5  # tournaments that the last windows of the best tree take as long as
GRACE = 0.04  # seconds that a search may take beyond its budget, to have one good start
SIMPLIFYING = 2e-5  # seconds that it takes to simplify, for each operand, at the most
LARGEST_EXPONENT = 1000.0  # of two


@dataclass(frozen=True, slots=True)
class Anytime:
    """The best tree that several searches find together within a budget."""

    seed: int = 0
    workers: int = 1
    """Threads."""

    def search(
        self,
        contraction: Contraction,
        objective: Objective,
        budget: Budget,
        report: Report = lambda value: None,
    ) -> Tree:
        """A tree of low value; `report` hears of each value reached in the largest part.

        Raises Interrupted with the best tree so far on Ctrl-C once there is one.
        """
        if not searchable(contraction):
            count = len(contraction.terms)
            return tree_from_path(contraction, [tuple(range(count))])
        if budget.left + GRACE < SIMPLIFYING * len(contraction.terms):
            return Tree(contraction, self._in_haste(contraction, budget))
        simplified = simplify(contraction)
        whole = budget.left * (1 - POLISH_SHARE if simplified.pairs else 1)
        weights = [max(len(part.arrays) - 2, 0) for part in simplified.parts]
        largest, weight_of_all = max(weights), max(sum(weights), 1)
        solved: list[Pairs] = []
        try:
            for part, weight in zip(simplified.parts, weights, strict=True):
                share = _share(budget, whole, weight / weight_of_all)
                heard = report if weight == largest else lambda value: None
                solved.append(self._solve(part.contraction, objective, share, heard))
        except Interrupted as stop:
            solved.append(stop.tree.pairs)
            rest = simplified.parts[len(solved) :]
            solved += [Boltzmann(1).search(part.contraction, objective).pairs for part in rest]
            raise Interrupted(simplified.join(solved)) from None
        return self._polished(simplified, simplified.join(solved), objective, budget)

    def _solve(
        self, contraction: Contraction, objective: Objective, budget: Budget, report: Report
    ) -> Pairs:
        """The steps of one connected part."""
        count = len(contraction.terms)
        if count <= 2:  # thousands of such parts are left of a sparse network
            return ((0, 1),) * (count - 1)
        if count <= EXACT:
            return best_pairs(contraction.network, objective)
        if budget.left + GRACE < dissection_seconds(contraction):
            return self._in_haste(contraction, budget)
        best: list[Bench] = []

        def heard(bench: Bench) -> None:
            best[:] = [min(*best, bench, key=worth) if best else bench]
            report(_value(bench))

        cycles = self._cycles(count, budget)
        try:
            for cycle in range(cycles):
                seed = self.seed * CYCLES + cycle
                part = budget if cycles == 1 else budget.part(1 / (cycles + LAST - cycle))
                starts = Starts(seed, self.workers).find(contraction, objective, part, heard)
                Tournament(seed, self.workers).run(starts, part, heard)
            if cycles > 1:
                last = Tournament(self.seed, self.workers, (Generation(2, 1.0, None, 1),))
                last.run(best, budget, heard)
        except KeyboardInterrupt:
            if not best:
                raise
            raise Interrupted(best[0].tree()) from None
        return best[0].tree().pairs

    def _in_haste(self, contraction: Contraction, budget: Budget) -> Pairs:
        """One greedy tree; the operands from left to right where even that takes too long."""
        late = Budget(budget.start, budget.seconds + GRACE)
        trials = Boltzmann(1, self.seed, needed=0)
        found = list(trials.improvements(runs_of(contraction.network), late))
        if found:
            return pairs_from(found[0][1])
        count = len(contraction.terms)
        return ((0, 1), *((step + 1, count + step - 1) for step in range(1, count - 1)))

    def _cycles(self, count: int, budget: Budget) -> int:
        """How many tournaments, each from starts of its own, share a budget in seconds.

        Four times the time gives twice as many tournaments, each twice as long: neither short ones
        nor a single one get far.
        """
        if budget.rounds is not None:
            return 1
        each = CYCLE * count / (MOVES_PER_SECOND * self.workers)
        return max(1, min(int(math.sqrt(max(budget.left / each, 0.0))), CYCLES))

    def _polished(
        self, simplified: Simplified, tree: Tree, objective: Objective, budget: Budget
    ) -> Tree:
        """The whole tree refined once more, so that a step simplified too early can be undone."""
        if not simplified.pairs or budget.left < 2 * layout_seconds(simplified.contraction):
            return tree
        end = time.perf_counter() + budget.left if math.isfinite(budget.seconds) else None
        bench = lay_out(tree, objective, self.seed)
        Refine((8,)).run(bench, end)
        warm = bench.copy()
        Anneal(moves=POLISHING * warm.count, hottest=REHEATED).run(warm, end)
        Refine((8,)).run(warm, end)
        if end is not None:
            Windows(seed=self.seed).run(warm, None, end)
        found = min(bench, warm, key=worth).tree()
        if objective.adds and objective.constants is None:  # then the prices are exact, and fell
            return found
        return min(tree, found, key=lambda tree: tree_value(tree, objective))


def _share(budget: Budget, whole: float, part: float) -> Budget:
    """The part of a budget that goes to one part of a network."""
    if budget.rounds is not None:
        return Budget(time.perf_counter(), rounds=max(1, round(budget.rounds * part)))
    return Budget(time.perf_counter(), min(whole * part, budget.left))


def _value(bench: Bench) -> float:
    return float(2.0 ** min(worth(bench), LARGEST_EXPONENT))
