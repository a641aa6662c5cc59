"""Plans with tapes: small steps on tapes, large ones as the operations that they are elsewhere.

Operands of the tapes are packed into one flat array first, so that the program which is compiled
has few arguments however many operands there are.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import numpy as np
from jax import lax

from einlab import dtypes
from einlab.compiling import divide
from einlab.contraction import Term
from einlab.execute.lowering import run_step
from einlab.execute.packing import Packer, Places, pack, places_of
from einlab.execute.tape import run_tape
from einlab.execute.tape_program import (
    ONE,
    Output,
    Piece,
    Product,
    Program,
    View,
    natural,
    row_major,
)
from einlab.planning import Plan
from einlab.steps import Step

__all__ = ["Taped", "run_packed", "run_taped", "run_taped_now", "taped"]

logger = logging.getLogger("einlab")

COMPUTED_IN = {"int4": "int8", "uint4": "uint8", "int2": "int8", "uint2": "uint8"}
"""Dtypes without operations of their own; what wraps around in more bits wraps alike in fewer."""


@dataclass(frozen=True, slots=True)
class Run:
    """One part of a plan: the program of a tape, or steps."""

    steps: tuple[Step, ...]
    program: Program | None
    taken: tuple[int, ...]
    """Of a tape: values made by steps elsewhere, its inputs after the packed operands."""
    given: tuple[tuple[int, tuple[int, ...]], ...]
    """Of a tape: number and shape of each value that it makes for others."""


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
    runs: tuple[Run, ...]

    @cached_property
    def packers(self) -> tuple[Packer, ...]:
        """What packs each group of arrays that hold numbers."""
        return tuple(Packer(places, length) for places, length in self.places)

    @cached_property
    def function(self) -> Any:
        """The jitted function of the packed groups and the direct operands."""
        return jax.jit(self._run)

    def _run(self, *arrays: jax.Array) -> jax.Array:
        plan = self.plan
        groups = arrays[: len(self.packed)]
        contraction = plan.contraction
        values: dict[int, jax.Array] = {}
        for operand, array in zip(self.direct, arrays[len(groups) :], strict=True):
            shape = tuple(contraction.sizes[i] for i in contraction.squeezed[operand])
            values[operand] = array if array.shape == shape else lax.reshape(array, shape)
        for run in self.runs:
            if run.program is None:
                for step in run.steps:
                    taken = [values.pop(value) for value in step.operands]
                    values[step.result] = run_step(step, taken, plan.precision)
                continue
            inputs = [lax.reshape(x, (x.size,)) for x in map(values.pop, run.taken)]
            with jax.named_scope(f"einlab:tape of {len(run.program.steps)} steps"):
                (flat,) = run_tape(run.program, plan.precision, *groups, *inputs)
            start = 0
            for value, shape in run.given:
                part = lax.slice_in_dim(flat, start, start + math.prod(shape))
                values[value] = lax.reshape(part, shape)
                start += math.prod(shape)
        (result,) = values.values()
        return lax.reshape(result, contraction.shape)


def run_taped(plan: Plan, *operands: Any, apart: tuple[int, ...] = ()) -> jax.Array:
    """The result of a plan, its small steps on tapes.

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


def run_taped_now(plan: Plan, *operands: Any) -> jax.Array:
    """The same on arrays that hold numbers now."""
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


@lru_cache(maxsize=64)
def taped(plan: Plan, apart: tuple[int, ...] = ()) -> Taped:
    """The tapes and steps of a plan, its packed operands in two groups: the rest, and `apart`."""
    steps, count = plan.steps, len(plan.contraction.terms)
    parts = divide(steps, plan.compilation.limit)
    on_tapes = {
        value
        for part in parts if part.on_tape
        for place in part.steps
        for value in steps[place].operands if value < count
    }  # fmt: skip
    groups = [
        tuple(i for i in range(count) if i in on_tapes and (i in apart) is chosen)
        for chosen in (False, True)
    ]
    packed = tuple(group for group in groups if group)
    places = tuple(places_of([plan.contraction.shapes[i] for i in group]) for group in packed)
    builder = _Builder(plan, packed, places)
    runs = tuple(
        builder.tape([steps[place] for place in part.steps])
        if part.on_tape
        else Run(tuple(steps[place] for place in part.steps), None, (), ())
        for part in parts
    )
    direct = tuple(i for i in range(count) if i not in on_tapes)
    return Taped(plan, packed, places, direct, runs)


class _Builder:
    """Makes the programs of a plan's tapes."""

    def __init__(
        self,
        plan: Plan,
        packed: tuple[tuple[int, ...], ...],
        places: tuple[tuple[Places, int], ...],
    ) -> None:
        contraction = plan.slice_tree.contraction
        self.sizes = {index: size for index, size in contraction.sizes.items() if size != 1}
        self.groups = tuple(length for _, length in places)
        self.leaves: dict[int, View] = {}
        for number, (group, (starts, _)) in enumerate(zip(packed, places, strict=True)):
            for operand, (start, _) in zip(group, starts, strict=True):
                term = contraction.squeezed[operand]
                shape = tuple(contraction.sizes[index] for index in term)
                self.leaves[operand] = self._view(number, start, term, row_major(shape))

    def _view(self, value: int, offset: int, term: Term, strides: Sequence[int]) -> View:
        """A view over axes longer than 1; a repeated index moves along all its axes at once."""
        moves: dict[str, int] = {}
        for index, stride in zip(term, strides, strict=True):
            if index in self.sizes:
                moves[index] = moves.get(index, 0) + stride
        return View(value, offset, tuple(moves), tuple(moves.values()))

    def tape(self, steps: Sequence[Step]) -> Run:
        """The program of these steps."""
        made = {step.result for step in steps}
        taken: dict[int, tuple[Term, tuple[int, ...]]] = {}
        for step in steps:
            for value, term, shape in zip(step.operands, step.terms, step.shapes, strict=True):
                if value not in made and value not in self.leaves:
                    taken[value] = term, shape
        inputs = (*self.groups, *(math.prod(shape) for _, shape in taken.values()))
        views = dict(self.leaves)
        for number, (value, (term, shape)) in enumerate(taken.items(), len(self.groups)):
            views[value] = self._view(number, 0, term, row_major(shape))
        products: list[Product] = []
        given: dict[int, Step] = {}
        for step in steps:
            sources = [views[value] for value in step.operands]
            views[step.result] = self._run(step, sources, products, len(inputs))
            for value in step.operands:
                given.pop(value, None)
            given[step.result] = step
        output = self._output([(views[value], step) for value, step in given.items()])
        program = Program(self.sizes, inputs, tuple(products), (output,))
        return Run((), program, tuple(taken), tuple((v, s.shape) for v, s in given.items()))

    def _run(self, step: Step, sources: list[View], products: list[Product], inputs: int) -> View:
        """Where the result of a step lies; a diagonal or permutation is a view of its operand."""
        if step.kind in ("diagonal", "permute"):
            return sources[0]
        kept = [index for index in step.output if index in self.sizes]
        if step.kind == "sum":
            summed = tuple(index for index in sources[0].labels if index not in kept)
            sources = [sources[0], View(ONE, 0, summed, (0,) * len(summed))]
        left, right = sources
        labels = natural(left, right, kept)
        products.append(Product(labels, ((left, right),)))
        strides = row_major([self.sizes[label] for label in labels])
        return View(inputs + len(products) - 1, 0, labels, strides)

    def _output(self, given: Sequence[tuple[View, Step]]) -> Output:
        """One flat array of all values given, each row by row in the order of its step."""
        pieces, start = [], 0
        for view, step in given:
            place = dict(zip(step.output, row_major(step.shape), strict=True))
            pieces.append(Piece(view, start, tuple(place[label] for label in view.labels)))
            start += math.prod(step.shape)
        return Output(start, tuple(pieces))
