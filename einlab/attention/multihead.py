"""Multi-head attention of sequences to themselves or others, with or without a cache.

Source: Vaswani et al. 2017, section 3.2.2; heads in groups: Ainslie et al. 2023.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from einlab.arguments import floating, shaped
from einlab.attention.angles import Rotary
from einlab.attention.attending import attend
from einlab.attention.cache import Cache
from einlab.attention.cache import checked as checked_cache
from einlab.attention.decoding import decode, prefill
from einlab.attention.headweights import FusedHeads, Weights, apart, checked
from einlab.attention.rotary import rotate, score_scale
from einlab.contracting import contract
from einlab.errors import ArgumentError, ShapeError

__all__ = ["multi_head", "multi_head_decode", "multi_head_prefill"]

Heads = tuple[Float[Array, "b t h d"], Float[Array, "b s g d"], Float[Array, "b s g e"]]


def multi_head(
    weights: Weights,
    x: Any,
    keys_from: Any = None,
    values_from: Any = None,
    *,
    rotary: Rotary | None = None,
    positions: Any = None,
    **options: Any,
) -> Float[Array, "b t c"]:
    """Attention of x (b, t, c) to itself, or to another sequence (b, s, c).

    Keys are made from `keys_from` (x unless given), values from `values_from` (keys_from unless
    given). With `rotary` queries and keys of self-attention are turned by their `positions`, (t,)
    or (b, t), 0 to t − 1 unless given. `options` are those of `attend`, such as `mask=CAUSAL`.

    Raises ShapeError, OperandError, DtypeError, ArgumentTypeError or ArgumentError for weights or
    sequences that do not fit, or options that `attend` refuses.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.attention import CAUSAL, init_multi_head
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4, groups=2)
    >>> multi_head(weights, jnp.ones((1, 5, 12)), mask=CAUSAL).shape
    (1, 5, 12)
    """
    crossed = keys_from is not None or values_from is not None
    if crossed and rotary is not None:
        raise ArgumentError(
            "rotary turns queries and keys of one sequence: leave out keys_from and values_from"
        )
    if positions is not None and rotary is None:
        raise ArgumentError("positions are given, but no rotary that turns by them")
    q, k, v = _project(weights, x, keys_from, values_from)
    if rotary is not None:
        q, k = (rotate(part, rotary, positions=positions) for part in (q, k))
        options = _scaled(options, rotary, q)
    return _output(weights, attend(q, k, v, **options))


def multi_head_prefill(
    weights: Weights,
    x: Any,
    cache: Cache,
    *,
    lengths: Any = None,
    rotary: Rotary | None = None,
    **options: Any,
) -> tuple[Float[Array, "b t c"], Cache]:
    """Causal attention of prompts x (b, t, c) to themselves, and the cache that holds them.

    `lengths` (b,) says how many of the t tokens a prompt really has; what follows is padding,
    whose results mean nothing. `options` are those of `attend`.

    Raises what `multi_head` and `prefill` raise.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.attention import init_cache, init_multi_head
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4, groups=2)
    >>> y, cache = multi_head_prefill(weights, jnp.ones((1, 5, 12)), init_cache(1, 8, 2, 3))
    >>> y.shape, cache.lengths.tolist()
    ((1, 5, 12), [5])
    """
    q, k, v = _project(weights, x, None, None)
    if rotary is not None:
        q, k = rotate(q, rotary), rotate(k, rotary)
        options = _scaled(options, rotary, q)
    mixed, cache = prefill(q, k, v, cache, lengths=lengths, **options)
    return _output(weights, mixed), cache


def multi_head_decode(
    weights: Weights, x: Any, cache: Cache, *, rotary: Rotary | None = None, **options: Any
) -> tuple[Float[Array, "b t c"], Cache]:
    """Attention of one or more new tokens x (b, t, c) to those of a cache and themselves.

    Returns their result and the cache that holds them too. `options` are those of `attend`.

    Raises what `multi_head` and `decode` raise.

    >>> import jax, jax.numpy as jnp
    >>> from einlab.attention import init_cache, init_multi_head
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4, groups=2)
    >>> y, cache = multi_head_decode(weights, jnp.ones((1, 1, 12)), init_cache(1, 8, 2, 3))
    >>> y.shape, cache.lengths.tolist()
    ((1, 1, 12), [1])
    """
    q, k, v = _project(weights, x, None, None)
    if rotary is not None:
        offset = checked_cache(cache).lengths
        q, k = (rotate(part, rotary, offset=offset) for part in (q, k))
        options = _scaled(options, rotary, q)
    mixed, cache = decode(q, k, v, cache, **options)
    return _output(weights, mixed), cache


def _scaled(options: dict[str, Any], rotary: Rotary, q: Float[Array, "b t h d"]) -> dict[str, Any]:
    """Options with YaRN's factor in the scale, unless a scale is given."""
    if options.get("scale") is not None:
        return options
    return {**options, "scale": score_scale(rotary, q.shape[-1])}


def _project(weights: Any, x: Any, keys_from: Any, values_from: Any) -> Heads:
    """The heads of queries, keys and values."""
    found = checked(weights)
    sequence = _sequence(x, "x")
    with jax.named_scope("project"):
        if isinstance(found, FusedHeads) and keys_from is None and values_from is None:
            return _together(found, sequence)
        each = apart(found)
        other = sequence if keys_from is None else _sequence(keys_from, "keys_from")
        third = other if values_from is None else _sequence(values_from, "values_from")
        return (
            _heads(sequence, each.query, each.query_bias, "x"),
            _heads(other, each.key, each.key_bias, "keys_from"),
            _heads(third, each.value, each.value_bias, "values_from"),
        )


def _together(weights: FusedHeads, x: Float[Array, "b t c"]) -> Heads:
    heads = weights.output.shape[1]
    groups = (weights.heads.shape[0] - heads) // 2
    every = _heads(x, weights.heads, weights.heads_bias, "x")
    q, k, v = jnp.split(every, [heads, heads + groups], axis=2)
    return q, k, v


def _sequence(value: Any, name: str) -> Float[Array, "b t c"]:
    return floating(shaped(value, name, "b t c"), name)


def _heads(
    x: Float[Array, "b t c"],
    matrix: Float[Array, "h d c"],
    bias: Float[Array, "h d"] | None,
    name: str,
) -> Float[Array, "b t h d"]:
    if x.shape[-1] != matrix.shape[-1]:
        raise ShapeError(
            f"{name} has shape {x.shape}, but the weights are for a width of {matrix.shape[-1]}"
        )
    heads = contract("btc,hdc->bthd", x, matrix)
    return heads if bias is None else heads + bias


def _output(weights: Weights, mixed: Float[Array, "b t h e"]) -> Float[Array, "b t c"]:
    with jax.named_scope("output"):
        x = contract("bthe,che->btc", mixed, weights.output)
        return x if weights.output_bias is None else x + weights.output_bias
