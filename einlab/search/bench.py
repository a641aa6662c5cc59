"""A tree on the bench: arrays that compiled searches rewrite in place, and the prices they pay.

The bench is where annealing and refinement meet: each takes a bench, works on it in calls
of some milliseconds, so that the clock is read and Ctrl-C is heard, and leaves a valid tree after
each call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from threading import Event
from typing import NamedTuple

import numpy as np

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.bits import Floats, Ints, Packed, Words, pack, pairs_of
from einlab.search.tree import Tree

__all__ = ["Bench", "Prices", "lay_out", "plant", "prices_of", "searchable", "worth"]

SIZE_POWER = 2.0  # the largest of some volumes is sought through the sum of their squares
TRIFLE = 2.0**-20  # of the price of an element: a multiplication, where results alone count
LARGEST_EXPONENT = 900.0  # of two; prices above are scaled into the range of a float


class Prices(NamedTuple):
    """What a step costs: a price for each multiplication and each element of its result.

    Volumes are raised to `power` and scaled by 2**-shift. A step whose result is larger than the
    limit costs more.
    """

    multiply: float
    """Per multiplication in a step that sums."""
    outer: float
    """Per multiplication in a step that sums nothing."""
    element: float
    """Per element of the result, for writing it and reading it once."""
    power: float
    shift: float
    limit: float = math.inf
    """log2 of the elements above which a result makes its step dearer."""
    penalty: float = 0.0
    """By how many bits, for each bit above."""


class _Arrays(NamedTuple):
    """A binary tree over n operands; arrays 0 … n - 1 are operands, 2n - 2 is the root."""

    sets: Words
    """(2n - 1, words): the indices of each array."""
    children: Ints
    """(2n - 1, 2): the two arrays that each result is made of; -1 for operands."""
    parents: Ints
    """(2n - 1,): the result that each array goes into; -1 for the root."""
    costs: Floats
    """(2n - 1,): the price of the step that makes each result; 0 for operands."""
    held: Floats
    """(2n - 1,): the part of that price which the result itself has."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A contraction, prices, and a tree that changes in place."""

    contraction: Contraction
    packed: Packed
    prices: Prices
    arrays: _Arrays
    random: Words
    """(1,): the state of the random numbers."""
    stopped: Event = field(default_factory=Event)
    """Set, work on the bench and its copies ends with an exception: another thread was stopped."""

    @property
    def count(self) -> int:
        """Number of operands."""
        return len(self.packed.leaves)

    @property
    def total(self) -> float:
        """The sum of all prices."""
        return float(self.arrays.costs.sum())

    @property
    def stride(self) -> int:
        """Moves that take some 10 ms, by the number of words."""
        words: int = self.packed.leaves.shape[1]
        return 3_000_000 // (8 + words)

    def tree(self) -> Tree:
        """The tree as it stands."""
        return Tree(self.contraction, pairs_of(self.arrays.children))

    def copy(self) -> Bench:
        """The same tree and random state in arrays of their own."""
        arrays = _Arrays._make(array.copy() for array in self.arrays)
        return replace(self, arrays=arrays, random=self.random.copy())

    def part(self, packed: Packed, children: Ints) -> Bench:
        """A bench at the same prices with a tree over other arrays of the same network."""
        other = replace(self, packed=packed, arrays=_planted(packed, children))
        other.price()
        return other

    def priced(self, prices: Prices) -> Bench:
        """A bench of these very arrays at other prices; call `price` here when it is done with."""
        other = replace(self, prices=prices)
        other.price()
        return other

    def price(self) -> None:
        """Work out the price of every step anew."""
        from einlab.search import anneal_kernels

        sets, children, _, costs, held = self.arrays
        anneal_kernels.price(sets, children, *self.packed.weights, *self.prices, costs, held)

    def take(self, other: Bench) -> None:
        """Make this the tree of another bench of the same contraction; keep the random state."""
        for mine, theirs in zip(self.arrays, other.arrays, strict=True):
            mine[...] = theirs

    def anneal(self, beta: float, moves: int) -> int:
        """Try that many rotations at inverse temperature `beta`; return how many were taken.

        At beta = inf only rotations are taken that raise no price.
        """
        from einlab.search import anneal_kernels

        self._go_on()
        taken: int = anneal_kernels.anneal(
            *self.arrays, *self.packed.weights, *self.prices, self.random, beta, moves
        )
        return taken

    def refine(self, roots: Ints, width: int) -> int:
        """Solve the subtrees of up to `width` operands below `roots`; return how many improved."""
        from einlab.search import refine_kernels

        self._go_on()
        improved: int = refine_kernels.refine(
            *self.arrays, *self.packed.weights, *self.prices, roots, width
        )
        return improved

    def _go_on(self) -> None:
        if self.stopped.is_set():
            raise KeyboardInterrupt


def worth(bench: Bench) -> float:
    """log2 of the price of the tree on a bench; infinite where it is out of range."""
    total = bench.total
    return math.log2(max(total, 1e-300)) + bench.prices.shift if total < math.inf else math.inf


def searchable(contraction: Contraction) -> bool:
    """Whether a tree can matter: at least three operands, and no size 0 or only sizes 1."""
    network = contraction.network
    sizes = [network.sizes[index] for term in network.terms for index in term]
    return len(network.terms) > 2 and min(sizes, default=0) > 0 and max(sizes) > 1


def prices_of(objective: Objective, shift: float = 0.0) -> Prices:
    """The prices that stand for an objective.

    The largest intermediate is stood for by the sum of the squares of all results, the peak by
    their plain sum, both with a trifle for the products, which tells trees apart whose results are
    alike. What operands and steps cost as such is the same for every tree.
    """
    if not objective.adds:
        power = SIZE_POWER if objective.combine == "max" else 1.0
        return Prices(TRIFLE**power, TRIFLE**power, 1.0, power, power * shift)
    element = objective.write + objective.read
    return Prices(float(objective.multiply), float(objective.outer), float(element), 1.0, shift)


def lay_out(tree: Tree, objective: Objective, seed: int = 0) -> Bench:
    """A bench with a tree on it."""
    packed = pack(tree.contraction.network)
    children = np.full((2 * len(packed.leaves) - 1, 2), -1, np.int64)
    children[len(packed.leaves) :] = np.array(tree.pairs, np.int64).reshape(-1, 2)
    return plant(tree.contraction, packed, children, objective, seed)


def plant(
    contraction: Contraction, packed: Packed, children: Ints, objective: Objective, seed: int = 0
) -> Bench:
    """A bench with a tree given by the `children` of its arrays, each made before it is used."""
    bench = Bench(
        contraction,
        packed,
        prices_of(objective),
        _planted(packed, children),
        np.array([seed % 2**64], np.uint64),
    )
    bench.price()
    if np.max(bench.arrays.costs) <= 2.0**LARGEST_EXPONENT:
        return bench
    root = 1 / 16  # of each price, to see how far it is out of range: infinite, or not a number
    largest = float(np.max(bench.priced(Prices(1.0, 1.0, 1.0, root, 0.0)).arrays.costs))
    return bench.priced(prices_of(objective, math.log2(largest) / root - LARGEST_EXPONENT))


def _planted(packed: Packed, children: Ints) -> _Arrays:
    """The arrays of a tree, without prices."""
    from einlab.search import anneal_kernels

    count, words = packed.leaves.shape
    size = 2 * count - 1
    sets = np.zeros((size, words), np.uint64)
    sets[:count] = packed.leaves
    parents = np.full(size, -1, np.int64)
    anneal_kernels.plant(packed.output, children, parents, sets)
    return _Arrays(sets, children, parents, np.zeros(size), np.zeros(size))
