"""Attention of a decoder: heads in groups or latent, over the sequence itself or over a cache.

Each layer's cache is a ring of `s` places: position p lies at place p mod s, so that a layer with a
window keeps no more than its window. Scores and softmax are computed in float32 at least, unless
the config says otherwise.

Source: Ainslie et al. 2023 (grouped heads); DeepSeek-AI 2024 (latent attention); Gemma team 2024
(capped scores); Beltagy et al. 2020 (windows).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from einlab.attention.rotary import turn
from einlab.contracting import contract
from einlab.conventions import SOFTMAX, attention_scope
from einlab.transformer.decoder_config import DecoderConfig, Kind
from einlab.transformer.decoder_parameters import Attention
from einlab.transformer.keeping import drop
from einlab.transformer.norms import rms

__all__ = ["Memory", "attend", "capacity", "remember", "step"]


LOWEST = {"float16": -3e4}
"""Far below any score, and finite with one added to it; -1e38 in dtypes with wider exponents."""


class Memory(NamedTuple):
    """What a layer keeps of the positions before: keys and values, or what both are made from.

    Latent attention keeps the short vector as `keys` and the turned part of the key as `values`.
    """

    keys: Float[Array, "b s g d"]
    values: Float[Array, "b s g e"]


def capacity(kind: Kind, length: int) -> int:
    """The places that a layer's cache needs for sequences of `length` tokens."""
    return min(kind.window or length, length)


def attend(
    weights: Attention,
    x: Float[Array, "b t c"],
    config: DecoderConfig,
    kind: Kind,
    again: bool = False,
    key: Key[Array, ""] | None = None,
    starts: Int[Array, " b"] | None = None,
) -> tuple[Float[Array, "b t c"], Memory]:
    """Causal attention of a sequence to itself, and what a cache would keep of it.

    What stands before a sequence's place in `starts` is seen by no token after it. With `again` the
    backward pass computes scores and softmax a second time; with a key the config's share of the
    softmax is dropped.
    """
    places = jnp.arange(x.shape[1])
    with jax.named_scope("project"):
        queries = _queries(weights, x, places, config)
        memory = _memory(weights, x, places, config)
    seen = _seen(places[:, None], places[None, :], kind, starts)

    def mix(weights: Attention, queries: Array, memory: Memory) -> Array:
        return _mix(weights, queries, memory, seen, config, kind, key)

    mixed = (jax.checkpoint(mix) if again else mix)(weights, queries, memory)
    return _output(weights, mixed), memory


def step(
    weights: Attention,
    x: Float[Array, "b t c"],
    memory: Memory,
    length: Int[Array, ""],
    config: DecoderConfig,
    kind: Kind,
    starts: Int[Array, " b"] | None = None,
) -> tuple[Float[Array, "b t c"], Memory]:
    """Attention of one new token (t = 1) to `length` earlier ones and itself, and the new cache.

    What stands before a sequence's place in `starts` is not seen.
    """
    places = length[None]
    with jax.named_scope("project"):
        queries = _queries(weights, x, places, config)
        new = _memory(weights, x, places, config)
    size = memory.keys.shape[1]
    with jax.named_scope("cache"):
        memory = Memory(
            *(
                jax.lax.dynamic_update_slice_in_dim(old, one, length % size, axis=1)
                for old, one in zip(memory, new, strict=True)
            )
        )
    slots = jnp.arange(size)
    held = length - (length - slots) % size  # the position that lies at each place of the ring
    seen = _seen(places[:, None], held[None, :], kind, starts) & (held >= 0)
    mixed = _mix(weights, queries, memory, seen, config, kind)
    return _output(weights, mixed), memory


def remember(memory: Memory, size: int) -> Memory:
    """What a prompt leaves in a cache of `size` places; places never written hold zeros."""

    def ring(array: Array) -> Array:
        length = array.shape[1]
        if length <= size:
            return jnp.pad(array, [(0, 0), (0, size - length), (0, 0), (0, 0)])
        return jnp.roll(array[:, length - size :], length % size, axis=1)

    return Memory(*map(ring, memory))


def _queries(
    weights: Attention, x: Float[Array, "b t c"], places: Int[Array, " t"], config: DecoderConfig
) -> Float[Array, "b t h d"]:
    """The queries of all heads, turned by their positions."""
    latent = config.latent
    if weights.down_query is None or weights.down_query_norm is None:
        queries = _biased(contract("btc,hdc->bthd", x, weights.query), weights.query_bias)
    else:
        down = contract("btc,rc->btr", x, weights.down_query)
        down = rms(down, weights.down_query_norm, config.norm_eps)
        queries = contract("btr,hdr->bthd", down, weights.up_query)
    if weights.query_norm is not None:
        queries = rms(queries, weights.query_norm, config.norm_eps)
    if config.rotary is None:
        return queries
    if latent is None:
        return turn(queries, places, config.rotary)
    plain, turned = queries[..., : latent.plain], queries[..., latent.plain :]
    return jnp.concatenate([plain, turn(turned, places, config.rotary)], axis=-1)


def _memory(
    weights: Attention, x: Float[Array, "b t c"], places: Int[Array, " t"], config: DecoderConfig
) -> Memory:
    """Keys and values; of latent attention the short vector and the turned part of the key."""
    norm = weights.down_key_value_norm
    if config.latent is not None and config.rotary is not None and norm is not None:
        both = contract("bsc,rc->bsr", x, weights.down_key_value)[:, :, None]
        short, key = both[..., : config.latent.rank], both[..., config.latent.rank :]
        short = rms(short, norm, config.norm_eps)
        return Memory(short, turn(key, places, config.rotary))
    keys = _biased(contract("bsc,gdc->bsgd", x, weights.key), weights.key_bias)
    values = _biased(contract("bsc,gec->bsge", x, weights.value), weights.value_bias)
    if weights.key_norm is not None:
        keys = rms(keys, weights.key_norm, config.norm_eps)
    if config.rotary is not None:
        keys = turn(keys, places, config.rotary)
    return Memory(keys, values)


def _mix(
    weights: Attention,
    queries: Float[Array, "b t h d"],
    memory: Memory,
    seen: Bool[Array, "#b #h t s"],
    config: DecoderConfig,
    kind: Kind,
    key: Key[Array, ""] | None = None,
) -> Float[Array, "b t h e"]:
    """Softmax attention of queries to the keys that they see."""
    lengths = queries.shape[1], memory.keys.shape[1]
    scope = attention_scope(*lengths, causal=lengths[0] > 1, window=kind.window)
    with jax.named_scope(scope):
        scores = _scores(weights, queries, memory, config)
    with jax.named_scope(SOFTMAX):
        share = _share(scores, seen, config, queries.shape[-1]).astype(queries.dtype)
        share = drop(share, config, key)
    with jax.named_scope(scope):
        if config.latent is not None:
            return contract("bhts,bsr,her->bthe", share, memory.keys[:, :, 0], weights.up_value)
        grouped = share.reshape(share.shape[0], config.groups, -1, *share.shape[2:])
        mixed = contract("bgjts,bsge->btgje", grouped, memory.values)
        return mixed.reshape(*queries.shape[:3], memory.values.shape[-1])


def _scores(
    weights: Attention, queries: Float[Array, "b t h d"], memory: Memory, config: DecoderConfig
) -> Float[Array, "b h t s"]:
    """Products of queries and keys; of latent attention the order of three operands is planned."""
    latent = config.latent
    if latent is not None:
        plain, turned = queries[..., : latent.plain], queries[..., latent.plain :]
        short, key = memory.keys[:, :, 0], memory.values[:, :, 0]
        scores = contract("bthd,hdr,bsr->bhts", plain, weights.up_key, short)
        return scores + contract("bthd,bsd->bhts", turned, key)
    batch, length, _, size = queries.shape
    grouped = queries.reshape(batch, length, config.groups, -1, size)
    scores = contract("btgjd,bsgd->bgjts", grouped, memory.keys)
    return scores.reshape(batch, config.heads, length, -1)


def _share(
    scores: Float[Array, "b h t s"],
    seen: Bool[Array, "#b #h t s"],
    config: DecoderConfig,
    size: int,
) -> Float[Array, "b h t s"]:
    """Softmax of scaled, capped and masked scores."""
    scale = (config.score_size or size) ** -0.5
    if config.rotary is not None and config.rotary.scaling is not None:
        scale *= config.rotary.scaling.score
    if config.training.softmax == "float32":
        scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    scores = scores * scale
    if config.score_cap is not None:
        scores = config.score_cap * jnp.tanh(scores / config.score_cap)
    lowest = LOWEST.get(str(scores.dtype), -1e38)
    # Added, not put in: so no mask is kept for training.
    return jax.nn.softmax(scores + jnp.where(seen, 0.0, lowest).astype(scores.dtype), axis=-1)


def _seen(
    queries: Int[Array, "t one"],
    keys: Int[Array, "one s"],
    kind: Kind,
    starts: Int[Array, " b"] | None,
) -> Bool[Array, "*b t s"]:
    """Which key positions a query position sees, of every sequence if they start at places."""
    seen = keys <= queries
    seen = seen if kind.window is None else seen & (keys > queries - kind.window)
    return seen if starts is None else seen & (keys >= starts[:, None, None, None])


def _output(weights: Attention, mixed: Float[Array, "b t h e"]) -> Float[Array, "b t c"]:
    """The product that brings all heads back to the width."""
    with jax.named_scope("output"):
        return _biased(contract("bthe,che->btc", mixed, weights.output), weights.output_bias)


def _biased(x: Array, bias: Array | None) -> Array:
    return x if bias is None else x + bias
