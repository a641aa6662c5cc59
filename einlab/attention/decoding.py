"""Attention over a cache: prompts first, then new tokens, each seeing all before it."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from einlab.arguments import floating, shaped
from einlab.attention.attending import attend, over_heads
from einlab.attention.cache import Cache, append, counts, fitting, known, prompt, seen
from einlab.attention.masks import Mask
from einlab.errors import ArgumentError, ShapeError

__all__ = [
    "View",
    "by_position",
    "causal",
    "decode",
    "extended",
    "prefill",
    "refuse_mask",
    "same_tokens",
    "with_places",
]

Result = tuple[Float[Array, "b t h e"], Cache]


class View(NamedTuple):
    """What new tokens see of a cache that holds them already."""

    keys: Float[Array, "b g s d"]
    values: Float[Array, "b g s e"]
    mask: Mask
    positions: Int[Array, "b t"]
    """Of the new tokens."""
    places: Int[Array, "b s"] | None
    """Of a ring: the position of each key."""


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
    refuse_mask(options)
    keys, values = fitting(cache, k, v)
    queries = same_tokens(q, keys)
    counts(lengths, "lengths", *keys.shape[:2])
    filled = prompt(cache, keys, values, lengths)
    return attend(queries, keys, values, mask=causal(cache), **options), filled


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
    refuse_mask(options)
    keys, values = fitting(cache, k, v)
    queries = same_tokens(q, keys)
    after, view = extended(cache, keys, values)
    held = queries.astype(view.keys.dtype)
    mixed = over_heads(held, view.keys, view.values, mask=view.mask, **by_position(options, view))
    return with_places(mixed.astype(queries.dtype), after, view), after


def extended(
    cache: Cache, k: Float[Array, "b t g d"], v: Float[Array, "b t g e"]
) -> tuple[Cache, View]:
    """The cache with new tokens, and what these see.

    Of a ring in which the last new token takes a place that the first one still sees, the ring
    before and the new tokens stand side by side.
    """
    count = k.shape[1]
    positions = cache.lengths[:, None] + jnp.arange(count)
    after = append(cache, k, v)
    if cache.window is None or cache.positions is None or after.positions is None:
        mask = Mask(causal=count > 1, key_lengths=after.lengths)
        return after, View(after.key_heads, after.value_heads, mask, positions, None)
    keys, values, places = after.key_heads, after.value_heads, after.positions
    if cache.window + count - 1 > cache.capacity:
        keys = beside(cache.key_heads, k)
        values = beside(cache.value_heads, v)
        places = jnp.concatenate([cache.positions, positions], axis=1)
    mask = Mask(seen=seen(places, positions, cache.window)[:, None])
    return after, View(keys, values, mask, positions, places)


def beside(heads: Float[Array, "b g s d"], new: Float[Array, "b t g d"]) -> Array:
    """Keys or values of a cache with those of new tokens after them."""
    return jnp.concatenate([heads, new.swapaxes(1, 2).astype(heads.dtype)], axis=2)


def with_places(mixed: Float[Array, "b t h e"], after: Cache, view: View) -> Array:
    """The results, NaN for tokens that may have no place because lengths are not known yet."""
    if view.places is not None or known(after.lengths) is not None:
        return mixed
    kept = view.positions < after.capacity
    return jnp.where(kept[:, :, None, None], mixed, jnp.nan)


def by_position(options: dict[str, Any], view: View) -> dict[str, Any]:
    """Options of `attend` for these keys: over a ring, slopes become a bias by true distances.

    Raises ArgumentError for a bias over a ring.
    """
    if view.places is None:
        return options
    if options.get("bias") is not None:
        raise ArgumentError("bias is given, but places of a ring are no positions: use slopes")
    slopes = options.get("slopes")
    if slopes is None:
        return options
    found = floating(shaped(slopes, "slopes", "h"), "slopes")
    distance = jnp.abs(view.places[:, None, :] - view.positions[:, :, None])
    bias = -found[:, None, None] * distance[:, None].astype(found.dtype)
    return {**options, "slopes": None, "bias": bias}


def causal(cache: Cache) -> Mask:
    """What tokens of a prompt see of each other."""
    window = None if cache.window is None else (cache.window - 1, 0)
    return Mask(causal=True, window=window)


def same_tokens(q: Any, keys: Float[Array, "b t g d"]) -> Float[Array, "b t h d"]:
    """Queries of the tokens whose keys are given; raises ShapeError for others."""
    found = floating(shaped(q, "q", "b t h d"), "q")
    if found.shape[:2] != keys.shape[:2]:
        raise ShapeError(
            f"q has shape {found.shape} and k {keys.shape}; both hold the same (b, t) tokens"
        )
    return found


def refuse_mask(options: dict[str, Any]) -> None:
    """Raise ArgumentError for a mask of the caller's."""
    if options.get("mask") is not None:
        raise ArgumentError("mask is given, but the cache says which keys a query sees")
