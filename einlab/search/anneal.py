"""Simulated annealing on contraction trees: rotations, hot at first, then colder and colder.

A move looks at two neighbouring steps and takes their new price against the old in logarithms, so
that cheap parts of a tree are put in order as well as the costly ones; with the price of the whole
tree in place of that of the two steps the cheap parts never settle. Source of the moves: Kalachev,
Panteleev and Yung 2021 (arXiv:2108.05665), section 4.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from einlab.contraction import Contraction
from einlab.objectives import Objective, objective_for
from einlab.search.bench import Bench, lay_out, searchable
from einlab.search.greedy import Greedy
from einlab.search.tree import Tree
from einlab.search.value import tree_value

__all__ = ["MOVES_PER_OPERAND", "Anneal", "better", "cool"]

MOVES_PER_OPERAND = 4000
TEMPERATURES = 150  # steps of a schedule
SLACK = 1e-6  # of a bit, so that a limit that is a power of two can be reached


@dataclass(frozen=True, slots=True)
class Anneal:
    """Annealing from a tree, some times over, each time from hot to cold; the best tree is kept.

    Kernels make some 10 million moves a second on networks of a few hundred operands. The same seed
    and number of moves give the same tree, as long as no deadline cuts in.
    """

    moves: int | None = None
    """Rotations to try in all; None is 4,000 an operand, or as many as a deadline allows."""
    seed: int = 0
    restarts: int = 1
    """How many schedules share the moves, each from the start."""
    hottest: float = 1.0
    """First inverse temperature: moves that double a price are taken with probability 1/2."""
    coldest: float = 20.0
    """Last inverse temperature."""
    size_limit: int | None = None
    """Elements of a result above which its step is dearer: a soft limit, which may be passed."""
    penalty: float = 2.0
    """By how many bits a step is dearer for each bit that its result is above the limit."""

    def search(
        self,
        contraction: Contraction,
        objective: str | Objective = "flops",
        start: Tree | None = None,
        deadline: float | None = None,
    ) -> Tree:
        """A tree of no more value than `start` (else a greedy tree), by `deadline` (perf_counter).

        With a size limit the value is what the steps cost with those above the limit dearer.

        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm")))
        >>> c = Contraction(terms, ("i", "m"), shapes, ("float32",) * 4)
        >>> Anneal(moves=1000).search(c).multiplications
        76
        """
        objective = objective_for(objective)
        start = start or Greedy().search(contraction, objective)
        if not searchable(contraction):
            return start
        bench = self._limited(lay_out(start, objective, self.seed))
        before = bench.total
        self._run(bench, deadline)
        if self.size_limit is not None:
            return bench.tree() if bench.total < before else start
        return better(bench.tree(), start, objective)

    def run(self, bench: Bench, deadline: float | None = None) -> None:
        """Anneal the tree on the bench; leave the best that a schedule ended with, or the start.

        With a size limit, the best is meant with steps above the limit dearer.
        """
        limited = self._limited(bench)
        self._run(limited, deadline)
        if limited is not bench:
            bench.price()

    def _limited(self, bench: Bench) -> Bench:
        """The bench itself, or its arrays at prices that rise above the size limit."""
        if self.size_limit is None:
            return bench
        limit = math.log2(max(self.size_limit, 1)) + SLACK
        return bench.priced(bench.prices._replace(limit=limit, penalty=self.penalty))

    def _run(self, bench: Bench, deadline: float | None) -> None:
        moves = self.moves
        if moves is None and deadline is None:
            moves = MOVES_PER_OPERAND * bench.count
        start, begin = bench.copy(), time.perf_counter()
        best = start
        for restart in range(self.restarts):
            share = None if moves is None else -(-moves // self.restarts)
            until = None
            if deadline is not None:
                until = begin + (deadline - begin) * (restart + 1) / self.restarts
            if restart:
                bench.take(start)
            cool(bench, self.hottest, self.coldest, share, until)
            if bench.total < best.total:
                best = bench.copy() if restart + 1 < self.restarts else bench
        if best is not bench:
            bench.take(best)


def cool(
    bench: Bench,
    hottest: float,
    coldest: float,
    moves: int | None,
    deadline: float | None = None,
    steps: int = TEMPERATURES,
) -> None:
    """Anneal in place, the inverse temperature rising with the square of the moves or time spent.

    Whichever of `moves` and `deadline` is nearer its end sets the temperature.
    """
    begin = now = time.perf_counter()
    done, part = 0, 0.0
    block = bench.stride if moves is None else max(min(moves // steps, bench.stride), 1)
    if deadline is not None:
        block = min(block, bench.stride // 16)
    while part < 1.0:
        bench.anneal(hottest + (coldest - hottest) * part**2, block)
        done += block
        part = 0.0 if moves is None else done / moves
        if deadline is None:
            continue
        last, now = now, time.perf_counter()
        part = max(part, (now - begin) / max(deadline - begin, 1e-9))
        step = (deadline - begin) / steps
        if now - last < step / 2:
            block = min(2 * block, bench.stride)
        elif now - last > 2 * step:
            block = max(block // 2, 100)


def better(tree: Tree, other: Tree, objective: Objective) -> Tree:
    """The tree of less exact value; the other one if they are equal."""
    return tree if tree_value(tree, objective) < tree_value(other, objective) else other
