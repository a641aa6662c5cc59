"""Operands whose own steps (a diagonal, a sum, a permutation) run in compiled code of our own.

Those of an operand that a native product takes belong to that product's call. The others are
chosen here, one operand by itself: a call of them against XLA's operations.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from einlab.arranging import KnownForms, arrange
from einlab.contraction import Contraction, Term
from einlab.forms import ProductForm
from einlab.permuting import FormCosts
from einlab.predicting import work_seconds
from einlab.search.tree import Tree
from einlab.steps import build_steps
from einlab.stepwork import work_of

__all__ = ["arrangement", "native_operands"]


def arrangement(tree: Tree, costs: FormCosts, known: KnownForms | None = None) -> dict[str, Any]:
    """The fields of a plan that say how a tree runs: index orders, forms, native operands.

    >>> from einlab.permuting import form_costs
    >>> c = Contraction((("i", "j"),), ("j", "i"), ((2000, 2000),), ("float32",))
    >>> arrangement(Tree(c, ()), form_costs("cpu", "float32"))["native_operands"]
    (0,)
    """
    made = arrange(tree, costs, known)
    return {
        "orders": made.orders,
        "product_forms": made.forms,
        "native_operands": native_operands(tree, made.forms, costs),
    }


def native_operands(
    tree: Tree, forms: tuple[ProductForm | None, ...], costs: FormCosts
) -> tuple[int, ...]:
    """The operands whose own steps are predicted to be faster in a native call.

    `forms` are those of the tree's products, none at all if all are the default.

    >>> from einlab.permuting import form_costs
    >>> c = Contraction((("i", "j"),), ("i",), ((90, 90),), ("float32",))
    >>> native_operands(Tree(c, ()), (), form_costs("cpu", "float32"))
    (0,)
    """
    contraction = tree.contraction
    if costs.native is None or 0 in contraction.sizes.values():
        return ()
    alone = not tree.pairs
    made_by_xla = {0} if alone else _taken_by_xla(tree, forms)
    found = []
    for operand, term in enumerate(contraction.squeezed):
        result = contraction.output if alone else contraction.leaves[operand]
        if term != result and operand in made_by_xla:
            sizes = tuple(contraction.sizes[index] for index in term)
            if _is_faster(term, result, sizes, costs, alone):
                found.append(operand)
    return tuple(found)


def _taken_by_xla(tree: Tree, forms: tuple[ProductForm | None, ...]) -> set[int]:
    """The arrays that products take which do not run natively."""
    every = forms or (None,) * len(tree.pairs)
    return {
        array
        for pair, form in zip(tree.pairs, every, strict=True)
        if form is None or form.kind != "native"
        for array in pair
    }


@lru_cache(maxsize=4096)
def _is_faster(
    term: Term, result: Term, shape: tuple[int, ...], costs: FormCosts, alone: bool
) -> bool:
    """Whether one operand is brought from a term to another faster in a native call.

    Operations of XLA run as part of a program: what starting them takes is not counted, and the
    thread that calls is woken for a program of this operand alone, if that computes.
    """
    assert costs.native is not None
    dtype = "float32" if costs.native.itemsize == 4.0 else "float64"
    tree = Tree(Contraction((term,), result, (shape,), (dtype,)), ())
    plain, native = (
        [work_of(step) for step in build_steps(tree, (), dtype, native=operands)]
        for operands in ((), (0,))
    )
    within = costs.native.call + costs.touching(math.prod(tree.contraction.shape))
    within += sum(work_seconds(costs.constants, work, None, costs.native) for work in native)
    without = sum(work_seconds(costs.constants, work) - costs.constants.launch for work in plain)
    without *= costs.overrun
    if alone and sum(work.flops for work in plain) >= costs.waking_from:
        without += costs.waking
    return within < without
