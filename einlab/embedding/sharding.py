"""A table whose rows lie on several devices: each looks up its own, and the results are added up.

An id is a row of one device alone; all others contribute zeros. What goes between devices is the
result, never the table. Source: Shoeybi et al. 2019, "Megatron-LM", section 3.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Shaped

from einlab.arguments import choice, whole
from einlab.contracting import contract
from einlab.embedding.choosing import chosen_method
from einlab.embedding.ids import mode_of, read_ids, refuse_outside, taken_rows
from einlab.embedding.logits import hidden_of
from einlab.embedding.lookup import METHODS, flag, table_of
from einlab.embedding.rows import fill_value, rows_of
from einlab.errors import ArgumentError, ArgumentTypeError, listing

__all__ = ["embed_shard", "embed_sharded", "sharded_logits"]


def embed_sharded(
    ids: Any,
    table: Any,
    mesh: Mesh,
    axis: str,
    *,
    method: str = "auto",
    mode: str | None = None,
    wrap: bool = False,
) -> Shaped[Array, "... c"]:
    """As `embed`, with the rows of the table (v×c) spread over an axis of a mesh of devices.

    Device number i holds rows from i·⌈v/devices⌉ on; a table whose rows do not share out evenly is
    filled up with zeros, which are no rows. The ids and the result lie on every device.

    Raises what `embed` raises, and ArgumentError if the mesh has no such axis.

    >>> mesh = jax.make_mesh((1,), ("v",))
    >>> embed_sharded([2, 0], [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], mesh, "v").tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    taken, rows = read_ids(ids), table_of(table)
    _check_axis(mesh, axis)
    method, wrap = choice(method, "method", METHODS), flag(wrap, "wrap")
    mode = mode_of(taken, mode)
    if mode == "error":
        refuse_outside(taken, rows.shape[0], wrap)
    each = -(-rows.shape[0] // mesh.shape[axis])
    taken = taken_rows(taken, rows.shape[0], mode, wrap)

    def own(ids: jax.Array, shard: jax.Array, first: jax.Array) -> jax.Array:
        return _own_rows(ids, shard, first[0], axis, method)

    placed = jax.shard_map(
        own,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(axis), PartitionSpec(axis)),
        out_specs=PartitionSpec(),
    )
    firsts = each * jnp.arange(mesh.shape[axis], dtype=taken.dtype)
    ids, shards, firsts = _placed(taken, (rows, firsts), mesh, axis)
    return _filled(jax.jit(placed)(ids, shards, firsts), ids, rows.shape[0], mode)


def embed_shard(
    ids: Any,
    shard: Any,
    axis: str,
    *,
    rows: int | None = None,
    method: str = "auto",
    mode: str | None = None,
    wrap: bool = False,
) -> Shaped[Array, "... c"]:
    """What one device does inside of `jax.shard_map`: its own rows of the result, added over all.

    `shard` holds as many rows on every device, in the order of the devices of the axis; `rows` is
    the number of rows of the whole table, if its last shards are filled up. All devices of the axis
    have the same ids.

    Raises what `embed` raises, and ArgumentError if `axis` is no axis of the mesh of this call.

    >>> from jax.sharding import PartitionSpec as P
    >>> mesh = jax.make_mesh((1,), ("rows",))
    >>> shard = partial(embed_shard, axis="rows")
    >>> mapped = jax.shard_map(shard, mesh=mesh, in_specs=(P(), P("rows")), out_specs=P())
    >>> table = jax.device_put(jnp.array([[1.0], [2.0]]), NamedSharding(mesh, P("rows")))
    >>> mapped(jnp.array([1]), table).tolist()
    [[2.0]]
    """
    taken, own = read_ids(ids), table_of(shard)
    method, wrap = choice(method, "method", METHODS), flag(wrap, "wrap")
    each, shards = own.shape[0], _axis_size(axis)
    total = whole(each * shards if rows is None else rows, "rows", 1, each * shards)
    mode = mode_of(taken, mode)
    if mode == "error":
        refuse_outside(taken, total, wrap)
    taken = taken_rows(taken, total, mode, wrap)
    summed = _own_rows(taken, own, lax.axis_index(axis) * each, axis, method)
    return _filled(summed, taken, total, mode)


def _own_rows(
    ids: jax.Array, shard: jax.Array, first: jax.Array, axis: str, method: str
) -> jax.Array:
    """The rows that lie here, zeros for all others, added up over the devices."""
    if method == "auto":
        method = chosen_method(ids.size, shard.shape[0], shard.shape[1], str(shard.dtype))
    found = rows_of(ids - first, shard, method, 0)
    if found.dtype == jnp.bool_:
        found = found.astype(jnp.uint8)
    summed: jax.Array = lax.psum(found, axis)
    return summed.astype(shard.dtype)


def _filled(found: jax.Array, ids: jax.Array, rows: int, mode: str) -> jax.Array:
    """The result, with its fill where an id is none of all rows."""
    if mode != "fill":
        return found
    is_row = (ids >= 0) & (ids < rows)
    return jnp.where(is_row[..., None], found, jnp.asarray(fill_value(found.dtype), found.dtype))


def sharded_logits(hidden: Any, table: Any, mesh: Mesh, axis: str) -> Shaped[Array, "... v"]:
    """As `tied_logits`, with the rows of the table spread as by `embed_sharded`.

    Every device scores its own ids, and the logits stay spread over the axis as the rows are.

    Raises ShapeError if the width of the hidden rows is not that of the table, ArgumentError if the
    mesh has no such axis.

    >>> mesh = jax.make_mesh((1,), ("v",))
    >>> sharded_logits([1.0, 2.0], [[1.0, 0.0], [1.0, 1.0]], mesh, "v").tolist()
    [1.0, 3.0]
    """
    rows = table_of(table)
    _check_axis(mesh, axis)
    found = hidden_of(hidden, rows)
    placed = jax.shard_map(
        partial(contract, "...c,vc->...v"),
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(axis)),
        out_specs=PartitionSpec(*[None] * (found.ndim - 1), axis),
    )
    scored: jax.Array = jax.jit(placed)(*_placed(found, (rows,), mesh, axis))
    return scored[..., : rows.shape[0]] if scored.shape[-1] != rows.shape[0] else scored


def _check_axis(mesh: Mesh, axis: str) -> None:
    """Raises ArgumentTypeError if that is no mesh, ArgumentError if it has no such axis."""
    if not isinstance(mesh, Mesh):
        raise ArgumentTypeError(f"mesh is a jax.sharding.Mesh, not {mesh!r:.60}")
    if axis not in mesh.shape:
        raise ArgumentError(f"the mesh has no axis {axis!r:.60}; it has {listing(mesh.shape)}")


def _axis_size(axis: str) -> int:
    try:
        return int(lax.axis_size(axis))
    except (NameError, TypeError):
        raise ArgumentError(
            f"there is no axis {axis!r:.60} here; embed_shard is called inside of jax.shard_map, "
            "with the name of an axis of its mesh"
        ) from None


def _placed(
    everywhere: jax.Array, spread: tuple[jax.Array, ...], mesh: Mesh, axis: str
) -> tuple[jax.Array, ...]:
    """The first array on every device, the others spread by rows, filled up with zeros."""
    placed = [jax.device_put(everywhere, NamedSharding(mesh, PartitionSpec()))]
    for array in spread:
        short = -array.shape[0] % mesh.shape[axis]
        pads = [(0, short), *[(0, 0)] * (array.ndim - 1)]
        filled = jnp.pad(array, pads) if short else array
        placed.append(jax.device_put(filled, NamedSharding(mesh, PartitionSpec(axis))))
    return tuple(placed)
