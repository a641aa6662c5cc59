"""Tapes on arrays: one loop whose body fetches, multiplies and puts away one chunk at a time.

However many products a program has, XLA compiles one body with a branch for each kind. `tape_p` is
the primitive: its derivative and its transpose are programs of the same form, and so are theirs, so
the compile time of a gradient of any order is bounded too. Under `vmap` a tape keeps its program
and its buffer gets one axis more.
"""

from __future__ import annotations

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
    mlir,
    needs_traced_type,
    varying_as,
)
from einlab.execute.tape_index import Tape, tape_of
from einlab.execute.tape_program import Program, linear, transposed
from einlab.execute.tape_schedule import Kind

__all__ = ["run_tape", "tape_p"]

Precision = str | tuple[str, str] | None

tape_p = Primitive("einlab_tape")
tape_p.multiple_results = True

SUMMED = 16
"""Up to this k the products of a chunk are summed as they are made, in one loop with the look-up of
their operands; from there on by a batched `dot_general`, which wants its operands in memory."""


def run_tape(program: Program, precision: Precision, *inputs: jax.Array) -> list[jax.Array]:
    """The outputs of a program, each a flat array of the inputs' dtype.

    Inputs are flat arrays of the lengths that the program names, all of one dtype; leading axes
    before those, the same for all, are mapped over.
    """
    outputs: list[jax.Array] = tape_p.bind(*inputs, program=program, precision=precision)
    return outputs


def _run(program: Program, precision: Precision, *inputs: jax.Array) -> list[jax.Array]:
    """The scan, and the outputs looked up in its buffer."""
    function: Callable[..., list[jax.Array]] = partial(_run_flat, program, precision)
    for _ in range(inputs[0].ndim - 1):
        function = jax.vmap(function)
    return function(*inputs)


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


def _type(*avals: Any, program: Program, precision: Precision) -> Any:
    if any(map(needs_traced_type, avals)):
        return jax.make_jaxpr(partial(_run, program, precision))(*avals).out_avals
    batch = avals[0].shape[:-1]
    return [ShapedArray((*batch, out.length), avals[0].dtype) for out in program.outputs]


def _jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, program: Program, precision: Precision
) -> tuple[list[Any], list[Any]]:
    """One tape for the outputs and what the derivative needs, one for the derivative."""
    moved = tuple(not isinstance(tangent, ad.Zero) for tangent in tangents)
    parts = linear(program, moved)
    *results, saved = run_tape(parts.forward, precision, *primals)
    given = [t for t, moves in zip(tangents, moved, strict=True) if moves]
    found = run_tape(parts.tangent, precision, *primals, saved, *given) if parts.varying else []
    by_place = dict(zip(parts.varying, found, strict=True))
    return results, [
        by_place[place] if place in by_place else ad.Zero(jax.typeof(result).to_tangent_aval())
        for place, result in enumerate(results)
    ]


def _transpose(
    cotangents: Sequence[Any], *operands: Any, program: Program, precision: Precision
) -> list[Any]:
    """One tape backwards."""
    linear_in = tuple(ad.is_undefined_primal(operand) for operand in operands)
    sent = tuple(not isinstance(cotangent, ad.Zero) for cotangent in cotangents)
    if not any(sent):
        return [
            ad.Zero(x.aval) if lin else None for x, lin in zip(operands, linear_in, strict=True)
        ]
    known = [x for x, lin in zip(operands, linear_in, strict=True) if not lin]
    given = [x for x, is_sent in zip(cotangents, sent, strict=True) if is_sent]
    parts = iter(run_tape(transposed(program, linear_in, sent), precision, *known, *given))
    return [next(parts) if lin else None for lin in linear_in]


def _batch(
    operands: Sequence[Any], axes: Sequence[Any], *, program: Program, precision: Precision
) -> tuple[list[Any], list[int]]:
    """All inputs with the batch axis in front."""
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    spread = [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    results = run_tape(program, precision, *spread)
    return results, [0] * len(results)


def _implementation(*inputs: Any, program: Program, precision: Precision) -> list[jax.Array]:
    results: list[jax.Array] = _compiled(program, precision, *inputs)
    return results


_compiled = jax.jit(_run, static_argnums=(0, 1))

tape_p.def_impl(_implementation)
tape_p.def_abstract_eval(_type)
ad.primitive_jvps[tape_p] = _jvp
ad.primitive_transposes[tape_p] = _transpose
batching.primitive_batchers[tape_p] = _batch


def _lowered(*inputs: Any, program: Program, precision: Precision) -> Any:
    return _run(program, precision, *inputs)


mlir.register_lowering(tape_p, mlir.lower_fun(_lowered, multiple_results=True))
