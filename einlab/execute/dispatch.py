"""Plans in the form that keeps their compile budget: one program, one with tapes, or kernels."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from einlab.compiling import signature
from einlab.execute.lowering import run_plan, run_step
from einlab.execute.packing import on_host
from einlab.execute.programs import narrowed
from einlab.execute.taped import (
    as_dtype,
    held_in,
    ready,
    run_packed,
    run_taped,
    run_taped_now,
    taped,
)
from einlab.orders import Roles
from einlab.planning import Plan
from einlab.steps import Step

__all__ = ["Constant", "Direct", "run", "run_now"]

logger = logging.getLogger("einlab")

Kernel = Callable[..., jax.Array]

MOST_KEPT = 64
"""Plans kept for one equation, by the types of its operands."""


def run(plan: Plan, *operands: Any, apart: tuple[int, ...] = ()) -> jax.Array:
    """The result of a plan within a program or a derivative, where kernels cannot be had.

    Operands numbered in `apart` are those that move, in a derivative.
    """
    if plan.compilation.traced == "tape":
        return run_taped(plan, *operands, apart=apart)
    return run_plan(plan, *operands)


def run_now(plan: Plan, *operands: Any) -> jax.Array:
    """The result of a plan on arrays that hold numbers now."""
    if plan.compilation.form == "tape":
        return run_taped_now(plan, *operands)
    if plan.compilation.form == "kernels":
        return _run_kernels(plan, *operands)
    result: jax.Array = _program(plan, *operands)
    return result


_program = jax.jit(run_plan, static_argnums=0)


def _run_kernels(plan: Plan, *operands: Any) -> jax.Array:
    """The steps one by one, each by the kernel of all steps like it."""
    start = time.perf_counter()
    contraction, dtype = plan.contraction, held_in(plan)
    before = _kernel.cache_info().misses
    values: dict[int, Any] = {}
    for place, operand in enumerate(operands):
        shape = tuple(contraction.sizes[index] for index in contraction.squeezed[place])
        array = as_dtype(dtype, operand)
        values[place] = array if array.shape == shape else array.reshape(shape)
    for kernel, step in zip(_kernels(plan), plan.steps, strict=True):
        values[step.result] = kernel(*map(values.pop, step.operands))
    (result,) = values.values()
    made = _kernel.cache_info().misses - before
    if made and logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "%d steps run by %d new kernels in %.2f s, estimated %.2f s",
            len(plan.steps), made, time.perf_counter() - start, plan.compile_estimate,
        )  # fmt: skip
    result = lax.reshape(result, contraction.shape)
    return as_dtype(plan.dtype, result)  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _kernels(plan: Plan) -> tuple[Kernel, ...]:
    """The kernel of each step."""
    return tuple(_kernel(_renamed(step), plan.precision) for step in plan.steps)


def _renamed(step: Step) -> Step:
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
def _kernel(step: Step, precision: Any) -> Kernel:
    """The jitted function of a step."""
    return jax.jit(lambda *taken: run_step(step, list(taken), precision))


class Direct:
    """A function of many operands that passes them to the plan's own form, not through one jit.

    A jitted function of a thousand arguments is slow to compile, even if it does nothing.
    """

    def __init__(
        self, planned: Callable[..., Plan], bound: Callable[..., Any], jitted: Callable[..., Any]
    ) -> None:
        self.planned, self.bound, self.jitted = planned, bound, jitted
        self.plans: dict[Any, Plan] = {}

    def __call__(self, *operands: Any) -> Any:
        """The result of the plan for operands of these types."""
        types = [x.aval if isinstance(x, jax.Array) else _kind(x) for x in operands]
        key = (jax.config.jax_enable_x64, *types)
        plan = self.plans.get(key)
        if plan is None:
            if len(self.plans) >= MOST_KEPT:
                self.plans.clear()
            plan = self.plans[key] = narrowed(self.planned(*operands))
            if plan.compilation.form == "program" and not _any_traced(operands):
                return self._first(plan, operands)
        if plan.compilation.form == "program":
            return self.jitted(*operands)
        if _any_traced(operands):
            return self.bound(plan, *operands)
        return run_now(plan, *operands)

    def _first(self, plan: Plan, operands: Sequence[Any]) -> Any:
        """The first call of one program, whose time is said."""
        start = time.perf_counter()
        result = self.jitted(*operands)
        logger.debug(
            "%d steps compiled as one program in %.2f s, estimated %.2f s",
            len(plan.steps), time.perf_counter() - start, plan.compile_estimate,
        )  # fmt: skip
        return result


def _any_traced(operands: Sequence[Any]) -> bool:
    return any(issubclass(kind, jax.core.Tracer) for kind in set(map(type, operands)))


def _kind(operand: Any) -> Any:
    """What a plan depends on of an operand that is none of JAX's arrays."""
    shape = getattr(operand, "shape", None)
    return type(operand) if shape is None else (shape, operand.dtype)


class Constant:
    """The function of a plan with tapes whose first operands are constants, packed once."""

    def __init__(self, plan: Plan, constants: Sequence[Any], otherwise: Callable[..., Any]) -> None:
        self.plan, self.constants, self.otherwise = plan, constants, otherwise
        count, every = len(constants), len(plan.contraction.terms)
        self.made = taped(plan, tuple(range(count, every)))
        self.groups = [
            (group, packer, group[0] < count)
            for group, packer in zip(self.made.packed, self.made.packers, strict=True)
        ]
        self.types = [
            (plan.contraction.shapes[place], jnp.dtype(plan.contraction.dtypes[place]))
            for place in range(count, every)
        ]
        self.flats: dict[str, list[Any]] = {}

    def __call__(self, *operands: Any) -> Any:
        """The result for all operands of the plan, the constants first."""
        variables = operands[len(self.constants) :]
        if not on_host() or any(map(_differs, variables, self.types)):
            return self.otherwise(*operands)
        arrays, dtype = ready(self.plan, operands), held_in(self.plan)
        if dtype not in self.flats:
            self.flats[dtype] = [
                jnp.asarray(packer([arrays[i] for i in group])) if fixed else None
                for group, packer, fixed in self.groups
            ]
        flats = [
            packer([arrays[i] for i in group]) if flat is None else flat
            for flat, (group, packer, _) in zip(self.flats[dtype], self.groups, strict=True)
        ]
        return run_packed(self.made, flats, [arrays[i] for i in self.made.direct])


def _differs(operand: Any, planned: tuple[tuple[int, ...], Any]) -> bool:
    """Whether an operand is traced, or of another type than planned."""
    if isinstance(operand, jax.core.Tracer) or getattr(operand, "weak_type", False):
        return True
    return (getattr(operand, "shape", None), getattr(operand, "dtype", None)) != planned
