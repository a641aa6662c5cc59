"""One attention to compute: arguments of `attend`, checked, in the form of every implementation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from einlab.arguments import array, floating, real, shaped
from einlab.attention.dropping import kept, seeds
from einlab.attention.masks import Mask, broadcastable, checked_mask, first_position
from einlab.errors import ArgumentError, DtypeError, ShapeError

__all__ = ["LOWEST", "Problem", "Terms", "problem", "shape_scores"]

LOWEST = -1e30
"""What stands for −∞ among scores: finite, so that differences of it are numbers."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, kw_only=True)
class Terms:
    """What is done to the products of queries and keys before the softmax; a pytree."""

    bias: Float[Array, "b h t s"] | None = None
    slopes: Float[Array, " h"] | None = None
    sinks: Float[Array, " h"] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """The operands and settings of one attention; a pytree.

    With `by_head` keys and values lie as a cache keeps them, (b, g, s, d) and (b, g, s, e).
    """

    q: Float[Array, "b t h d"]
    k: Float[Array, "b s g d"]
    v: Float[Array, "b s g e"]
    mask: Mask
    terms: Terms
    words: UInt32[Array, " two"] | None = None
    scale: float = field(metadata={"static": True})
    soft_cap: float | None = field(default=None, metadata={"static": True})
    dropout: float = field(default=0.0, metadata={"static": True})
    by_head: bool = field(default=False, metadata={"static": True})

    @property
    def sizes(self) -> tuple[int, int, int, int, int, int, int]:
        """b, t, s, h, g, d, e."""
        b, t, h, d = self.q.shape
        return b, t, self.k.shape[self.places], h, self.k.shape[3 - self.places], d, self.v.shape[3]

    @property
    def places(self) -> int:
        """Which axis of keys and values is s."""
        return 2 if self.by_head else 1

    @property
    def heads_of_keys(self) -> tuple[Float[Array, "b g s d"], Float[Array, "b g s e"]]:
        """Keys and values, one head after the other."""
        if self.by_head:
            return self.k, self.v
        return self.k.swapaxes(1, 2), self.v.swapaxes(1, 2)


def problem(
    q: Any,
    k: Any,
    v: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    slopes: Any = None,
    scale: Any = None,
    soft_cap: Any = None,
    sinks: Any = None,
    dropout: Any = 0.0,
    key: Any = None,
    by_head: bool = False,
) -> Problem:
    """The arguments of `attend`, checked; raises what it raises.

    With `by_head` k is (b, g, s, d) and v (b, g, s, e).
    """
    queries, keys, values = _operands(q, k, v, by_head)
    b, t, h, d = queries.shape
    s = keys.shape[2 if by_head else 1]
    rate = real(dropout, "dropout", 0.0, 1.0)
    if rate == 1.0:
        raise ArgumentError("dropout is 1; it is below 1")
    if rate and key is None:
        raise ArgumentError(f"dropout is {rate:g} without a key: give key=jax.random.key(seed)")
    if soft_cap is not None and real(soft_cap, "soft_cap", 0.0) == 0.0:
        raise ArgumentError("soft_cap is 0; it is above 0, or None for no cap")
    return Problem(
        q=queries,
        k=keys,
        v=values,
        mask=checked_mask(mask, b, h, t, s),
        terms=Terms(
            bias=None if bias is None else _real(broadcastable(bias, "bias", b, h, t, s), "bias"),
            slopes=_by_head(slopes, "slopes", h),
            sinks=_by_head(sinks, "sinks", h),
        ),
        words=seeds(key) if rate else None,
        scale=d**-0.5 if scale is None else real(scale, "scale"),
        soft_cap=None if soft_cap is None else float(soft_cap),
        dropout=rate,
        by_head=by_head,
    )


def _operands(q: Any, k: Any, v: Any, by_head: bool) -> tuple[Array, Array, Array]:
    queries = _real(shaped(q, "q", "b t h d"), "q")
    first = "b g s" if by_head else "b s g"
    keys = _real(shaped(k, "k", f"{first} d"), "k")
    values = _real(shaped(v, "v", f"{first} e"), "v")
    b, t, h, d = queries.shape
    if 0 in (b, t, h, d, *keys.shape, *values.shape):
        shapes = f"q {queries.shape}, k {keys.shape}, v {values.shape}"
        raise ShapeError(f"attention needs axes of length 1 or more: {shapes}")
    if keys.shape[0] != b or keys.shape[3] != d:
        raise ShapeError(
            f"k has shape {keys.shape} and q {queries.shape}; k is (b, s, g, d) = ({b}, s, g, {d})"
        )
    if values.shape[:3] != keys.shape[:3]:
        raise ShapeError(
            f"v has shape {values.shape} and k {keys.shape}; v is (b, s, g, e) = "
            f"({b}, {keys.shape[1]}, {keys.shape[2]}, e)"
        )
    groups = keys.shape[1 if by_head else 2]
    if h % groups:
        raise ShapeError(
            f"q has {h} heads and k {groups} groups; heads are a multiple of the groups"
        )
    kind = jnp.result_type(queries, keys, values)
    return queries.astype(kind), keys.astype(kind), values.astype(kind)


def _real(value: Array, name: str) -> Array:
    found = floating(value, name)
    if jnp.issubdtype(found.dtype, jnp.complexfloating):
        raise DtypeError(f"{name} has dtype {found.dtype}; attention takes real numbers")
    return found


def _by_head(value: Any, name: str, heads: int) -> Array | None:
    if value is None:
        return None
    found = _real(array(value, name), name)
    if found.shape != (heads,):
        raise ShapeError(f"{name} has shape {found.shape}; it has one number a head: ({heads},)")
    return found


def wide(dtype: Any) -> Any:
    """The dtype of scores and softmax: float32 at least."""
    return jnp.promote_types(dtype, jnp.float32)


def shape_scores(
    products: Float[Array, "b h i j"],
    one: Problem,
    bias: Float[Array, "b h i j"] | None,
    slopes: Float[Array, " h"] | None,
    rows: Int[Array, " i"],
    columns: Int[Array, " j"],
) -> Float[Array, "b h i j"]:
    """Scores of queries `rows` and keys `columns` from their products: scale, cap, and biases."""
    scores = products * one.scale
    if one.soft_cap is not None:
        scores = one.soft_cap * jnp.tanh(scores / one.soft_cap)
    if slopes is not None:
        first = first_position(one.mask, one.sizes[1], one.sizes[2])
        distance = jnp.abs(columns[None, :] - rows[:, None] - first).astype(scores.dtype)
        scores = scores - slopes.astype(scores.dtype)[:, None, None] * distance
    return scores if bias is None else scores + bias.astype(scores.dtype)


def keep(one: Problem, rows: Int[Array, "b h i"], columns: Int[Array, " j"]) -> Array:
    """What dropout multiplies weights with: 0 or 1 / (1 − rate)."""
    assert one.words is not None
    dtype = wide(one.q.dtype)
    stays = kept(one.words, one.dropout, rows[..., None], columns)
    return stays.astype(dtype) / (1.0 - one.dropout)
