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
from einlab.execute.tape_index import tape_of
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
    branches = [
        partial(_chunk, kind, tape.region, precision, left, right)
        for kind, left, right in zip(tape.kinds, tape.left, tape.right, strict=True)
    ]

    def body(buffer: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
        results = lax.switch(row[0], branches, buffer, row[1])
        return lax.dynamic_update_slice(buffer, results, (row[2],)), None

    if branches:
        buffer, _ = lax.scan(body, buffer, jnp.asarray(tape.order))
    return [_look_up(buffer, jnp.asarray(places)) for places in tape.outputs]


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
    kind: Kind,
    region: int,
    precision: Precision,
    left_at: Any,
    right_at: Any,
    buffer: jax.Array,
    number: jax.Array,
) -> jax.Array:
    """The results of one chunk, row by row, as long as a region.

    Floats of 16 bits are added up in 32; bool is counted in float32.
    """
    left, right = (
        _look_up(buffer, lax.dynamic_index_in_dim(jnp.asarray(at), number, 0, False))
        for at in (left_at, right_at)
    )
    dtype = buffer.dtype
    if dtype in ("float16", "bfloat16", "bool"):
        left, right = (lax.convert_element_type(x, "float32") for x in (left, right))
    if kind.k <= SUMMED:
        shape = (kind.chunk, kind.m, kind.k, kind.n)
        products = lax.mul(
            lax.broadcast_in_dim(left, shape, (0, 1, 2)),
            lax.broadcast_in_dim(right, shape, (0, 2, 3)),
        )
        results = lax.reduce_sum(products, (2,))
    else:
        results = lax.dot_general(
            left,
            right,
            (((2,), (1,)), ((0,), (0,))),
            precision=precision,
            preferred_element_type=left.dtype,
        )
    results = results > 0 if dtype == "bool" else lax.convert_element_type(results, dtype)
    results = lax.reshape(results, (results.size,))
    short = region - results.size
    return lax.pad(results, jnp.zeros((), dtype), [(0, short, 0)]) if short else results


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
