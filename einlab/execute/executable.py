"""Programs held to a memory limit: compiled, asked for their bytes, planned anew if need be.

A plan promises a peak; the program that XLA makes of it may hold more (copies, intermediates taken
out of a loop). Here the promise is held against the program itself: arguments, outputs and
temporaries less what shares memory. The call that follows runs the very program that was asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax

from einlab.contraction import Contraction
from einlab.errors import MemoryLimitError
from einlab.execute.primitive import bind
from einlab.execute.programs import ATTEMPTS, bytes_at_rest, context, program_bytes, tightened
from einlab.memory import host_memory
from einlab.planning import Plan, make_plan, refusal
from einlab.settings import Settings

__all__ = ["Limited", "device_memory", "plan_within"]

MOST_SLICES = 2**20
"""Of a plan that is compiled only to see how little would do."""

Program = Callable[..., jax.Array]
Compile = Callable[[Plan], tuple[Program, int | None]]


def device_memory(operands: Sequence[Any]) -> int:
    """Bytes that the device of the operands has; this computer's where the device does not tell.

    Raises ArgumentError where neither is known.
    """
    concrete = (x for x in operands if isinstance(x, jax.Array) and not _traced(x))
    device = next((next(iter(x.devices())) for x in concrete), None)
    if device is None:
        device = jax.config.jax_default_device or jax.devices()[0]
    if isinstance(device, str):
        device = jax.devices(device)[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    return int(stats["bytes_limit"]) if stats and "bytes_limit" in stats else host_memory()


def plan_within(
    contraction: Contraction, settings: Settings, compile_plan: Compile
) -> tuple[Plan, Program]:
    """The plan whose program keeps the limit of the settings, and that program.

    Raises MemoryLimitError naming the smallest limit that would do, by what the programs hold.
    """
    limit = settings.memory_bytes
    assert limit is not None
    inner: int = limit
    least: tuple[int, Plan] | None = None
    for _ in range(ATTEMPTS):
        try:
            plan = make_plan(contraction, replace(settings, memory_bytes=inner))
        except MemoryLimitError as error:
            plan = _smallest(error)
            if least is not None and least[1] == plan:
                break
        program, used = compile_plan(plan)
        if used is None or used <= limit:
            return plan, program
        if least is None or used < least[0]:
            least = used, plan
        inner = tightened(plan.peak, used, limit, bytes_at_rest(plan))
    assert least is not None
    raise refusal(
        f"no order and no slicing keeps {limit:,} bytes in the compiled program: the smallest "
        f"memory limit that would do is {least[0]:,} bytes, arguments and result included",
        least[1],
        least[0],
    )


def _smallest(error: MemoryLimitError) -> Plan:
    """The plan of least peak, which a refusal brings.

    Raises the error itself if there is none, or none that could ever run.
    """
    plan = error.plan
    if not isinstance(plan, Plan) or plan.slices > MOST_SLICES:
        raise error
    return plan


class Limited:
    """The function of an equation under a memory limit.

    Concrete operands run a program that was held to the limit. Inside a transformation of JAX the
    program is the caller's: there a program of the contraction alone is held to the limit, and its
    plan is used.
    """

    def __init__(
        self, read: Callable[..., Contraction], settings: Settings, automatic: bool
    ) -> None:
        self._read, self._settings, self._automatic = read, settings, automatic
        self._made: dict[Any, Program] = {}
        self._kept: dict[Any, Plan] = {}
        self._lock = threading.RLock()
        self._checking = threading.local()
        self._traced = jax.jit(self._inside)

    def __call__(self, *operands: Any) -> jax.Array:
        """The contraction of operands that are ready."""
        try:
            key = (*[(type(x), x.shape, x.dtype) for x in operands], *context())
        except AttributeError:  # a Python scalar
            key = (*[_kind(x) for x in operands], *context())
        program = self._made.get(key)
        if program is None:
            if any(map(_traced, operands)):
                return self._traced(*operands)
            program = self._program(key, operands)
        try:
            return program(*operands)
        except _Unchecked:
            self._made.pop(key, None)
            return self._program(key, operands)(*operands)

    def _program(self, key: Any, operands: Sequence[Any]) -> Program:
        """The program for these operands; of many threads that ask at once one makes it."""
        with self._lock:
            if key not in self._made:
                self._made[key] = self._within(operands, self._limit(operands))[1]
            return self._made[key]

    def _inside(self, *operands: Any) -> jax.Array:
        """The contraction inside a transformation."""
        settings = self._limit(())
        types = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in operands]
        plan = self._kept.get((self._read(*types), settings, *context()))
        if plan is None:
            plan, _ = self._within(types, settings)
        return bind(plan, settings, *operands)

    def _limit(self, operands: Sequence[Any]) -> Settings:
        """The settings, with the memory of the operands' device where that is the limit."""
        if not self._automatic:
            return self._settings
        return replace(self._settings, memory_bytes=device_memory(operands))

    def _within(self, operands: Sequence[Any], settings: Settings) -> tuple[Plan, Program]:
        types = jax.eval_shape(lambda *given: given, *operands)
        contraction = self._read(*types)
        found = plan_within(contraction, settings, partial(self._compiled, operands, settings))
        self._kept[(contraction, settings, *context())] = found[0]
        return found

    def _compiled(
        self, operands: Sequence[Any], settings: Settings, plan: Plan
    ) -> tuple[Program, int | None]:
        def contract(*operands: jax.Array) -> jax.Array:
            if not getattr(self._checking, "on", False):
                raise _Unchecked
            return bind(plan, settings, *operands)

        program = jax.jit(contract)
        self._checking.on = True
        try:
            return program, program_bytes(program.lower(*operands).compile())
        finally:
            self._checking.on = False


class _Unchecked(Exception):
    """JAX would make a program that was not held to the limit: its settings have changed."""


def _traced(operand: Any) -> bool:
    return isinstance(operand, jax.core.Tracer)


def _kind(operand: Any) -> Any:
    shape = getattr(operand, "shape", None)
    return type(operand) if shape is None else (type(operand), shape, operand.dtype)
