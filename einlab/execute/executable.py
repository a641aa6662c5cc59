"""Programs held to a memory limit: compiled, asked for their bytes, planned anew if need be.

A plan promises a peak; the program that XLA makes of it may hold more (copies, intermediates taken
out of a loop). Here the promise is held against the program itself: arguments, outputs and
temporaries less what shares memory. The call that follows runs the very program that was asked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeGuard

import jax

from einlab.contraction import Contraction
from einlab.errors import MemoryLimitError
from einlab.execute.jax_compat import tracing_nothing
from einlab.execute.native_loops import Nested, nested_within
from einlab.execute.primitive import bind
from einlab.execute.programs import (
    ATTEMPTS,
    bytes_at_rest,
    context,
    leanness,
    program_bytes,
    tightened,
)
from einlab.execute.slicing import MOST
from einlab.memory import host_memory
from einlab.planning import Plan, in_one_program, left_to_xla, make_plan, refusal
from einlab.settings import Settings

__all__ = [
    "CompileRun",
    "Found",
    "Limited",
    "Search",
    "Way",
    "checked_way",
    "device_memory",
    "one_contraction",
]

logger = logging.getLogger("einlab")

Program = Callable[..., Any]
Compile = Callable[["Way"], tuple[Program, int | None]]
Options = dict[str, str | bool]
CompileRun = Callable[[Program], tuple[Program, int | None]]
"""Compiles a function of the operands: its program, and the bytes that holds."""

MEMORY_FIRST: Options = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
"""How XLA orders a program of ours on a CPU; by itself it runs far ahead where steps could run side
by side, and holds their results. A program of the caller's has the caller's options."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a contraction runs."""

    plan: Plan
    lean: bool = False
    """Whether a loop over slices holds nothing from one slice to the next."""
    nested: Nested | None = None
    """As one call of native code, in these loops."""

    def run(self, settings: Settings | None, *operands: Any) -> jax.Array:
        """The result, as one operation of JAX."""
        return bind(self.plan, settings, *operands, lean=self.lean, nested=self.nested)


@dataclass(frozen=True, slots=True)
class Checked:
    """A program that was held to a memory limit."""

    way: Way
    program: Program
    held: int | None
    """Bytes; None where the backend does not tell."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for a program that keeps a limit ends with."""

    run: Program
    """The function of the operands, to be traced into another program."""
    program: Program
    held: int | None


Search = Callable[[Sequence[Any], Settings, CompileRun], Found]
"""Finds what keeps the limit of the settings for operands of these types."""


def device_memory(operands: Sequence[Any]) -> int:
    """Bytes that the device of the operands has; this computer's where the device does not tell.

    Raises ArgumentError where neither is known.
    """
    device = device_of(operands)
    stats = device.memory_stats() if device.platform != "cpu" else None
    return int(stats["bytes_limit"]) if stats and "bytes_limit" in stats else host_memory()


def device_of(operands: Sequence[Any]) -> jax.Device:
    """The device of the first operand that is on one, else the default."""
    concrete = (x for x in operands if isinstance(x, jax.Array) and not _traced(x))
    device = next((next(iter(x.devices())) for x in concrete), None)
    device = device or jax.config.jax_default_device or jax.devices()[0]
    return jax.devices(device)[0] if isinstance(device, str) else device


def plan_within(contraction: Contraction, settings: Settings, compile_plan: Compile) -> Checked:
    """The plan whose program keeps the limit of the settings, and that program.

    Raises MemoryLimitError naming the smallest limit that would do, by what the programs hold.
    """
    limit = settings.memory_bytes
    assert limit is not None
    inner: int = limit
    least: tuple[int, Plan] | None = None
    for way in _native_ways(contraction, settings):
        program, used = compile_plan(way)
        _tell(way, limit, used)
        if used is None or used <= limit:
            return Checked(way, program, used)
    for _ in range(ATTEMPTS):
        try:
            plan = make_plan(contraction, replace(settings, memory_bytes=inner))
        except MemoryLimitError as error:
            if least is None and not _can_run(error.plan):
                raise
            if not _can_run(error.plan) or (least is not None and least[1] == error.plan):
                break
            plan = error.plan
        if plan.slices > MOST:
            break
        for way in _ways(plan, limit):
            program, used = compile_plan(way)
            _tell(way, limit, used)
            if used is None or used <= limit:
                return Checked(way, program, used)
            needed = max(used, way.plan.peak)  # less is refused by the plan's own count
            if least is None or needed < least[0]:
                least = needed, way.plan
        inner = tightened(min(plan.peak, inner), used or limit, limit, bytes_at_rest(plan))
    if least is None:
        raise MemoryLimitError(
            f"{limit:,} bytes are kept by {plan.slices:,} slices alone, more than a loop counts to"
        )
    raise refusal(
        f"no order and no slicing keeps {limit:,} bytes in the compiled program: the smallest "
        f"memory limit that would do is {least[0]:,} bytes, arguments and result included",
        least[1],
        least[0],
    )


def _tell(way: Way, limit: int, used: int | None) -> None:
    """Say what a program holds."""
    logger.debug(
        "%.80s: a program of %s slices%s holds %s bytes of %s, its plan %s",
        way.plan.eq, way.plan.slices, " in native code" if way.nested else "", used, limit,
        way.plan.peak,
    )  # fmt: skip


def _native_ways(contraction: Contraction, settings: Settings) -> Iterator[Way]:
    """One call of native code, after the plan without a limit where that promises to keep it."""
    free = make_plan(contraction, replace(settings, memory_bytes=None))
    try:
        within: Plan | None = make_plan(contraction, settings)
    except MemoryLimitError:
        within = None
    if within == free:
        yield Way(free)
    nested = nested_within(contraction, settings)
    if nested is not None:
        yield Way(within or nested.sliced, nested=nested)


def _ways(plan: Plan, limit: int) -> Iterator[Way]:
    """How a plan may run, in the order in which that is tried; last in XLA's operations alone."""
    for lean in leanness(plan, plan.peak, limit, every=False):
        yield Way(plan, lean)
    if plan.compilation.traced == "tape":
        yield Way(in_one_program(plan))
    plain = left_to_xla(plan)
    if plain != plan:
        for lean in leanness(plain, plain.peak, limit, every=False):
            yield Way(plain, lean)


def checked_way(contraction: Contraction, settings: Settings) -> Way:
    """How a contraction runs whose program keeps the limit of the settings.

    Raises MemoryLimitError as `plan_within`.
    """
    types = [
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in zip(contraction.shapes, contraction.dtypes, strict=True)
    ]

    def compiled(way: Way) -> tuple[Program, int | None]:
        program = jax.jit(partial(way.run, settings))
        return program, program_bytes(program.lower(*types).compile())

    return plan_within(contraction, settings, compiled).way


def _can_run(plan: object) -> TypeGuard[Plan]:
    """Whether the plan for the smallest limit, which a refusal brings, is one that could run."""
    return isinstance(plan, Plan) and plan.slices <= MOST


def one_contraction(read: Callable[..., Contraction]) -> Search:
    """The search for the program of one contraction, which is read for given types."""

    def search(types: Sequence[Any], settings: Settings, compile_run: CompileRun) -> Found:
        found = plan_within(
            read(*types), settings, lambda way: compile_run(partial(way.run, settings))
        )
        return Found(partial(found.way.run, settings), found.program, found.held)

    return search


class Limited:
    """The function of one equation, or of several, under a memory limit.

    Concrete operands run a program that was held to the limit. Inside a transformation of JAX the
    program is the caller's: there a program of the contraction alone is held to the limit, and its
    plan is used.
    """

    def __init__(self, search: Search, settings: Settings, automatic: bool) -> None:
        self._search, self._settings, self._automatic = search, settings, automatic
        self._made: dict[Any, Program] = {}
        self._held: dict[Any, int | None] = {}
        self._kept: dict[Any, Program] = {}
        self._lock = threading.RLock()
        self._checking = threading.local()
        self._traced = jax.jit(self._inside)

    def __call__(self, *operands: Any) -> Any:
        """The results for operands that are ready."""
        key = _key(operands)
        program = self._made.get(key)
        if program is None or not tracing_nothing():
            if any(map(_traced, operands)) or not tracing_nothing():
                return self._traced(*operands)
            program = self._program(key, operands)
        try:
            return program(*operands)
        except _Unchecked:
            self._made.pop(key, None)
            return self._program(key, operands)(*operands)

    def held(self, *operands: Any) -> int | None:
        """Bytes that the program holds which these operands run; None where nobody tells."""
        key = _key(operands)
        self._program(key, operands)
        return self._held[key]

    def _program(self, key: Any, operands: Sequence[Any]) -> Program:
        """The program for these operands; of many threads that ask at once one makes it."""
        with self._lock:
            if key not in self._made:
                options = MEMORY_FIRST if _on_cpu(operands) else None
                found = self._within(operands, self._limit(operands), options)
                self._made[key], self._held[key] = found.program, found.held
            return self._made[key]

    def _inside(self, *operands: Any) -> Any:
        """The results inside a transformation."""
        settings = self._limit(())
        types = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in operands]
        key = (*[(x.shape, x.dtype) for x in types], settings, *context())
        if key not in self._kept:
            self._kept[key] = self._within(types, settings, None).run
        return self._kept[key](*operands)

    def _limit(self, operands: Sequence[Any]) -> Settings:
        """The settings, with the memory of the operands' device where that is the limit."""
        if not self._automatic:
            return self._settings
        return replace(self._settings, memory_bytes=device_memory(operands))

    def _within(
        self, operands: Sequence[Any], settings: Settings, options: Options | None
    ) -> Found:
        types = jax.eval_shape(lambda *given: given, *operands)
        return self._search(types, settings, partial(self._compiled, operands, options))

    def _compiled(
        self, operands: Sequence[Any], options: Options | None, run: Program
    ) -> tuple[Program, int | None]:
        def contract(*operands: jax.Array) -> Any:
            if not getattr(self._checking, "on", False):
                raise _Unchecked
            return run(*operands)

        program = jax.jit(contract, compiler_options=options)
        self._checking.on = True
        try:
            return program, program_bytes(program.lower(*operands).compile())
        finally:
            self._checking.on = False


class _Unchecked(Exception):
    """JAX would make a program that was not held to the limit: its settings have changed."""


def _traced(operand: Any) -> bool:
    return isinstance(operand, jax.core.Tracer)


def _on_cpu(operands: Sequence[Any]) -> bool:
    """Whether a call on concrete operands runs on a CPU."""
    return bool(device_of(operands).platform == "cpu")


def _key(operands: Sequence[Any]) -> tuple[Any, ...]:
    try:
        return (*[(type(x), x.shape, x.dtype) for x in operands], *context())
    except AttributeError:  # a Python scalar
        return (*[_kind(x) for x in operands], *context())


def _kind(operand: Any) -> Any:
    shape = getattr(operand, "shape", None)
    return type(operand) if shape is None else (type(operand), shape, operand.dtype)
