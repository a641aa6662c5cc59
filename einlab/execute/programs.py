"""What a compiled program holds in memory, and how a plan is tightened that exceeds its limit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax

from einlab import dtypes
from einlab.planning import Plan
from einlab.steps import arguments_bytes

__all__ = [
    "ATTEMPTS",
    "bytes_at_rest",
    "context",
    "leanness",
    "narrowed",
    "program_bytes",
    "tightened",
]

ATTEMPTS = 12
"""Plans tried, each with a tighter limit for the planner than the one before."""
SPARE = 0.98  # of the limit that a tightened plan aims at
STEP = 0.7  # of what was promised beyond arguments and result


def program_bytes(compiled: Any) -> int | None:
    """Bytes that a compiled program holds at most; None where its backend does not tell."""
    found = compiled.memory_analysis()
    if found is None:
        return None
    return int(
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        + found.temp_size_in_bytes
        - found.alias_size_in_bytes
    )


def tightened(promised: int, used: int, limit: int, at_rest: int) -> int:
    """The limit for the next plan, if programs exceed what plans promise as this one did.

    Arguments and results, the bytes `at_rest`, are the same whatever the plan; the rest grows.

    One plan may exceed its promise more than the next, so the limit falls by no more than `STEP`.

    >>> tightened(promised=100, used=200, limit=120, at_rest=20)
    76
    """
    excess = max(used - at_rest, 1) / max(promised - at_rest, 1)
    inner = at_rest + int(SPARE * (limit - at_rest) / max(excess, 1.0))
    least = at_rest + int(STEP * (promised - at_rest))
    return max(1, min(promised - 1, max(inner, least)))


def bytes_at_rest(plan: Plan) -> int:
    """Bytes of the arguments and the result of a plan."""
    result = math.prod(plan.contraction.shape) * dtypes.itemsize(plan.dtype)
    return arguments_bytes(plan.contraction) + result


def leanness(plan: Plan, promised: int, limit: int, *, every: bool) -> tuple[bool, ...]:
    """Whether the loop over slices is to be lean, in the order in which that is tried."""
    held = taken_out(plan, every=every)
    if not held:
        return (False,)
    return (True,) if promised + held > limit else (False, True)


def taken_out(plan: Plan, *, every: bool) -> int:
    """Bytes of what XLA may take out of the loop over slices and hold, by estimate.

    Those are results without a sliced index below them; going forward the last of each branch is
    held, going backwards `every` one.
    """
    if not plan.sliced:
        return 0
    given, count = plan.contraction, len(plan.contraction.terms)
    sliced = set(plan.sliced)
    varies = [bool(sliced.intersection(term)) for term in given.terms]
    for left, right in plan.pairs:
        varies.append(varies[left] or varies[right])
    each = dtypes.itemsize(dtypes.held_in(given.dtypes, plan.dtype))
    held = 0
    for step, pair in enumerate(plan.pairs):
        if every or varies[count + step]:
            inner = (side for side in pair if side >= count and not varies[side])
            held += sum(each * given.volume(plan.orders[side - count]) for side in inner)
    return held


def narrowed(plan: Plan) -> Plan:
    """The plan with a result of 64 bits only where JAX has them."""
    dtype = plan.dtype if jax.config.jax_enable_x64 else dtypes.narrowed(plan.dtype)
    return plan if dtype == plan.dtype else replace(plan, dtype=dtype)


def context() -> tuple[Any, ...]:
    """Those of JAX's settings that change what a contraction compiles to."""
    config = jax.config
    return (
        config.jax_enable_x64,
        config.jax_default_matmul_precision,
        config.jax_default_device,
    )
