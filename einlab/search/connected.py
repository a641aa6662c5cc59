"""Exact among orders without outer products: a dynamic programme over connected sets of operands.

A set of operands is connected if one gets from each to any other by shared indices. Trees, rings,
ladders and other networks of small width have few connected sets, of which few again can be part
of a tree that is better than a known one; then dozens of operands are solved in milliseconds. Sets
are made level by level, by the number of their operands, from all pairs of smaller ones that are
disjoint and share an index. Source of the scheme: Pfeifer, Haegeman and Verstraete 2014 (Phys. Rev.
E 90, 033315), who raise a cap on cost; here the cap is the value of a greedy tree whose subtrees
are solved exactly, outer products included, so that the answer is at least as good as that tree.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from einlab.contraction import Contraction, Network
from einlab.errors import ArgumentError
from einlab.objectives import Objective
from einlab.search.exact import at_least, prices
from einlab.search.greedy import Greedy
from einlab.search.subsets import Floats, Masks
from einlab.search.subtrees import Subtrees
from einlab.search.tree import Tree
from einlab.search.value import tree_value

__all__ = ["CONNECTED_PAYS", "Connected", "sets_within"]

Pair = tuple[int, int]

LARGEST = 62  # operands: a set is a word
BLOCK = 1 << 18  # pairs looked at together
ROUNDING = 1e-9
TRIALS = 8
EXPONENTS = 1000.0  # of two: volumes stay within the range of a float
PAIR_SECONDS = 1e-8  # of a pair of connected sets
CONNECTED_PAYS = 0.03  # seconds: above, connected sets are tried


@dataclass(frozen=True, slots=True)
class Connected:
    """The best tree without outer products, or a better one with some, if sets are few enough.

    For objectives that are sums; up to 62 operands that are connected.
    """

    most: int = 10_000
    """Sets that are kept; with so many the search takes about a second."""

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree. Raises ArgumentError if the network has too many connected sets."""
        tree = self.attempt(contraction, objective, Greedy(TRIALS).search(contraction, objective))
        if tree is None:
            raise ArgumentError(
                f"the {len(contraction.terms)} operands are not connected by indices, or have more "
                f"than {self.most:,} connected sets of use: use optimize='auto'"
            )
        return tree

    def attempt(
        self,
        contraction: Contraction,
        objective: Objective,
        start: Tree,
        deadline: float | None = None,
    ) -> Tree | None:
        """The best tree if that can be said by `deadline` (perf_counter), from a known one."""
        count = len(contraction.terms)
        if not 2 < count <= LARGEST or not objective.adds or 0 in contraction.sizes.values():
            return None
        start = Subtrees(8).improve(start, objective, deadline)
        value = tree_value(start, objective)
        if value >= 2**900:
            return None
        sets = _Sets(contraction.network, objective, float(value), self.most)
        if not sets.is_connected or not sets.grow(deadline):
            return None
        pairs = sets.pairs()
        found = start if pairs is None else Tree(contraction, pairs)
        return min(found, start, key=lambda tree: tree_value(tree, objective))


def sets_within(seconds: float) -> int:
    """How many connected sets can be made in some seconds; their pairs are what takes time."""
    return min(int(math.sqrt(seconds / PAIR_SECONDS)), Connected().most)


@dataclass(frozen=True, eq=False)
class _Level:
    """Connected sets of equally many operands, with their best trees."""

    masks: Masks
    near: Masks
    """The operands that share an index with some member."""
    volume: Floats
    summed: Floats
    value: Floats
    halves: Masks
    """(sets, 2): the masks of both halves."""


class _Sets:
    """The connected sets of one network that trees below a value can hold."""

    def __init__(self, network: Network, objective: Objective, bound: float, most: int) -> None:
        self.objective, self.bound, self.most = objective, bound * (1 + ROUNDING), most
        self.count = len(network.terms)
        long = [i for i, size in enumerate(network.sizes) if size > 1]
        place = {index: column for column, index in enumerate(long)}
        self.holds = np.zeros((self.count, len(long)))
        for operand, term in enumerate(network.terms):
            self.holds[operand, [place[index] for index in term if index in place]] = 1.0
        self.logs = np.log2([float(network.sizes[index]) for index in long])
        self.holders = self.holds.sum(axis=0)
        self.holders[[place[index] for index in network.output if index in place]] += 1.0
        shared = (self.holds @ self.holds.T) > 0
        bits = np.left_shift(np.int64(1), np.arange(self.count))
        self.neighbours = (shared * bits).sum(axis=1) & ~bits
        self.floor = at_least(objective)
        self.levels = [self._singles(bits)]

    @property
    def is_connected(self) -> bool:
        """Whether all operands are."""
        reached, full = 1, (1 << self.count) - 1
        while True:
            wider = reached
            for operand in range(self.count):
                if reached >> operand & 1:
                    wider |= int(self.neighbours[operand])
            if wider == reached:
                return reached == full
            reached = wider

    def _singles(self, bits: Masks) -> _Level:
        volume, summed = self._volumes(bits)
        zeros = np.zeros(self.count)
        return _Level(bits, self.neighbours, volume, summed, zeros, np.stack([bits, bits], 1))

    def _members(self, masks: Masks) -> Floats:
        held: NDArray[np.int64] = (masks[:, None] >> np.arange(self.count)) & 1
        return held.astype(np.float64)

    def _volumes(self, masks: Masks) -> tuple[Floats, Floats]:
        """Volumes of the result of each set, and of the indices summed within it."""
        held = self._members(masks) @ self.holds
        summed = (held == self.holders).astype(np.float64) @ self.logs
        volume = ((held > 0) & (held < self.holders)).astype(np.float64) @ self.logs
        return _whole(volume), _whole(summed)

    def grow(self, deadline: float | None = None) -> bool:
        """Make all levels; False if there are too many sets, or time is up."""
        kept = self.count
        for size in range(2, self.count + 1):
            level = self._level(size, deadline)
            if level is None:
                return False
            kept += len(level.masks)
            if kept > self.most:
                return False
            self.levels.append(level)
        return True

    def _level(self, size: int, deadline: float | None) -> _Level | None:
        """The sets of `size` operands, each with the cheapest of its splits; None if too late."""
        found = list[tuple[Masks, Masks, Floats]]()
        for part in range(1, size // 2 + 1):
            if deadline is not None and time.perf_counter() > deadline:
                return None
            found.append(self._joined(self.levels[part - 1], self.levels[size - part - 1]))
        masks, halves, values = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.lexsort((values, masks))
        masks, halves, values = masks[order], halves[order], values[order]
        first = np.ones(len(masks), np.bool_)
        first[1:] = masks[1:] != masks[:-1]
        masks, halves, values = masks[first], halves[first], values[first]
        volume, summed = self._volumes(masks)
        near = np.zeros(len(masks), np.int64)
        for operand in range(self.count):
            near |= np.where(masks >> operand & 1, self.neighbours[operand], 0)
        return _Level(masks, near & ~masks, volume, summed, values, halves)

    def _joined(self, left: _Level, right: _Level) -> tuple[Masks, Masks, Floats]:
        """The unions of disjoint neighbours that are worth keeping: masks, halves, values."""
        rows = max(BLOCK // max(len(right.masks), 1), 1)
        found: list[tuple[Masks, Masks, Floats]] = []
        for begin in range(0, len(left.masks), rows):
            some = slice(begin, begin + rows)
            other = right.masks[None, :]
            fits = (left.masks[some, None] & other == 0) & (left.near[some, None] & other != 0)
            fits &= left.value[some, None] + right.value[None, :] <= self.bound
            a, b = np.nonzero(fits)
            found.append(self._priced(left, right, a + begin, b))
        if not found:
            nothing = np.zeros(0, np.int64)
            return nothing, np.zeros((0, 2), np.int64), np.zeros(0)
        masks, halves, values = (np.concatenate(column) for column in zip(*found, strict=True))
        return masks, halves, values

    def _priced(
        self, left: _Level, right: _Level, a: Masks, b: Masks
    ) -> tuple[Masks, Masks, Floats]:
        masks = left.masks[a] | right.masks[b]
        unions, which = np.unique(masks, return_inverse=True)
        volume, summed = self._volumes(unions)
        result, k = volume[which], summed[which] / (left.summed[a] * right.summed[b])
        sides = left.volume[a], right.volume[b]
        values = left.value[a] + right.value[b]
        values = values + prices(self.objective, np.round(k), result, *sides)
        floor = self.floor
        least = min(floor.multiply, floor.outer) + floor.read  # of the step that uses the result
        last = masks == (1 << self.count) - 1
        keep = values + np.where(last, 0.0, least * result + floor.step) <= self.bound
        return masks[keep], np.stack([left.masks[a], right.masks[b]], 1)[keep], values[keep]

    def pairs(self) -> tuple[Pair, ...] | None:
        """The steps of the best tree; None if none is below the bound."""
        if not len(self.levels[-1].masks):
            return None
        halves = {
            mask: half
            for level in self.levels[1:]
            for mask, half in zip(level.masks.tolist(), level.halves.tolist(), strict=True)
        }
        made: list[Pair] = []

        def build(mask: int) -> int:
            if mask & (mask - 1) == 0:
                return mask.bit_length() - 1
            arrays = [build(half) for half in halves[mask]]
            made.append((min(arrays), max(arrays)))
            return self.count + len(made) - 1

        build((1 << self.count) - 1)
        return tuple(made)


def _whole(logs: Floats) -> Floats:
    """Whole numbers from their logarithms."""
    numbers: Floats = np.round(np.exp2(np.minimum(logs, EXPONENTS)))
    return numbers
