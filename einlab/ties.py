"""Of trees that multiply as little as each other, the one that moves least.

Which of two indices is summed first often changes no FLOP, but decides whether the largest array
lies as its product takes it, or has to be permuted first.
"""

from __future__ import annotations

import math
from functools import lru_cache

from einlab.arranging import KnownForms, arrange, seconds_of
from einlab.exchanging import exchanged
from einlab.permuting import FormCosts
from einlab.search.tree import Tree

__all__ = ["of_least_moving"]

WORTH = 2**16
"""Multiplications of a tree from which on others of as many are looked at."""
MOST_OPERANDS = 16
MOST_TRIALS = 40
"""Exchanges tried, at about 0.3 ms each for those that multiply as little."""
SURELY = 0.95
"""Of the seconds predicted for the tree given: one that is predicted to take more is kept out."""


def of_least_moving(tree: Tree, costs: FormCosts) -> Tree:
    """The tree, or one reached by exchanges that multiplies as little and is predicted faster.

    >>> from dataclasses import replace
    >>> from einlab.contraction import Contraction
    >>> from einlab.permuting import form_costs
    >>> terms, shapes = tuple(map(tuple, ("abcd", "ic", "jd"))), ((28,) * 4, (28,) * 2, (28,) * 2)
    >>> c = Contraction(terms, tuple("ijab"), shapes, ("float32",) * 3)
    >>> xla = replace(form_costs("cpu", "float32"), native=None)
    >>> of_least_moving(Tree(c, ((0, 1), (2, 3))), xla).path
    ((0, 2), (0, 1))
    """
    least, contraction = tree.multiplications, tree.contraction
    if least < WORTH or not 3 <= len(contraction.terms) <= MOST_OPERANDS:
        return tree
    known: KnownForms = {}

    @lru_cache(maxsize=MOST_TRIALS + 2)
    def seconds(pairs: tuple[tuple[int, int], ...]) -> float:
        one = Tree(contraction, pairs)
        if one.multiplications > least:
            return math.inf
        return seconds_of(one, arrange(one, costs, known), costs)

    best = exchanged(tree, lambda one: seconds(one.pairs), MOST_TRIALS)
    return best if seconds(best.pairs) < SURELY * seconds(tree.pairs) else tree
