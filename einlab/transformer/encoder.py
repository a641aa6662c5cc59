"""The encoder of the BERT family: token numbers in, hidden states of every layer out.

Every matrix product is a `contract` call over named axes, so a plan and a count come with it.
Weights keep the order of axes that their files have; the equations say which axes meet.

Source: Devlin et al. 2018; Vaswani et al. 2017; GELU by erf: Hendrycks and Gimpel 2016.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from einlab.contracting import contract
from einlab.conventions import EMBEDDING, SOFTMAX, attention_scope
from einlab.errors import ShapeError, listing
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder import Recompute
from einlab.transformer.parameters import (
    Embeddings,
    Layer,
    Norm,
    Tokens,
    Weights,
    abstract_weights,
    named_leaves,
)

__all__ = ["apply", "pool"]

NORM_FLOOR = 1e-12  # the least length that `pool` divides by, as torch.nn.functional.normalize


def apply(
    weights: Weights, tokens: Tokens, config: EncoderConfig, recompute: Recompute = "none"
) -> tuple[Float[Array, "b t c"], ...]:
    """Hidden states after the embeddings and after each layer, layers + 1 arrays.

    `recompute` says what a backward pass computes again, as in `decoder.apply`.

    Jit-able with `config` static. Tokens that `tokens.mask` leaves out are attended to by none;
    their own hidden states mean nothing. A token number or type out of range gives NaN.

    Raises ShapeError if the sequence is longer than the config's positions, if the three arrays
    differ in shape, or if the weights are for another number of layers.

    >>> from einlab.transformer.parameters import init
    >>> config = EncoderConfig(vocabulary=9, positions=4, types=2, width=6, heads=2, layers=1,
    ...                        feed_forward=8, norm_eps=1e-12, padding_id=0)
    >>> weights = init(config, jax.random.key(0))
    >>> ids = jnp.array([[1, 2, 3]])
    >>> states = apply(weights, Tokens(ids, jnp.ones_like(ids), jnp.zeros_like(ids)), config)
    >>> [state.shape for state in states]
    [(1, 3, 6), (1, 3, 6)]
    """
    _check(weights, tokens, config)

    def run(layer: Layer, x: Array) -> Array:
        return _layer(layer, x, tokens.mask, config.norm_eps, recompute == "attention")

    again = jax.checkpoint(run) if recompute == "layer" else run
    with jax.named_scope(EMBEDDING):
        states = [embed(weights.embeddings, tokens, config.norm_eps)]
    for layer in weights.layers:
        with jax.named_scope("layer"):
            states.append(again(layer, states[-1]))
    return tuple(states)


def embed(weights: Embeddings, tokens: Tokens, eps: float) -> Float[Array, "b t c"]:
    """The sum of word, position and type embeddings, normalised."""
    positions = weights.position[: tokens.ids.shape[1]]
    words = _rows(weights.word, tokens.ids)
    types = _rows(weights.type, tokens.types)
    return normalise(weights.norm, words + positions + types, eps)


def _layer(
    layer: Layer,
    x: Float[Array, "b t c"],
    mask: Int[Array, "b t"],
    eps: float,
    again: bool = False,
) -> Float[Array, "b t c"]:
    """Attention and network, each added to what it was computed from, and normalised."""
    with jax.named_scope("attention"):
        attended = attend(layer, x, mask, again)
    inner = normalise(layer.attention_norm, x + attended, eps)
    with jax.named_scope("network"):
        added = feed_forward(layer, inner)
    return normalise(layer.feed_forward_norm, inner + added, eps)


def attend(
    layer: Layer, x: Float[Array, "b t c"], mask: Int[Array, "b t"], again: bool = False
) -> Float[Array, "b t c"]:
    """Multi-head softmax attention of a sequence to itself; scores are scaled by 1/sqrt(d).

    The softmax is computed in float32 at least. With `again` a backward pass computes scores and
    softmax a second time.
    """
    with jax.named_scope("project"):
        q = contract("btc,hdc->bthd", x, layer.query) + layer.query_bias
        k = contract("bsc,hdc->bshd", x, layer.key) + layer.key_bias
        v = contract("bsc,hdc->bshd", x, layer.value) + layer.value_bias
    mixed = (jax.checkpoint(_mix) if again else _mix)(q, k, v, mask)
    with jax.named_scope("output"):
        return contract("bthd,chd->btc", mixed, layer.output) + layer.output_bias


def _mix(
    q: Float[Array, "b t h d"],
    k: Float[Array, "b s h d"],
    v: Float[Array, "b s h d"],
    mask: Int[Array, "b s"],
) -> Float[Array, "b t h d"]:
    """Softmax attention of queries to the keys that the mask leaves."""
    pairs = attention_scope(q.shape[1], k.shape[1])
    with jax.named_scope(pairs):
        scores = contract("bthd,bshd->bhts", q, k) / jnp.sqrt(q.shape[-1]).astype(q.dtype)
    with jax.named_scope(SOFTMAX):
        scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
        lowest = np.finfo(scores.dtype).min  # not -inf: a row masked whole must not give NaN
        scores = jnp.where(mask[:, None, None, :] != 0, scores, lowest)
        share = jax.nn.softmax(scores, axis=-1).astype(q.dtype)
    with jax.named_scope(pairs):
        return contract("bhts,bshd->bthd", share, v)


def feed_forward(layer: Layer, x: Float[Array, "b t c"]) -> Float[Array, "b t c"]:
    """Two layers at every position, with the exact GELU x·Φ(x) between them."""
    wide = contract("btc,fc->btf", x, layer.widen) + layer.widen_bias
    active = jax.nn.gelu(wide, approximate=False)
    return contract("btf,cf->btc", active, layer.narrow) + layer.narrow_bias


def normalise(norm: Norm, x: Float[Array, "b t c"], eps: float) -> Float[Array, "b t c"]:
    """Layer normalisation over the model width, in float32 at least (Ba et al. 2016)."""
    with jax.named_scope("norm"):
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        return (centred * jax.lax.rsqrt(variance + eps) * norm.scale + norm.shift).astype(x.dtype)


def pool(hidden: Float[Array, "b t c"], mask: Int[Array, "b t"]) -> Float[Array, "b c"]:
    """The mean of a sentence's hidden states over its tokens, scaled to length 1.

    A sentence without any token gives zeros. Source: Reimers and Gurevych 2019.
    """
    held = mask.astype(hidden.dtype)
    share = held / jnp.maximum(held.sum(axis=1, keepdims=True), 1)
    mean = contract("btc,bt->bc", hidden, share)
    length = jnp.linalg.norm(mean, axis=-1, keepdims=True)
    return mean / jnp.maximum(length, NORM_FLOOR)


def _rows(table: Float[Array, "v c"], ids: Int[Array, "b t"]) -> Float[Array, "b t c"]:
    """Rows of a table by number; NaN for a number out of range, negative ones included."""
    rows = jnp.asarray(table).at[ids]
    return rows.get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


def _check(weights: Weights, tokens: Tokens, config: EncoderConfig) -> None:
    """Shapes and counts that no later function looks at."""
    shapes = {name: tuple(jnp.shape(array)) for name, array in tokens._asdict().items()}
    if len(shapes["ids"]) != 2 or len(set(shapes.values())) > 1:
        raise ShapeError(
            "the ids, mask and types of a batch have one shape, (sentences, tokens); here "
            f"{listing(f'{name} has {shape}' for name, shape in shapes.items())}"
        )
    if shapes["ids"][1] > config.positions:
        raise ShapeError(
            f"a sequence of {shapes['ids'][1]} tokens is longer than the "
            f"{config.positions} positions of this encoder; cut it"
        )
    expected, found = named_leaves(abstract_weights(config)), named_leaves(weights)
    for name in expected | found:
        if name not in found or name not in expected:
            where = "the weights" if name not in found else "the config"
            raise ShapeError(f"weights and config do not fit: {name} is not in {where}")
        if jnp.shape(found[name]) != expected[name].shape:
            raise ShapeError(
                f"weights and config do not fit: {name} has shape {jnp.shape(found[name])}, "
                f"the config says {expected[name].shape}"
            )
