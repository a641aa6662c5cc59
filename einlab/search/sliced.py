"""Slicing together with the search of the tree: each sliced index changes which tree is best.

Trees are annealed with slices inside: first the tree in hand from warm, as an elimination order
does not survive more heat; then from hot, from several starts; then the best is reheated. After
each pass subtrees are solved again, an index is sliced where a result is still too large, and those
that are not needed are given up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

from einlab.objectives import Objective
from einlab.search.core import Core, core_of
from einlab.search.dissection import Dissection
from einlab.search.limits import Limits
from einlab.search.refine import Refine
from einlab.search.slice_anneal import WEIGHTS, SliceAnneal, lay_out_sliced
from einlab.search.slicing import slice_indices
from einlab.search.tree import Tree
from einlab.search.value import in_peak_order, largest_before_last, tree_value

__all__ = ["Sliced", "SlicingInterrupted"]

SlicedTree = tuple[Tree, tuple[int, ...]]

MOVES_PER_OPERAND = 20_000  # of a pass without a deadline
MOST_MOVES = 10_000_000  # of such a pass: about two seconds
PASSES = 3  # without a deadline: one from warm, one from hot, one that reheats
SHORT, LONG = (0.15, 0.7, 1.0), (0.1, 0.4, 0.7, 0.85, 1.0)  # parts of the time when passes end
SECONDS_OF_PASS = 5e-3  # for each operand of the core: in less an annealing ends in a poor basin
SHORTEST = 0.1  # seconds of a pass
LIGHTER = 0.3, 1.0  # in turn: how much a bit above the limit counts in exchanges
REFINED = 0.1  # part of a pass that refines
STIFF = 12.0  # bits of price for each bit above the limit while subtrees are solved
LARGE = 1 / 16  # of the limit: steps of fewer multiplications are no matter for slices
REHEATED = 0.5, 0.3  # in turn: part of the schedule that a pass which does not start hot leaves out
FIRST = 0.1  # part of the time that slicing the tree in hand may take, before any annealing
WHOLE = 1e-9  # of a bit: what rounding may do to a power of two
CORRECTION = 2.0  # the most bits by which a guess changes at once
SECONDS_OF_REPAIR = 1e-4  # for each operand of the core, at first
SECONDS_OF_STEP = 3e-5  # for each step of the whole tree, in the end


class SlicingInterrupted(KeyboardInterrupt):
    """Ctrl-C while slices are searched; `found` is the best tree so far and what to slice."""

    def __init__(self, found: SlicedTree) -> None:
        super().__init__("the search for slices was interrupted")
        self.found = found


@dataclass(frozen=True, slots=True)
class Sliced:
    """A tree and the indices to slice so that it keeps its limits."""

    limits: Limits
    seed: int = 0

    def search(
        self, tree: Tree, objective: Objective, deadline: float | None = None
    ) -> SlicedTree | None:
        """A tree annealed for its slices, and their indices; None if no slicing keeps the limits.

        Passes are made until `deadline` (perf_counter); without a deadline there are two of so many
        moves, whatever the clock says.

        Raises SlicingInterrupted with the best so far on Ctrl-C.
        """
        if not self.limits.kept(tree, _everything(tree)):
            return None
        bits = self._bits(tree)
        core = core_of(tree, 2.0**bits * LARGE)
        clock = _Clock(deadline, len(core.arrays), len(tree.pairs))
        best: SlicedTree | None = None
        least, number = math.inf, 0
        missing = math.log2(max(largest_before_last(core.tree), 1)) - bits
        if clock.pays(missing):
            best = self._repaired(core, (core.tree, ()), objective)
            least = self._value(best, objective)
        try:
            while len(core.arrays) > 2 and clock.allows(number):
                again = best is not None and number >= clock.fresh
                hot = not again and number > 0
                start = best if best and again else self._start(core, objective, number, clock)
                until = clock.until(number)
                annealed = self._annealed(start, bits, objective, number, until, hot)
                bits += self._correction(core, annealed)
                begin = time.perf_counter()
                found = self._repaired(core, annealed, objective)
                clock.repaired(time.perf_counter() - begin)
                if self._value(found, objective) < least:
                    best, least = found, self._value(found, objective)
                number += 1
        except KeyboardInterrupt:
            best = best or self._repaired(core, (core.tree, ()), objective)
            if best is None:
                raise
            raise SlicingInterrupted(self._whole(core, best)) from None
        best = best or self._repaired(core, (core.tree, ()), objective)
        return None if best is None else self._whole(core, best)

    def _whole(self, core: Core, found: SlicedTree) -> SlicedTree:
        """The tree of the whole, its steps in the order of least peak, and the slices' numbers."""
        return in_peak_order(core.expand(found[0])), core.numbers(found[1])

    def _value(self, found: SlicedTree | None, objective: Objective) -> float:
        return math.inf if found is None else tree_value(found[0], objective, found[1])

    def _start(self, core: Core, objective: Objective, number: int, clock: _Clock) -> SlicedTree:
        """The tree in hand for the first passes, a new dissection for others; nothing sliced."""
        if number < 2 or number >= clock.fresh:
            return core.tree, ()
        bench = Dissection(1, self.seed + number).run(
            core.tree.contraction, objective, clock.deadline
        )
        return bench.tree(), ()

    def _annealed(
        self,
        start: SlicedTree,
        bits: float,
        objective: Objective,
        number: int,
        until: float | None,
        hot: bool,
    ) -> SlicedTree:
        """Anneal tree and slices together; then solve the subtrees for these slices."""
        bench = lay_out_sliced(*start, objective, bits, self.seed * 1009 + number)
        now = time.perf_counter()
        moves = None
        if until is None:
            moves = min(MOVES_PER_OPERAND * bench.bench.count, MOST_MOVES)
        cold = None if until is None else until - REFINED * (until - now)
        lighter = LIGHTER[number % len(LIGHTER)]
        begin = 0.0 if hot else REHEATED[number % len(REHEATED)]
        schedule = SliceAnneal(begin, weights=WEIGHTS.times(lighter))
        schedule.run(bench, moves, cold)
        Refine((8,)).run(bench.dear(STIFF), until)
        return bench.tree(), bench.chosen()

    def _repaired(self, core: Core, found: SlicedTree, objective: Objective) -> SlicedTree | None:
        """Slice what is still missing, and give up what is not needed."""
        tree, chosen = found

        def fits(tree: Tree, chosen: Collection[int]) -> bool:
            if self.limits.memory is None:
                return self.limits.kept(tree, chosen)
            return self.limits.kept(in_peak_order(core.expand(tree)), core.numbers(chosen))

        needed = slice_indices(tree, objective, fits, chosen)
        return None if needed is None else (tree, needed)

    def _bits(self, tree: Tree) -> float:
        """log2 of the elements of the largest result that the limits allow, for memory a guess."""
        bits = math.inf if self.limits.size is None else math.log2(max(self.limits.size, 1))
        if self.limits.memory is not None:
            largest = math.log2(max(largest_before_last(tree), 1))
            bits = min(bits, largest + self._room(tree, ()))
        sizes = {size for size in tree.contraction.network.sizes if size > 1}
        if len(sizes) == 1:  # or an array just above the limit would seem to be hardly too large
            (each,) = (math.log2(size) for size in sizes)
            bits = math.floor(bits / each + WHOLE) * each
        return max(bits, 0.0)

    def _correction(self, core: Core, found: SlicedTree) -> float:
        """By how many bits the guess for a memory limit should be raised after a pass."""
        if self.limits.memory is None:
            return 0.0
        tree = in_peak_order(core.expand(found[0]))
        room = self._room(tree, core.numbers(found[1]))
        return min(max(room, -CORRECTION), CORRECTION) if self.limits.size is None else min(room, 0)

    def _room(self, tree: Tree, chosen: Collection[int]) -> float:
        """log2 of the memory allowed over the memory needed, of what slicing can make smaller."""
        assert self.limits.memory is not None
        least = self.limits.peak(tree, _everything(tree)) - 1
        allowed = max(self.limits.memory - least, 1)
        return math.log2(allowed / max(self.limits.peak(tree, chosen) - least, 1))


class _Clock:
    """How long each pass may take, so that the last repair ends by the deadline."""

    def __init__(self, deadline: float | None, operands: int, steps: int) -> None:
        self.begin, self.deadline = time.perf_counter(), deadline
        self.longest = SECONDS_OF_REPAIR * operands
        self.rest = SECONDS_OF_STEP * steps
        end = self._end()
        hot = 0.0 if end is None else (LONG[1] - LONG[0]) * (end - self.begin)
        self.ends: tuple[float, ...] = LONG if hot > SECONDS_OF_PASS * operands else SHORT
        self.fresh = (len(self.ends) + 1) // 2

    def pays(self, bits: float) -> bool:
        """Whether there is time to slice the tree in hand by so many bits, to begin with."""
        end = self._end()
        if end is None:
            return True
        return max(bits, 0.0) * self.longest < FIRST * (end - time.perf_counter())

    def repaired(self, seconds: float) -> None:
        """Learn how long a repair takes."""
        self.longest = max(self.longest, seconds)

    def allows(self, number: int) -> bool:
        """Whether there is time for another pass."""
        end = self._end()
        return number < PASSES if end is None else time.perf_counter() + SHORTEST < end

    def until(self, number: int) -> float | None:
        """When the pass of that number should end; None is when its moves are made."""
        end = self._end()
        if end is None:
            return None
        part = self.ends[min(number, len(self.ends) - 1)]
        return self.begin + part * (end - self.begin)

    def _end(self) -> float | None:
        return None if self.deadline is None else self.deadline - 1.5 * self.longest - self.rest


def _everything(tree: Tree) -> list[int]:
    """The numbers of all indices that can be sliced."""
    sizes = tree.contraction.network.sizes
    return sorted({index for term in tree.terms for index in term if sizes[index] > 1})
