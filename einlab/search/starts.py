"""Trees to start from, side by side: lines as given and by cuts, a greedy tree, an elimination."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.bench import Bench, lay_out, worth
from einlab.search.boltzmann import Boltzmann, pairs_from, runs_of
from einlab.search.budget import Budget
from einlab.search.dissection import Dissection
from einlab.search.elimination import Elimination
from einlab.search.halting import side_by_side
from einlab.search.tree import Tree

__all__ = ["Starts", "dissection_seconds", "held_by_many", "layout_seconds"]

GREEDY_SHARE, DISSECTION_SHARE = 0.05, 0.15  # of a budget in seconds
ELIMINATION_SHARE = 0.3  # of what is left then
CUTS = 12  # the most dissections
PATIENT = 0.7  # seconds from which elimination and the operands as given are tried
HANDICAP = 16.0  # log2 of what an elimination order must be cheaper: annealing gains less on it
TRIALS = 64  # greedy trials where rounds are counted


@dataclass(frozen=True, slots=True)
class Starts:
    """Trees of several kinds, at least one, within a part of a budget."""

    seed: int = 0
    workers: int = 1
    """Threads; the kernels release the GIL."""

    def find(
        self,
        contraction: Contraction,
        objective: Objective,
        budget: Budget,
        report: Callable[[Bench], object],
    ) -> list[Bench]:
        """Benches with trees on them, the most promising first; `report` hears of each."""
        until = budget.part(DISSECTION_SHARE).end
        searches: list[Callable[[Contraction, Objective], Bench | None]] = [
            *(partial(self._dissected, cut, budget, until) for cut in range(CUTS)),
            partial(self._as_given, until, budget.left),
            partial(self._greedy, budget, budget.part(GREEDY_SHARE)),
            partial(self._eliminated, budget, budget.left),
        ]

        def tried(search: Callable[[Contraction, Objective], Bench | None]) -> Bench | None:
            with suppress(TimeoutError):
                return search(contraction, objective)
            return None

        jobs = [partial(tried, search) for search in searches]
        handicaps = [0.0] * (len(jobs) - 1) + [HANDICAP]
        ranked = []
        for bench, handicap in zip(side_by_side(jobs, self.workers), handicaps, strict=True):
            if bench is not None:
                report(bench)
                ranked.append((worth(bench) + handicap, bench))
        return [bench for _, bench in sorted(ranked, key=lambda pair: pair[0])]

    def _as_given(
        self, until: float | None, whole: float, contraction: Contraction, objective: Objective
    ) -> Bench | None:
        if whole < PATIENT:
            return None
        search = Dissection(1, self.seed, as_given=True, needed=0)
        return search.run(contraction, objective, until)

    def _dissected(
        self,
        cut: int,
        budget: Budget,
        until: float | None,
        contraction: Contraction,
        objective: Objective,
    ) -> Bench | None:
        if cut and budget.left < dissection_seconds(contraction):
            return None
        search = Dissection(1, self.seed * CUTS + cut, needed=0 if cut else 1)
        return search.run(contraction, objective, until)

    def _greedy(
        self, budget: Budget, share: Budget, contraction: Contraction, objective: Objective
    ) -> Bench | None:
        if budget.left < dissection_seconds(contraction):
            return None
        timed = math.isfinite(share.seconds)
        allowed = Budget(time.perf_counter(), share.seconds)
        trials = Boltzmann(10**9 if timed else TRIALS, self.seed, needed=0)
        found = list(trials.improvements(runs_of(contraction.network), allowed))
        if not found:
            return None
        return lay_out(Tree(contraction, pairs_from(found[-1][1])), objective, self.seed)

    def _eliminated(
        self, budget: Budget, whole: float, contraction: Contraction, objective: Objective
    ) -> Bench | None:
        if whole < PATIENT or not held_by_many(contraction):
            return None
        limit = budget.part(ELIMINATION_SHARE).end
        return Elimination(seed=self.seed, needed=0).run(contraction, objective, limit)


def held_by_many(contraction: Contraction) -> bool:
    """Whether so many indices are held by more than two operands that elimination orders pay."""
    held = Counter(index for term in contraction.network.terms for index in term)
    return sum(count > 2 for count in held.values()) > len(held) / 4


def layout_seconds(contraction: Contraction) -> float:
    """Roughly what it takes to lay out a tree as bit sets: it matters for thousands of operands."""
    words = len(contraction.network.sizes) / 64
    return 8e-8 * len(contraction.terms) * words + 2e-6 * len(contraction.terms)


def dissection_seconds(contraction: Contraction) -> float:
    """Roughly what one dissection takes, its tree laid out."""
    return layout_seconds(contraction) + 2.6e-5 * len(contraction.terms)
