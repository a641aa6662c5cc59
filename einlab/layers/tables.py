"""What a network holds and what a pass through it costs, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from einlab.arguments import array, whole
from einlab.dtypes import dtype_name, itemsize
from einlab.errors import ArgumentError, OperandError
from einlab.layers.linear_layer import fitting_rows
from einlab.layers.networks import Activation, activation_of, checked_layers, mlp
from einlab.show.shown import Shown
from einlab.table import Column, Fact, Table, Value
from einlab.trace.reporting import report

__all__ = ["cost_table", "parameter_table"]


def parameter_table(
    params: Any, *, depth: int | None = None, dtypes: Sequence[Any] = ("float32", "float16")
) -> Shown:
    """The parameters of any pytree: shape, number, dtype, and bytes as held and in other dtypes.

    depth: None gives a row to every array, 1 one to every branch of the tree (a layer, say), 2 one
    to each branch of those. Leaves are arrays, or what `jax.eval_shape` gives for them.

    Raises OperandError for a leaf that is no array, ArgumentError for a depth below 1 or a dtype
    named twice, DtypeError for an unknown one.

    >>> from einlab.layers import init_mlp
    >>> shown = parameter_table(init_mlp(jax.random.key(0), (8, 16, 8, 4)), depth=1)
    >>> shown.table.column("parameters"), shown.table.totals[2]
    ((144, 136, 36), 316)
    """
    names = [dtype_name(dtype) for dtype in dtypes]
    if len(set(names)) < len(names):
        raise ArgumentError(f"dtypes are {', '.join(names)}; each is named once")
    groups: dict[str, list[Any]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        kept = path if depth is None else path[: whole(depth, "depth")]
        groups.setdefault(_name(kept), []).append(_leaf(leaf, _name(path)))
    rows = [_row(name, leaves, names) for name, leaves in groups.items()]
    columns = [
        Column("name", "code"),
        Column("shape", "code"),
        Column("parameters", "count"),
        Column("dtype", "code"),
        Column("held", "bytes"),
        *(Column(f"in {name}", "bytes") for name in names),
    ]
    held: dict[str, int] = {}
    for leaf in (leaf for leaves in groups.values() for leaf in leaves):
        held[str(leaf.dtype)] = held.get(str(leaf.dtype), 0) + _bytes(leaf)
    facts = [Fact(f"held in {name}", size, "bytes") for name, size in held.items()]
    table = Table("parameters", columns, rows, facts=facts)
    return Shown(table.summed("parameters", "held", *(f"in {name}" for name in names)))


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".") or "all"


def _leaf(leaf: Any, name: str) -> Any:
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return leaf
    if not isinstance(leaf, (bool, int, float, complex)):
        raise OperandError(f"{name} is no array, but {leaf!r:.60}")
    return array(leaf, name)


def _row(name: str, leaves: Sequence[Any], names: Sequence[str]) -> tuple[Value, ...]:
    count = sum(math.prod(leaf.shape) for leaf in leaves)
    shapes = ", ".join("×".join(map(str, leaf.shape)) or "1" for leaf in leaves)
    held = ", ".join(dict.fromkeys(str(leaf.dtype) for leaf in leaves))
    return (
        name,
        shapes,
        count,
        held,
        sum(map(_bytes, leaves)),
        *(count * itemsize(each) for each in names),
    )


def _bytes(leaf: Any) -> int:
    count: int = math.prod(leaf.shape)
    return count * int(jnp.dtype(leaf.dtype).itemsize)


def cost_table(
    params: Sequence[Any], x: Any, *, activation: Activation = "relu", convention: str = "xW"
) -> Shown:
    """FLOPs, bytes and memory of a pass forward, backward to parameters and inputs, and of both.

    Counted by tracing the network and its gradients, from a gradient for each of its results.
    Bytes are those of single operations, nothing fused.

    Raises what `mlp` raises.

    >>> params = [{"weight": jnp.ones((4, 3))}]
    >>> cost_table(params, jnp.ones((10, 4))).table.column("FLOPs")
    (240, 480, 720)
    """
    layers, bend = checked_layers(params, convention), activation_of(activation)
    inputs = fitting_rows(x, layers[0]["weight"], convention)

    def forward(layers: Any, inputs: jax.Array) -> jax.Array:
        return mlp(layers, inputs, activation=bend, convention=convention)

    def both(layers: Any, inputs: jax.Array, weights: jax.Array) -> Any:
        made, pull = jax.vjp(forward, layers, inputs)
        return made, pull(weights)

    result = jax.eval_shape(forward, layers, inputs)
    first, whole_pass = report(forward, layers, inputs), report(both, layers, inputs, result)
    columns = [
        Column("pass"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("MACs", "quantity", "MAC"),
        Column("functions", "quantity"),
        Column("unfused", "bytes"),
        Column("peak memory", "bytes"),
    ]
    rows: list[tuple[Value, ...]] = [
        ("forward", *_figures(first.cost), first.peak),
        ("backward", *_figures(whole_pass.cost + first.cost * -1), None),
        ("both", *_figures(whole_pass.cost), whole_pass.peak),
    ]
    shape = "×".join(map(str, inputs.shape)) or "1"
    notes = ["backward: gradients to all parameters and to the inputs, without the forward pass"]
    return Shown(Table(f"{len(layers)} layers on {shape} inputs", columns, rows, notes=notes))


def _figures(cost: Any) -> tuple[int, ...]:
    return (cost.flops, cost.macs, cost.transcendentals, cost.bytes)
