"""Subtrees solved exactly, one after the other, without compiled code: for a few dozen operands."""

from __future__ import annotations

import time
from dataclasses import dataclass

from einlab.contraction import Network
from einlab.objectives import Objective
from einlab.search.exact import best_pairs
from einlab.search.tree import Tree
from einlab.search.value import tree_value

__all__ = ["Subtrees"]

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Subtrees:
    """Every subtree of at most `width` operands solved exactly, until none improves.

    A subtree is cut out below a step by opening its largest results. One of 8 operands takes about
    half a millisecond, one of 10 two, one of 12 ten.
    """

    width: int = 9

    def improve(self, tree: Tree, objective: Objective, deadline: float | None = None) -> Tree:
        """A tree of no more value, by `deadline` (perf_counter) or when no subtree improves."""
        count = len(tree.contraction.terms)
        value, step = tree_value(tree, objective), 0
        while step < len(tree.pairs):
            if deadline is not None and time.perf_counter() > deadline:
                break
            root = count + len(tree.pairs) - 1 - step
            changed = self._solved(tree, root, objective)
            better = value if changed is tree else tree_value(changed, objective)
            step += 1
            if better < value:
                tree, value, step = changed, better, 0
        return tree

    def _solved(self, tree: Tree, root: int, objective: Objective) -> Tree:
        """The tree with the part below one result solved exactly; itself if that is nothing new."""
        leaves = self._cut(tree, root)
        if len(leaves) < 3:
            return tree
        terms = tuple(tuple(sorted(tree.terms[leaf])) for leaf in leaves)
        output = tuple(sorted(tree.terms[root]))
        network = Network(terms, output, tree.contraction.network.sizes)
        return _grafted(tree, root, leaves, best_pairs(network, objective))

    def _cut(self, tree: Tree, root: int) -> list[int]:
        """The arrays at which the part below `root` is cut off, largest results opened first."""
        count = len(tree.contraction.terms)
        leaves, cut = [root], list[int]()
        while leaves and len(leaves) + len(cut) < self.width:
            leaves.sort(key=tree.volume)
            largest = leaves.pop()
            if largest < count:
                cut.append(largest)
            else:
                leaves += tree.pairs[largest - count]
        return sorted(leaves + cut)


def _grafted(tree: Tree, root: int, leaves: list[int], inner: tuple[Pair, ...]) -> Tree:
    """The tree whose part between `root` and `leaves` has the steps `inner`."""
    count = len(tree.contraction.terms)
    made: list[Pair] = []
    known: dict[int, int] = {}

    def add(left: int, right: int) -> int:
        made.append((min(left, right), max(left, right)))
        return count + len(made) - 1

    def build(array: int) -> int:
        if array < count:
            return array
        if array in known:
            return known[array]
        if array == root:
            number = [build(leaf) for leaf in leaves]
            for left, right in inner:
                number.append(add(number[left], number[right]))
            known[array] = number[-1]
        else:
            left, right = tree.pairs[array - count]
            known[array] = add(build(left), build(right))
        return known[array]

    build(count + len(tree.pairs) - 1)
    return Tree(tree.contraction, tuple(made))
