"""Which products of a tree run natively, so that those that follow each other share one call.

A call of compiled code of our own has its price once, whatever the number of its steps, and a
program that holds nothing else runs in the thread that calls it, without waking another one. So
the choice is one for the whole tree: all products, or the stretches of them where it pays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from einlab.contraction import Term
from einlab.forms import ProductForm
from einlab.formsearch import form_seconds, lies_in, native_form
from einlab.permuting import FormCosts
from einlab.search.tree import Tree
from einlab.stepmodel import product_seconds

__all__ = ["join_native"]

MOST_PRODUCTS = 128
"""Products in a tree up to which all are looked at; of more, those of `LARGE` multiplications and
more alone, because small steps of so many share a loop of their own anyway."""
LARGE = 2**14
SURELY = 0.9
"""Of the seconds predicted without native products: with them it takes less, or there are none."""


def join_native(
    tree: Tree, orders: Sequence[Term], forms: Sequence[ProductForm | None], costs: FormCosts
) -> tuple[ProductForm | None, ...]:
    """The forms of a tree's products, some of them native where that is predicted to be faster.

    `orders` are the index orders of their results, `forms` what each would be by itself; none at
    all if every product has its default form, here and in the answer.

    >>> from einlab.contraction import Contraction
    >>> from einlab.permuting import form_costs
    >>> terms, shapes = (("i", "k"), ("k", "j")), ((64, 64), (64, 64))
    >>> c = Contraction(terms, ("i", "j"), shapes, ("float32",) * 2)
    >>> tree, costs = Tree(c, ((0, 1),)), form_costs("cpu", "float32")
    >>> [form and form.kind for form in join_native(tree, (("i", "j"),), (), costs)]
    ['native']
    """
    native, contraction = costs.native, tree.contraction
    if native is None or 0 in contraction.sizes.values():
        return tuple(forms)
    if _flops(tree) < costs.waking_from:
        return tuple(forms)
    choices = _choices(tree, orders, forms, costs)
    if _is_fused(tree, orders):
        natively = native.call + sum(choice.within for choice in choices)
        natively -= costs.touching(contraction.volume(contraction.output))
        if natively > FUSED * _in_one_pass(tree, costs):
            return tuple(forms)
        return tuple(choice.native for choice in choices)
    mixed = _cheapest(choices, native.call)
    if any(not chosen for chosen in mixed):
        every = [True] * len(choices)
        seconds = costs.waking + _seconds(choices, mixed, native.call)
        if _seconds(choices, every, native.call) < seconds:
            mixed = every
    waking = costs.waking * (not all(mixed))
    without = costs.waking + _seconds(choices, [False] * len(choices), native.call)
    if waking + _seconds(choices, mixed, native.call) > SURELY * without:
        mixed = [False] * len(choices)
    made = tuple(
        choice.native if chosen else choice.other
        for choice, chosen in zip(choices, mixed, strict=True)
    )
    return made if any(made) else ()


FUSED = 0.4
"""Of the seconds of element-wise products that XLA makes in one pass. In another program it would
make that one pass with what is beside them, too, so native code must be much faster: it is where
waking a thread takes longest, and for results so large that their pages do, which XLA takes in
small ones."""


def _flops(tree: Tree) -> int:
    """FLOPs of all products, as XLA counts them to see whether they are worth a thread."""
    terms, count = tree.terms, len(tree.contraction.terms)
    sizes, total = tree.contraction.network.sizes, 0
    for step, (left, right) in enumerate(tree.pairs):
        both = terms[left] | terms[right]
        total += math.prod(sizes[i] for i in both) * (1 + (both != terms[count + step]))
    return total


def _is_fused(tree: Tree, orders: Sequence[Term]) -> bool:
    """Whether products are element-wise and nothing is permuted.

    The compiler makes that one pass with what is beside it; native code keeps it apart.
    """
    sizes, terms = tree.contraction.sizes, (*tree.contraction.leaves, *orders)
    return all(
        any(set(terms[array]) == set(order) for array in pair)
        and all(lies_in(terms[array], order, sizes) for array in pair)
        for pair, order in zip(tree.pairs, orders, strict=True)
    )


def _in_one_pass(tree: Tree, costs: FormCosts) -> float:
    """Seconds of a program that reads all operands once and writes the result."""
    contraction = tree.contraction
    moved = sum(map(contraction.volume, (*contraction.leaves, contraction.output)))
    kept = costs.constants._replace(allocation=0.0)
    passing = product_seconds(kept, moved / 3.0, 1.0, 1.0, 1.0)
    return costs.waking + passing + costs.touching(contraction.volume(contraction.output))


class _Choice(NamedTuple):
    """A product in its two forms, with the seconds of each; a call is not counted."""

    other: ProductForm | None
    without: float
    native: ProductForm
    within: float


def _choices(
    tree: Tree, orders: Sequence[Term], forms: Sequence[ProductForm | None], costs: FormCosts
) -> list[_Choice]:
    """Every product, natively and in its best form beside that, as far as it is known."""
    assert costs.native is not None
    sizes, terms = tree.contraction.sizes, (*tree.contraction.leaves, *orders)
    forms = forms or (None,) * len(tree.pairs)
    volume, found = tree.contraction.volume, []
    for (left, right), order, form in zip(tree.pairs, orders, forms, strict=True):
        taken = terms[left], terms[right], order
        natively = native_form(*taken)
        other = None if form and form.kind == "native" else form
        without = within = 0.0
        if len(forms) > MOST_PRODUCTS and volume({*taken[0], *taken[1]}) < LARGE:
            within = math.inf if other == form else 0.0
        else:
            without = form_seconds(other, *taken, sizes, costs)
            within = form_seconds(natively, *taken, sizes, costs) - costs.native.call
        found.append(_Choice(other, without, natively, within))
    return found


def _cheapest(choices: Sequence[_Choice], call: float) -> list[bool]:
    """Which products are native so that the sum of all, with a call for each stretch, is least."""
    outside, inside = 0.0, call
    entered: list[tuple[bool, bool]] = []
    for choice in choices:
        come_out, come_in = inside < outside, outside + call < inside
        entered.append((come_out, come_in))
        outside, inside = (
            min(outside, inside) + choice.without,
            min(inside, outside + call) + choice.within,
        )
    chosen, native = [], inside < outside
    for come_out, come_in in reversed(entered):
        chosen.append(native)
        native = not come_in if native else come_out
    return chosen[::-1]


def _seconds(choices: Sequence[_Choice], chosen: Sequence[bool], call: float) -> float:
    """Seconds of all products, those chosen run natively."""
    total, before = 0.0, False
    for choice, native in zip(choices, chosen, strict=True):
        total += choice.within + call * (not before) if native else choice.without
        before = native
    return total
