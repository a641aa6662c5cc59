"""Constants folded: what a plan does with constant operands alone is split off to be done once.

`split` cuts a plan in two: a plan for each largest subtree whose operands are all constant, and a
plan for the rest, in which the results of those subtrees stand as operands. No JAX here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from einlab import dtypes
from einlab.contraction import Contraction, Term
from einlab.planning import Plan

__all__ = ["Folded", "Split", "split"]


@dataclass(frozen=True, slots=True)
class Folded:
    """A subtree of constants: its plan and the operands of the whole that it takes."""

    plan: Plan
    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A plan in two parts.

    `rest` takes the results of `folded`, in order, then the operands `variables` of the whole.
    """

    folded: tuple[Folded, ...]
    rest: Plan
    variables: tuple[int, ...]


def split(plan: Plan, constants: Collection[int]) -> Split:
    """The plan, which is not sliced, split at its constant operands.

    >>> from einlab.planning import plan
    >>> p = plan("ij,jk,kl->il", (2, 3), (3, 4), (4, 5), optimize=[(1, 2), (0, 1)])
    >>> parts = split(p, {1, 2})
    >>> [folded.plan.eq for folded in parts.folded], parts.rest.eq, parts.variables
    (['jk,kl->jl'], 'jl,ij->il', (0,))
    """
    count = len(plan.contraction.terms)
    made_from: dict[int, tuple[int, ...]] = {c: (c,) for c in constants}
    tips: list[int] = sorted(constants)
    for step, (left, right) in enumerate(plan.pairs):
        if left in made_from and right in made_from:
            made_from[count + step] = made_from[left] + made_from[right]
            tips = [tip for tip in tips if tip not in (left, right)] + [count + step]
    variables = tuple(place for place in range(count) if place not in constants)
    folded = tuple(_folded(plan, tip, tuple(sorted(made_from[tip]))) for tip in tips)
    return Split(folded, _rest(plan, tips, folded, variables), variables)


def _folded(plan: Plan, array: int, leaves: tuple[int, ...]) -> Folded:
    """The subtree over `leaves` that makes an array."""
    whole, count = plan.contraction, len(plan.contraction.terms)
    output: Term = whole.leaves[array] if array < count else plan.orders[array - count]
    given = [_without_broadcast(whole, leaf) for leaf in leaves]
    below = Contraction(
        tuple(term for term, _ in given),
        output,
        tuple(shape for _, shape in given),
        tuple(whole.dtypes[leaf] for leaf in leaves),
    )
    number = {leaf: place for place, leaf in enumerate(leaves)}
    pairs, orders, forms = [], [], []
    for step, (left, right) in enumerate(plan.pairs):
        if left in number and right in number:
            pairs.append((number[left], number[right]))
            orders.append(plan.orders[step])
            forms.append(plan.product_forms[step] if plan.product_forms else None)
            number[count + step] = len(leaves) + len(pairs) - 1
            if count + step == array:
                break
    own = replace(
        plan,
        contraction=below,
        pairs=tuple(pairs),
        orders=tuple(orders),
        product_forms=tuple(forms) if any(forms) else (),
        native_operands=tuple(number[a] for a in plan.native_operands if a in number),
        dtype=dtypes.held_in(whole.dtypes, plan.dtype),
    )
    return Folded(own, leaves)


def _without_broadcast(whole: Contraction, operand: int) -> tuple[Term, tuple[int, ...]]:
    """Term and shape of an operand without its broadcast axes, which mean nothing alone."""
    axes = [
        axis for axis in range(len(whole.terms[operand])) if not whole.is_broadcast(operand, axis)
    ]
    return (
        tuple(whole.terms[operand][axis] for axis in axes),
        tuple(whole.shapes[operand][axis] for axis in axes),
    )


def _rest(
    plan: Plan, tips: list[int], folded: tuple[Folded, ...], variables: tuple[int, ...]
) -> Plan:
    """The plan over the folded results and the variables."""
    whole, count = plan.contraction, len(plan.contraction.terms)
    contraction = Contraction(
        tuple(part.plan.contraction.output for part in folded)
        + tuple(whole.terms[place] for place in variables),
        whole.output,
        tuple(part.plan.contraction.shape for part in folded)
        + tuple(whole.shapes[place] for place in variables),
        tuple(part.plan.dtype for part in folded) + tuple(whole.dtypes[v] for v in variables),
    )
    inputs = len(folded) + len(variables)
    number = {array: place for place, array in enumerate((*tips, *variables))}
    pairs = []
    for step, (left, right) in enumerate(plan.pairs):
        if left in number and right in number:
            pairs.append((number[left], number[right]))
            number[count + step] = inputs + len(pairs) - 1
    return plan.over(contraction, tuple(pairs))
