"""Attention in blocks with an online softmax: memory linear in the length, masked blocks skipped.

One head of keys after the other, its queries are taken in blocks; each looks at the keys that its
positions let it see, in one piece or, where they are many, in several, whose sums are rescaled to
the largest score so far. The backward pass computes scores a second time, block by block.

Sources: Milakov and Gimelshein 2018 (online softmax); Rabe and Staats 2021 (linear memory by
checkpoints); Dao 2023, FlashAttention-2 (skipped blocks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from einlab.attention.blocks import Group, Spans
from einlab.attention.masks import Mask, visible
from einlab.attention.problem import LOWEST, Problem, Terms, keep, shape_scores, wide
from einlab.contracting import contract
from einlab.conventions import SOFTMAX, attention_scope

__all__ = ["blockwise"]


class Head(NamedTuple):
    """Queries that share one head of keys and values."""

    q: Float[Array, "n j i d"]
    """n blocks of i queries."""
    k: Float[Array, "s d"]
    v: Float[Array, "s e"]
    number: Array
    """Of the sequence and its group: z·g + group."""


class Rows(NamedTuple):
    """One block of queries, and what masks and biases say of it; bias and seen with all keys."""

    q: Float[Array, "j i d"]
    bias: Array | None
    seen: Array | None
    segments: Array | None
    number: Array
    """Of the block."""
    start: Array
    """The first key that it looks at."""


class Sums(NamedTuple):
    """What is known after some of the keys."""

    mixed: Float[Array, "j i e"]
    most: Float[Array, "j i"]
    total: Float[Array, "j i"]


def blockwise(one: Problem, blocks: Spans, keys: int) -> Float[Array, "b t h e"]:
    """Softmax attention, for `blocks` of queries, with at most `keys` keys at a time."""
    b, t, s, h, g, d, e = one.sizes
    size, j = blocks.size, h // g
    missing = blocks.count * size - t
    q = jnp.pad(one.q, [(0, 0), (0, missing), (0, 0), (0, 0)])
    q = q.reshape(b, blocks.count, size, g, j, d).transpose(0, 3, 1, 4, 2, 5)
    keys_of, values_of = one.heads_of_keys
    heads = Head(
        q.reshape(b * g, blocks.count, j, size, d),
        keys_of.reshape(b * g, s, d),
        values_of.reshape(b * g, s, e),
        jnp.arange(b * g),
    )
    mixed = _over(partial(_head, one, blocks, keys), heads, b * g)
    mixed = mixed.reshape(b, g, blocks.count, j, size, e).transpose(0, 2, 4, 1, 3, 5)
    return mixed.reshape(b, blocks.count * size, h, e)[:, :t]


def _over(function: Callable[[Any], Array], xs: Any, count: int) -> Array:
    """The function's results over the first axis of all arrays."""
    if count > 1:
        results: Array = lax.map(function, xs)
        return results
    return function(jax.tree.map(lambda x: x[0], xs))[None]


def _head(one: Problem, blocks: Spans, keys: int, head: Head) -> Float[Array, "n j i e"]:
    """All blocks of queries that share a head of keys."""
    own = _of_head(one, head, blocks)
    count, size = blocks.count, blocks.size
    rows = Rows(
        head.q,
        _in_blocks(own.terms.bias, count, size),
        _in_blocks(own.mask.seen, count, size),
        None if own.mask.query_segments is None else own.mask.query_segments.reshape(count, size),
        jnp.arange(count),
        jnp.asarray([start for group in blocks.groups for start in group.starts]),
    )
    lengths = [len(group.starts) for group in blocks.groups]
    split = jax.tree.map(lambda x: lax.split(x, lengths), rows)
    parts = [jax.tree.map(lambda _, x, n=n: x[n], rows, split) for n in range(len(lengths))]
    mixed = []
    for group, part in zip(blocks.groups, parts, strict=True):
        block = partial(_block, own, group, keys, head.number)
        mixed.append(_over(jax.checkpoint(block, prevent_cse=False), part, len(group.starts)))
    return jnp.concatenate(mixed)


def _of_head(one: Problem, head: Head, blocks: Spans) -> Problem:
    """The problem of one sequence and one head of keys; arrays are padded to whole blocks."""
    _, t, _, h, g, _, _ = one.sizes
    j = h // g
    sequence, group = head.number // g, head.number % g
    missing = blocks.count * blocks.size - t

    def own(x: Array | None, heads: bool = False, rows: bool = False) -> Array | None:
        if x is None or jnp.ndim(x) == 0:
            return x
        x = lax.dynamic_slice_in_dim(x, sequence if x.shape[0] > 1 else 0, 1)
        if heads and x.shape[1] > 1:
            x = lax.dynamic_slice_in_dim(x, group * j, j, axis=1)
        axis = 2 if heads else 1
        if rows and missing and x.shape[axis] > 1:
            x = jnp.pad(x, [(0, missing if a == axis else 0) for a in range(x.ndim)])
        return x

    def of_group(x: Array | None) -> Array | None:
        return None if x is None else lax.dynamic_slice_in_dim(x, group * j, j)

    mask, terms = one.mask, one.terms
    return replace(
        one,
        k=head.k[None, :, None],
        v=head.v[None, :, None],
        by_head=False,
        mask=replace(
            mask,
            offset=own(mask.offset),
            prefix=own(mask.prefix),
            query_lengths=own(mask.query_lengths),
            key_lengths=own(mask.key_lengths),
            query_segments=own(mask.query_segments, rows=True),
            key_segments=own(mask.key_segments),
            seen=own(mask.seen, heads=True, rows=True),
        ),
        terms=Terms(
            bias=own(terms.bias, heads=True, rows=True),
            slopes=of_group(terms.slopes),
            sinks=of_group(terms.sinks),
        ),
    )


def _in_blocks(x: Array | None, count: int, size: int) -> Array | None:
    """An array (1, j, t, s) with its rows in blocks, (n, 1, j, i, s)."""
    if x is None:
        return None
    if x.shape[2] == 1:
        return jnp.broadcast_to(x, (count, *x.shape))
    return jnp.moveaxis(x.reshape(1, x.shape[1], count, size, x.shape[3]), 2, 0)


def _block(
    own: Problem, group: Group, keys: int, number: Array, rows: Rows
) -> Float[Array, "j i e"]:
    """One block of queries over its keys."""
    if group.width <= keys and own.terms.sinks is None:
        return _result(_look(own, rows, number, None, rows.start, group.width), own)
    j, size, _ = rows.q.shape
    dtype, sinks = wide(own.q.dtype), own.terms.sinks
    most = jnp.full((j, size), LOWEST / 2, dtype)
    total = jnp.zeros((j, size), dtype)
    if sinks is not None:
        most = jnp.maximum(most, lax.stop_gradient(sinks)[:, None].astype(dtype))
        total = jnp.exp(sinks[:, None].astype(dtype) - most)
    sums = Sums(jnp.zeros((j, size, own.v.shape[-1]), dtype), most, total)
    count = group.width // keys if group.width > keys else 0

    def look(sums: Sums, start: Array, width: int) -> Sums:
        return _look(own, rows, number, sums, start, width)

    if count:
        again = jax.checkpoint(lambda sums, start: look(sums, start, keys), prevent_cse=False)
        starts = rows.start + keys * jnp.arange(count)
        sums, _ = lax.scan(lambda sums, start: (again(sums, start), None), sums, starts)
    if rest := group.width - count * keys:
        sums = look(sums, rows.start + count * keys, rest)
    return _result(sums, own)


def _result(sums: Sums, own: Problem) -> Float[Array, "j i e"]:
    """Weighed sums over the sum of weights; zeros where nothing was seen."""
    total = jnp.where(sums.total > 0, sums.total, 1.0)
    return (sums.mixed / total[..., None]).astype(own.v.dtype)


def _look(
    own: Problem, rows: Rows, number: Array, sums: Sums | None, start: Array, width: int
) -> Sums:
    """The sums after `width` more keys from `start` on; None before there were any."""
    _, t, s, *_ = own.sizes
    j, size, _ = rows.q.shape
    dtype = wide(own.q.dtype)
    places, columns = rows.number * size + jnp.arange(size), start + jnp.arange(width)
    scope = attention_scope(t, s)

    def these(x: Array | None, axis: int) -> Array | None:
        if x is None or x.shape[axis] == 1:
            return x
        return lax.dynamic_slice_in_dim(x, start, width, axis=axis)

    with jax.named_scope(scope):
        keys = lax.dynamic_slice_in_dim(own.k[0, :, 0], start, width)
        products = contract("jid,sd->jis", rows.q, keys, preferred_element_type=dtype)
    with jax.named_scope(SOFTMAX):
        bias, slopes = these(rows.bias, 3), own.terms.slopes
        scores = shape_scores(products[None], own, bias, slopes, places, columns)[0]
        if not own.mask.sees_all:
            mask = _of_rows(own.mask, rows, these)
            scores = jnp.where(visible(mask, places, columns, t, s)[0], scores, LOWEST)
        lowest = LOWEST / 2 if sums is None else sums.most
        most = jnp.maximum(lax.stop_gradient(scores.max(axis=-1)), lowest)
        weights = jnp.exp(scores - most[..., None])
        total = weights.sum(axis=-1)
        if own.dropout:
            line = (number * j + jnp.arange(j)[:, None]) * t + places
            weights = weights * keep(own, line, columns)
    with jax.named_scope(scope):
        values = lax.dynamic_slice_in_dim(own.v[0, :, 0], start, width)
        weights = weights.astype(values.dtype)
        mixed = contract("jis,se->jie", weights, values, preferred_element_type=dtype)
    if sums is None:
        return Sums(mixed, most, total)
    fade = jnp.exp(sums.most - most)
    return Sums(sums.mixed * fade[..., None] + mixed, most, sums.total * fade + total)


def _of_rows(mask: Mask, rows: Rows, these: Callable[[Array | None, int], Array | None]) -> Mask:
    """The mask whose arrays hold one block of queries and some keys."""
    segments = None if rows.segments is None else rows.segments[None]
    return replace(
        mask,
        seen=these(rows.seen, 3),
        query_segments=segments,
        key_segments=these(mask.key_segments, 1),
    )
