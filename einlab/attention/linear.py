"""Linear attention: weights that are products of features, so that sums can be taken first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from einlab.arguments import floating, whole
from einlab.attention.masks import Mask
from einlab.attention.problem import problem, wide
from einlab.contracting import contract
from einlab.errors import ArgumentTypeError, ShapeError

__all__ = ["attend_linear", "elu_features"]

Features = Callable[[Array], Any]


def elu_features(x: Float[Array, "*axes d"]) -> Float[Array, "*axes d"]:
    """elu(x) + 1, which is above 0: the features of Katharopoulos et al. 2020, eq. 7.

    Raises OperandError if x is no array.

    >>> import jax.numpy as jnp
    >>> elu_features(jnp.array([0.0, 2.0])).tolist()
    [1.0, 3.0]
    """
    return jax.nn.elu(floating(x, "x")) + 1.0


def attend_linear(
    q: Any,
    k: Any,
    v: Any,
    *,
    features: Features = elu_features,
    causal: bool = False,
    key_lengths: Any = None,
    chunk: int = 128,
) -> Float[Array, "b t h e"]:
    """Attention whose weights are φ(q)·φ(k) over their sum, for features φ above 0.

    q: (b, t, h, d), k: (b, s, g, d), v: (b, s, g, e); `features` maps (…, d) to (…, r). Without
    causality the result is one contraction of three operands, and the planner decides what comes
    first: scores, for 2·t·s·(r + e) FLOPs a head, or the sum of φ(k)·v over keys, for
    2·r·e·(t + s). With it t must be s, and queries are taken in chunks of `chunk`: scores within a
    chunk, the sum of all before it beside. Sums are in float32 at least; a query that sees no key
    gets zeros. `key_lengths`, (b,), hides keys from there on.

    Raises what `attend` raises, ShapeError if causal queries are not as many as keys or features
    have other axes, ArgumentTypeError if features is no function.

    Source: Katharopoulos et al. 2020, eq. 4 to 6; chunks: Hua et al. 2022, section 3.

    >>> import jax.numpy as jnp
    >>> x = jnp.eye(2).reshape(1, 2, 1, 2)
    >>> (100 * attend_linear(x, x, x, causal=True)[0, :, 0]).round().astype(int).tolist()
    [[100, 0], [44, 56]]
    """
    one = problem(q, k, v, mask=Mask(key_lengths=key_lengths))
    b, t, s, h, g, _, e = one.sizes
    if not callable(features):
        raise ArgumentTypeError(f"features is a function of an array, not {features!r:.60}")
    if not isinstance(causal, bool):
        raise ArgumentTypeError(f"causal is True or False, not {causal!r:.60}")
    if causal and t != s:
        raise ShapeError(f"causal linear attention has {t} queries and {s} keys; give equally many")
    size = min(whole(chunk, "chunk"), t)
    dtype = wide(one.q.dtype)
    queries = _featured(features, one.q.astype(dtype), "q").reshape(b, t, g, h // g, -1)
    keys = _featured(features, one.k.astype(dtype), "k")
    if key_lengths is not None:
        seen = one.mask.visible(1, s)[:, 0, 0, :, None, None]
        keys = jnp.where(seen, keys, 0.0)
    # A column of ones makes the sums of the weights.
    values = jnp.concatenate([one.v.astype(dtype), jnp.ones((b, s, g, 1), dtype)], axis=-1)
    with jax.named_scope("attend"):
        if causal:
            both = _causal(queries, keys, values, size)
        else:
            both = contract("btgjr,bsgr,bsge->btgje", queries, keys, values)
    total = both[..., e:]
    mixed = both[..., :e] / jnp.where(total == 0, 1.0, total)
    return mixed.reshape(b, t, h, e).astype(one.v.dtype)


def _featured(features: Features, x: Float[Array, "b n h d"], name: str) -> Array:
    found: object = features(x)
    if not isinstance(found, jax.Array) or found.ndim != 4 or found.shape[:3] != x.shape[:3]:
        shape = getattr(found, "shape", None)
        raise ShapeError(f"features of {name} {x.shape} have shape {shape}; only d may change")
    return found


def _causal(
    queries: Float[Array, "b t g j r"],
    keys: Float[Array, "b t g r"],
    values: Float[Array, "b t g e"],
    size: int,
) -> Float[Array, "b t g j e"]:
    """A query's sums over the keys up to its own, chunk by chunk."""
    t = queries.shape[1]
    count = -(-t // size)

    def chunks(x: Array) -> Array:
        padded = jnp.pad(x, [(0, count * size - t if axis == 1 else 0) for axis in range(x.ndim)])
        return jnp.moveaxis(padded.reshape(x.shape[0], count, size, *x.shape[2:]), 1, 0)

    past = jnp.tril(jnp.ones((size, size), bool))

    def step(state: Array, chunk: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        q, k, v = chunk
        weights = jnp.where(past, contract("btgjr,bsgr->bgjts", q, k), 0.0)
        mixed = contract("bgjts,bsge->btgje", weights, v) + contract("btgjr,bgre->btgje", q, state)
        return state + contract("bsgr,bsge->bgre", k, v), mixed

    b, _, g, r = keys.shape
    state = jnp.zeros((b, g, r, values.shape[-1]), values.dtype)
    _, mixed = lax.scan(step, state, (chunks(queries), chunks(keys), chunks(values)))
    whole_length = jnp.moveaxis(mixed, 0, 1).reshape(b, count * size, *mixed.shape[3:])
    return whole_length[:, :t]
