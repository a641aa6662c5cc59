"""Changing a tree piece by piece while the value of the whole falls.

An exact search knows the price of a product from its volumes alone. What a plan takes depends on
more: on index orders, which a permutation somewhere pays for, and on the forms of its products. So
trees next to a good one are tried as whole plans: a product of three parts can be made in three
ways, and the neighbours of a tree are those in which one product of one product is made otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from einlab.search.tree import Tree

__all__ = ["exchanged", "neighbours"]

Part = int | tuple["Part", "Part"]
"""An operand by its number, or the product of two parts."""


def exchanged(
    tree: Tree,
    value: Callable[[Tree], float],
    trials: int,
    promising: Callable[[Tree], bool] = lambda tree: True,
) -> Tree:
    """The best tree found by exchanges, each of which lowers the value; at most so many are tried.

    Trees that are not `promising` are passed over and do not count: a value may take long to find.

    >>> from einlab.contraction import Contraction
    >>> terms, shapes = (("i", "j"), ("j", "k"), ("k",)), ((9, 8), (8, 7), (7,))
    >>> c = Contraction(terms, ("i",), shapes, ("float32",) * 3)
    >>> exchanged(Tree(c, ((0, 1), (2, 3))), lambda tree: tree.multiplications, 10).path
    ((1, 2), (0, 1))
    """
    best, least = tree, value(tree)
    going = True
    while going and trials > 0:
        going = False
        for other in neighbours(best):
            if trials <= 0:
                break
            if not promising(other):
                continue
            trials -= 1
            found = value(other)
            if found < least:
                best, least, going = other, found, True
                break
    return best


def neighbours(tree: Tree) -> Iterator[Tree]:
    """The trees in which one product of a product and a third part is made in another order.

    >>> from einlab.contraction import Contraction
    >>> terms = (("i",), ("i",), ("i",), ("i",))
    >>> c = Contraction(terms, (), ((2,),) * 4, ("float32",) * 4)
    >>> len(list(neighbours(Tree(c, ((0, 1), (2, 3), (4, 5))))))
    4
    """
    count = len(tree.contraction.terms)
    parts: list[Part] = list(range(count))
    for left, right in tree.pairs:
        parts.append((parts[left], parts[right]))
    for changed in _changed(parts[-1]):
        yield replace(tree, pairs=_pairs(changed, count))


def _changed(part: Part) -> Iterator[Part]:
    """The part with one exchange at its root or below."""
    if isinstance(part, int):
        return
    left, right = part
    for one, other in ((left, right), (right, left)):
        if not isinstance(one, int):
            first, second = one
            yield ((first, other), second)
            yield ((second, other), first)
    for changed in _changed(left):
        yield (changed, right)
    for changed in _changed(right):
        yield (left, changed)


def _pairs(whole: Part, count: int) -> tuple[tuple[int, int], ...]:
    """The pairs that make the whole, each product after its parts."""
    pairs: list[tuple[int, int]] = []

    def made(part: Part) -> int:
        if isinstance(part, int):
            return part
        pairs.append((made(part[0]), made(part[1])))
        return count + len(pairs) - 1

    made(whole)
    return tuple(pairs)
