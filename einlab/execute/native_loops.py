"""A whole plan as one call of native code, its steps in loops over blocks of some axes.

What such a call holds is known exactly: operands, result, an arena for what lies between, and
scratch. So it keeps small limits of memory at the speed of native code, and computes nothing twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax

from einlab import dtypes
from einlab.contraction import Contraction
from einlab.errors import MemoryLimitError
from einlab.execute.doubling import Source, gradient_source
from einlab.execute.fitting import fitted
from einlab.execute.nest_words import in_loops
from einlab.execute.nesting import Cuts
from einlab.execute.programs import bytes_at_rest, narrowed
from einlab.execute.tape_program import Program
from einlab.execute.tape_steps import Run, run_of
from einlab.execute.taped import as_dtype, held_in, ready
from einlab.forms import NATIVE_DTYPES
from einlab.native.calling import available, call
from einlab.permuting import costs_of
from einlab.planning import Plan, make_plan
from einlab.settings import Settings

__all__ = ["Nested", "gradient_within", "nested_within", "run_gradient", "run_nested"]

SCRATCH = 8
"""The part of the room beside operands and result that scratch has at least, as 1 in so many."""
BESIDE = 4096
"""Bytes that a program holds beside its arrays: where they are, and gaps between them."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A contraction, or its gradient, as one call of native code."""

    plan: Plan
    """The order of its products, without slices."""
    cuts: Cuts
    """The axes of its loops, with their blocks."""
    scratch: int
    """Bytes of scratch that the call may take."""

    @property
    def sliced(self) -> Plan:
        """The plan that goes over the same axes in slices, for where native code lacks."""
        return replace(self.plan, sliced=tuple(cut.label for cut in self.cuts))


def nested_within(contraction: Contraction, settings: Settings) -> Nested | None:
    """The fastest call found that keeps the limit of the settings; None if none does.

    The order is that of a plan without the limit or of one under it, whichever is faster in loops.
    """
    return _fastest(contraction, settings, (), lambda plan: _source(_run_of(plan).program))


def _whole(contraction: Contraction, settings: Settings) -> Iterator[Plan]:
    """Plans without slices: of the best order, and of those that are found under the limit."""
    seen = set()
    for memory in (None, settings.memory_bytes):
        try:
            plan = narrowed(make_plan(contraction, replace(settings, memory_bytes=memory)))
        except MemoryLimitError:
            continue
        if plan.pairs not in seen:
            seen.add(plan.pairs)
            yield replace(plan, sliced=())


def _covers(plan: Plan) -> bool:
    """Whether native code runs here, and computes the whole plan as asked."""
    dtype = held_in(plan)
    if dtype not in NATIVE_DTYPES or not plan.steps or jax.default_backend() != "cpu":
        return False
    if len({array for pair in plan.pairs for array in pair}) < 2 * len(plan.pairs):
        return False  # an array is used twice: loops that reach further ask for what is linear
    filled = all(math.prod(shape) for step in plan.steps for shape in (*step.shapes, step.shape))
    native = costs_of(plan.machine, dtype, plan.precision).native is not None
    return filled and native and available() and bool(_run_of(plan).program.steps)


@lru_cache(maxsize=256)
def _run_of(plan: Plan) -> Run:
    """All steps of a plan as one program, whose axes are the plan's indices."""
    return run_of(plan.steps)


@lru_cache(maxsize=256)
def _source(program: Program) -> Source:
    return Source(program)


def gradient_within(
    contraction: Contraction, settings: Settings, places: tuple[int, ...]
) -> Nested | None:
    """The same for the gradient in the operands at `places`, of operands and cotangent."""
    return _fastest(contraction, settings, places, lambda plan: _backward(plan, places))


def _fastest(
    contraction: Contraction,
    settings: Settings,
    places: tuple[int, ...],
    source_of: Callable[[Plan], Source],
) -> Nested | None:
    """The fastest call that leaves room for gradients at `places`."""
    limit = settings.memory_bytes
    assert limit is not None
    best: tuple[float, Nested] | None = None
    for plan in _whole(contraction, settings):
        if not _covers(plan):
            continue
        dtype = held_in(plan)
        each = dtypes.itemsize(dtype)
        sent = sum(math.prod(contraction.shapes[place]) * each for place in places)
        rest = limit - bytes_at_rest(plan) - sent - BESIDE
        room = (rest - rest // SCRATCH) // each
        found = fitted(source_of(plan), dtype, room) if room > 0 else None
        if found is not None and (best is None or found.seconds < best[0]):
            scratch = rest - each * found.length
            best = found.seconds, Nested(plan, found.nest.cuts, scratch)
    return best and best[1]


def _backward(plan: Plan, places: tuple[int, ...]) -> Source:
    """The gradient's program; its inputs are the operands as they are taken, and the cotangent."""
    run = _run_of(plan)
    return gradient_source(run.program, tuple(run.taken.index(place) for place in places))


def run_gradient(nested: Nested, places: tuple[int, ...], *arrays: Any) -> list[jax.Array]:
    """The gradients of the operands at `places`; `arrays` are the operands and the cotangent."""
    *given, cotangent = arrays
    plan = nested.plan
    run, operands = _run_of(plan), ready(plan, given)
    again = frozenset(cut.label for cut in nested.cuts if cut.reach == "own")
    program = _backward(plan, places).under(again)
    inputs = [operands[place] for place in run.taken]
    inputs.append(as_dtype(held_in(plan), cotangent))
    made = _run(program, nested, [given[place].shape for place in places], *inputs)
    return [
        as_dtype(str(given[place].dtype), part) for place, part in zip(places, made, strict=True)
    ]


def run_nested(nested: Nested, *operands: Any) -> jax.Array:
    """The result of a contraction, in the dtype of its plan."""
    plan = nested.plan
    run, arrays = _run_of(plan), ready(plan, operands)
    shape = plan.contraction.shape
    (result,) = _run(run.program, nested, [shape], *(arrays[place] for place in run.taken))
    return as_dtype(plan.dtype, result)  # type: ignore[no-any-return]


def _run(
    program: Program, nested: Nested, shapes: list[tuple[int, ...]], *inputs: jax.Array
) -> list[jax.Array]:
    """The outputs of a program in one native call, each of one of the shapes."""
    made = in_loops(program, str(inputs[0].dtype), nested.cuts)
    with jax.named_scope(f"einlab:{len(program.steps)} steps in {len(nested.cuts)} loops"):
        return call(made.words, [*shapes, (made.arena,)], *inputs, room=nested.scratch)[:-1]
