"""Tapes on arrays: on a CPU one call of native code, elsewhere one loop over chunks.

Native code goes through a program step by step. The loop's body fetches, multiplies and puts away
one chunk at a time: however many products there are, XLA compiles one body with a branch for each
kind. `tape_p` is the primitive: its derivative and its transpose are programs of the same form, and
so are theirs, so the compile time of a gradient of any order is bounded too. Under `vmap` a tape
keeps its program and its inputs get one axis more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from einlab.execute.jax_compat import (
    Primitive,
    ShapedArray,
    ad,
    batching,
    dce_rules,
    mlir,
    needs_traced_type,
    traced_types,
    varying_as,
)
from einlab.execute.tape_index import Tape, tape_of
from einlab.execute.tape_program import Program, linear, pruned, transposed
from einlab.execute.tape_schedule import Kind
from einlab.execute.tape_words import encoded
from einlab.native.calling import available, call, covers

__all__ = ["run_tape", "tape_p"]

Precision = str | tuple[str, str] | None
Shape = tuple[int, ...]

tape_p = Primitive("einlab_tape")
tape_p.multiple_results = True

SUMMED = 16
"""Up to this k the products of a chunk are summed as they are made, in one loop with the look-up of
their operands; from there on by a batched `dot_general`, which wants its operands in memory."""


def run_tape(
    program: Program,
    precision: Precision,
    *inputs: jax.Array,
    shapes: tuple[Shape, ...] | None = None,
    batch: int = 0,
) -> list[jax.Array]:
    """The outputs of a program, each an array of the inputs' dtype and of one of the shapes.

    Inputs have as many entries as the program names, row by row, and all one dtype; axes before
    those, so many as `batch` says and the same for all, are mapped over. Without shapes outputs are
    flat.
    """
    if shapes is None:
        shapes = tuple((output.length,) for output in program.outputs)
    outputs: list[jax.Array] = tape_p.bind(
        *inputs, program=program, precision=precision, shapes=shapes, batch=batch
    )
    return outputs


def _run(
    *inputs: jax.Array,
    program: Program,
    precision: Precision,
    shapes: tuple[Shape, ...],
    batch: int,
) -> list[jax.Array]:
    """The loop, and the outputs looked up in its buffer."""
    function: Callable[..., list[jax.Array]] = partial(_run_flat, program, precision)
    for _ in range(batch):
        function = jax.vmap(function)
    mapped = inputs[0].shape[:batch]
    flat = [lax.reshape(x, (*mapped, math.prod(x.shape[batch:]))) for x in inputs]
    results = zip(function(*flat), shapes, strict=True)
    return [lax.reshape(result, (*mapped, *shape)) for result, shape in results]


def _run_native(
    *inputs: jax.Array,
    program: Program,
    precision: Precision,
    shapes: tuple[Shape, ...],
    batch: int,
) -> list[jax.Array]:
    """The same in one call of native code, which computes in the dtype of the inputs."""
    dtype, mapped = str(inputs[0].dtype), inputs[0].shape[:batch]
    found = encoded(program, dtype, math.prod(mapped))
    every = [(*mapped, *shape) for shape in shapes]
    return call(found.words, [*every, (found.arena,)], *inputs)[:-1]


def _run_flat(program: Program, precision: Precision, *inputs: jax.Array) -> list[jax.Array]:
    tape, dtype = tape_of(program), inputs[0].dtype
    constants = jnp.array([0, 1], dtype)
    rest = lax.full((tape.regions * tape.region,), 0, dtype)
    constants, rest = (varying_as(array, inputs) for array in (constants, rest))
    buffer = lax.concatenate([constants, *inputs, rest], 0)
    branches = [partial(_chunk, tape, number, precision) for number in range(len(tape.kinds))]

    def body(turn: jax.Array, buffer: jax.Array) -> jax.Array:
        # Each branch reads its row itself: read once for all, it would be a kernel of its own.
        results = lax.switch(_row(tape.order, turn)[0], branches, buffer, turn)
        return lax.dynamic_update_slice(buffer, results, (_row(tape.order, turn)[2],))

    if branches:
        buffer = lax.fori_loop(0, len(tape.order), body, buffer)
    return [_look_up(buffer, jnp.asarray(places)) for places in tape.outputs]


def _row(table: Any, number: jax.Array) -> jax.Array:
    """One row of a table of numbers."""
    row: jax.Array = lax.dynamic_index_in_dim(jnp.asarray(table), number, 0, keepdims=False)
    return row


def _look_up(buffer: jax.Array, places: jax.Array) -> jax.Array:
    """The entries at these places, all of which are inside."""
    return lax.gather(
        buffer,
        lax.expand_dims(places, (places.ndim,)),
        lax.GatherDimensionNumbers((), (0,), (0,)),
        (1,),
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )


def _chunk(
    tape: Tape, number: int, precision: Precision, buffer: jax.Array, turn: jax.Array
) -> jax.Array:
    """The results of a chunk of one kind, tile by tile, as long as a region.

    Floats of fewer than 32 bits are added up in 32; bool is counted in float32.
    """
    kind, dtype = tape.kinds[number], buffer.dtype
    wide = dtype.kind == "b" or (dtype.itemsize < 4 and jnp.issubdtype(dtype, jnp.floating))
    place = _row(tape.order, turn)[1]

    def fetched(table: Any) -> jax.Array:
        found = _look_up(buffer, _row(table, place))
        return lax.convert_element_type(found, "float32") if wide else found

    if kind.m == kind.n == 1:
        rows = (len(tape.left[number]), kind.chunk, kind.k)
        both = [table[number].reshape(rows) for table in (tape.left, tape.right)]
        left, right = fetched(np.stack(both, 1))  # one look-up, one kernel
        results = lax.reduce_sum(lax.mul(left, right), (1,))
    else:
        results = _products(
            kind, fetched(tape.left[number]), fetched(tape.right[number]), precision
        )
    results = results > 0 if dtype == "bool" else lax.convert_element_type(results, dtype)
    results = lax.reshape(results, (results.size,))
    short = tape.region - results.size
    return lax.pad(results, jnp.zeros((), dtype), [(0, short, 0)]) if short else results


def _products(kind: Kind, left: jax.Array, right: jax.Array, precision: Precision) -> jax.Array:
    """The products of matrices of a chunk: (chunk, m, n)."""
    if kind.k <= SUMMED:
        shape = (kind.chunk, kind.m, kind.k, kind.n)
        products = lax.mul(
            lax.broadcast_in_dim(left, shape, (0, 1, 2)),
            lax.broadcast_in_dim(right, shape, (0, 2, 3)),
        )
        return lax.reduce_sum(products, (2,))
    return lax.dot_general(
        left,
        right,
        (((2,), (1,)), ((0,), (0,))),
        precision=precision,
        preferred_element_type=left.dtype,
    )


def _type(*avals: Any, program: Program, shapes: tuple[Shape, ...], batch: int, **rest: Any) -> Any:
    if any(map(needs_traced_type, avals)):
        run = partial(_run, program=program, shapes=shapes, batch=batch, **rest)
        return traced_types(run, *avals)
    mapped = avals[0].shape[:batch]
    return [ShapedArray((*mapped, *shape), avals[0].dtype) for shape in shapes]


def _jvp(
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    program: Program,
    precision: Precision,
    shapes: tuple[Shape, ...],
    batch: int,
) -> tuple[list[Any], list[Any]]:
    """One tape for the outputs and what the derivative needs, one for the derivative."""
    moved = tuple(not isinstance(tangent, ad.Zero) for tangent in tangents)
    parts = linear(program, moved)
    with_saved = (*shapes, (parts.forward.outputs[-1].length,))
    *results, saved = run_tape(parts.forward, precision, *primals, shapes=with_saved, batch=batch)
    given = [t for t, moves in zip(tangents, moved, strict=True) if moves]
    found = []
    if parts.varying:
        chosen = tuple(shapes[place] for place in parts.varying)
        found = run_tape(
            parts.tangent, precision, *primals, saved, *given, shapes=chosen, batch=batch
        )
    by_place = dict(zip(parts.varying, found, strict=True))
    return results, [
        by_place[place] if place in by_place else ad.Zero(jax.typeof(result).to_tangent_aval())
        for place, result in enumerate(results)
    ]


def _transpose(
    cotangents: Sequence[Any],
    *operands: Any,
    program: Program,
    precision: Precision,
    shapes: tuple[Shape, ...],
    batch: int,
) -> list[Any]:
    """One tape backwards."""
    linear_in = tuple(ad.is_undefined_primal(operand) for operand in operands)
    sent = tuple(not isinstance(cotangent, ad.Zero) for cotangent in cotangents)
    types = [x.aval if lin else None for x, lin in zip(operands, linear_in, strict=True)]
    if not any(sent):
        return [aval and ad.Zero(aval) for aval in types]
    known = [x for x, lin in zip(operands, linear_in, strict=True) if not lin]
    given = [x for x, is_sent in zip(cotangents, sent, strict=True) if is_sent]
    made = run_tape(
        transposed(program, linear_in, sent),
        precision,
        *known,
        *given,
        shapes=tuple(aval.shape[batch:] for aval in types if aval is not None),
        batch=batch,
    )
    parts = iter(made)
    return [next(parts) if lin else None for lin in linear_in]


def _batch(
    operands: Sequence[Any], axes: Sequence[Any], *, batch: int, **rest: Any
) -> tuple[list[Any], list[int]]:
    """All inputs with the batch axis in front."""
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    spread = [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    results = tape_p.bind(*spread, batch=batch + 1, **rest)
    return results, [0] * len(results)


def _without_dead(used: Sequence[bool], *rest: Any) -> tuple[list[bool], Any]:
    """The tape of the outputs that are used: a gradient often needs no result."""
    equation = rest[-1]  # newer JAX says before it which inputs are alive
    inputs = [any(used)] * len(equation.invars)
    if all(used) or not any(used):
        return inputs, equation if any(used) else None
    params, chosen = equation.params, tuple(used)
    return inputs, equation.replace(
        outvars=[out for out, use in zip(equation.outvars, chosen, strict=True) if use],
        params={
            **params,
            "program": pruned(params["program"], chosen),
            "shapes": tuple(s for s, use in zip(params["shapes"], chosen, strict=True) if use),
        },
    )


def _implementation(*inputs: Any, **given: Any) -> list[jax.Array]:
    results: list[jax.Array] = _compiled(*inputs, **given)
    return results


_compiled = jax.jit(tape_p.bind, static_argnames=("program", "precision", "shapes", "batch"))

tape_p.def_impl(_implementation)
tape_p.def_abstract_eval(_type)
ad.primitive_jvps[tape_p] = _jvp
ad.primitive_transposes[tape_p] = _transpose
batching.primitive_batchers[tape_p] = _batch
dce_rules[tape_p] = _without_dead

_lowered = mlir.lower_fun(_run, multiple_results=True)
_lowered_native = mlir.lower_fun(_run_native, multiple_results=True)


def _lowered_on_cpu(context: Any, *inputs: Any, **given: Any) -> Any:
    """Native code where it computes in that dtype.

    What is exported is the loop: processes that import it may lack the native code.
    """
    exported = context.module_context.lowering_parameters.for_export
    native = not exported and covers(context.avals_in[0].dtype) and available()
    return (_lowered_native if native else _lowered)(context, *inputs, **given)


mlir.register_lowering(tape_p, _lowered)
mlir.register_lowering(tape_p, _lowered_on_cpu, platform="cpu")
