"""Attention with all scores in memory at once, as two planned contractions and a softmax."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from einlab.attention.masks import Mask, visible
from einlab.attention.problem import LOWEST, Problem, keep, shape_scores, wide
from einlab.contracting import contract
from einlab.conventions import SOFTMAX, attention_scope

__all__ = ["plain", "sequential"]


def sequential(one: Problem) -> Float[Array, "b t h e"]:
    """The same, one sequence after the other: what each needs beside the operands is used again."""

    def own(x: Any, sequence: Array) -> Any:
        if x is None or jnp.ndim(x) == 0 or x.shape[0] == 1:
            return x
        return lax.dynamic_slice_in_dim(x, sequence, 1)

    def single(parts: tuple[Array, Array, Array, Array]) -> Array:
        *qkv, number = parts
        q, k, v = (x[None] for x in qkv)
        mask = jax.tree.map(lambda x: own(x, number), one.mask)
        terms = replace(one.terms, bias=own(one.terms.bias, number))
        return plain(replace(one, q=q, k=k, v=v, mask=mask, terms=terms), number)[0]

    mixed: Array = lax.map(single, (one.q, one.k, one.v, jnp.arange(one.sizes[0])))
    return mixed


def plain(one: Problem, first: Any = 0) -> Float[Array, "b t h e"]:
    """Softmax attention by two contractions, with scores of shape (b, h, t, s) between them.

    The weights are divided by their sum after the second contraction, where there are fewer.
    `first` is the number of the first sequence, by which dropout knows it.
    """
    b, t, s, h, g, _, e = one.sizes
    dtype = wide(one.q.dtype)
    rows, columns = jnp.arange(t), jnp.arange(s)
    scope = _scope(one.mask, t, s)
    keys = "bgs" if one.by_head else "bsg"
    with jax.named_scope(scope):
        products = contract(
            f"btgjd,{keys}d->bgjts", _by_group(one.q, g), one.k, preferred_element_type=dtype
        )
    with jax.named_scope(SOFTMAX):
        products = products.reshape(b, h, t, s)
        terms = one.terms
        scores = shape_scores(products, one, terms.bias, terms.slopes, rows, columns)
        weights, total = _weights(scores, one, None if one.mask.sees_all else _seen(one))
        if one.dropout:
            numbers = first * h * t + jnp.arange(b * h * t).reshape(b, h, t)
            weights = weights * keep(one, numbers, columns)
        weights = weights.astype(one.v.dtype).reshape(b, g, h // g, t, s)
    with jax.named_scope(scope):
        mixed = contract(f"bgjts,{keys}e->btgje", weights, one.v, preferred_element_type=dtype)
    mixed = mixed.reshape(b, t, h, e) / total.transpose(0, 2, 1)[..., None]
    return mixed.astype(one.v.dtype)


def _weights(
    scores: Float[Array, "b h t s"], one: Problem, seen: Bool[Array, "#b #h t s"] | None
) -> tuple[Float[Array, "b h t s"], Float[Array, "b h t"]]:
    """Exponentials of scores less the largest of each row, and their sums, 1 for a row of none."""
    if seen is not None:
        scores = jnp.where(seen, scores, LOWEST)
    # A row in which nothing is seen has LOWEST / 2 for its largest, and so exponentials of 0.
    most = jnp.maximum(scores.max(axis=-1), LOWEST / 2)
    sinks = one.terms.sinks
    if sinks is not None:
        sinks = sinks.astype(scores.dtype)[:, None]
        most = jnp.maximum(most, sinks)
    most = lax.stop_gradient(most)
    weights = jnp.exp(scores - most[..., None])
    total = weights.sum(axis=-1)
    if sinks is not None:
        total = total + jnp.exp(sinks - most)
    return weights, jnp.where(total > 0, total, 1.0)


def _seen(one: Problem) -> Bool[Array, "#b #h t s"]:
    """The whole mask as an array."""
    _, t, s, *_ = one.sizes
    return visible(one.mask, jnp.arange(t), jnp.arange(s), t, s)


def _by_group(x: Float[Array, "b t h d"], groups: int) -> Float[Array, "b t g j d"]:
    """Heads in groups of those that share keys and values."""
    return x.reshape(*x.shape[:2], groups, -1, x.shape[-1])


def _scope(mask: Mask, queries: int, keys: int) -> str:
    """The scope by which conventions of counting know the two products, and which pairs count."""
    left, right = mask.window or (None, None)
    usual = mask.is_positional and mask.align == "last"
    if not usual or not (mask.causal or right == 0) or (right is not None and right > 0):
        return attention_scope(queries, keys)
    return attention_scope(queries, keys, causal=True, window=None if left is None else left + 1)
