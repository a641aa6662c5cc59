"""Slicing together with the search of the tree: each sliced index changes which tree is best.

Trees are annealed with slices inside: the tree in hand from warm, as an elimination order does not
survive more heat, and several from hot, side by side; where these end is luck, by powers of ten, so
the best is kept and reheated. After each pass subtrees are solved again, an index is sliced where a
result is still too large, and those that are not needed are given up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event

from einlab.objectives import Objective
from einlab.search.core import Core, core_of
from einlab.search.halting import side_by_side
from einlab.search.limits import Limits
from einlab.search.slice_passes import Clock, Pass, SlicedTree, first_passes, reheating
from einlab.search.slicing import slice_indices
from einlab.search.tree import Tree
from einlab.search.value import in_peak_order, largest_before_last, tree_value

__all__ = ["Sliced", "SlicingInterrupted"]

LARGE = 1 / 16  # of the limit: steps of fewer multiplications are no matter for slices
WHOLE = 1e-9  # of a bit: what rounding may do to a power of two
CORRECTION = 2.0  # the most bits by which a guess changes at once


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
    workers: int = 1
    """Threads; the kernels release the GIL."""

    def search(
        self, tree: Tree, objective: Objective, deadline: float | None = None
    ) -> SlicedTree | None:
        """A tree annealed for its slices, and their indices; None if no slicing keeps the limits.

        Passes are made until `deadline` (perf_counter); without a deadline there are four of so
        many moves, whatever the clock says, and the same on any number of threads.

        Raises SlicingInterrupted with the best so far on Ctrl-C.
        """
        if not self.limits.kept(tree, _everything(tree)):
            return None
        bits = self._bits(tree)
        core = core_of(tree, 2.0**bits * LARGE)
        clock = Clock(deadline, len(core.arrays), len(tree.pairs), self.workers)
        best = _Best(objective)
        missing = math.log2(max(largest_before_last(core.tree), 1)) - bits
        if clock.pays(missing):
            best.keep(self._repaired(core, (core.tree, ()), objective))
        try:
            if len(core.arrays) > 2:
                self._waves(core, bits, objective, clock, best)
        except KeyboardInterrupt:
            found = best.found or self._repaired(core, (core.tree, ()), objective)
            if found is None:
                raise
            raise SlicingInterrupted(self._whole(core, found)) from None
        found = best.found or self._repaired(core, (core.tree, ()), objective)
        return None if found is None else self._whole(core, found)

    def _waves(
        self, core: Core, bits: float, objective: Objective, clock: Clock, best: _Best
    ) -> None:
        """Anneal from warm and from hot, then reheat the best until the clock allows no more."""
        wave = done = 0
        while clock.allows(wave):
            count, end = clock.wave(wave)
            seed = self.seed * 1009 + done
            passes = list(
                reheating(best.found, count, done, seed)
                if wave and best.found
                else first_passes(core.tree, count, seed)
            )
            change = 0.0
            for annealed, repaired in self._played(core, passes, bits, objective, clock, end):
                if best.keep(repaired) or not change:
                    change = self._correction(core, annealed)
            bits, wave, done = bits + change, wave + 1, done + count

    def _played(
        self,
        core: Core,
        passes: Sequence[Pass],
        bits: float,
        objective: Objective,
        clock: Clock,
        end: float | None,
    ) -> Iterator[tuple[SlicedTree, SlicedTree | None]]:
        """What each pass ends with, as it is and repaired; Ctrl-C ends all of them."""
        stopped = Event()

        def play(place: int) -> tuple[SlicedTree, SlicedTree | None]:
            until = clock.until(end, place, len(passes))
            annealed = passes[place].run(bits, objective, until, stopped)
            begin = time.perf_counter()
            repaired = self._repaired(core, annealed, objective)
            clock.repaired(time.perf_counter() - begin)
            return annealed, repaired

        try:
            yield from side_by_side(
                [partial(play, place) for place in range(len(passes))], self.workers
            )
        except KeyboardInterrupt:
            stopped.set()
            raise

    def _whole(self, core: Core, found: SlicedTree) -> SlicedTree:
        """The tree of the whole, its steps in the order of least peak, and the slices' numbers."""
        return in_peak_order(core.expand(found[0])), core.numbers(found[1])

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


class _Best:
    """The best sliced tree so far."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.found: SlicedTree | None = None
        self.value: float = math.inf

    def keep(self, found: SlicedTree | None) -> bool:
        """Keep a tree if it is better; returns whether it is."""
        value = math.inf if found is None else tree_value(found[0], self.objective, found[1])
        if value < self.value:
            self.found, self.value = found, value
            return True
        return False


def _everything(tree: Tree) -> list[int]:
    """The numbers of all indices that can be sliced."""
    sizes = tree.contraction.network.sizes
    return sorted({index for term in tree.terms for index in term if sizes[index] > 1})
