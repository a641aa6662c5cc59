"""`contract_many`: several results over common operands, every common product made once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Unpack

import jax
from jax import lax

from einlab.contracting import MOST_KEPT, Options
from einlab.errors import EinlabError, MemoryLimitError, OperandError
from einlab.execute import arrays
from einlab.execute.executable import CompileRun, Found, Limited
from einlab.execute.jax_compat import without_jax_notes
from einlab.execute.primitive import bind
from einlab.execute.programs import ATTEMPTS
from einlab.factored import is_factored
from einlab.joint import (
    JointPlan,
    calls_from,
    joint_plan,
    joint_settings,
    members_of,
    over_factors,
)
from einlab.jointlimit import one_by_one, sharing_less, too_little
from einlab.operands import specs
from einlab.planning import left_to_xla
from einlab.settings import Settings

__all__ = ["contract_many"]

logger = logging.getLogger("einlab")


def contract_many(
    contractions: Iterable[Sequence[Any]], **options: Unpack[Options]
) -> list[jax.Array]:
    """The results of several contractions, each given as (equation, operand, operand, …).

    Operands are what `contract` takes; the same object is the same operand, and what two of the
    contractions make of the same operands is made once, whatever their letters. All gradients of a
    contraction, or all environments of its operands, cost about three times the contraction.
    `options` are those of `contract`, explicit paths apart; `plan_many` shows what is shared and
    what it costs. Under `memory_limit=` the contractions share as much as the limit allows: all of
    them, or those of a group, and at last one runs after another, over slices if need be; the
    compiled program is held to the limit.

    Raises what `contract` raises.

    >>> import jax.numpy as jnp
    >>> a, b, c = jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones((4, 2))
    >>> left, right = contract_many([("ij,jk->ik", a, b), ("ij,jk,ki->", a, b, c)])
    >>> left.shape, float(right)
    ((2, 4), 24.0)
    """
    calls = calls_from(contractions)
    settings = joint_settings(options)
    arrays.check_width(settings.preferred_element_type, "results of preferred_element_type")
    try:
        ready: tuple[Any, ...] | None = arrays.ready(calls.operands)
    except OperandError:
        if not any(map(is_factored, calls.operands)):
            raise
        ready = None
    if ready is None:
        calls, settings = over_factors(calls, settings.axes), replace(settings, axes=None)
        ready = arrays.ready(calls.operands)
    automatic = options.get("memory_limit") == "auto"
    function = _compiled(calls.equations, calls.places, settings, automatic)
    try:
        return function(*ready)
    except EinlabError as error:
        raise without_jax_notes(error) from None
    except (ValueError, RuntimeError) as error:
        arrays.explain(error, ready, settings.precision)
        raise


@lru_cache(maxsize=MOST_KEPT)
def _compiled(
    equations: tuple[str, ...],
    places: tuple[tuple[int, ...], ...],
    settings: Settings,
    automatic: bool,
) -> Callable[..., list[jax.Array]]:
    """The function of the contractions; it plans when it is traced for new shapes."""
    if settings.memory_bytes is not None:
        return Limited(partial(_within, equations, places), settings, automatic)

    def contract_many(*operands: jax.Array) -> list[jax.Array]:
        shapes, names = specs(operands, None, as_shapes=False)
        return _run(joint_plan(equations, places, shapes, names, settings), settings, *operands)

    return jax.jit(contract_many)


def _run(
    joint: JointPlan, settings: Settings, *operands: jax.Array, lean: bool = False
) -> list[jax.Array]:
    """The results of a joint plan."""
    values = list(operands)
    for number, node in enumerate(joint.nodes):
        if number in joint.stages:
            values = _waited_for(joint, values)
        kept = None if node.limit is None else replace(settings, memory_bytes=node.limit)
        taken = (values[place] for place in node.inputs)
        values.append(bind(node.plan, kept, *taken, lean=lean and bool(node.plan.sliced)))
    return [values[place] for place in joint.outputs]


def _waited_for(joint: JointPlan, values: Sequence[jax.Array]) -> list[jax.Array]:
    """The same values, not to be used before all results so far are there."""
    chosen = [p for p in range(len(values)) if p < joint.operands or p in joint.outputs]
    tied = dict(zip(chosen, lax.optimization_barrier([values[p] for p in chosen]), strict=True))
    return [tied.get(place, value) for place, value in enumerate(values)]


def _within(
    equations: tuple[str, ...],
    places: tuple[tuple[int, ...], ...],
    types: Sequence[Any],
    settings: Settings,
    compile_run: CompileRun,
) -> Found:
    """The way of making the results that shares most and whose program keeps the limit.

    Raises MemoryLimitError naming the smallest limit that would do, by what the programs hold.
    """
    limit = settings.memory_bytes
    assert limit is not None
    least: int | None = None
    for joint in _in_native_code_and_not(_ways(equations, places, types, settings, limit)):
        for lean in (False, True) if any(node.plan.sliced for node in joint.nodes) else (False,):
            run = partial(_run, joint, settings, lean=lean)
            program, held = compile_run(run)
            logger.debug(
                "%d contractions in %d groups hold %s bytes of %s, estimate %s",
                len(equations), len(joint.stages) + 1, held, limit, joint.peak,
            )  # fmt: skip
            if held is None or held <= limit:
                return Found(run, program, held)
            needed = max(held, joint.peak)
            least = min(needed, least or needed)
    assert least is not None
    raise too_little(limit, least)


def _in_native_code_and_not(ways: Iterator[JointPlan]) -> Iterator[JointPlan]:
    """Each way, then the same without native code, which needs room to work in."""
    for joint in ways:
        yield joint
        nodes = tuple(replace(node, plan=left_to_xla(node.plan)) for node in joint.nodes)
        if nodes != joint.nodes:
            yield replace(joint, nodes=nodes)


SURELY = 0.5
"""Of the estimated peak: no program holds less, so it is not compiled to be asked."""


def _ways(
    equations: tuple[str, ...],
    places: tuple[tuple[int, ...], ...],
    types: Sequence[Any],
    settings: Settings,
    limit: int,
) -> Iterator[JointPlan]:
    """Ways to make the results that hold less and less, by estimate.

    The last is the one of least memory, whether that keeps the limit or not.
    """
    shapes, names = specs(types, None, as_shapes=False)
    members = members_of(equations, places, shapes, names, settings)
    for joint in sharing_less(members, len(shapes), settings):
        if SURELY * joint.peak <= limit:
            yield joint
    inner = limit
    for _ in range(ATTEMPTS):
        try:
            yield one_by_one(members, len(shapes), settings, inner)
        except MemoryLimitError as error:
            if error.smallest is None:
                raise
            yield one_by_one(members, len(shapes), settings, error.smallest)
            return
        inner = int(TIGHTER * inner)


TIGHTER = 0.85
"""Of the limit that one contraction after another was planned for, where its program held more."""
