"""A computation as XLA allocates it: calls opened, views joined, what is fused never written.

The rules are those of XLA's CPU and GPU compilers in outline: element-wise operations and moves are
fused into what reads them unless that would compute something dear twice; products, sorts, loops
and the like read from memory and write to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from jax.extend.core import Literal

from einlab.trace.calls import inner_function
from einlab.trace.operations import nbytes
from einlab.trace.places import operation_of
from einlab.trace.rows import Kind
from einlab.trace.rules import CALLS, counted

__all__ = ["Buffers", "Instruction", "opened"]

FUSED: tuple[Kind, ...] = ("elementwise", "movement")
READS_FUSED: tuple[Kind, ...] = ("elementwise", "movement", "reduction", "gather", "scatter")
"""Kinds of operations that compute what they read on the way, where it is fused."""
OPENED = CALLS - {"scan", "while", "cond", "pallas_call", "einlab_contract", "custom_linear_solve"}
IN_PLACE = ("dynamic_update_slice", "scatter", "scatter-add", "swap", "addupdate")


@dataclass(slots=True)
class Instruction:
    """One operation of a computation: numbers of the values it takes and makes."""

    name: str
    kind: Kind
    ins: list[int]
    outs: list[int]
    dear: bool
    """Whether computing it twice would cost more than reading it."""
    inner: int = 0
    """Bytes that it needs beside operands and results: the inside of a loop."""


@dataclass(slots=True)
class Buffers:
    """The values of a computation and what is done with them."""

    sizes: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    """For each value the one whose memory it shares: itself, or what it is a view of."""
    instructions: list[Instruction] = field(default_factory=list)
    arguments: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)

    def new(self, size: int, same: int | None = None) -> int:
        """A value of so many bytes, or a view of another."""
        number = len(self.sizes)
        self.sizes.append(size if same is None else self.sizes[same])
        self.same.append(number if same is None else self.same[same])
        return number

    def unfused(self) -> Buffers:
        """The same computation without the values that are never written.

        Read from the end: what is fused runs inside everything that reads it, and so do its
        operands; what is dear is not run inside several.
        """
        kept, fused = set(self.results), set[int]()
        readers: dict[int, set[int]] = defaultdict(set)
        takes: dict[int, list[Instruction]] = defaultdict(list)
        for place in range(len(self.instructions) - 1, -1, -1):
            instruction = self.instructions[place]
            inside = {reader for value in instruction.outs for reader in readers[value]}
            users = [user for value in instruction.outs for user in takes[value]]
            if instruction.kind in FUSED and not kept & set(instruction.outs):
                several = instruction.dear and len(inside) > 1
                if not several and all(_fuses(instruction, user) for user in users):
                    fused.add(place)
            for value in instruction.ins:
                readers[value] |= inside if place in fused else {place}
                takes[value].append(instruction)
        return self._without(fused)

    def _without(self, fused: set[int]) -> Buffers:
        """The computation in which fused instructions are part of those that read them."""
        inputs = dict[int, list[int]]()
        made: list[Instruction] = []
        for place, one in enumerate(self.instructions):
            ins = dict.fromkeys(i for value in one.ins for i in inputs.get(value, [value]))
            if place in fused:
                inputs.update((value, list(ins)) for value in one.outs)
            else:
                made.append(replace(one, ins=list(ins)))
        return Buffers(self.sizes, self.same, made, self.arguments, self.results)


def _fuses(instruction: Instruction, user: Instruction) -> bool:
    """Whether an operation is computed inside one that reads it."""
    if instruction.name == "transpose" and user.kind in ("product", "contraction"):
        return True  # a product reads its operands in any order
    if instruction.name == "broadcast_in_dim" and not instruction.ins and user.name == "scan":
        return True  # a constant is known inside the loop too
    return user.kind in READS_FUSED and user.name not in IN_PLACE


def opened(jaxpr: Any, extra: Callable[[Any], int]) -> Buffers:
    """The buffers of a jaxpr; `extra` gives the bytes that a loop needs beside its operands."""
    buffers = Buffers()
    inputs = [*jaxpr.constvars, *jaxpr.invars]
    buffers.arguments = [buffers.new(nbytes(var.aval)) for var in inputs]
    results = _open(jaxpr, buffers.arguments, buffers, extra)
    buffers.results = [buffers.same[value] for value in results]
    return buffers


def _open(
    jaxpr: Any, operands: list[int], buffers: Buffers, extra: Callable[[Any], int]
) -> list[int]:
    """Add the instructions of a jaxpr; the numbers of its results."""
    inputs = [*jaxpr.constvars, *jaxpr.invars]
    missing = len(inputs) - len(operands)
    given = [*(buffers.new(0) for _ in range(missing)), *operands]
    numbers: dict[Any, int] = dict(zip(inputs, given, strict=True))

    def read(atom: Any) -> int:
        return buffers.new(nbytes(atom.aval)) if isinstance(atom, Literal) else numbers[atom]

    for equation in jaxpr.eqns:
        ins = [read(atom) for atom in equation.invars if not isinstance(atom, Literal)]
        inner = inner_function(equation) if equation.primitive.name in OPENED else None
        if inner is not None:
            every = [read(atom) for atom in equation.invars]
            outs = _open(getattr(inner, "jaxpr", inner), every, buffers, extra)
            numbers.update(zip(equation.outvars, outs, strict=False))
        else:
            outs = _add(equation, ins, buffers, extra)
            numbers.update(zip(equation.outvars, outs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _add(equation: Any, ins: list[int], buffers: Buffers, extra: Callable[[Any], int]) -> list[int]:
    """Add one instruction; a view adds none."""
    name = equation.primitive.name
    ins = [buffers.same[value] for value in ins]
    op = operation_of(equation)
    if name in CALLS:
        kind: Kind = "contraction" if name == "einlab_contract" else "kernel"
        dear = True
    else:
        found = counted(op)
        kind, dear = found.kind, bool(found.transcendentals) or name in ("div", "rem")
    if kind == "bookkeeping" and ins:
        same = ins[0]
        return [buffers.new(nbytes(var.aval), same) for var in equation.outvars]
    outs = [buffers.new(nbytes(var.aval)) for var in equation.outvars]
    buffers.instructions.append(Instruction(name, kind, ins, outs, dear, extra(equation)))
    return outs
