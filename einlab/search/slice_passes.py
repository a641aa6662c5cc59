"""Passes of annealing with slices, and how the time is shared out among them.

The first wave has a pass from warm and several from hot, later waves reheat the best. The passes of
a wave run side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Event

from einlab.objectives import Objective
from einlab.search.dissection import Dissection
from einlab.search.refine import Refine
from einlab.search.slice_anneal import WEIGHTS, SliceAnneal, lay_out_sliced
from einlab.search.tree import Tree

__all__ = ["Clock", "Pass", "SlicedTree", "first_passes", "reheating"]

SlicedTree = tuple[Tree, tuple[int, ...]]

MOVES_PER_OPERAND = 20_000  # of a pass without a deadline
MOST_MOVES = 10_000_000  # of such a pass: about two seconds
FEWEST = 2  # passes of the first wave: one from warm, one from hot
COUNTED = 3, 1  # passes of each wave where there is no deadline
STARTING = 0.55  # part of the time for the first wave
SECONDS_OF_PASS = 2e-3  # for each operand: in less an annealing ends in a poor basin
SECONDS_OF_REHEATING = 1.2e-3
MOST = 24  # passes of the first wave
SHORTEST = 0.1  # seconds of a pass
REFINED = 0.1  # part of a pass that refines
STIFF = 12.0  # bits of price for each bit above the limit while subtrees are solved
WARM = 0.5  # part of the schedule that the pass from warm leaves out
REHEATED = 0.3, 0.5, 0.7  # in turn: part of it that reheating leaves out
LIGHTER = 0.3, 1.0  # in turn: how much a bit above the limit counts in exchanges
FIRST = 0.1  # part of the time that slicing the tree in hand may take, before any annealing
SECONDS_OF_REPAIR = 1e-4  # for each operand of the core, at first
SECONDS_OF_STEP = 3e-5  # for each step of the whole tree, in the end


@dataclass(frozen=True, slots=True)
class Pass:
    """One annealing of a tree and its slices."""

    start: SlicedTree
    seed: int
    begin: float
    """The part of the schedule that is left out."""
    lighter: float
    """How much a bit above the limit counts in exchanges."""
    anew: bool = False
    """Whether to start from a dissection in place of the tree."""

    def run(
        self, bits: float, objective: Objective, until: float | None, stopped: Event
    ) -> SlicedTree:
        """Anneal tree and slices together; then solve the subtrees for these slices.

        `bits` is log2 of the elements that a result may have, `until` a time of perf_counter.
        Raises KeyboardInterrupt once `stopped` is set.
        """
        start = self.start
        if self.anew:
            contraction = start[0].contraction
            start = Dissection(1, self.seed).run(contraction, objective, until).tree(), ()
        bench = lay_out_sliced(*start, objective, bits, self.seed)
        bench = replace(bench, bench=replace(bench.bench, stopped=stopped))
        moves: int | None = None
        cold: float | None = None
        if until is None:
            moves = min(MOVES_PER_OPERAND * bench.bench.count, MOST_MOVES)
        else:
            cold = until - REFINED * (until - time.perf_counter())
        schedule = SliceAnneal(self.begin, weights=WEIGHTS.times(self.lighter))
        schedule.run(bench, moves, cold)
        Refine((8,)).run(bench.dear(STIFF), until)
        return bench.tree(), bench.chosen()


def first_passes(tree: Tree, count: int, seed: int) -> Iterator[Pass]:
    """So many passes: the tree in hand from warm, then it and dissections in turn from hot."""
    yield Pass((tree, ()), seed, WARM, LIGHTER[0])
    for number in range(1, count):
        yield Pass((tree, ()), seed + number, 0.0, LIGHTER[0], anew=number % 2 == 0)


def reheating(best: SlicedTree, count: int, done: int, seed: int) -> Iterator[Pass]:
    """So many passes from the best tree, after `done` others."""
    for number in range(done, done + count):
        begin = REHEATED[number % len(REHEATED)]
        yield Pass(best, seed + number, begin, LIGHTER[number % len(LIGHTER)])


class Clock:
    """How many passes there are and how long each may take, so that all ends by the deadline."""

    def __init__(self, deadline: float | None, operands: int, steps: int, workers: int) -> None:
        self.begin, self.deadline = time.perf_counter(), deadline
        self.operands, self.workers = operands, workers
        self.longest = SECONDS_OF_REPAIR * operands
        self.rest = SECONDS_OF_STEP * steps

    def pays(self, bits: float) -> bool:
        """Whether there is time to slice the tree in hand by so many bits, to begin with."""
        left = self._left()
        return left is None or max(bits, 0.0) * self.longest < FIRST * left

    def repaired(self, seconds: float) -> None:
        """Learn how long a repair takes."""
        self.longest = max(self.longest, seconds)

    def allows(self, wave: int) -> bool:
        """Whether there is time for another wave."""
        left = self._left()
        return wave < len(COUNTED) if left is None else left > SHORTEST

    def wave(self, wave: int) -> tuple[int, float | None]:
        """How many passes a wave has, and when it should end; None is when its moves are made."""
        left = self._left()
        if left is None:
            return COUNTED[wave], None
        each = SECONDS_OF_REHEATING if wave else SECONDS_OF_PASS
        each = max(each * self.operands, SHORTEST) + self.longest
        if wave:
            seconds = left / max(int(left / each), 1)
            return self.workers, time.perf_counter() + seconds
        affordable = int(STARTING * left / each) * self.workers
        return min(max(affordable, FEWEST), MOST), time.perf_counter() + STARTING * left

    def until(self, end: float | None, place: int, count: int) -> float | None:
        """When the pass at that place of a wave should end, which begins now."""
        if end is None:
            return None
        now = time.perf_counter()
        share = (end - now) / -(-(count - place) // self.workers)
        return now + max(share - self.longest, SHORTEST / 2)

    def _left(self) -> float | None:
        if self.deadline is None:
            return None
        return self.deadline - 1.5 * self.longest - self.rest - time.perf_counter()
