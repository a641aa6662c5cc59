"""Anytime search of large networks: simplify, find starts, hold a tournament, polish the whole.

Everything runs in compiled kernels, in calls of some milliseconds, so that the clock is read and
Ctrl-C is heard between them.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.anneal import Anneal
from einlab.search.bench import Bench, lay_out, searchable
from einlab.search.boltzmann import Boltzmann, pairs_from, runs_of
from einlab.search.budget import Budget, Interrupted
from einlab.search.dissection import Dissection
from einlab.search.elimination import Elimination
from einlab.search.exact import best_pairs
from einlab.search.refine import Refine
from einlab.search.simplify import Simplified, simplify
from einlab.search.tournament import MOVES_PER_SECOND, Generation, Tournament, worth
from einlab.search.tree import Tree, tree_from_path
from einlab.search.value import tree_value
from einlab.search.windows import Windows

__all__ = ["Anytime"]

Pairs = tuple[tuple[int, int], ...]
Report = Callable[[float], object]

EXACT = 12  # operands of a part that is solved exactly
GREEDY_SHARE, DISSECTION_SHARE = 0.05, 0.15  # of a budget in seconds
ELIMINATION_SHARE = 0.3  # of what is left then
POLISH_SHARE = 0.06
POLISHING = 1000  # rotations of the whole tree, for each operand, in the end
REHEATED = 3.5  # inverse temperature at which they begin
CUTS = 12  # the most dissections
CYCLE = 60_000  # rotations, for each operand, of one tournament where there is time for several
CYCLES = 1000  # the most tournaments
LAST = 0.5  # tournaments that the last windows of the best tree take as long as
PATIENT = 0.7  # seconds from which an elimination order is tried
HANDICAP = 16.0  # log2 of what an elimination order must be cheaper: annealing gains less on it
TRIALS = 64  # greedy trials where rounds are counted
GRACE = 0.04  # seconds that a search may take beyond its budget, to have one good start
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
        simplified = simplify(contraction)
        whole = budget.left * (1 - POLISH_SHARE if simplified.pairs else 1)
        weights = [max(len(part.arrays) - 2, 0) for part in simplified.parts]
        solved: list[Pairs] = []
        try:
            for part, weight in zip(simplified.parts, weights, strict=True):
                share = _share(budget, whole, weight / max(sum(weights), 1))
                heard = report if weight == max(weights) else lambda value: None
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
        if count <= EXACT:
            return best_pairs(contraction.network, objective)
        if budget.left + GRACE < _dissection_seconds(contraction):
            return Boltzmann(1, self.seed).search(contraction, objective).pairs
        best: list[Bench] = []

        def heard(bench: Bench) -> None:
            best[:] = [min(*best, bench, key=worth) if best else bench]
            report(_value(bench))

        cycles = self._cycles(count, budget)
        try:
            for cycle in range(cycles):
                seed = self.seed * CYCLES + cycle
                part = budget if cycles == 1 else budget.part(1 / (cycles + LAST - cycle))
                starts = self._starts(contraction, objective, part, seed)
                for bench in starts:
                    heard(bench)
                Tournament(seed, self.workers).run(starts, part, heard)
            if cycles > 1:
                last = Tournament(self.seed, self.workers, (Generation(2, 1.0, None, 1),))
                last.run(best, budget, heard)
        except KeyboardInterrupt:
            if not best:
                raise
            raise Interrupted(best[0].tree()) from None
        return best[0].tree().pairs

    def _cycles(self, count: int, budget: Budget) -> int:
        """How many tournaments, each from starts of its own, share a budget in seconds."""
        if budget.rounds is not None:
            return 1
        each = CYCLE * count / (MOVES_PER_SECOND * self.workers)
        return max(1, min(int(budget.left / each - LAST), CYCLES))

    def _starts(
        self, contraction: Contraction, objective: Objective, budget: Budget, seed: int
    ) -> list[Bench]:
        """Dissections, a greedy tree and an elimination order, the most promising first."""
        timed, whole = math.isfinite(budget.seconds), budget.left
        until = time.perf_counter() + DISSECTION_SHARE * whole if timed else None
        ranked: list[tuple[float, Bench]] = []
        for cut in range(CUTS):
            if cut and budget.left < _dissection_seconds(contraction):
                break
            try:
                search = Dissection(1, seed * CUTS + cut, needed=int(not cut))
                line = search.run(contraction, objective, until)
            except TimeoutError:
                break
            ranked.append((worth(line), line))
        if budget.left > _dissection_seconds(contraction):
            allowed = Budget(time.perf_counter(), GREEDY_SHARE * whole if timed else math.inf)
            runs, trials = runs_of(contraction.network), 10**9 if timed else TRIALS
            *_, (_, pairs) = Boltzmann(trials, seed).improvements(runs, allowed)
            greedy = lay_out(Tree(contraction, pairs_from(pairs)), objective, seed)
            ranked.append((worth(greedy), greedy))
        if whole > PATIENT and _held_by_many(contraction):
            with suppress(TimeoutError):
                limit = budget.part(ELIMINATION_SHARE).end
                eliminated = Elimination(seed=seed, needed=0).run(contraction, objective, limit)
                ranked.append((worth(eliminated) + HANDICAP, eliminated))
        return [bench for _, bench in sorted(ranked, key=lambda pair: pair[0])]

    def _polished(
        self, simplified: Simplified, tree: Tree, objective: Objective, budget: Budget
    ) -> Tree:
        """The whole tree refined once more, so that a step simplified too early can be undone."""
        if not simplified.pairs or budget.left < 2 * _layout_seconds(simplified.contraction):
            return tree
        end = time.perf_counter() + budget.left if math.isfinite(budget.seconds) else None
        bench = lay_out(tree, objective, self.seed)
        Refine((8,)).run(bench, end)
        warm = bench.copy()
        Anneal(moves=POLISHING * warm.count, hottest=REHEATED).run(warm, end)
        Refine((8,)).run(warm, end)
        if end is not None:
            Windows(seed=self.seed).run(warm, None, end)
        trees = (tree, bench.tree(), warm.tree())
        return min(trees, key=lambda tree: tree_value(tree, objective))


def _share(budget: Budget, whole: float, part: float) -> Budget:
    """The part of a budget that goes to one part of a network."""
    if budget.rounds is not None:
        return Budget(time.perf_counter(), rounds=max(1, round(budget.rounds * part)))
    return Budget(time.perf_counter(), min(whole * part, budget.left))


def _value(bench: Bench) -> float:
    return float(2.0 ** min(worth(bench), LARGEST_EXPONENT))


def _held_by_many(contraction: Contraction) -> bool:
    """Whether a good part of the indices is held by more than two operands."""
    held = Counter(index for term in contraction.network.terms for index in term)
    return sum(count > 2 for count in held.values()) > len(held) / 4


def _layout_seconds(contraction: Contraction) -> float:
    """Roughly what it takes to lay out a tree as bit sets: it matters for thousands of operands."""
    words = len(contraction.network.sizes) / 64
    return 8e-8 * len(contraction.terms) * words + 2e-6 * len(contraction.terms)


def _dissection_seconds(contraction: Contraction) -> float:
    """Roughly what one dissection takes, its tree laid out."""
    return _layout_seconds(contraction) + 2.6e-5 * len(contraction.terms)
