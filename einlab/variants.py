"""Other plans of a contraction, which may be faster than the one that is predicted to be.

What the model says is right in the mean and wrong by a half for one product in ten, so the few
plans that promise most are worth a measurement: other orders of the products, the plain form of
all, and for the products that take longest the forms that come next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from einlab.exchanging import neighbours
from einlab.forms import ProductForm
from einlab.formsearch import forms_by_promise
from einlab.lone import arrangement
from einlab.orders import choose_orders
from einlab.permuting import costs_of
from einlab.planning import Plan, make_plan
from einlab.search.tree import Tree
from einlab.settings import Settings

__all__ = ["other_forms", "other_orders"]

OBJECTIVES = ("flops", "combo", "size")
"""What else an order is searched by."""
DEARER = 1.5
"""Times the multiplications of the plan: orders of more are not tried."""
MOST_ORDERS = 8
MOST_PRODUCTS = 4
"""Products of a plan whose forms are tried, those of most operations and entries."""
MOST_FORMS = 4
"""Forms of one product that are tried."""


def other_orders(plan: Plan, settings: Settings) -> list[Plan]:
    """Plans along other orders, and the plan with every product in its plain form.

    >>> from einlab.planning import plan
    >>> p = plan("ij,jk,kl->il", (6, 5), (5, 4), (4, 3))
    >>> [other.path for other in other_orders(p, Settings())]
    [[(0, 1), (0, 1)]]
    """
    found = {_how(plan): plan}
    for one in (_plain(plan), *_along(plan, settings)):
        found.setdefault(_how(one), one)
        if len(found) > MOST_ORDERS:
            break
    return list(found.values())[1:]


def _how(plan: Plan) -> tuple[object, ...]:
    """What of a plan says how it runs."""
    return plan.pairs, plan.orders, plan.product_forms, plan.native_operands


def other_forms(plan: Plan) -> list[Plan]:
    """The plans in which one product runs in another form that promises much.

    One array is brought to the result natively, if it is not yet.

    >>> from einlab.planning import plan
    >>> p = plan("bhd,bkhd->bhk", sizes={"b": 1, "h": 8, "k": 64, "d": 64})
    >>> p.steps[0].form, sorted(other.steps[0].form for other in other_forms(p))
    ('native', ['dot', 'dot', 'reduce'])
    """
    tree, count = plan.slice_tree, len(plan.contraction.terms)
    terms, sizes = (*tree.contraction.leaves, *plan.orders), tree.contraction.sizes
    costs = costs_of(plan.machine, plan.dtype, plan.precision)
    if not plan.pairs:
        natively = plan.steps and costs.native and not plan.native_operands
        return [replace(plan, native_operands=(0,))] if natively else []
    own = plan.product_forms or (None,) * len(plan.pairs)
    made: list[Plan] = []
    for step in _largest(plan):
        left, right = plan.pairs[step]
        given = terms[left], terms[right], terms[count + step]
        made += [
            _with_forms(plan, (*own[:step], form, *own[step + 1 :]))
            for form in forms_by_promise(*given, sizes, costs, MOST_FORMS)
            if form != own[step]
        ]
    return made


def _with_forms(plan: Plan, forms: tuple[ProductForm | None, ...]) -> Plan:
    return replace(plan, product_forms=forms if any(forms) else ())


def _largest(plan: Plan) -> list[int]:
    """The products that have most to do, first."""
    tree = plan.slice_tree
    names, volume = tuple(tree.contraction.sizes), tree.contraction.volume
    count = len(plan.contraction.terms)
    work = []
    for step, (left, right) in enumerate(tree.pairs):
        arrays = [{names[i] for i in tree.terms[one]} for one in (left, right, count + step)]
        work.append((-volume(set().union(*arrays)) - 32 * sum(map(volume, arrays)), step))
    return [step for _, step in sorted(work)[:MOST_PRODUCTS]]


def _plain(plan: Plan) -> Plan:
    """The plan with every product in its plain form, on the orders that suit that."""
    orders = choose_orders(plan.slice_tree)
    return replace(plan, orders=orders, product_forms=(), native_operands=())


def _along(plan: Plan, settings: Settings) -> Iterator[Plan]:
    """Plans along other orders: of other objectives, then those that differ in one product."""
    if len(plan.pairs) < 2 or plan.sliced:
        return
    for objective in OBJECTIVES:
        other = make_plan(plan.contraction, replace(settings, objective=objective))
        yield _as(plan, other.tree)
    most = DEARER * plan.tree.multiplications
    for tree in sorted(neighbours(plan.tree), key=lambda tree: tree.multiplications):
        if tree.multiplications <= most:
            yield _as(plan, tree)


def _as(plan: Plan, tree: Tree) -> Plan:
    """The plan along another tree, arranged as any plan is."""
    costs = costs_of(plan.machine, plan.dtype, plan.precision)
    return replace(plan, pairs=tree.pairs, **arrangement(tree, costs))
