"""Bytes alive at once while a program runs, from its trace.

Arguments stay alive, results from when they are made, anything else until its last use. What XLA
fuses is never written; an element-wise result takes the place of an operand of its size that
nothing reads again. A loop keeps what it carries and what it stacks, and needs the inside of one
trip; of the branches of a cond the largest counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.extend.core import Literal

from einlab.execute.jax_compat import living
from einlab.trace.buffers import IN_PLACE, Buffers, Instruction, opened
from einlab.trace.operations import nbytes

__all__ = ["aliased", "alive", "peak"]

SHARES = ("elementwise", "movement", "kernel", "scatter", "sort")
"""Kinds of operations that may write their result where an operand was."""


def peak(jaxpr: Any) -> int:
    """The most bytes alive at once: arguments, results and intermediates.

    >>> import jax, jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((8, 8), jnp.float32)
    >>> traced = jax.jit(lambda x: (x @ x @ x).sum()).trace(x).jaxpr
    >>> peak(getattr(traced, "jaxpr", traced))  # the argument, two products
    772
    """
    return max((size for _, size in alive(jaxpr)), default=0)


def aliased(jaxpr: Any, donated: Sequence[int]) -> int:
    """Bytes of results that lie in an argument which the caller gives away, of the same size."""
    free, shared = list(donated), 0
    for atom in dict.fromkeys(var for var in jaxpr.outvars if not isinstance(var, Literal)):
        size = nbytes(atom.aval)
        if size in free:
            free.remove(size)
            shared += size
    return shared


def alive(jaxpr: Any) -> list[tuple[str, int]]:
    """Each operation that writes to memory, and the bytes alive while it runs, in program order.

    The first entry holds the arguments and the room of the results, where intermediates may lie
    until the results are made.
    """
    buffers = opened(living(jaxpr), _inside).unfused()
    made = {value for value in buffers.results if value not in buffers.arguments}
    held = sum(buffers.sizes[value] for value in {*buffers.arguments, *made})
    lives = _lives(buffers, {*buffers.arguments, *made})
    for value in _hosted(buffers, lives, made):
        del lives[value]
    timeline = _timeline(buffers, lives)
    return [
        ("arguments and results", held),
        *((instruction.name, held + size) for instruction, size in timeline),
    ]


def _lives(buffers: Buffers, fixed: set[int]) -> dict[int, tuple[int, int]]:
    """When each intermediate is made and last read, as places in the program."""
    lives: dict[int, tuple[int, int]] = {}
    for time, instruction in enumerate(buffers.instructions):
        for value in (*instruction.ins, *instruction.outs):
            if value not in fixed:
                lives[value] = (lives.get(value, (time, time))[0], time)
    return lives


def _hosted(buffers: Buffers, lives: dict[int, tuple[int, int]], results: set[int]) -> list[int]:
    """Intermediates that lie where a result is written once they are dead; large ones first."""
    born = {
        value: (time, _shares(instruction))
        for time, instruction in enumerate(buffers.instructions)
        for value in instruction.outs
        if value in results
    }
    guests: dict[int, list[tuple[int, int]]] = {value: [] for value in born}
    found: list[int] = []
    for value in sorted(lives, key=lambda v: (-buffers.sizes[v], v)):
        first, last = lives[value]
        for result, (time, shares) in born.items():
            fits = buffers.sizes[value] <= buffers.sizes[result]
            before = last < time or (last == time and shares)
            apart = all(last < start or stop < first for start, stop in guests[result])
            if fits and before and apart:
                guests[result].append((first, last))
                found.append(value)
                break
    return found


def _timeline(buffers: Buffers, lives: dict[int, tuple[int, int]]) -> list[tuple[Instruction, int]]:
    """Bytes of intermediates alive at each instruction."""
    ending: dict[int, list[int]] = {}
    for value, (_, last) in lives.items():
        ending.setdefault(last, []).append(value)
    live, found = 0, list[tuple[Instruction, int]]()
    for time, instruction in enumerate(buffers.instructions):
        dying = ending.get(time, [])
        free = [buffers.sizes[v] for v in dying if v not in instruction.outs]
        free = free if _shares(instruction) else []
        new = 0
        made = [buffers.sizes[value] for value in instruction.outs if value in lives]
        for size in made:
            if size in free:
                free.remove(size)
            else:
                new += size
        found.append((instruction, live + new + instruction.inner))
        live += sum(made) - sum(buffers.sizes[value] for value in dying)
    return found


def _shares(instruction: Instruction) -> bool:
    return instruction.kind in SHARES or instruction.name in IN_PLACE


def _inside(equation: Any) -> int:
    """Bytes that a loop, a branch or a contraction needs beside its operands and its results."""
    name, params = equation.primitive.name, equation.params
    if name == "scan":
        return _trip(params["jaxpr"])
    if name == "while":
        return max(_trip(params["body_jaxpr"]), _trip(params["cond_jaxpr"]))
    if name == "cond":
        return max(map(_trip, params["branches"]))
    if name == "conv_general_dilated":
        return _turned(equation)
    if name.startswith("cum"):  # computed in blocks, which are then joined
        return sum(nbytes(var.aval) for var in equation.outvars)
    if name == "dot_general":
        return _gathered(equation)
    if name == "einlab_contract":
        plan = params["planned"].plan
        return int(plan.peak) - sum(nbytes(a.aval) for a in (*equation.invars, *equation.outvars))
    return 0


def _trip(jaxpr: Any) -> int:
    """Bytes of one trip beside its operands and results."""
    buffers = opened(getattr(jaxpr, "jaxpr", jaxpr), _inside).unfused()
    lives = _lives(buffers, {*buffers.arguments, *buffers.results})
    return max((size for _, size in _timeline(buffers, lives)), default=0)


def _gathered(equation: Any) -> int:
    """Bytes of operands of a product whose batch axes do not come first: they are copied."""
    _, batch = equation.params["dimension_numbers"]
    return sum(
        nbytes(atom.aval)
        for atom, axes in zip(equation.invars, batch, strict=True)
        if tuple(axes) != tuple(range(len(axes)))
    )


def _turned(equation: Any) -> int:
    """Bytes of operands and result that are turned to the order a convolution is computed in.

    That is batch, space, features of images and space, input, output of kernels, as XLA's CPU
    compiler has them.
    """
    numbers, rank = equation.params["dimension_numbers"], len(equation.outvars[0].aval.shape)
    image = (0, rank - 1, *range(1, rank - 1))
    kernel = (rank - 1, rank - 2, *range(rank - 2))
    wanted = ((numbers.lhs_spec, image), (numbers.rhs_spec, kernel), (numbers.out_spec, image))
    arrays = (*equation.invars, *equation.outvars)
    return sum(
        nbytes(atom.aval)
        for atom, (spec, order) in zip(arrays, wanted, strict=True)
        if tuple(spec) != order
    )
