"""Message passing on graphs: Â·H·W, bracketed by cost, over a dense matrix or over edges.

Source: Kipf and Welling 2017, "Semi-supervised classification with graph convolutional networks".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from einlab.arguments import array, shaped, whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, DtypeError, ShapeError
from einlab.linalg.bracketing import bracketings
from einlab.linalg.operands import wide
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.trace.reporting import Report, report

__all__ = [
    "compare_edge_orders",
    "compare_message_orders",
    "edge_message_passing",
    "message_passing",
    "normalised_adjacency",
]


def normalised_adjacency(adjacency: Any, *, loops: bool = True) -> Float[Array, "*b n n"]:
    """Â = D^(−1/2)·(A + 1)·D^(−1/2), D the sums of the rows; without `loops` 1 is not added.

    adjacency: (…, n, n), weights of edges that are not negative; rows that sum to 0 stay 0.

    Raises OperandError or ShapeError for what is no square matrix or stack of them.

    >>> normalised_adjacency([[0.0, 1.0], [1.0, 0.0]]).round(4).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    weights = wide(adjacency, "adjacency")
    _square(weights)
    if loops:
        weights += jnp.eye(weights.shape[-1], dtype=weights.dtype)
    degrees = weights.sum(-1)
    some = degrees > 0
    scale = jnp.where(some, 1 / jnp.sqrt(jnp.where(some, degrees, 1)), 0)
    return scale[..., :, None] * weights * scale[..., None, :]


def message_passing(adjacency: Any, features: Any, weights: Any) -> Shaped[Array, "*b n g"]:
    """Â·H·W for Â (…, n, n), H (…, n, f) and W (f, g), in the cheaper order.

    One contraction of three operands: the planner takes Â·(H·W) where g is smaller than f, and
    (Â·H)·W where f is smaller; `compare_message_orders` shows both. Â is dense here: zeros are
    multiplied too. With few edges among many nodes use `edge_message_passing`.

    Raises OperandError or ShapeError if the three do not fit.

    >>> message_passing([[0.0, 1.0], [1.0, 0.0]], [[1.0], [2.0]], [[10.0]]).tolist()
    [[20.0], [10.0]]
    """
    mixing, nodes = array(adjacency, "adjacency"), array(features, "features")
    _square(mixing)
    maps = shaped(weights, "weights", "f g")
    _nodes(nodes, mixing.shape[-1])
    _maps(nodes, maps)
    try:
        jnp.broadcast_shapes(mixing.shape[:-2], nodes.shape[:-2])
    except ValueError:
        raise ShapeError(
            f"the leading axes {mixing.shape[:-2]} of adjacency and {nodes.shape[:-2]} of features "
            "do not broadcast"
        ) from None
    return contract("...nm,...mf,fg->...ng", mixing, nodes, maps)


def compare_message_orders(n: int, f: int, g: int, dtype: Any = "float32") -> Shown:
    """Â·(H·W) beside (Â·H)·W for n nodes, f features and g results, over a dense Â.

    Raises ArgumentError or ArgumentTypeError for sizes that cannot be.

    >>> compare_message_orders(100, 64, 8).table.column("FLOPs")
    (262400, 1382400, 262400)
    """
    n, f, g = whole(n, "n"), whole(f, "f"), whole(g, "g")
    return bracketings(
        f"Â·H·W for {n} nodes, {f} features, {g} results",
        "nm,mf,fg->ng",
        [(n, n), (n, f), (f, g)],
        {"Â·(H·W)": [(1, 2), (0, 1)], "(Â·H)·W": [(0, 1), (0, 1)]},
        dtype=dtype,
        notes=["Â is dense here; over edges alone: compare_edge_orders"],
    )


def edge_message_passing(
    senders: Any, receivers: Any, strengths: Any, features: Any, weights: Any
) -> Shaped[Array, "n g"]:
    """Â·H·W where Â has an entry strengths[i] at (receivers[i], senders[i]) for each of e edges.

    senders and receivers: (e,) numbers of nodes, from 0; strengths: (e,). features: (n, f), and
    weights: (f, g). Work and memory grow with the edges, not with n². Edges carry f numbers or g,
    whichever is counted cheaper: `compare_edge_orders` shows both.

    Raises OperandError, DtypeError or ShapeError if they do not fit, ArgumentError for a number of
    a node that is out of range; inside of `jax.jit` such an edge is left out.

    >>> edge_message_passing([1, 0], [0, 1], [1.0, 1.0], [[1.0], [2.0]], [[10.0]]).tolist()
    [[20.0], [10.0]]
    """
    nodes, maps = shaped(features, "features", "n f"), shaped(weights, "weights", "f g")
    _maps(nodes, maps)
    ends = [_ends(value, name, nodes.shape[0]) for value, name in _named(senders, receivers)]
    amounts = shaped(strengths, "strengths", "e")
    if not ends[0].shape == ends[1].shape == amounts.shape:
        raise ShapeError(
            f"senders has shape {ends[0].shape}, receivers {ends[1].shape} and strengths "
            f"{amounts.shape}; each has an entry for every edge"
        )
    sizes = (amounts.shape[0], *nodes.shape, maps.shape[1])
    found = _edge_reports(*sizes, str(jnp.result_type(nodes, maps, amounts)))
    order = min(found, key=lambda name: found[name].flops)
    return EDGE_ORDERS[order](*ends, amounts, nodes, maps)


def compare_edge_orders(edges: int, n: int, f: int, g: int, dtype: Any = "float32") -> Shown:
    """Sending after and before the features are mapped, over so many edges, as traced.

    Raises ArgumentError or ArgumentTypeError for sizes that cannot be.

    >>> after, before = compare_edge_orders(300, 100, 64, 8).table.column("FLOPs")
    >>> after < before
    True
    """
    sizes = [whole(edges, "edges"), whole(n, "n"), whole(f, "f"), whole(g, "g")]
    found = _edge_reports(*sizes, str(jnp.dtype(dtype)))
    rows = [(name, one.flops, one.cost.bytes, one.peak) for name, one in found.items()]
    columns = [
        Column("order"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("bytes, unfused", "bytes"),
        Column("peak memory", "bytes"),
    ]
    title = f"Â·H·W over {edges} edges, {n} nodes, {f} features, {g} results"
    return Shown(Table(title, columns, rows))


def _send(
    senders: jax.Array, receivers: jax.Array, strengths: jax.Array, nodes: jax.Array
) -> jax.Array:
    inside = (senders >= 0) & (senders < len(nodes)) & (receivers >= 0)
    sent = jnp.where(inside, strengths, 0)[:, None] * jnp.take(nodes, senders, axis=0, mode="clip")
    return jax.ops.segment_sum(sent, jnp.where(inside, receivers, len(nodes)), len(nodes))


def _mapped_first(s: Any, r: Any, strengths: Any, nodes: Any, maps: Any) -> jax.Array:
    return _send(s, r, strengths, contract("nf,fg->ng", nodes, maps))


def _sent_first(s: Any, r: Any, strengths: Any, nodes: Any, maps: Any) -> jax.Array:
    return contract("nf,fg->ng", _send(s, r, strengths, nodes), maps)


EDGE_ORDERS: dict[str, Callable[..., jax.Array]] = {
    "Â·(H·W)": _mapped_first,
    "(Â·H)·W": _sent_first,
}


@lru_cache(maxsize=1024)
def _edge_reports(edges: int, n: int, f: int, g: int, dtype: str) -> dict[str, Report]:
    end = jax.ShapeDtypeStruct((edges,), "int32")
    shapes = ((edges,), (n, f), (f, g))
    others = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    return {name: report(one, end, end, *others) for name, one in EDGE_ORDERS.items()}


def _named(senders: Any, receivers: Any) -> tuple[tuple[Any, str], ...]:
    return (senders, "senders"), (receivers, "receivers")


def _ends(value: Any, name: str, count: int) -> jax.Array:
    found = shaped(value, name, "e")
    if not jnp.issubdtype(found.dtype, jnp.integer):
        raise DtypeError(f"{name} has dtype {found.dtype}; numbers of nodes are whole")
    if isinstance(found, jax.core.Tracer):
        return found
    outside = (found < 0) | (found >= count)
    if outside.any():
        place = int(outside.argmax())
        raise ArgumentError(
            f"{name}[{place}] is {int(found[place])}; the {count} nodes are numbered from 0"
        )
    return found


def _square(matrix: jax.Array) -> None:
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ShapeError(f"adjacency has shape {matrix.shape}; its last two axes are equal")


def _nodes(nodes: jax.Array, count: int) -> None:
    if nodes.ndim < 2 or nodes.shape[-2] != count:
        raise ShapeError(
            f"features has shape {nodes.shape}; the last axis but one has the {count} nodes of "
            "adjacency"
        )


def _maps(nodes: jax.Array, maps: jax.Array) -> None:
    if maps.shape[0] != nodes.shape[-1]:
        raise ShapeError(
            f"weights has shape {maps.shape}; it has a row for each of {nodes.shape[-1]} features"
        )
