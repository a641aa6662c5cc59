"""The forms of a product that sums: one `dot_general`, a loop of them, a reduction, or unrolled.

All take the arrays of a step as they lie, permute what the plan says is permuted, and fuse axes, so
that each role (batch, m, k, n) is at most one axis. A product of bools is counted in float32: a sum
of ones and zeros is above zero or it is zero. Entries of 16 bits are added up in 32.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import numpy as np
from jax import lax

from einlab.contraction import Term
from einlab.forms import FormKind, arranged
from einlab.orders import Roles
from einlab.steps import Step

__all__ = ["multiply_and_sum", "transposed"]

Precision = str | tuple[str, str] | None


def multiply_and_sum(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """The product of two arrays in the form that the step says, in their dtype."""
    assert step.form is not None  # every product that sums has a form
    return _FORMS[step.form](step, taken, precision)


def transposed(array: jax.Array, term: Term, order: Term) -> jax.Array:
    """The array with its axes, which are those of `term`, in another order."""
    if term == order:
        return array
    return lax.transpose(array, [term.index(index) for index in order])


def _dot(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """One dot_general over at most one axis a role."""
    parts = _roles(step)
    left, right = (_laid(step, side, taken[side]) for side in (0, 1))
    result = _dot_general(left, right, parts, precision)
    sizes = dict(zip(step.output, step.shape, strict=True))
    return transposed(_apart(result, parts.natural, sizes), parts.natural, step.output)


def _loop(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """A dot_general for each value of the looped indices, each block put in order by itself.

    The results of the iterations are written one after the other into the result.
    """
    looped = step.looped
    parts = _inside(_roles(step), looped)
    sizes = dict(zip(step.output, step.shape, strict=True))
    rest = step.output[len(looped) :]
    laid = [_laid(step, side, taken[side]) for side in (0, 1)]
    goes_over = [looped[0] in term for term in step.terms]

    def block(_: None, slices: list[tuple[jax.Array, list[Term]]]) -> tuple[None, jax.Array]:
        pair = [
            (own, groups[1:]) if over else (array, groups)
            for own, (array, groups), over in zip(slices, laid, goes_over, strict=True)
        ]
        made = _dot_general(pair[0], pair[1], parts, precision)
        return None, transposed(_apart(made, parts.natural, sizes), parts.natural, rest)

    slices = [array if over else None for (array, _), over in zip(laid, goes_over, strict=True)]
    return lax.reshape(lax.scan(block, None, slices)[1], step.shape)


def _reduce(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """Entries multiplied and summed in the order in which the larger operand lies.

    One operand has no free index, so that it is spread over the axes of the other.
    """
    big = 0 if _roles(step).m or not _roles(step).n else 1
    term, other = step.terms[big], step.terms[1 - big]
    array, small = _wide(taken[big]), _wide(taken[1 - big])
    order = tuple(index for index in term if index in other)
    spread = lax.broadcast_in_dim(
        transposed(small, other, order), array.shape, [term.index(index) for index in order]
    )
    axes = [place for place, index in enumerate(term) if index not in step.output]
    if array.dtype == np.bool_:
        result = lax.reduce_or(lax.bitwise_and(array, spread), axes)
    else:
        result = lax.reduce_sum(lax.mul(array, spread), axes)
    kept = tuple(index for index in term if index in step.output)
    return transposed(_narrow(result, taken[0]), kept, step.output)


def _unroll(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """The sum over k of outer products, written out."""
    parts = _roles(step)
    natural = [group for group in (parts.batch, parts.m, parts.n) if group]
    sizes = dict(zip(step.output, step.shape, strict=True))
    shape = tuple(math.prod(sizes[index] for index in group) for group in natural)

    laid = [_laid(step, side, taken[side]) for side in (0, 1)]

    def spread(side: int, place: int) -> jax.Array:
        array, groups = laid[side]
        axis = groups.index(parts.k)
        kept = [group for group in groups if group != parts.k]
        one = _wide(lax.index_in_dim(array, place, axis, keepdims=False))
        return lax.broadcast_in_dim(one, shape, [natural.index(group) for group in kept])

    array, groups = laid[0]
    is_bool = taken[0].dtype == np.bool_
    times, plus = (lax.bitwise_and, lax.bitwise_or) if is_bool else (lax.mul, lax.add)
    result = times(spread(0, 0), spread(1, 0))
    for place in range(1, array.shape[groups.index(parts.k)]):
        result = plus(result, times(spread(0, place), spread(1, place)))
    whole = _apart(_narrow(result, taken[0]), parts.natural, sizes)
    return transposed(whole, parts.natural, step.output)


_FORMS: dict[FormKind, Callable[[Step, list[jax.Array], Precision], jax.Array]] = {
    "dot": _dot,
    "loop": _loop,
    "reduce": _reduce,
    "unroll": _unroll,
}


def _roles(step: Step) -> Roles:
    assert step.roles is not None  # every product has roles
    return step.roles


def _inside(parts: Roles, looped: Term) -> Roles:
    """The roles within one block of a loop."""
    groups = (parts.batch, parts.m, parts.k, parts.n)
    return Roles(*(tuple(i for i in group if i not in looped) for group in groups))


def _laid(step: Step, side: int, array: jax.Array) -> tuple[jax.Array, list[Term]]:
    """An operand as it is multiplied: the axes of a role fused, and the roles in their order.

    The looped indices that it has, if any, are its first axis.
    """
    parts, looped, term = _roles(step), step.looped, step.terms[side]
    outer, inner = ((parts.m, parts.k), (parts.k, parts.n))[side]
    order = arranged(term, looped, parts.batch, outer, inner)
    array = transposed(array, term, order)
    own = _inside(parts, looped)
    held = tuple(index for index in looped if index in term)
    free = (own.m, own.n)[side]
    groups = [group for group in (held, own.batch, free, own.k) if group]
    groups.sort(key=lambda group: order.index(group[0]))
    sizes = dict(zip(order, array.shape, strict=True))
    shape = tuple(math.prod(sizes[index] for index in group) for group in groups)
    return (array if array.shape == shape else lax.reshape(array, shape)), groups


def _dot_general(
    left: tuple[jax.Array, list[Term]],
    right: tuple[jax.Array, list[Term]],
    parts: Roles,
    precision: Precision,
) -> jax.Array:
    """The product of two arrays of fused axes: the batch, m and n axes that there are."""
    arrays = [left[0], right[0]]
    is_bool = arrays[0].dtype == np.bool_
    if is_bool:
        arrays = [lax.convert_element_type(array, "float32") for array in arrays]
    batch, summed = (
        tuple((groups.index(role),) if role else () for groups in (left[1], right[1]))
        for role in (parts.batch, parts.k)
    )
    result = lax.dot_general(
        arrays[0],
        arrays[1],
        ((summed[0], summed[1]), (batch[0], batch[1])),
        precision=precision,
        preferred_element_type=arrays[0].dtype,
    )
    return result > 0 if is_bool else result


def _apart(array: jax.Array, term: Term, sizes: dict[str, int]) -> jax.Array:
    """An array whose fused axes are taken apart."""
    shape = tuple(sizes[index] for index in term)
    return array if array.shape == shape else lax.reshape(array, shape)


def _wide(array: jax.Array) -> jax.Array:
    """The array in float32 if its entries are floats of 16 bits."""
    narrow = array.dtype in ("float16", "bfloat16")
    return lax.convert_element_type(array, "float32") if narrow else array


def _narrow(result: jax.Array, operand: jax.Array) -> jax.Array:
    """The result in the dtype of an operand."""
    return lax.convert_element_type(result, operand.dtype)
