"""Index orders: in which order the axes of every intermediate lie in memory.

A step is one product of fused axes, so it runs without a permutation where the indices of each role
(batch, m, k, n) stand together in its operands and in its result. The orders are chosen from the
result backwards: each step asks of its operands the order that suits it, and an intermediate takes
the order asked if its own product can deliver it, else the one that its product gives for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from einlab.contraction import Term
from einlab.search.tree import Tree

__all__ = ["Roles", "choose_orders", "roles"]


@dataclass(frozen=True, slots=True)
class Roles:
    """Indices of a product by role, each role in the order in which its axes are fused."""

    batch: Term
    """In both operands and in the result."""
    m: Term
    """In the left operand and in the result."""
    k: Term
    """In both operands, summed."""
    n: Term
    """In the right operand and in the result."""

    @property
    def natural(self) -> Term:
        """The order of the result that the product gives without a permutation."""
        return self.batch + self.m + self.n


def roles(left: Term, right: Term, result: Term) -> Roles:
    """The roles in a product; batch, m and n follow the result, k follows the left operand.

    >>> roles(("b", "i", "k"), ("k", "j", "b"), ("b", "j", "i"))
    Roles(batch=('b',), m=('i',), k=('k',), n=('j',))
    """
    in_left, in_right, kept = set(left), set(right), set(result)
    return Roles(
        batch=tuple(i for i in result if i in in_left and i in in_right),
        m=tuple(i for i in result if i not in in_right),
        k=tuple(i for i in left if i not in kept),
        n=tuple(i for i in result if i not in in_left),
    )


def choose_orders(tree: Tree) -> tuple[Term, ...]:
    """The order of the result of each step, in the order of the steps; the last is the output's.

    >>> from einlab.contraction import Contraction
    >>> c = Contraction(
    ...     (("i", "j"), ("j", "k"), ("k", "l")), ("l", "i"), ((2, 2),) * 3, ("float32",) * 3
    ... )
    >>> choose_orders(Tree(c, ((0, 1), (2, 3))))
    (('i', 'k'), ('l', 'i'))
    """
    contraction = tree.contraction
    names = tuple(contraction.sizes)
    count = len(contraction.terms)
    asked: dict[int, Term] = {count + len(tree.pairs) - 1: contraction.output}
    for step in reversed(range(len(tree.pairs))):
        result = asked[count + step]
        operands = tree.pairs[step]
        terms = [
            contraction.leaves[array]
            if array < count
            else tuple(names[index] for index in sorted(tree.terms[array]))
            for array in operands
        ]
        given = [term for array, term in zip(operands, terms, strict=True) if array < count]
        longest = max(given or terms, key=len)
        summed = tuple(index for index in longest if index not in result)
        for array, term, other in zip(operands, terms, reversed(terms), strict=True):
            if array >= count:
                asked[array] = _ask(tree, names, array, term, other, result, summed)
    return tuple(asked[count + step] for step in range(len(tree.pairs)))


def _ask(
    tree: Tree,
    names: tuple[str, ...],
    array: int,
    term: Term,
    other: Term,
    result: Term,
    summed: Term,
) -> Term:
    """The order that a product asks of an intermediate: one that comes without a permutation."""
    held, others = set(term), set(other)
    batch = tuple(index for index in result if index in held and index in others)
    free = tuple(index for index in result if index in held and index not in others)
    wishes = (batch + free + summed, batch + summed + free)
    left, right = tree.pairs[array - len(tree.contraction.terms)]
    first = {names[index] for index in tree.terms[left]}
    second = {names[index] for index in tree.terms[right]}
    for one, other_one in ((first, second), (second, first)):
        for wish in wishes:
            if _is_natural(wish, one, other_one):
                return wish
    return wishes[0]


def _is_natural(order: Iterable[str], left: set[str], right: set[str]) -> bool:
    """Whether batch indices stand first, then the left operand's, then the right's."""
    ranks = [0 if i in left and i in right else 1 if i in left else 2 for i in order]
    return ranks == sorted(ranks)
