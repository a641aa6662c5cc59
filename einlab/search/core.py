"""The core of a tree: what is left when every step that makes nothing larger is taken as done.

Such steps cost next to nothing and their results fit wherever their operands do, so searches for
slices leave them as they are: a raw circuit of 2,000 gates has a core of 300 arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from einlab.contraction import Contraction
from einlab.search.tree import Tree

__all__ = ["Core", "core_of"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Core:
    """A tree over the arrays that cheap steps at its leaves make, and these steps."""

    whole: Contraction
    inner: tuple[Pair, ...]
    """The steps at the leaves."""
    arrays: tuple[int, ...]
    """The number in the whole of each operand of the core."""
    tree: Tree

    def expand(self, tree: Tree) -> Tree:
        """The tree of the whole, from another tree of the core."""
        count, steps = len(self.whole.terms), list(self.inner)
        number = list(self.arrays)
        for left, right in tree.pairs:
            a, b = number[left], number[right]
            steps.append((min(a, b), max(a, b)))
            number.append(count + len(steps) - 1)
        return Tree(self.whole, tuple(steps))

    def numbers(self, indices: Iterable[int]) -> tuple[int, ...]:
        """The numbers in the whole of indices of the core, ascending."""
        place = {name: number for number, name in enumerate(self.whole.sizes)}
        names = tuple(self.tree.contraction.sizes)
        return tuple(sorted(place[names[index]] for index in indices))


def core_of(tree: Tree, most: float) -> Core:
    """Take the steps at the leaves that make nothing larger and multiply `most` times at most.

    >>> terms = ("i",), ("i", "j"), ("j", "k"), ("k", "i")
    >>> c = Contraction(terms, (), ((2,), (2, 3), (3, 4), (4, 2)), ("float32",) * 4)
    >>> core = core_of(Tree(c, ((0, 1), (2, 3), (4, 5))), 10)
    >>> core.inner, core.arrays, core.tree.contraction.terms
    (((0, 1),), (2, 3, 4), (('j', 'k'), ('i', 'k'), ('i', 'j')))
    """
    whole, count = tree.contraction, len(tree.contraction.terms)
    done, sizes = [True] * count, whole.network.sizes
    for step, (left, right) in enumerate(tree.pairs):
        small = done[left] and done[right]
        if small:
            product = math.prod(sizes[index] for index in tree.terms[left] | tree.terms[right])
            larger = max(tree.volume(left), tree.volume(right))
            small = product <= most and tree.volume(count + step) <= larger
        done.append(small)
    number = list(range(count))
    inner: list[Pair] = []
    for step, (left, right) in enumerate(tree.pairs):
        number.append(-1)
        if done[count + step]:
            a, b = number[left], number[right]
            inner.append((min(a, b), max(a, b)))
            number[-1] = count + len(inner) - 1
    outer = [pair for step, pair in enumerate(tree.pairs) if not done[count + step]]
    leaves = sorted({a for pair in outer for a in pair if done[a]}, key=number.__getitem__)
    leaves = leaves or [len(tree.terms) - 1]
    place = {array: at for at, array in enumerate(leaves)}
    pairs: list[Pair] = []
    for step, (left, right) in enumerate(tree.pairs):
        if not done[count + step]:
            a, b = place[left], place[right]
            pairs.append((min(a, b), max(a, b)))
            place[count + step] = len(leaves) + len(pairs) - 1
    core = _contraction(whole, [tree.terms[array] for array in leaves])
    arrays = tuple(number[array] for array in leaves)
    return Core(whole, tuple(inner), arrays, Tree(core, tuple(pairs)))


def _contraction(whole: Contraction, terms: list[frozenset[int]]) -> Contraction:
    """A contraction with the output of the whole over arrays of these indices."""
    names, sizes = tuple(whole.sizes), whole.network.sizes
    held = {index for term in terms for index in term}
    ordered = [sorted(term) for term in terms]
    return Contraction(
        tuple(tuple(names[index] for index in term) for term in ordered),
        tuple(names[index] for index in whole.network.output if index in held),
        tuple(tuple(sizes[index] for index in term) for term in ordered),
        ("float32",) * len(terms),
    )
