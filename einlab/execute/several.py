"""Plans in several programs, each for all portions like it: several steps each, or one in kernels.

Programs call each other's results from the host, which takes some microseconds a call; arrays in
between are given up as soon as they are read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
from jax import lax

from einlab.execute.lowering import run_step
from einlab.execute.taped import as_dtype, held_in, here, ready
from einlab.orders import Roles
from einlab.planning import Plan
from einlab.portions import Portion, portions, signature
from einlab.steps import Step

__all__ = ["run_in_portions"]

logger = logging.getLogger("einlab")

Precision = str | tuple[str, str] | None
Program = Callable[..., jax.Array]
Sources = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a program: the values that it takes and the one that it makes."""

    program: Program
    taken: tuple[int, ...]
    made: int


def run_in_portions(plan: Plan, most: int, *operands: Any) -> jax.Array:
    """The result of a plan on arrays that hold numbers now, one call for every portion.

    A portion has at most so many steps.
    """
    start = time.perf_counter()
    before = _program.cache_info().misses
    arrays = ready(plan, operands)
    calls = _calls(plan, most)
    new = _program.cache_info().misses - before
    if new > 1 and not any(getattr(array, "committed", False) for array in arrays):
        _compile(plan, calls, arrays)
    values: dict[int, Any] = dict(enumerate(arrays))
    del arrays
    for call in calls:
        values[call.made] = call.program(*map(values.pop, call.taken))
    (result,) = values.values()
    if new and logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "%d steps run by %d new programs in %.2f s, estimated %.2f s",
            len(plan.steps), new, time.perf_counter() - start, here(plan).seconds,
        )  # fmt: skip
    result = lax.reshape(result, plan.contraction.shape)
    return as_dtype(plan.dtype, result)  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _calls(plan: Plan, most: int) -> tuple[Call, ...]:
    """The calls of a plan in portions of at most so many steps."""
    steps = plan.steps
    return tuple(
        Call(
            _program(_renamed(steps, portion), plan.precision),
            portion.taken,
            steps[portion.steps[-1]].result,
        )
        for portion in portions(steps, most)
    )


def _renamed(steps: Sequence[Step], portion: Portion) -> tuple[tuple[Step, Sources], ...]:
    """The steps of a portion as all portions like it write them, and where operands come from."""
    return tuple(
        (_anonymous(steps[place]), sources)
        for place, (_, sources) in zip(portion.steps, portion.form, strict=True)
    )


def _anonymous(step: Step) -> Step:
    """The step as all steps of its signature write it."""
    *_, terms, _, _ = signature(step)
    names = tuple(tuple(f"i{number}" for number in term) for term in terms)
    count = len(step.terms)
    roles = None if step.roles is None else Roles(*names[count + 2 :])
    return replace(
        step,
        operands=(),
        result=0,
        terms=names[:count],
        output=names[count],
        looped=names[count + 1],
        roles=roles,
        live=0,
    )


@lru_cache(maxsize=4096)
def _program(steps: tuple[tuple[Step, Sources], ...], precision: Precision) -> Program:
    """The jitted function of the steps of a portion."""

    def run(*taken: jax.Array) -> jax.Array:
        made: list[jax.Array] = []
        for step, sources in steps:
            operands = [
                _shaped(taken[source] if source >= 0 else made[~source], shape)
                for source, shape in zip(sources, step.shapes, strict=True)
            ]
            made.append(run_step(step, operands, precision))
        return made[-1]

    return jax.jit(run)


def _shaped(array: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The array without axes of length 1 that its step leaves out."""
    return array if array.shape == shape else lax.reshape(array, shape)


def _compile(plan: Plan, calls: Sequence[Call], arrays: Sequence[Any]) -> None:
    """Compile the programs of calls in threads: XLA's compiler does without Python's lock."""
    dtype = held_in(plan)
    shapes = {step.result: step.shape for step in plan.steps}
    shapes.update((place, array.shape) for place, array in enumerate(arrays))
    lowered = {}
    for call in calls:
        if call.program not in lowered:
            types = [jax.ShapeDtypeStruct(shapes[value], dtype) for value in call.taken]
            lowered[call.program] = call.program.lower(*types)  # type: ignore[attr-defined]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda program: program.compile(), lowered.values()))
