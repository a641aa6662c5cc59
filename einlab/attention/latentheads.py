"""Latent attention with weights, of sequences to themselves, with or without a cache.

The cache keeps the latent vector of a token as its key and the turned part of keys as its value:
`init_cache(batch, capacity, 1, rank, turned_size)`.

Source: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1 and appendix C, arXiv 2405.04434.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from einlab.arguments import float_dtype, floating, random_key, shaped, whole
from einlab.attention.angles import Rotary
from einlab.attention.cache import Cache, prompt
from einlab.attention.cache import checked as checked_cache
from einlab.attention.decoding import (
    by_position,
    causal,
    extended,
    refuse_mask,
    with_places,
)
from einlab.attention.latent import latent_attend
from einlab.attention.norms import rms
from einlab.attention.rotary import rotate, score_scale
from einlab.attention.shapes import sizes_of
from einlab.contracting import contract
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError

__all__ = [
    "LatentHeads",
    "init_latent",
    "multi_head_latent",
    "multi_head_latent_decode",
    "multi_head_latent_prefill",
]

EPS = 1e-6  # rms_norm_eps of DeepSeek-V2's and V3's published configs


class LatentHeads(NamedTuple):
    """Weights of latent attention; without `down_query` queries come from the hidden state.

    >>> import jax
    >>> weights = init_latent(jax.random.key(0), 12, 4, rank=6, plain_size=4, turned_size=2)
    >>> weights.key_value_norm.shape, weights.output.shape, weights.down_query is None
    ((6,), (12, 4, 4), True)
    """

    up_query: Float[Array, "h d query_rank"]
    down_key_value: Float[Array, "latent c"]
    """latent = r + u: the latent vector, and the part of keys that is turned."""
    key_value_norm: Float[Array, " r"]
    up_key: Float[Array, "h p r"]
    up_value: Float[Array, "h e r"]
    output: Float[Array, "c h e"]
    down_query: Float[Array, "query_rank c"] | None = None
    query_norm: Float[Array, " query_rank"] | None = None


AXES = {
    "up_query": "h d query_rank",
    "down_key_value": "latent c",
    "key_value_norm": "r",
    "up_key": "h p r",
    "up_value": "h e r",
    "output": "c h e",
    "down_query": "query_rank c",
    "query_norm": "query_rank",
}


def init_latent(
    key: PRNGKeyArray,
    width: int,
    heads: int,
    *,
    rank: int,
    plain_size: int,
    turned_size: int,
    value_size: int | None = None,
    query_rank: int | None = None,
    dtype: Any = jnp.float32,
) -> LatentHeads:
    """Weights of latent attention for hidden states of `width` entries, by Glorot's uniform rule.

    rank: r, entries of a latent vector. plain_size: entries of a head's query and key that are not
    turned; turned_size: those that are. value_size: e, plain_size unless given. query_rank: length
    of the vector that queries are made from; None: the hidden state itself. Norms start at one.

    Raises ArgumentError or ArgumentTypeError for sizes that are no whole numbers of 1 or more (an
    even one for turned_size), DtypeError for a dtype that is not floating-point.

    >>> import jax
    >>> weights = init_latent(jax.random.key(0), 12, 4, rank=6, plain_size=4, turned_size=2)
    >>> weights.up_key.shape, weights.down_key_value.shape
    ((4, 4, 6), (8, 12))
    """
    c, h, r = whole(width, "width"), whole(heads, "heads"), whole(rank, "rank")
    p, u = whole(plain_size, "plain_size"), whole(turned_size, "turned_size")
    if u % 2:
        raise ArgumentError(f"turned_size is {u}; it is even")
    e = p if value_size is None else whole(value_size, "value_size")
    source = c if query_rank is None else whole(query_rank, "query_rank")
    kind = float_dtype(dtype, "dtype")
    inward = jax.nn.initializers.glorot_uniform(in_axis=-1, out_axis=(0, 1))
    outward = jax.nn.initializers.glorot_uniform(in_axis=(1, 2), out_axis=0)
    down = jax.nn.initializers.glorot_uniform(in_axis=-1, out_axis=0)
    keys = jax.random.split(random_key(key, "key"), 6)
    return LatentHeads(
        up_query=inward(keys[0], (h, p + u, source), kind),
        down_key_value=down(keys[1], (r + u, c), kind),
        key_value_norm=jnp.ones(r, kind),
        up_key=inward(keys[2], (h, p, r), kind),
        up_value=inward(keys[3], (h, e, r), kind),
        output=outward(keys[4], (c, h, e), kind),
        down_query=None if query_rank is None else down(keys[5], (source, c), kind),
        query_norm=None if query_rank is None else jnp.ones(source, kind),
    )


def multi_head_latent(
    weights: LatentHeads,
    x: Any,
    rotary: Rotary,
    *,
    positions: Any = None,
    norm_eps: float = EPS,
    **options: Any,
) -> Float[Array, "b t c"]:
    """Latent attention of x (b, t, c) to itself; the last entries of each head are turned.

    `rotary` is of the size of the turned part; `positions`, (t,) or (b, t), are 0 to t − 1 unless
    given. `options` are those of `latent_attend`: its form, and what `attend` takes.

    Raises ShapeError, OperandError, DtypeError, ArgumentTypeError or ArgumentError for weights, x
    or rotary that do not fit, or options that `latent_attend` refuses.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.attention import CAUSAL, Rotary
    >>> weights = init_latent(jax.random.key(0), 12, 4, rank=6, plain_size=4, turned_size=2)
    >>> multi_head_latent(weights, jnp.ones((1, 5, 12)), Rotary(size=2), mask=CAUSAL).shape
    (1, 5, 12)
    """
    q, latents, turned = _project(weights, x, rotary, norm_eps, positions=positions)
    mixed = _attend(weights, q, latents[:, :, 0], turned[:, :, 0], rotary, options)
    return _output(weights, mixed)


def multi_head_latent_prefill(
    weights: LatentHeads,
    x: Any,
    rotary: Rotary,
    cache: Cache,
    *,
    lengths: Any = None,
    norm_eps: float = EPS,
    **options: Any,
) -> tuple[Float[Array, "b t c"], Cache]:
    """Causal latent attention of prompts x (b, t, c), and the cache that holds them alone.

    `lengths` (b,) says how many of the t tokens a prompt really has.

    Raises what `multi_head_latent` and `prefill` raise.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.attention import Rotary, init_cache
    >>> weights = init_latent(jax.random.key(0), 12, 4, rank=6, plain_size=4, turned_size=2)
    >>> x, cache = jnp.ones((1, 5, 12)), init_cache(1, 8, 1, 6, 2)
    >>> y, cache = multi_head_latent_prefill(weights, x, Rotary(size=2), cache)
    >>> y.shape, cache.lengths.tolist()
    ((1, 5, 12), [5])
    """
    refuse_mask(options)
    q, latents, turned = _project(weights, x, rotary, norm_eps)
    filled = prompt(cache, latents, turned, lengths)
    options = {**options, "mask": causal(cache)}
    mixed = _attend(weights, q, latents[:, :, 0], turned[:, :, 0], rotary, options)
    return _output(weights, mixed), filled


def multi_head_latent_decode(
    weights: LatentHeads,
    x: Any,
    rotary: Rotary,
    cache: Cache,
    *,
    norm_eps: float = EPS,
    **options: Any,
) -> tuple[Float[Array, "b t c"], Cache]:
    """Latent attention of new tokens x (b, t, c) to those of a cache and themselves.

    Returns their result and the cache that holds them too.

    Raises what `multi_head_latent` and `decode` raise.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.attention import Rotary, init_cache
    >>> weights = init_latent(jax.random.key(0), 12, 4, rank=6, plain_size=4, turned_size=2)
    >>> x, cache = jnp.ones((1, 1, 12)), init_cache(1, 8, 1, 6, 2)
    >>> y, cache = multi_head_latent_decode(weights, x, Rotary(size=2), cache)
    >>> y.shape, cache.lengths.tolist()
    ((1, 1, 12), [1])
    """
    refuse_mask(options)
    offset = checked_cache(cache).lengths
    q, latents, turned = _project(weights, x, rotary, norm_eps, offset=offset)
    after, view = extended(cache, latents, turned)
    options = {**by_position(options, view), "mask": view.mask}
    held = q.astype(view.keys.dtype)
    mixed = _attend(weights, held, view.keys[:, 0], view.values[:, 0], rotary, options)
    return _output(weights, with_places(mixed.astype(q.dtype), after, view)), after


def _project(
    weights: Any, x: Any, rotary: Any, eps: float, **where: Any
) -> tuple[Float[Array, "b t h d"], Float[Array, "b s 1 r"], Float[Array, "b s 1 u"]]:
    """Queries, latent vectors and the turned part of keys, the latter two as one group."""
    found = _checked(weights, rotary)
    states = floating(shaped(x, "x", "b t c"), "x")
    if states.shape[-1] != found.down_key_value.shape[-1]:
        raise ShapeError(
            f"x has shape {states.shape}, but the weights are for a width of "
            f"{found.down_key_value.shape[-1]}"
        )
    with jax.named_scope("project"):
        source = states
        if found.down_query is not None and found.query_norm is not None:
            source = rms(contract("btc,rc->btr", states, found.down_query), found.query_norm, eps)
        queries = contract("btr,hdr->bthd", source, found.up_query)
        both = contract("bsc,lc->bsl", states, found.down_key_value)[:, :, None]
        rank, plain = found.key_value_norm.shape[0], found.up_key.shape[1]
        latents = rms(both[..., :rank], found.key_value_norm, eps)
        turned = rotate(both[..., rank:], rotary, **where)
        last = rotate(queries[..., plain:], rotary, **where)
    return jnp.concatenate([queries[..., :plain], last], axis=-1), latents, turned


def _attend(
    weights: LatentHeads,
    q: Float[Array, "b t h d"],
    latents: Float[Array, "b s r"],
    turned: Float[Array, "b s u"],
    rotary: Rotary,
    options: dict[str, Any],
) -> Float[Array, "b t h e"]:
    if options.get("scale") is None:
        options = {**options, "scale": score_scale(rotary, q.shape[-1])}
    up_key, up_value = (part.astype(latents.dtype) for part in (weights.up_key, weights.up_value))
    return latent_attend(q, latents, turned, up_key, up_value, **options)


def _output(weights: LatentHeads, mixed: Float[Array, "b t h e"]) -> Float[Array, "b t c"]:
    with jax.named_scope("output"):
        return contract("bthe,che->btc", mixed, weights.output)


def _checked(weights: Any, rotary: Any) -> LatentHeads:
    """Weights whose shapes fit each other and the rotary embeddings."""
    if not isinstance(weights, LatentHeads):
        raise ArgumentTypeError(f"weights are LatentHeads, not {weights!r:.60}")
    if not isinstance(rotary, Rotary):
        raise ArgumentTypeError(f"rotary is a Rotary, not {rotary!r:.60}")
    sizes = sizes_of(weights, AXES)
    if (weights.down_query is None) != (weights.query_norm is None):
        raise ArgumentError("down_query and query_norm belong together: give both or neither")
    if weights.down_query is None and sizes["query_rank"] != sizes["c"]:
        raise ShapeError(
            f"weights.up_query has shape {weights.up_query.shape}; without down_query it reads the "
            f"hidden state, of {sizes['c']} entries"
        )
    turned = sizes["latent"] - sizes["r"]
    if turned < 1 or sizes["d"] != sizes["p"] + turned:
        raise ShapeError(
            f"weights.up_query makes heads of {sizes['d']} entries, but weights.up_key of "
            f"{sizes['p']} and weights.down_key_value {turned} that are turned: d is their sum"
        )
    if rotary.size != turned:
        raise ArgumentError(f"rotary.size is {rotary.size}; the turned part has {turned} entries")
    return weights
