"""Parallel tempering: trees at a ladder of temperatures, which change places where that pays.

Hot trees wander from valley to valley, cold ones go down the valley they are in. Each rung of the
ladder anneals at its own temperature; between sweeps neighbours on the ladder exchange their trees,
the cheaper one mostly to the colder rung. So what a hot tree comes upon sinks through the ladder,
and a cold tree that is stuck rises and is heated. Annealing once from hot to cold goes through each
temperature a single time; here all of them stay open as long as there is time. Moves are judged by
the two steps they touch and exchanges by the price of the whole tree, so the ladder samples no
exact distribution: it is a search.
Source: Swendsen and Wang 1986 (Phys. Rev. Lett. 57, 2607); Hukushima and Nemoto 1996
(J. Phys. Soc. Jpn. 65, 1604).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from threading import Event

from einlab.objectives import Objective, objective_for
from einlab.search.anneal import better, cool
from einlab.search.bench import Bench, lay_out, searchable, worth
from einlab.search.halting import side_by_side
from einlab.search.refine import Refine
from einlab.search.tree import Tree

__all__ = ["SWEEPS", "Tempering"]

SWEEPS = 60  # where neither sweeps nor a deadline are given
COLDEST = 20.0  # inverse temperature that a copy of the coldest tree is cooled to
COOLED = 300  # rotations of that, for each operand
LAST = 0.05  # part of the time for the last of them
EACH = 30  # sweeps between such copies


@dataclass(frozen=True, slots=True)
class Tempering:
    """Annealing at all temperatures of a ladder at once, in threads.

    With sweeps counted the tree is the same on any number of threads.
    """

    rungs: int = 16
    """Temperatures, and trees."""
    hottest: float = 2.0
    """Inverse temperature of the first rung; the others follow by equal factors."""
    coldest: float = 16.0
    sharpness: float = 4.0
    """Bits of the logarithm of a chance to be exchanged, for each bit that the colder tree is
    cheaper and each unit of inverse temperature between the rungs."""
    moves: int = 30
    """Rotations for each operand in a sweep, between exchanges."""
    seed: int = 0
    workers: int = 1
    """Threads; the kernels release the GIL."""

    def improve(
        self,
        tree: Tree,
        objective: str | Objective = "flops",
        sweeps: int | None = None,
        deadline: float | None = None,
    ) -> Tree:
        """A tree of no more value, after so many sweeps or by `deadline` (perf_counter).

        With neither, there are 60 sweeps.

        >>> from einlab.contraction import Contraction
        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2), (2, 6), (6, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm", "mn", "no")))
        >>> c = Contraction(terms, ("i", "o"), shapes, ("float32",) * 6)
        >>> worst = Tree(c, ((4, 5), (3, 6), (2, 7), (1, 8), (0, 9)))
        >>> worst.multiplications, Tempering(rungs=4).improve(worst, sweeps=30).multiplications
        (120, 108)
        """
        objective = objective_for(objective)
        if not searchable(tree.contraction):
            return tree
        if sweeps is None and deadline is None:
            sweeps = SWEEPS
        found = self.run([lay_out(tree, objective, self.seed)], sweeps, deadline)
        return better(found.tree(), tree, objective)

    def run(
        self,
        starts: Sequence[Bench],
        sweeps: int | None,
        deadline: float | None = None,
        report: Callable[[Bench], object] = lambda bench: None,
    ) -> Bench:
        """The best bench found, the starts among them; `report` hears of each better one.

        The starts take the rungs in turn, from the coldest on. Raises KeyboardInterrupt on Ctrl-C.
        """
        stopped, draw = Event(), Random(self.seed)
        best, trees = min(starts, key=worth), list[Bench]()
        for rung in range(self.rungs):
            bench = replace(starts[(self.rungs - 1 - rung) % len(starts)].copy(), stopped=stopped)
            bench.random[0] = (self.seed * 1_000_003 + rung) % 2**63
            trees.append(bench)
        until = None
        if deadline is not None:
            until = deadline - LAST * (deadline - time.perf_counter())
        done, due = 0, False
        try:
            while (sweeps is None or done < sweeps) and not due:
                self._sweep(trees, until)
                self._exchange(trees, done % 2, draw)
                done += 1
                due = until is not None and time.perf_counter() > until
                if done % EACH == 0 or done == sweeps or due:
                    cooled = self._cooled(trees[-1], deadline)
                    if worth(cooled) < worth(best):
                        best = cooled
                        report(best)
        except KeyboardInterrupt:
            stopped.set()
            raise
        return best

    def betas(self) -> list[float]:
        """The inverse temperature of each rung, ascending.

        >>> Tempering(rungs=3, coldest=8.0).betas()
        [2.0, 4.0, 8.0]
        """
        ratio = self.coldest / self.hottest
        last = max(self.rungs - 1, 1)
        return [self.hottest * ratio ** (rung / last) for rung in range(self.rungs)]

    def _sweep(self, trees: Sequence[Bench], deadline: float | None) -> None:
        """Anneal every tree at its own temperature, some in each thread."""

        def anneal(rungs: range) -> None:
            for rung in rungs:
                bench = trees[rung]
                moves = self.moves * bench.count
                for begin in range(0, moves, bench.stride):
                    if deadline is not None and time.perf_counter() > deadline:
                        return
                    bench.anneal(betas[rung], min(bench.stride, moves - begin))

        betas = self.betas()
        shares = (range(first, self.rungs, self.workers) for first in range(self.workers))
        for _ in side_by_side([partial(anneal, rungs) for rungs in shares], self.workers):
            pass

    def _exchange(self, trees: list[Bench], parity: int, draw: Random) -> None:
        """Let every second pair of neighbours change places."""
        betas, worths = self.betas(), [worth(bench) for bench in trees]
        for rung in range(parity, self.rungs - 1, 2):
            apart = self.sharpness * (betas[rung + 1] - betas[rung])
            if draw.random() < 2.0 ** min(0.0, apart * (worths[rung + 1] - worths[rung])):
                trees[rung], trees[rung + 1] = trees[rung + 1], trees[rung]

    def _cooled(self, coldest: Bench, deadline: float | None) -> Bench:
        """A copy of the coldest tree, cooled and refined."""
        cooled = coldest.copy()
        cool(cooled, self.coldest / 2, COLDEST, COOLED * cooled.count, deadline)
        Refine((8,)).run(cooled, deadline)
        return cooled
