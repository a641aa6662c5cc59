"""Plans with tapes: small steps on tapes, large ones as the operations that they are elsewhere.

Native code takes operands where they lie. For the loop that runs tapes elsewhere they are packed
into one flat array first, so that the program which is compiled has few arguments however many
operands there are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import numpy as np
from jax import lax

from einlab import dtypes
from einlab.compiling import Compilation, Part, choose_compilation, divide
from einlab.execute.lowering import run_step
from einlab.execute.packing import Packer, Places, pack, places_of
from einlab.execute.slicing import over_slices
from einlab.execute.tape import run_tape
from einlab.execute.tape_program import View
from einlab.execute.tape_steps import Run, packed_run, view_of
from einlab.native.calling import available
from einlab.planning import Plan
from einlab.steps import Step

__all__ = [
    "Taped",
    "here",
    "natively_taped",
    "run_natively",
    "run_packed",
    "run_taped",
    "run_taped_now",
    "taped",
]

logger = logging.getLogger("einlab")

COMPUTED_IN = {"int4": "int8", "uint4": "uint8", "int2": "int8", "uint2": "uint8"}
"""Dtypes without operations of their own; what wraps around in more bits wraps alike in fewer."""


@dataclass(frozen=True, eq=False)
class Taped:
    """A plan divided into tapes and steps; compared by identity, made once by `taped`."""

    plan: Plan
    packed: tuple[tuple[int, ...], ...]
    """The operands of tapes in groups, each packed into one flat array."""
    places: tuple[tuple[Places, int], ...]
    """For each group the places of its operands, and the length of the flat array."""
    direct: tuple[int, ...]
    """The operands that steps take as they are."""
    runs: tuple[Run | Step, ...]

    @cached_property
    def packers(self) -> tuple[Packer, ...]:
        """What packs each group of arrays that hold numbers."""
        return tuple(Packer(places, length) for places, length in self.places)

    @cached_property
    def function(self) -> Any:
        """The jitted function of the packed groups and the direct operands."""
        return jax.jit(self.run)

    def run(self, *arrays: jax.Array) -> jax.Array:
        """The result, of the packed groups and the direct operands."""
        if self.plan.sliced:  # a plan without packed operands
            return over_slices(self.plan, arrays, self._run_once)
        return self._run_once(arrays)

    def _run_once(self, arrays: Sequence[jax.Array]) -> jax.Array:
        plan = self.plan
        groups = arrays[: len(self.packed)]
        contraction = plan.slice_tree.contraction
        values = dict(zip(self.direct, arrays[len(groups) :], strict=True))
        for run in self.runs:
            if isinstance(run, Step):
                taken = list(map(_shaped, map(values.pop, run.operands), run.shapes))
                values[run.result] = run_step(run, taken, plan.precision)
                continue
            inputs = map(values.pop, run.taken)
            shapes = tuple(shape for _, shape in run.given)
            with jax.named_scope(f"einlab:tape of {len(run.program.steps)} steps"):
                made = run_tape(run.program, plan.precision, *groups, *inputs, shapes=shapes)
            values.update(zip((value for value, _ in run.given), made, strict=True))
        (result,) = values.values()
        return _shaped(result, contraction.shape)


def _shaped(array: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The array without the axes of length 1 that a step leaves out."""
    return array if array.shape == shape else lax.reshape(array, shape)


def run_taped(plan: Plan, *operands: Any, apart: tuple[int, ...] = ()) -> jax.Array:
    """The result of a plan, its small steps on tapes that a loop runs.

    Operands numbered in `apart` are packed by themselves, so that a derivative in them alone, or
    others kept packed, cost no more than they must.
    """
    made = taped(plan, apart)
    arrays = ready(plan, operands)
    flats = [
        pack([arrays[i] for i in group], places, length)
        for group, (places, length) in zip(made.packed, made.places, strict=True)
    ]
    return run_packed(made, flats, [arrays[i] for i in made.direct])


def run_natively(plan: Plan, *operands: Any) -> jax.Array:
    """The result of a plan, as many of its steps as the plan says in native code."""
    made = natively_taped(plan)
    return as_dtype(plan.dtype, made.run(*ready(plan, operands)))  # type: ignore[no-any-return]


def run_taped_now(plan: Plan, *operands: Any) -> jax.Array:
    """The result of a plan with tapes on arrays that hold numbers now."""
    made = taped(plan)
    arrays = ready(plan, operands)
    flats = [
        packer([arrays[i] for i in group])
        for group, packer in zip(made.packed, made.packers, strict=True)
    ]
    return run_packed(made, flats, [arrays[i] for i in made.direct])


def ready(plan: Plan, operands: Sequence[Any]) -> list[Any]:
    """The operands in the dtype in which the steps compute."""
    name = held_in(plan)
    dtype = jax.numpy.dtype(name)
    return [x if getattr(x, "dtype", None) is dtype else as_dtype(name, x) for x in operands]


def run_packed(made: Taped, flats: Sequence[Any], direct: Sequence[Any]) -> jax.Array:
    """The result of a plan whose operands are packed, in the plan's dtype."""
    first = "function" not in made.__dict__
    start = time.perf_counter()
    result: jax.Array = made.function(*flats, *direct)
    if first and logger.isEnabledFor(logging.DEBUG):
        seconds = time.perf_counter() - start
        logger.debug(
            "%d steps compiled with tapes in %.2f s, estimated %.2f s",
            len(made.plan.steps), seconds, made.plan.compile_estimate,
        )  # fmt: skip
    return as_dtype(made.plan.dtype, result)  # type: ignore[no-any-return]


def held_in(plan: Plan) -> str:
    """The dtype in which the steps compute."""
    dtype = dtypes.held_in(plan.contraction.dtypes, plan.dtype)
    if not jax.config.jax_enable_x64:
        dtype = dtypes.narrowed(dtype)
    return COMPUTED_IN.get(dtype, dtype)


def as_dtype(dtype: str, array: Any) -> Any:
    """The array in another dtype; bool is what is not zero. NumPy's arrays stay NumPy's."""
    if getattr(array, "dtype", None) == dtype:
        return array
    if dtype == "bool":
        return array != 0
    if isinstance(array, jax.Array):
        return lax.convert_element_type(array, dtype)
    return np.asarray(array).astype(jax.numpy.dtype(dtype))


def here(plan: Plan) -> Compilation:
    """How a plan is compiled where this process computes: native code may be missing there."""
    planned = plan.compilation
    if planned.traced != "native" or (jax.default_backend() == "cpu" and available()):
        return planned
    return _without_native_code(plan)


@lru_cache(maxsize=64)
def _without_native_code(plan: Plan) -> Compilation:
    return choose_compilation(plan.steps, plan.compile_budget, sliced=bool(plan.sliced))


@lru_cache(maxsize=64)
def taped(plan: Plan, apart: tuple[int, ...] = ()) -> Taped:
    """The tapes and steps of a plan, its packed operands in two groups: the rest, and `apart`."""
    parts = divide(plan.steps, here(plan).limit)
    small = _on_tapes(plan, parts)
    groups = tuple(i for i in small if i not in apart), tuple(i for i in small if i in apart)
    return _taped(plan, parts, groups)


@lru_cache(maxsize=64)
def natively_taped(plan: Plan, packed: tuple[int, ...] = ()) -> Taped:
    """The native calls and steps of a plan, no operands packed but one group of those named."""
    parts = divide(plan.steps, here(plan).limit, natively=True)
    return _taped(plan, parts, (tuple(i for i in _on_tapes(plan, parts) if i in packed),))


def _on_tapes(plan: Plan, parts: Sequence[Part]) -> list[int]:
    """The operands that steps on tapes take."""
    count = len(plan.contraction.terms)
    return sorted(
        value
        for part in parts if part.on_tape
        for place in part.steps
        for value in plan.steps[place].operands if value < count
    )  # fmt: skip


def _taped(plan: Plan, parts: Sequence[Part], groups: Sequence[tuple[int, ...]]) -> Taped:
    """A plan in parts, the operands of each group packed."""
    contraction = plan.contraction
    packed = tuple(group for group in groups if group)
    places = tuple(places_of([contraction.shapes[i] for i in group]) for group in packed)
    views: dict[int, View] = {}
    for number, (group, (starts, _)) in enumerate(zip(packed, places, strict=True)):
        for operand, (start, _) in zip(group, starts, strict=True):
            term = contraction.squeezed[operand]
            shape = [contraction.sizes[index] for index in term]
            views[operand] = view_of(number, start, term, shape)
    lengths = tuple(length for _, length in places)
    runs: list[Run | Step] = []
    for part in parts:
        steps = [plan.steps[place] for place in part.steps]
        runs += [packed_run(steps, views, lengths)] if part.on_tape else steps
    direct = tuple(i for i in range(len(contraction.terms)) if i not in views)
    return Taped(plan, packed, places, direct, tuple(runs))
