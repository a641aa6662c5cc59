"""Plans in the form that keeps their compile budget: one program, native code, tapes or several."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from einlab.execute.lowering import run_plan
from einlab.execute.packing import on_host
from einlab.execute.programs import narrowed
from einlab.execute.several import run_in_portions
from einlab.execute.taped import (
    as_dtype,
    held_in,
    here,
    natively_taped,
    ready,
    run_natively,
    run_packed,
    run_taped,
    run_taped_now,
    taped,
)
from einlab.planning import Plan

__all__ = ["Direct", "run", "run_now", "with_constants"]

logger = logging.getLogger("einlab")

MOST_KEPT = 64
"""Plans kept for one equation, by the types of its operands."""


def run(plan: Plan, *operands: Any, apart: tuple[int, ...] = ()) -> jax.Array:
    """The result of a plan within a program or a derivative, where several programs cannot be had.

    Operands numbered in `apart` are those that move, in a derivative.
    """
    form = here(plan).traced
    if form == "native":
        return run_natively(plan, *operands)
    if form == "tape":
        return run_taped(plan, *operands, apart=apart)
    return run_plan(plan, *operands)


def run_now(plan: Plan, *operands: Any) -> jax.Array:
    """The result of a plan on arrays that hold numbers now."""
    compilation = here(plan)
    form = compilation.form
    if form == "native":
        made = natively_taped(plan)
        return run_packed(made, [], ready(plan, operands))
    if form == "tape":
        return run_taped_now(plan, *operands)
    if form in ("several", "kernels"):
        return run_in_portions(plan, compilation.most, *operands)
    result: jax.Array = _program(plan, *operands)
    return result


_program = jax.jit(run_plan, static_argnums=0)


class Direct:
    """A function of many operands that passes them to the plan's own form.

    A jitted function of a thousand arguments is slow to compile, even if it does nothing; but one
    that hands them all to native code is not, and is the fastest to call.
    """

    def __init__(self, planned: Callable[..., Plan], bound: Callable[..., Any]) -> None:
        self.planned, self.bound = planned, bound
        self.plans: dict[Any, Plan] = {}
        self.direct = False
        self.jitted = jax.jit(self._in_one)

    def _in_one(self, *operands: Any) -> Any:
        """Traced for operands of new types: the plan, if it is one program."""
        plan = self._plan(operands)
        if here(plan).form not in ("program", "native"):
            raise _OtherForm
        return self.bound(plan, *operands)

    def __call__(self, *operands: Any) -> Any:
        """The result of the plan for operands of these types."""
        traced = _any_traced(operands)
        if self.direct and not traced:
            try:
                return self.jitted(*operands)
            except _OtherForm:
                self.direct = False
        plan = self._plan(operands)
        if here(plan).form in ("program", "native"):
            if traced:
                return self.jitted(*operands)
            self.direct = True
            return self._first(plan, operands)
        return self.bound(plan, *operands) if traced else run_now(plan, *operands)

    def _plan(self, operands: Sequence[Any]) -> Plan:
        """The plan for operands of these types, kept."""
        types = [x.aval if isinstance(x, jax.Array) else _kind(x) for x in operands]
        key = (jax.config.jax_enable_x64, *types)
        plan = self.plans.get(key)
        if plan is None:
            if len(self.plans) >= MOST_KEPT:
                self.plans.clear()
            plan = self.plans[key] = narrowed(self.planned(*operands))
        return plan

    def _first(self, plan: Plan, operands: Sequence[Any]) -> Any:
        """The first call of one program, whose time is said."""
        start = time.perf_counter()
        result = self.jitted(*operands)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%d steps compiled %s in %.2f s, estimated %.2f s",
                len(plan.steps),
                "as one program" if here(plan).form == "program" else "with native code",
                time.perf_counter() - start,
                here(plan).seconds,
            )  # fmt: skip
        return result


class _OtherForm(Exception):
    """Operands of new types, for which the plan is not one program."""


def _any_traced(operands: Sequence[Any]) -> bool:
    return any(issubclass(kind, jax.core.Tracer) for kind in set(map(type, operands)))


def _kind(operand: Any) -> Any:
    """What a plan depends on of an operand that is none of JAX's arrays."""
    shape = getattr(operand, "shape", None)
    return type(operand) if shape is None else (shape, operand.dtype)


def with_constants(
    plan: Plan, constants: Sequence[Any], otherwise: Callable[..., Any]
) -> Callable[..., Any]:
    """The function of a plan whose first operands are constants, faster than `otherwise`, if any.

    It takes all operands, and gives those that are not as planned to `otherwise`.
    """
    form = here(plan).form
    if form == "native":
        return NativeConstant(plan, constants, otherwise)
    return Constant(plan, constants, otherwise) if form == "tape" else otherwise


class NativeConstant:
    """The function of a plan in native code whose first operands are constants, packed once.

    A call passes one array with all constants of the code, and the variables as they are.
    """

    def __init__(self, plan: Plan, constants: Sequence[Any], otherwise: Callable[..., Any]) -> None:
        self.plan, self.constants, self.otherwise = plan, constants, otherwise
        self.made = natively_taped(plan, tuple(range(len(constants))))
        self.beside = [i for i in self.made.direct if i < len(constants)]
        self.types = _types_after(plan, len(constants))
        self.kept: dict[str, list[Any]] = {}
        self.fits = True
        self.function = jax.jit(self._run)

    def __call__(self, *operands: Any) -> Any:
        """The result for all operands of the plan, the constants first."""
        if self.fits and on_host() and not _any_traced(operands):
            try:
                return self.function(*self._constants(), *operands[len(self.constants) :])
            except _OtherForm:
                self.fits = False
        return self.otherwise(*operands)

    def _constants(self) -> list[Any]:
        """The constants as the program takes them: packed, and beside native code."""
        dtype = held_in(self.plan)
        if dtype not in self.kept:
            arrays = ready(self.plan, self.constants)
            flats = [
                jnp.asarray(packer([arrays[i] for i in group]))
                for group, packer in zip(self.made.packed, self.made.packers, strict=True)
            ]
            self.kept[dtype] = [*flats, *(jnp.asarray(arrays[i]) for i in self.beside)]
        return self.kept[dtype]

    def _run(self, *arrays: jax.Array) -> jax.Array:
        first = len(self.made.packed) + len(self.beside)
        variables = arrays[first:]
        if any(map(_differs, variables, self.types)):
            raise _OtherForm
        result = self.made.run(*arrays[:first], *ready(self.plan, variables))
        return as_dtype(self.plan.dtype, result)  # type: ignore[no-any-return]


def _types_after(plan: Plan, count: int) -> list[tuple[tuple[int, ...], Any]]:
    """Shape and dtype of each operand after the first so many."""
    given = plan.contraction
    return [
        (shape, jnp.dtype(dtype))
        for shape, dtype in zip(given.shapes[count:], given.dtypes[count:], strict=True)
    ]


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
        self.types = _types_after(plan, count)
        self.flats: dict[str, list[Any]] = {}

    def __call__(self, *operands: Any) -> Any:
        """The result for all operands of the plan, the constants first."""
        variables = operands[len(self.constants) :]
        unlike = _any_traced(variables) or any(map(_differs, variables, self.types))
        if unlike or not on_host():
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
    """Whether an operand is of another type than planned."""
    if getattr(operand, "weak_type", False):
        return True
    return (getattr(operand, "shape", None), getattr(operand, "dtype", None)) != planned
