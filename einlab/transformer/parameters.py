"""The arrays that an encoder takes: tokens and weights, as pytrees with a shape beside each field.

Axes: b batch, t position, v vocabulary, c model width, h head, d head size, f feed-forward width.
The shape beside a field is the only place that says it: random weights and the check of a file of
weights are both derived from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, get_type_hints

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from einlab.transformer.config import EncoderConfig

__all__ = [
    "Embeddings",
    "Layer",
    "Norm",
    "Tokens",
    "Weights",
    "abstract_weights",
    "axis_sizes",
    "init",
    "named_leaves",
]

INITIAL_DEVIATION = 0.02  # initializer_range of the published BERT configs


class Tokens(NamedTuple):
    """A batch of sentences as numbers, filled up to one length.

    >>> tokens = Tokens(ids=[[101, 7, 102]], mask=[[1, 1, 1]], types=[[0, 0, 0]])
    >>> tokens.ids
    [[101, 7, 102]]
    """

    ids: Int[Array, "b t"]
    """Numbers of the tokens in the vocabulary."""
    mask: Int[Array, "b t"]
    """1 where there is a token, 0 where the batch is filled up."""
    types: Int[Array, "b t"]
    """Number of the segment that each token belongs to."""


class Norm(NamedTuple):
    """Weights of a layer normalisation."""

    scale: Float[Array, " c"]
    shift: Float[Array, " c"]


class Embeddings(NamedTuple):
    """Tables of the three embeddings that are added, and the normalisation of their sum."""

    word: Float[Array, "v c"]
    position: Float[Array, "positions c"]
    type: Float[Array, "types c"]
    norm: Norm


class Layer(NamedTuple):
    """Weights of one block: multi-head attention, then a feed-forward network of two layers."""

    query: Float[Array, "h d c"]
    query_bias: Float[Array, "h d"]
    key: Float[Array, "h d c"]
    key_bias: Float[Array, "h d"]
    value: Float[Array, "h d c"]
    value_bias: Float[Array, "h d"]
    output: Float[Array, "c h d"]
    output_bias: Float[Array, " c"]
    attention_norm: Norm
    widen: Float[Array, "f c"]
    widen_bias: Float[Array, " f"]
    narrow: Float[Array, "c f"]
    narrow_bias: Float[Array, " c"]
    feed_forward_norm: Norm


class Weights(NamedTuple):
    """All weights of an encoder."""

    embeddings: Embeddings
    layers: tuple[Layer, ...]


def axis_sizes(config: EncoderConfig) -> dict[str, int]:
    """The length of each axis that a weight can have, by its letter or word."""
    return {
        "v": config.vocabulary,
        "positions": config.positions,
        "types": config.types,
        "c": config.width,
        "h": config.heads,
        "d": config.head_size,
        "f": config.feed_forward,
    }


def abstract_weights(
    config: EncoderConfig, shape: Callable[[str], tuple[int, ...]] | None = None
) -> Weights:
    """Weights whose leaves are shapes only (jax.ShapeDtypeStruct, float32).

    `shape` says which shape the axes beside a field stand for; by default the one in the config.

    >>> config = EncoderConfig(vocabulary=9, positions=4, types=2, width=6, heads=2, layers=1,
    ...                        feed_forward=8, norm_eps=1e-12, padding_id=0)
    >>> abstract_weights(config).layers[0].query.shape
    (2, 3, 6)
    """
    sizes = axis_sizes(config)
    of = shape or (lambda axes: tuple(sizes[axis] for axis in axes.split()))
    layers = tuple(_abstract(Layer, of) for _ in range(config.layers))
    return Weights(_abstract(Embeddings, of), layers)


def init(config: EncoderConfig, key: PRNGKeyArray) -> Weights:
    """Random weights in float32: matrices normal with deviation 0.02, biases 0, scales 1.

    Source: Devlin et al. 2018, the initializer_range of the published configs.

    >>> config = EncoderConfig(vocabulary=9, positions=4, types=2, width=6, heads=2, layers=1,
    ...                        feed_forward=8, norm_eps=1e-12, padding_id=0)
    >>> init(config, jax.random.key(0)).layers[0].narrow.shape
    (6, 8)
    """
    shapes = abstract_weights(config)
    keys = iter(jax.random.split(key, len(jax.tree.leaves(shapes))))

    def draw(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> Array:
        name, one = path[-1].name, next(keys)
        if name == "shift" or name.endswith("_bias"):
            return jnp.zeros(leaf.shape, leaf.dtype)
        if name == "scale":
            return jnp.ones(leaf.shape, leaf.dtype)
        return INITIAL_DEVIATION * jax.random.normal(one, leaf.shape, leaf.dtype)

    weights: Weights = jax.tree.map_with_path(draw, shapes)
    return weights


def named_leaves(weights: Weights) -> dict[str, Any]:
    """The leaves of `weights` by dotted name, such as "layers.0.attention_norm.scale"."""
    leaves, _ = jax.tree.flatten_with_path(weights)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _abstract(record: type[Any], shape: Callable[[str], tuple[int, ...]]) -> Any:
    """One of the records above, each array replaced by its shape, read from its annotation."""
    return record(
        *(
            _abstract(kind, shape)
            if issubclass(kind, tuple)
            else jax.ShapeDtypeStruct(shape(kind.dim_str), jnp.float32)
            for kind in get_type_hints(record).values()
        )
    )
