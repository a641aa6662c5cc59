"""The forms of a product that sums: one `dot_general`, a loop of them, a reduction, or unrolled.

All take the arrays of a step as they lie, permute what the plan says is permuted, and fuse axes, so
that each role (batch, m, k, n) is at most one axis. A product of bools is counted in float32: a sum
of ones and zeros is above zero or it is zero. Entries of 16 bits are added up in 32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from einlab.contraction import Term
from einlab.execute.jax_compat import varying_as
from einlab.execute.slicing import FIRST, digits
from einlab.forms import arranged, inside, one_by_one, sizes_within
from einlab.orders import Roles
from einlab.steps import Step, StepForm

__all__ = ["multiply_and_sum", "transposed"]

Precision = str | tuple[str, str] | None


def multiply_and_sum(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """The product of two arrays in the form that the step says, in their dtype.

    What should run natively, but cannot here, is one dot_general.
    """
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
    left, right = (_laid(taken[side], step.terms[side], parts, side) for side in (0, 1))
    result = _dot_general(left, right, parts, precision)
    sizes = dict(zip(step.output, step.shape, strict=True))
    return transposed(_apart(result, parts.natural, sizes), parts.natural, step.output)


def _loop(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """A dot_general for each block of the looped indices, each block put in order by itself.

    The blocks are written one after the other into the result. Its derivative is that of one
    dot_general: that of a loop would add up an operand's whole cotangent in every iteration.
    """

    @jax.custom_jvp
    def product(left: jax.Array, right: jax.Array) -> jax.Array:
        return _blocks(step, (left, right), precision)

    @partial(product.defjvp, symbolic_zeros=True)
    def tangent(primals: list[jax.Array], tangents: list[Any]) -> tuple[jax.Array, Any]:
        moved = [
            _dot(step, [*primals[:side], moving, *primals[side + 1 :]], precision)
            for side, moving in enumerate(tangents)
            if not isinstance(moving, SymbolicZero)
        ]
        return product(*primals), sum(moved[1:], start=moved[0])

    return product(*taken)


def _blocks(step: Step, pair: tuple[jax.Array, jax.Array], precision: Precision) -> jax.Array:
    """The result of a loop, block after block written into its place."""
    looped, alone = step.looped, one_by_one(step.looped, step.blocks)
    parts = inside(_roles(step), alone)
    whole = dict(zip(step.output, step.shape, strict=True))
    sizes = dict(sizes_within(whole, looped, step.blocks))
    counts = [whole[index] // sizes[index] for index in looped]
    rest = tuple(index for index in step.output if index not in alone)
    laid = [
        array if set(term) & set(looped) else _laid(array, term, parts, side)
        for side, (array, term) in enumerate(zip(pair, step.terms, strict=True))
    ]

    def block(state: Any, _: None) -> tuple[Any, None]:
        result, number = state
        place = {
            index: digit * sizes[index]
            for index, digit in zip(looped, digits(number, counts), strict=True)
        }
        sides = []
        for side, (array, term) in enumerate(zip(laid, step.terms, strict=True)):
            if isinstance(array, Laid):
                sides.append(array)
                continue
            inner = tuple(index for index in term if index not in alone)
            sides.append(_laid(_slice(array, term, place, step), inner, parts, side))
        made = _dot_general(sides[0], sides[1], parts, precision)
        made = transposed(_apart(made, parts.natural, sizes), parts.natural, rest)
        starts = [place.get(index, FIRST) for index in step.output]
        after = lax.dynamic_update_slice(result, _apart(made, step.output, sizes), starts)
        return (after, number + 1), None

    start = varying_as(lax.full(step.shape, 0, pair[0].dtype), pair)
    (result, _), _ = lax.scan(block, (start, FIRST), length=math.prod(counts))
    return result


def _slice(array: jax.Array, term: Term, place: dict[str, jax.Array], step: Step) -> jax.Array:
    """A block of an array that begins at these values of looped indices.

    Indices of which an iteration takes one value are no axes of it.
    """
    lengths = dict(zip(term, array.shape, strict=True))
    lengths = dict(sizes_within(lengths, step.looped, step.blocks))
    alone = one_by_one(step.looped, step.blocks)
    starts = [place.get(index, FIRST) for index in term]
    part = lax.dynamic_slice(array, starts, [lengths[index] for index in term])
    return lax.reshape(part, tuple(lengths[index] for index in term if index not in alone))


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

    laid = [_laid(taken[side], step.terms[side], parts, side) for side in (0, 1)]

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


_FORMS: dict[StepForm, Callable[[Step, list[jax.Array], Precision], jax.Array]] = {
    "dot": _dot,
    "loop": _loop,
    "reduce": _reduce,
    "unroll": _unroll,
    "native": _dot,
}


def _roles(step: Step) -> Roles:
    assert step.roles is not None  # every product has roles
    return step.roles


class Laid(NamedTuple):
    """An operand as it is multiplied."""

    array: jax.Array
    groups: list[Term]
    """The roles that are its axes, in their order."""


def _laid(array: jax.Array, term: Term, parts: Roles, side: int) -> Laid:
    """The left (0) or right (1) operand permuted as it must be, the axes of each role fused."""
    outer, inner = ((parts.m, parts.k), (parts.k, parts.n))[side]
    order = arranged(term, parts.batch, outer, inner)
    array = transposed(array, term, order)
    groups = [group for group in (parts.batch, outer, inner) if group]
    groups.sort(key=lambda group: order.index(group[0]))
    sizes = dict(zip(order, array.shape, strict=True))
    shape = tuple(math.prod(sizes[index] for index in group) for group in groups)
    return Laid(array if array.shape == shape else lax.reshape(array, shape), groups)


def _dot_general(left: Laid, right: Laid, parts: Roles, precision: Precision) -> jax.Array:
    """The product of two arrays of fused axes: the batch, m and n axes that there are."""
    arrays = [left.array, right.array]
    is_bool = arrays[0].dtype == np.bool_
    if is_bool:
        arrays = [lax.convert_element_type(array, "float32") for array in arrays]
    batch, summed = (
        tuple((side.groups.index(role),) if role else () for side in (left, right))
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
