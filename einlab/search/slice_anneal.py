"""Annealing with slices inside: a tree and its sliced indices are chosen together.

The best tree of a network is seldom the best to slice, and which index is best to slice depends on
the tree. So rotations of the tree take turns with moves that give an index up and slice another;
steps whose result exceeds the limit are dearer, a little at first and much in the end. Source of
the moves of trees: Kalachev, Panteleev and Yung 2021 (arXiv:2108.05665), which anneals with slices
fixed between greedy choices; exchanging them under the price of all slices is ours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from einlab.objectives import OBJECTIVES, Objective
from einlab.search.bench import Bench, lay_out
from einlab.search.bits import Words
from einlab.search.tree import Tree

__all__ = ["WEIGHTS", "Rise", "SliceAnneal", "SliceBench", "lay_out_sliced"]

ROTATIONS = 10  # for each operand, before each round of exchanges
LEAST = 4000  # rotations before each round of exchanges
TRIES = 20  # exchanges of a round
SLACK = 1e-6  # of a bit, so that a limit that is a power of two can be reached


class Rise(NamedTuple):
    """A number that rises over a schedule."""

    first: float
    last: float

    def at(self, part: float) -> float:
        """The number at a part of the schedule, by equal factors in equal times.

        >>> Rise(1.0, 16.0).at(0.5)
        4.0
        """
        return self.first * math.pow(self.last / self.first, part)

    def evenly(self, part: float) -> float:
        """The same, by equal steps.

        >>> Rise(1.0, 16.0).evenly(0.5)
        8.5
        """
        return self.first + (self.last - self.first) * part

    def times(self, factor: float) -> Rise:
        """The same, so many times as high."""
        return Rise(self.first * factor, self.last * factor)


@dataclass(frozen=True, eq=False)
class SliceBench:
    """A tree and its sliced indices, changing in place."""

    bench: Bench
    """The tree of one slice: sliced indices are in none of its sets."""
    sliced: Words
    """(words,): the bits of the indices that are sliced."""
    limit: float
    """log2 of the elements that a result may have, the last one apart."""

    def tree(self) -> Tree:
        """The tree as it stands."""
        return self.bench.tree()

    def chosen(self) -> tuple[int, ...]:
        """The numbers of the sliced indices, ascending."""
        bits = np.unpackbits(self.sliced.view(np.uint8), bitorder="little").astype(bool)
        return tuple(sorted(self.bench.packed.indices[bits].tolist()))

    def dear(self, penalty: float) -> Bench:
        """The bench of one slice, results above the limit `penalty` bits dearer for each bit."""
        return self.bench.priced(self.bench.prices._replace(limit=self.limit, penalty=penalty))

    def exchange(self, penalty: float, weight: float, sharpness: float, tries: int) -> int:
        """Try to exchange sliced indices so often; returns how often it was done."""
        from einlab.search import slice_kernels

        packed, arrays = self.bench.packed, self.bench.arrays
        multiply, outer, element, _, shift, *_ = self.bench.prices
        taken: int = slice_kernels.exchange(
            packed.leaves, packed.output, arrays.children, arrays.sets, self.sliced,
            *packed.weights, multiply, outer, element, shift, self.limit, penalty,
            self.bench.random, sharpness, weight, tries,
        )  # fmt: skip
        return taken


def lay_out_sliced(
    tree: Tree, chosen: Collection[int], objective: Objective, limit: float, seed: int = 0
) -> SliceBench:
    """A bench with a tree and sliced indices on it; `limit` is log2 of elements.

    Objectives that do not add are annealed by multiplications.
    """
    priced = objective if objective.adds else OBJECTIVES["multiplications"]
    bench = lay_out(tree, priced, seed)
    sliced = np.isin(bench.packed.indices, list(chosen)) & (bench.packed.indices >= 0)
    words = np.packbits(sliced, bitorder="little").view(np.uint64)
    made = SliceBench(bench, words, limit + SLACK)
    made.exchange(0.0, 0.0, 1.0, 0)
    return made


TEMPERATURES = Rise(1.0, 8.0)
PENALTIES = Rise(1.0, 3.0)
WEIGHTS = Rise(0.1, 1.0)
SHARPNESS = Rise(0.5, 20.0)


@dataclass(frozen=True, slots=True)
class SliceAnneal:
    """One schedule from hot to cold, or its later part."""

    begin: float = 0.0
    """The part of the schedule that is left out: above 0, the tree is only reheated."""
    temperatures: Rise = TEMPERATURES
    """Inverse, of rotations; prices are compared in bits."""
    penalties: Rise = PENALTIES
    """Bits by which a step is dearer for each bit that its result is above the limit."""
    weights: Rise = WEIGHTS
    """What such a bit counts when indices are exchanged, beside the price of all slices."""
    sharpness: Rise = SHARPNESS
    """Inverse temperature of these exchanges."""

    def run(
        self, bench: SliceBench, moves: int | None = None, deadline: float | None = None
    ) -> None:
        """Anneal in place for so many rotations or until `deadline` (perf_counter)."""
        each = max(ROTATIONS * bench.bench.count, LEAST)
        start, done, part = time.perf_counter(), 0, 0.0
        while part < 1.0:
            at = self.begin + (1.0 - self.begin) * part
            penalty = self.penalties.at(at)
            bench.dear(penalty).anneal(self.temperatures.evenly(at), each)
            bench.exchange(penalty, self.weights.at(at), self.sharpness.at(at), TRIES)
            done += each
            part = 0.0 if moves is None else done / moves
            if deadline is not None:
                part = max(part, (time.perf_counter() - start) / max(deadline - start, 1e-9))
