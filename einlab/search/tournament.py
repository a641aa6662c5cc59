"""The tournament: many short annealings from several starts, the best go on to longer ones.

Which basin an annealing ends in is decided early, and often by its start; how deep it gets is
decided by its length. So a first generation of short annealings finds basins, a second one anneals
the best of them at length, and later ones reach the bottom by annealing windows of the best.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

from einlab.search.anneal import Anneal
from einlab.search.bench import Bench, worth
from einlab.search.budget import Budget
from einlab.search.halting import side_by_side
from einlab.search.refine import Refine
from einlab.search.windows import Windows

__all__ = ["GENERATIONS", "MOVES_PER_SECOND", "Generation", "Tournament"]

MOVES_PER_OPERAND = 2000  # of one short annealing
WINDOW = 100_000  # moves of a window, on average
MOVES_PER_SECOND = 8e6  # rough; decides only how many annealings share a budget


@dataclass(frozen=True, slots=True)
class Generation:
    """Some annealings side by side."""

    rounds: int
    """The most annealings; fewer if each would be too short."""
    share: float
    """Part of the budget."""
    hottest: float | None
    """First inverse temperature of the whole tree; None anneals windows instead."""
    pool: int = 12
    """From how many of the best trees they start, in turn."""


GENERATIONS = (
    Generation(12, 0.25, 1.0),
    Generation(3, 0.25, 1.0),
    Generation(3, 0.15, 2.0),
    Generation(3, 0.2, None),
    Generation(2, 0.15, None, 1),
)
ANNEALING = 0.8  # part of a round; the rest refines
LEFT_OVER = 0.05  # part of a budget that is worth another generation


@dataclass(frozen=True, slots=True)
class Tournament:
    """Annealing and refinement of several starts within a budget."""

    seed: int = 0
    workers: int = 1
    """Threads; the kernels release the GIL."""
    generations: tuple[Generation, ...] = GENERATIONS

    def run(
        self, starts: Sequence[Bench], budget: Budget, report: Callable[[Bench], object]
    ) -> Bench:
        """The best bench found; starts come most promising first, `report` hears of each round."""
        pool = list(starts)
        best = min(starts, key=worth)
        whole, number = budget.left, 0
        while number < len(self.generations) or self._more(budget, whole):
            generation = self.generations[min(number, len(self.generations) - 1)]
            played = self._generation(number, generation, pool, whole * generation.share, budget)
            for bench in played:
                report(bench)
            best = min(best, *played, key=worth)
            pool = [best, *sorted((b for b in played if b is not best), key=worth)]
            number += 1
            if budget.left <= 0:
                break
        return best

    def _more(self, budget: Budget, whole: float) -> bool:
        """Whether so much time is left over that the last generation is worth repeating."""
        return math.isfinite(whole) and budget.left > LEFT_OVER * whole

    def _generation(
        self,
        number: int,
        generation: Generation,
        pool: Sequence[Bench],
        seconds: float,
        budget: Budget,
    ) -> list[Bench]:
        """One annealing for each round, from the pool in turn, best first."""
        rounds, moves = self._rounds(generation, pool[0].count, seconds, budget)
        waves = math.ceil(rounds / self.workers)
        each = min(seconds, budget.left) / waves
        stopped = Event()

        def play(place: int) -> Bench:
            start = pool[place % min(len(pool), generation.pool)]
            bench = replace(start.copy(), stopped=stopped)
            seed = (self.seed * 1_000_003 + number * 1009 + place) % 2**63
            bench.random[0] = seed
            now = time.perf_counter()
            end = now + each if math.isfinite(each) else None
            if generation.hottest is None:
                Windows(seed=seed).run(bench, moves and moves // WINDOW, end)
                return bench
            halfway = None if end is None else now + ANNEALING * each
            Anneal(moves=moves, hottest=generation.hottest).run(bench, halfway)
            Refine((8,)).run(bench, end)
            return bench

        try:
            plays = [partial(play, place) for place in range(rounds)]
            return list(side_by_side(plays, self.workers))
        except KeyboardInterrupt:
            stopped.set()
            raise

    def _rounds(
        self, generation: Generation, count: int, seconds: float, budget: Budget
    ) -> tuple[int, int | None]:
        """How many annealings a generation has, and the moves of each if moves are counted."""
        if budget.rounds is not None:
            rounds = max(1, round(generation.share * budget.rounds))
            played = min(rounds, generation.rounds)
            return played, MOVES_PER_OPERAND * count * rounds // played
        affordable = int(seconds * MOVES_PER_SECOND * self.workers / (MOVES_PER_OPERAND * count))
        rounds = max(1, min(generation.rounds, affordable))
        return math.ceil(rounds / self.workers) * self.workers, None
