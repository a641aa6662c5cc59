"""Attention over a cache: prompts first, then new tokens, each seeing all before it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from einlab.arguments import floating, shaped
from einlab.attention.attending import attend
from einlab.attention.cache import Cache, append, counts, fitting, known, prompt, seen
from einlab.attention.masks import Mask
from einlab.errors import ArgumentError, ShapeError

__all__ = ["decode", "prefill"]

Result = tuple[Float[Array, "b t h e"], Cache]


def prefill(q: Any, k: Any, v: Any, cache: Cache, *, lengths: Any = None, **options: Any) -> Result:
    """Causal attention of prompts to themselves, and the cache that holds them alone.

    q: (b, t, h, d), k: (b, t, g, d), v: (b, t, g, e). `lengths` (b,) says how many of the t tokens
    a prompt really has; the rest is padding, is not kept, and its results mean nothing. What the
    cache held before is forgotten; `decode` continues it. `options` are those of `attend`, except
    for the mask, which causality and the cache's window make.

    Raises ShapeError, DtypeError or OperandError for arrays that do not fit the cache or each
    other, ArgumentError if prompts have more tokens than the cache has places. Inside of `jax.jit`,
    where `lengths` are not known, tokens without a place are counted but not kept.

    >>> import jax.numpy as jnp
    >>> from einlab.attention import init_cache
    >>> x = jnp.ones((1, 5, 2, 4))
    >>> y, cache = prefill(x, x, x, init_cache(1, 8, 2, 4))
    >>> y.shape, cache.lengths.tolist()
    ((1, 5, 2, 4), [5])
    """
    _refuse_mask(options)
    keys, values = fitting(cache, k, v)
    queries = _queries(q, keys)
    counts(lengths, "lengths", *keys.shape[:2])
    filled = prompt(cache, keys, values, lengths)
    return attend(queries, keys, values, mask=_causal(cache), **options), filled


def decode(q: Any, k: Any, v: Any, cache: Cache, **options: Any) -> Result:
    """Attention of t ≥ 1 new tokens to those of a cache and themselves, and the cache with them.

    q: (b, t, h, d), k: (b, t, g, d), v: (b, t, g, e). The tokens of each sequence stand right
    behind those that the cache has of it. Products take the dtype of the cache, so that it is never
    converted as a whole; the result has that of q. `options` are those of `attend`, except for the
    mask; with a window a bias is refused, because places of a ring are no positions.

    Raises ShapeError, DtypeError or OperandError for arrays that do not fit the cache or each
    other, ArgumentError if a sequence has no place left. Inside of `jax.jit`, where lengths are not
    known, the results of tokens without a place are NaN.

    >>> import jax.numpy as jnp
    >>> from einlab.attention import init_cache
    >>> x = jnp.ones((1, 1, 2, 4))
    >>> cache = init_cache(1, 8, 2, 4)
    >>> for _ in range(3):
    ...     y, cache = decode(x, x, x, cache)
    >>> y.shape, cache.lengths.tolist()
    ((1, 1, 2, 4), [3])
    """
    _refuse_mask(options)
    keys, values = fitting(cache, k, v)
    queries = _queries(q, keys)
    held = queries.astype(cache.keys.dtype)
    positions = cache.lengths[:, None] + jnp.arange(keys.shape[1])
    after = append(cache, keys, values)
    if cache.window is not None:
        mixed = _over_ring(held, keys, values, cache, after, positions, options)
        return mixed.astype(queries.dtype), after
    mask = Mask(causal=keys.shape[1] > 1, key_lengths=after.lengths)
    mixed = attend(held, after.keys, after.values, mask=mask, **options).astype(queries.dtype)
    if known(after.lengths) is None:
        mixed = jnp.where((positions < cache.capacity)[:, :, None, None], mixed, jnp.nan)
    return mixed, after


def _over_ring(
    q: Float[Array, "b t h d"],
    k: Float[Array, "b t g d"],
    v: Float[Array, "b t g e"],
    before: Cache,
    after: Cache,
    positions: Int[Array, "b t"],
    options: dict[str, Any],
) -> Float[Array, "b t h e"]:
    """Attention to the places of a ring, by the positions that lie there.

    Where the last new token takes a place that the first one still sees, the ring before and the
    new tokens stand side by side.
    """
    assert before.window is not None
    assert before.positions is not None
    assert after.positions is not None
    keys, values, places = after.keys, after.values, after.positions
    if before.window + k.shape[1] - 1 > before.capacity:
        keys = jnp.concatenate([before.keys, k.astype(keys.dtype)], axis=1)
        values = jnp.concatenate([before.values, v.astype(values.dtype)], axis=1)
        places = jnp.concatenate([before.positions, positions], axis=1)
    options = dict(options)
    if options.get("bias") is not None:
        raise ArgumentError("bias is given, but places of a ring are no positions: use slopes")
    slopes = options.pop("slopes", None)
    if slopes is not None:
        found = floating(shaped(slopes, "slopes", "h"), "slopes")
        distance = jnp.abs(places[:, None, :] - positions[:, :, None])
        options["bias"] = -found[:, None, None] * distance[:, None].astype(found.dtype)
    mask = Mask(seen=seen(places, positions, before.window)[:, None])
    return attend(q, keys, values, mask=mask, **options)


def _causal(cache: Cache) -> Mask:
    window = None if cache.window is None else (cache.window - 1, 0)
    return Mask(causal=True, window=window)


def _queries(q: Any, keys: Float[Array, "b t g d"]) -> Float[Array, "b t h d"]:
    found = floating(shaped(q, "q", "b t h d"), "q")
    if found.shape[:2] != keys.shape[:2]:
        raise ShapeError(
            f"q has shape {found.shape} and k {keys.shape}; both hold the same (b, t) tokens"
        )
    return found


def _refuse_mask(options: dict[str, Any]) -> None:
    if options.get("mask") is not None:
        raise ArgumentError("mask is given, but the cache says which keys a query sees")
