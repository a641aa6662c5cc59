"""The gradient of a planned contraction as one program: slice by slice, under a memory limit.

A contraction that is sliced, or has a memory limit, has as its derivative a primitive that is
linear in the tangents and takes nothing but the operands. Transposed it is the gradient: in each
slice the way forward, then the way back, keeping and computing again what `Backward` says; the
gradients are written in place into arrays that are carried through the loop.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
from jax import lax

from einlab import dtypes
from einlab.checkpointing import Backward, backward_within, keeping_all, regions, slice_plan
from einlab.errors import MemoryLimitError
from einlab.execute.jax_compat import varying_as
from einlab.execute.lowering import run_plan
from einlab.execute.native_loops import Nested, gradient_within, nested_within, run_gradient
from einlab.execute.programs import (
    ATTEMPTS,
    bytes_at_rest,
    context,
    leanness,
    narrowed,
    program_bytes,
    tightened,
)
from einlab.execute.slicing import FIRST, digits, slices_of, starts_of
from einlab.execute.taped import here, run_natively
from einlab.planning import Plan, left_to_xla
from einlab.settings import Settings

__all__ = ["Careful", "backward_for", "gradient"]

logger = logging.getLogger("einlab")

AMPLE = 4
"""A limit that many times the estimate of a gradient that keeps everything, and of what tapes hold
going forward, needs no care."""


@dataclass(frozen=True, slots=True)
class Careful:
    """A gradient that keeps a memory limit."""

    backward: Backward
    nested: Nested | None = None
    """How it is one call of native code."""
    forward: Nested | None = None
    """How the contraction itself is one, beside the gradients."""


def gradient(backward: Backward, places: tuple[int, ...], *arrays: jax.Array) -> list[jax.Array]:
    """The gradients of the operands at `places`; `arrays` are the operands and the cotangent."""
    *operands, cotangent = arrays
    plan = backward.plan
    whole, one = plan.contraction, plan.slice_tree.contraction
    sent = partial(_sent, slice_plan(plan), backward.kept, places)
    if not plan.sliced:
        return list(sent(operands, cotangent))
    sizes = [whole.sizes[index] for index in plan.sliced]
    once = [_written_once(plan, place) for place in places]

    @jax.checkpoint
    def of_one(
        starts: dict[str, jax.Array], operands: Sequence[jax.Array], cotangent: jax.Array
    ) -> tuple[jax.Array, ...]:
        place = [starts.get(index, FIRST) for index in whole.output]
        part = lax.dynamic_slice(cotangent, place, one.shape) if place else cotangent
        return sent(slices_of(whole, one, operands, starts), part)

    def body(state: Any, _: None) -> tuple[Any, None]:
        made, number = state
        given = operands, cotangent
        if backward.lean:
            given, number = lax.optimization_barrier((given, number))
        starts = dict(zip(plan.sliced, digits(number, sizes), strict=True))
        parts = of_one(starts, *given)
        after = []
        for before, part, place, alone in zip(made, parts, places, once, strict=True):
            if part.shape == before.shape:
                after.append(before + part)
                continue
            corner = starts_of(whole, place, starts)
            if not alone:
                part = part + lax.dynamic_slice(before, corner, part.shape)
            after.append(lax.dynamic_update_slice(before, part, corner))
        return (after, number + 1), None

    start = [
        varying_as(lax.full(operands[place].shape, 0, operands[place].dtype), [operands[place]])
        for place in places
    ]
    (made, _), _ = lax.scan(body, (start, FIRST), length=math.prod(sizes))
    return list(made)


def _forward(plan: Plan, settings: Settings, places: tuple[int, ...]) -> Nested | None:
    """The contraction as one call of native code that leaves room for the gradients."""
    whole, each = plan.contraction, dtypes.itemsize(plan.dtype)
    sent = sum(math.prod(whole.shapes[place]) for place in places) + math.prod(whole.shape)
    left = (settings.memory_bytes or 0) - each * sent
    return nested_within(whole, replace(settings, memory_bytes=left)) if left > 0 else None


def _written_once(plan: Plan, place: int) -> bool:
    """Whether each part of an operand's gradient belongs to one slice alone."""
    whole = plan.contraction
    held = {
        index
        for axis, index in enumerate(whole.terms[place])
        if not whole.is_broadcast(place, axis)
    }
    return held.issuperset(plan.sliced)


def _sent(
    plan: Plan,
    kept: frozenset[int],
    places: tuple[int, ...],
    operands: Sequence[jax.Array],
    cotangent: jax.Array,
) -> tuple[jax.Array, ...]:
    """What one slice sends back to the operands at `places`."""

    def contracted(*chosen: jax.Array) -> jax.Array:
        given = dict(zip(places, chosen, strict=True))
        return _run_regions(plan, kept, [given.get(i, x) for i, x in enumerate(operands)])

    _, back = jax.vjp(contracted, *(operands[place] for place in places))
    sent: tuple[jax.Array, ...] = back(cotangent)
    return sent


def _run_regions(plan: Plan, kept: frozenset[int], operands: Sequence[jax.Array]) -> jax.Array:
    """The result, so that going backwards only the kept results are there."""
    if len(kept) >= len(plan.pairs) - 1:
        return _run(plan, *operands)
    values = dict(enumerate(operands))
    for region in regions(plan, kept):
        run: Callable[..., jax.Array] = partial(_run, region.plan)
        if len(region.inputs) > 2:
            run = jax.checkpoint(run)
        values[region.result] = run(*(values[place] for place in region.inputs))
    return values[len(operands) + len(plan.pairs) - 1]


def _run(plan: Plan, *operands: jax.Array) -> jax.Array:
    """The result, in native code or as one program: tapes take more memory."""
    run = run_natively if here(plan).traced == "native" else run_plan
    return run(plan, *operands)


def backward_for(plan: Plan, settings: Settings | None, places: tuple[int, ...]) -> Careful | None:
    """How the gradient of a plan is computed; None if nothing needs care.

    Raises MemoryLimitError if no order and no slicing keeps the limit.
    """
    limit = None if settings is None else settings.memory_bytes
    if limit is None:
        return Careful(keeping_all(plan)) if plan.sliced else None
    assert settings is not None
    if not plan.sliced and AMPLE * max(keeping_all(plan).peak, plan.peak) <= limit:
        return None
    return _checked(plan, settings, places, context())


@lru_cache(maxsize=1024)
def _checked(
    plan: Plan, settings: Settings, places: tuple[int, ...], known: tuple[Any, ...]
) -> Careful:
    """The gradient whose own program keeps the limit; `known` are settings of JAX."""
    limit = settings.memory_bytes
    assert limit is not None
    contraction = plan.contraction
    inner, least = limit, None
    nested = gradient_within(contraction, settings, places)
    if nested is not None:
        backward = keeping_all(nested.sliced)
        used = _bytes_of(backward, nested, places)
        _tell(backward, used, limit)
        if used is None or used <= limit:
            return Careful(backward, nested, _forward(plan, settings, places))
    for _ in range(ATTEMPTS):
        try:
            found = backward_within(contraction, settings, inner)
        except MemoryLimitError:
            if least is None:
                raise
            raise _refused(limit, least) from None
        for one in _ways(found, limit):
            used = _bytes_of(one, None, places)
            _tell(one, used, limit)
            if used is None or used <= limit:
                return Careful(one)
            least = used if least is None else min(used, least)
        inner = tightened(min(found.peak, inner), used or limit, limit, bytes_at_rest(plan))
    assert least is not None
    raise _refused(limit, least)


def _tell(tried: Backward, used: int | None, limit: int) -> None:
    """Say what a gradient holds."""
    logger.debug(
        "a gradient of %s slices, %s of %s results kept, holds %s bytes of %s, estimate %s",
        tried.plan.slices, len(tried.kept), len(tried.plan.pairs), used, limit, tried.peak,
    )  # fmt: skip


def _ways(found: Backward, limit: int) -> Iterator[Backward]:
    """How a gradient may be computed, in the order in which that is tried; last by XLA alone."""
    plans = [narrowed(found.plan)]
    if left_to_xla(plans[0]) != plans[0]:
        plans.append(left_to_xla(plans[0]))
    for plan in plans:
        for lean in leanness(plan, found.peak, limit, every=True):
            yield replace(found, plan=plan, lean=lean)


def _refused(limit: int, least: int) -> MemoryLimitError:
    error = MemoryLimitError(
        f"no order and no slicing keeps {limit:,} bytes in the compiled gradient: the smallest "
        f"memory limit that would do is {least:,} bytes, arguments and gradients included"
    )
    error.smallest = least
    return error


def _bytes_of(backward: Backward, nested: Nested | None, places: tuple[int, ...]) -> int | None:
    """Bytes that the gradient's program holds."""
    plan = backward.plan
    given = plan.contraction
    types = [
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in zip(
            (*given.shapes, given.shape), (*given.dtypes, plan.dtype), strict=True
        )
    ]
    run = partial(gradient, backward, places)
    if nested is not None:
        run = partial(run_gradient, nested, places)
    lowered = jax.jit(run).lower(*types)
    return program_bytes(lowered.compile())
