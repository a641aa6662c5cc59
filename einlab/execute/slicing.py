"""A sliced plan as one loop inside the program: the steps once for each value of some indices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from einlab.contraction import Contraction
from einlab.errors import PlanError
from einlab.execute.jax_compat import varying_as
from einlab.planning import Plan

__all__ = ["MOST", "over_slices"]

MOST = 2**31 - 1
"""Slices that a loop counts to, with an int32."""


MANY = 1024
"""Slices above which what each addition rounds off is carried along (Kahan 1965)."""
SLIGHT = 64
"""Times that a result fits into a plan's peak, of which a second one then takes little."""

FIRST = np.int32(0)

LEAN: ContextVar[bool] = ContextVar("LEAN", default=False)


@contextmanager
def lean_loops(lean: bool) -> Iterator[None]:
    """Whether loops traced in this block hold nothing from one slice to the next."""
    token = LEAN.set(lean)
    try:
        yield
    finally:
        LEAN.reset(token)


def over_slices(
    plan: Plan,
    operands: Sequence[jax.Array],
    run: Callable[[Sequence[jax.Array]], jax.Array],
) -> jax.Array:
    """The result of `run`, the steps of one slice, over all slices of the operands.

    Slices of a summed index are added up; those of an index of the output are written in place.
    The body is rematerialised in a gradient, so that what it keeps is one slice's operands.

    What does not depend on the slice XLA takes out of the loop, and holds it meanwhile; under
    `lean_loops` it is computed again in each slice.

    Raises PlanError if there are more slices than a loop counts.
    """
    if plan.slices > MOST:
        raise PlanError(f"the plan runs {plan.slices:,} slices, and a loop counts to {MOST:,}")
    whole, one = plan.contraction, plan.slice_tree.contraction
    sizes = [whole.sizes[index] for index in plan.sliced]
    summed = any(index not in whole.output for index in plan.sliced)

    @jax.checkpoint
    def contracted(starts: dict[str, jax.Array], arrays: Sequence[jax.Array]) -> jax.Array:
        return run(slices_of(whole, one, arrays, starts))

    lean = LEAN.get()

    def body(state: Any, _: None) -> tuple[Any, None]:
        result, lost, number = state
        arrays = operands
        if lean:
            arrays, number = lax.optimization_barrier((list(operands), number))
        starts = dict(zip(plan.sliced, digits(number, sizes), strict=True))
        part = contracted(starts, arrays)
        place = [starts.get(index, FIRST) for index in whole.output]
        if summed:
            before = lax.dynamic_slice(result, place, part.shape) if place else result
            part, lost = _added(before, part, lost)
        after = lax.dynamic_update_slice(result, part, place) if place else part
        return (after, lost, number + 1), None

    start = varying_as(lax.full(whole.shape, 0, operands[0].dtype), operands)
    lost = start if _rounds_much(plan, start) else None
    # The slices are counted, not listed: a list of their numbers would take memory too.
    (result, _, _), _ = lax.scan(body, (start, lost, FIRST), length=math.prod(sizes))
    return result


def _rounds_much(plan: Plan, result: jax.Array) -> bool:
    """Whether so many slices are added that small ones would be lost beside the sum of the rest."""
    return (
        plan.slices > MANY
        and not set(plan.sliced) & set(plan.contraction.output)
        and jnp.issubdtype(result.dtype, jnp.inexact)
        and SLIGHT * result.nbytes <= plan.peak
    )


def _added(
    before: jax.Array, part: jax.Array, lost: jax.Array | None
) -> tuple[jax.Array, jax.Array | None]:
    """The sum, and what was rounded off it, which is taken from what is added next."""
    if part.dtype == bool:
        return before | part, lost
    if lost is None:
        return before + part, None
    part = part - lost
    total = before + part
    off = lax.stop_gradient((total - before) - part)
    return total, jnp.where(jnp.isfinite(total), off, jnp.zeros_like(off))


def slices_of(
    whole: Contraction,
    one: Contraction,
    operands: Sequence[jax.Array],
    starts: dict[str, jax.Array],
) -> list[jax.Array]:
    """The part of each operand that belongs to one slice."""
    return [
        lax.dynamic_slice(operand, starts_of(whole, place, starts), one.shapes[place])
        if operand.shape != one.shapes[place]
        else operand
        for place, operand in enumerate(operands)
    ]


def starts_of(
    whole: Contraction, operand: int, starts: dict[str, jax.Array]
) -> list[jax.Array | np.int32]:
    """Where the slice of an operand begins; a broadcast axis always begins at 0."""
    return [
        starts[index] if index in starts and not whole.is_broadcast(operand, axis) else FIRST
        for axis, index in enumerate(whole.terms[operand])
    ]


def digits(number: jax.Array, sizes: Sequence[int]) -> list[jax.Array]:
    """The values of the sliced indices at one step of the loop, the last changing fastest."""
    values = []
    for size in reversed(sizes):
        values.append(number % size)
        number = number // size
    return values[::-1]
