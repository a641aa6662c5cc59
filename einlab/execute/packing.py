"""Many small arrays as one flat array, and back, without a program of a thousand arguments.

XLA takes seconds to compile a program of thousands of arguments, and half a minute one of thousands
of results. So arrays are packed on the host where they lie in its memory, and by a program in
groups where they do not. `pack_p` and `unpack_p` are each other's transpose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
)

__all__ = ["Packer", "pack", "pack_p", "unpack", "unpack_p"]

Places = tuple[tuple[int, int], ...]
"""Start and length of each array in the flat one, ascending, without overlap."""
Shape = tuple[int, ...]

pack_p = Primitive("einlab_pack")
unpack_p = Primitive("einlab_unpack")
unpack_p.multiple_results = True

GROUP = 128
"""Arrays joined or taken apart by one kernel: its compile time grows with the square of this
number, that of the whole program with the number of kernels. Measured on a CPU: 0.2 s for 1,000
arrays, where one kernel takes 0.6 s and groups of 32 take 0.45 s."""


def pack(arrays: Sequence[jax.Array], places: Places, length: int) -> jax.Array:
    """A flat array of some length with each array, row by row, at its place, and 0 elsewhere.

    The arrays, at least one, have one dtype.
    """
    result: jax.Array = pack_p.bind(*arrays, places=places, length=length, batch=0)
    return result


def unpack(flat: jax.Array, places: Places, shapes: tuple[Shape, ...]) -> list[jax.Array]:
    """The arrays of these shapes that lie at these places of a flat array.

    Axes before the last of `flat` are axes of every result too.
    """
    results: list[jax.Array] = unpack_p.bind(flat, places=places, shapes=shapes)
    return results


# Packing.


def _pack_on_host(*arrays: Any, places: Places, length: int, batch: int) -> jax.Array:
    """Arrays in the memory of the host are read there; others are joined by a program."""
    if batch or not on_host():
        joined: jax.Array = _packed(*arrays, places=places, length=length, batch=batch)
        return joined
    values = [np.asarray(array) for array in arrays]
    if sum(size for _, size in places) == length:
        return jnp.asarray(np.concatenate(values, axis=None))
    flat = np.zeros(length, values[0].dtype)
    for value, (start, size) in zip(values, places, strict=True):
        flat[start : start + size] = value.reshape(-1)
    return jnp.asarray(flat)


def on_host() -> bool:
    """Whether arrays lie in the memory of the host, all on one device."""
    return jax.default_backend() == "cpu" and len(jax.devices()) == 1


class Packer:
    """Packs arrays of the same types again and again, all of them into one flat array.

    The first calls read every array on the host, a few microseconds each. Meanwhile a thread
    compiles the program that joins them, which takes longer once and is several times as fast.
    """

    def __init__(self, places: Places, length: int) -> None:
        self.jitted = jax.jit(partial(_packed_in_groups, places=places, length=length, batch=0))
        self.calls = 0
        self.compiled = not on_host()

    def __call__(self, arrays: Sequence[Any]) -> Any:
        """The flat array, as JAX's or as NumPy's."""
        if self.compiled:
            return self.jitted(*arrays)
        self.calls += 1
        if self.calls == 2 and len(arrays) >= GROUP and all(map(_is_jax, arrays)):
            _compiling.submit(self._compile, arrays, bool(jax.config.jax_enable_x64))
        return np.concatenate([np.asarray(array) for array in arrays], axis=None)

    def _compile(self, arrays: Sequence[Any], wide: bool) -> None:
        """Make the program under the caller's setting; if that fails, the host goes on packing."""
        with jax.enable_x64(wide):
            jax.block_until_ready(self.jitted(*arrays))
        self.compiled = True


def _is_jax(array: Any) -> bool:
    return isinstance(array, jax.Array)


_compiling = ThreadPoolExecutor(1, "einlab-packing")


def _packed_in_groups(*arrays: Any, places: Places, length: int, batch: int) -> jax.Array:
    """The same within a program: groups of arrays, joined in turn."""
    before = arrays[0].shape[:batch]
    parts, at = [], 0
    for array, (start, size) in zip(arrays, places, strict=True):
        if start > at:
            parts.append(lax.full((*before, start - at), 0, array.dtype))
        parts.append(lax.reshape(array, (*before, size)))
        at = start + size
    if at < length:
        parts.append(lax.full((*before, length - at), 0, arrays[0].dtype))
    groups = [lax.concatenate(group, batch) for group in _groups(parts)]
    if len(groups) > 1:
        groups = list(lax.optimization_barrier(tuple(groups)))  # else XLA joins all in one kernel
        return lax.concatenate(groups, batch)
    return groups[0]


def _groups(parts: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(parts), GROUP):
        yield parts[first : first + GROUP]


_packed = jax.jit(_packed_in_groups, static_argnames=("places", "length", "batch"))


def _pack_type(*avals: Any, places: Places, length: int, batch: int) -> Any:
    if any(map(needs_traced_type, avals)):
        made = jax.make_jaxpr(
            lambda *arrays: _packed_in_groups(*arrays, places=places, length=length, batch=batch)
        )(*avals)
        return made.out_avals[0]
    return ShapedArray((*avals[0].shape[:batch], length), avals[0].dtype)


def _pack_jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, places: Places, length: int, batch: int
) -> tuple[Any, Any]:
    """Packing is linear: tangents are packed, with 0 where an array does not move."""
    result = pack_p.bind(*primals, places=places, length=length, batch=batch)
    moved = [i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]
    chosen = tuple(places[i] for i in moved)
    moves = [tangents[i] for i in moved]
    return result, pack_p.bind(*moves, places=chosen, length=length, batch=batch)


def _pack_transpose(
    cotangent: Any, *operands: Any, places: Places, length: int, batch: int
) -> list[Any]:
    types = [operand.aval for operand in operands]
    if isinstance(cotangent, ad.Zero):
        return [ad.Zero(aval) for aval in types]
    return unpack(cotangent, places, tuple(aval.shape[batch:] for aval in types))


def _pack_batch(
    operands: Sequence[Any], axes: Sequence[Any], *, places: Places, length: int, batch: int
) -> tuple[Any, int]:
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    spread = [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(operands, axes, strict=True)
    ]
    return pack_p.bind(*spread, places=places, length=length, batch=batch + 1), 0


# Taking apart.


def _unpack_on_host(flat: Any, *, places: Places, shapes: tuple[Shape, ...]) -> list[Any]:
    if flat.ndim > 1 or not on_host():
        return _unpacked(flat, places=places, shapes=shapes)  # type: ignore[no-any-return]
    value = np.asarray(flat)
    parts = [
        value[start : start + size].reshape(shape)
        for (start, size), shape in zip(places, shapes, strict=True)
    ]
    return [array for group in _groups(parts) for array in _as_jax(*group)]


@jax.jit
def _as_jax(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """NumPy's arrays as JAX's: an empty program makes them sooner than `device_put` does."""
    return arrays


def _unpacked_in_program(flat: Any, *, places: Places, shapes: tuple[Shape, ...]) -> list[Any]:
    before = flat.shape[:-1]
    return [
        lax.reshape(lax.slice_in_dim(flat, start, start + size, axis=flat.ndim - 1), before + shape)
        for (start, size), shape in zip(places, shapes, strict=True)
    ]


_unpacked = jax.jit(_unpacked_in_program, static_argnames=("places", "shapes"))


def _unpack_type(aval: Any, *, places: Places, shapes: tuple[Shape, ...]) -> Any:
    if needs_traced_type(aval):
        made = jax.make_jaxpr(lambda x: _unpacked_in_program(x, places=places, shapes=shapes))(aval)
        return made.out_avals
    return [ShapedArray((*aval.shape[:-1], *shape), aval.dtype) for shape in shapes]


def _unpack_jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, places: Places, shapes: tuple[Shape, ...]
) -> tuple[Any, Any]:
    (flat,), (tangent,) = primals, tangents
    return unpack(flat, places, shapes), unpack(tangent, places, shapes)


def _unpack_transpose(
    cotangents: Sequence[Any], flat: Any, *, places: Places, shapes: tuple[Shape, ...]
) -> list[Any]:
    sent = [i for i, cotangent in enumerate(cotangents) if not isinstance(cotangent, ad.Zero)]
    aval = flat.aval
    if not sent:
        return [ad.Zero(aval)]
    given, chosen = [cotangents[i] for i in sent], tuple(places[i] for i in sent)
    return [pack_p.bind(*given, places=chosen, length=aval.shape[-1], batch=len(aval.shape) - 1)]


def _unpack_batch(
    operands: Sequence[Any], axes: Sequence[Any], *, places: Places, shapes: tuple[Shape, ...]
) -> tuple[Any, list[int]]:
    (flat,), (axis,) = operands, axes
    results = unpack(jnp.moveaxis(flat, axis, 0), places, shapes)
    return results, [0] * len(results)


def places_of(shapes: Sequence[Shape]) -> tuple[Places, int]:
    """Places of arrays that lie one behind the other, and the length of all together.

    >>> places_of([(2, 3), (), (4,)])
    (((0, 6), (6, 1), (7, 4)), 11)
    """
    places, at = [], 0
    for shape in shapes:
        places.append((at, math.prod(shape)))
        at += math.prod(shape)
    return tuple(places), at


pack_p.def_impl(_pack_on_host)
pack_p.def_abstract_eval(_pack_type)
ad.primitive_jvps[pack_p] = _pack_jvp
ad.primitive_transposes[pack_p] = _pack_transpose
batching.primitive_batchers[pack_p] = _pack_batch
mlir.register_lowering(pack_p, mlir.lower_fun(_packed_in_groups, multiple_results=False))

unpack_p.def_impl(_unpack_on_host)
unpack_p.def_abstract_eval(_unpack_type)
ad.primitive_jvps[unpack_p] = _unpack_jvp
ad.primitive_transposes[unpack_p] = _unpack_transpose
batching.primitive_batchers[unpack_p] = _unpack_batch
mlir.register_lowering(unpack_p, mlir.lower_fun(_unpacked_in_program, multiple_results=True))
