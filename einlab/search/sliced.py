"""Slicing interleaved with refinement: each sliced index changes which tree is best.

After every index that is sliced the tree is reheated a little and its subtrees are solved again,
for the network in which that index has length 1. A new tree is taken if cheaper and no larger.
Trees of equal cost differ by orders of magnitude in what slicing them costs, so passes from fresh
trees take turns with passes from the best one. Source of the idea: Gray and Kourtis 2021
(Quantum 5, 410), section 5.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.anneal import Anneal
from einlab.search.bench import lay_out
from einlab.search.dissection import Dissection
from einlab.search.limits import Limits
from einlab.search.refine import Refine
from einlab.search.slicing import cheapest_index, slice_indices
from einlab.search.tree import Tree
from einlab.search.value import in_peak_order, largest_before_last, tree_value

__all__ = ["Sliced", "one_slice"]

MOVES_PER_OPERAND = 500  # after each slice
FRESH_MOVES_PER_OPERAND = 2000
REHEATED = 4.0  # inverse temperature: a move that doubles a price is taken once in sixteen times

SlicedTree = tuple[Tree, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Sliced:
    """A tree and the indices to slice so that it keeps its limits."""

    limits: Limits
    seed: int = 0

    def search(
        self, tree: Tree, objective: Objective, deadline: float | None = None
    ) -> SlicedTree | None:
        """A tree refined for its slices, and their indices; None if no slicing keeps the limits.

        Passes are made until `deadline` (perf_counter); without one there is one pass, from `tree`.
        After the deadline indices are still sliced, but nothing is refined.
        """
        best = self._pass(tree, objective, self.seed, deadline)
        if best is None:
            return None
        least, number = tree_value(best[0], objective, best[1]), 0
        while deadline is not None and time.perf_counter() < deadline:
            number += 1
            start, seed = best[0], self.seed + number
            if number % 2:
                start = self._fresh(tree.contraction, objective, seed, deadline)
            found = self._pass(start, objective, seed, deadline)
            if found is not None and tree_value(found[0], objective, found[1]) < least:
                best, least = found, tree_value(found[0], objective, found[1])
        return best

    def _fresh(
        self, contraction: Contraction, objective: Objective, seed: int, deadline: float
    ) -> Tree:
        bench = Dissection(1, seed).run(contraction, objective, deadline)
        Anneal(moves=FRESH_MOVES_PER_OPERAND * bench.count).run(bench, deadline)
        return bench.tree()

    def _pass(
        self, tree: Tree, objective: Objective, seed: int, deadline: float | None
    ) -> SlicedTree | None:
        """Slice one index after the other, refining between; give up those not needed."""
        chosen: list[int] = []
        while not self.limits.kept(tree, chosen):
            index = cheapest_index(tree, objective, chosen)
            if index is None:
                return None
            chosen.append(index)
            if deadline is None or time.perf_counter() < deadline:
                tree = self._refined(tree, objective, chosen, seed, deadline)
        needed = slice_indices(tree, objective, self.limits.kept, chosen)
        return None if needed is None else (tree, needed)

    def _refined(
        self,
        tree: Tree,
        objective: Objective,
        chosen: Collection[int],
        seed: int,
        deadline: float | None,
    ) -> Tree:
        """The tree annealed from a low temperature and refined, if that is no loss."""
        bench = lay_out(Tree(one_slice(tree.contraction, chosen), tree.pairs), objective, seed)
        moves = MOVES_PER_OPERAND * len(tree.pairs)
        Anneal(moves=moves, hottest=REHEATED).run(bench, deadline)
        Refine((8,)).run(bench, deadline)
        refined = Tree(tree.contraction, in_peak_order(bench.tree()).pairs)
        larger = largest_before_last(refined, chosen) > largest_before_last(tree, chosen)
        broken = self.limits.kept(tree, chosen) and not self.limits.kept(refined, chosen)
        dearer = tree_value(refined, objective, chosen) >= tree_value(tree, objective, chosen)
        return tree if larger or broken or dearer else refined


def one_slice(contraction: Contraction, chosen: Collection[int]) -> Contraction:
    """The contraction in which the chosen indices of the network have length 1.

    >>> c = Contraction((("i", "j"), ("j",)), ("i",), ((2, 3), (3,)), ("float32",) * 2)
    >>> one_slice(c, [1]).shapes
    ((2, 1), (1,))
    """
    names = tuple(contraction.sizes)
    gone = {names[index] for index in chosen}
    shapes = tuple(
        tuple(1 if index in gone else size for index, size in zip(term, shape, strict=True))
        for term, shape in zip(contraction.terms, contraction.shapes, strict=True)
    )
    return Contraction(contraction.terms, contraction.output, shapes, contraction.dtypes)
