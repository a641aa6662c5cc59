"""The weights of a decoder as pytrees, with a shape beside each field, and their exact number.

Axes: v vocabulary, c model width, h head, g key head, d head size, e value head size, f width of
the network; words are the other lengths of `axis_sizes`. Layers of one stack lie behind each other
along an axis in front of those written here. A field that a config has no use for is None.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_type_hints

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from einlab.transformer.decoder_config import DecoderConfig, Kind

__all__ = [
    "Attention",
    "DecoderWeights",
    "DenseNetwork",
    "Embedding",
    "ExpertNetwork",
    "Layer",
    "Norm",
    "abstract_decoder",
    "axis_sizes",
    "init_decoder",
    "leaves_by_name",
]

INITIAL_DEVIATION = 0.02  # initializer_range of nearly all published configs


class Norm(NamedTuple):
    """Weights of a normalisation over the width."""

    scale: Float[Array, " c"]
    shift: Float[Array, " c"] | None


class Attention(NamedTuple):
    """Weights of attention: of heads in groups, or latent (then `down_key_value` is there)."""

    query: Float[Array, "h d c"] | None
    query_bias: Float[Array, "h d"] | None
    key: Float[Array, "g d c"] | None
    key_bias: Float[Array, "g d"] | None
    value: Float[Array, "g e c"] | None
    value_bias: Float[Array, "g e"] | None
    query_norm: Float[Array, " d"] | None
    key_norm: Float[Array, " d"] | None
    down_query: Float[Array, "query_rank c"] | None
    down_query_norm: Float[Array, " query_rank"] | None
    up_query: Float[Array, "h d query_rank"] | None
    down_key_value: Float[Array, "latent c"] | None
    down_key_value_norm: Float[Array, " rank"] | None
    up_key: Float[Array, "h plain rank"] | None
    up_value: Float[Array, "h e rank"] | None
    output: Float[Array, "c h e"]
    output_bias: Float[Array, " c"] | None


class DenseNetwork(NamedTuple):
    """Weights of a feed-forward network."""

    gate: Float[Array, "f c"] | None
    gate_bias: Float[Array, " f"] | None
    widen: Float[Array, "f c"]
    widen_bias: Float[Array, " f"] | None
    narrow: Float[Array, "c f"]
    narrow_bias: Float[Array, " c"] | None


class ExpertNetwork(NamedTuple):
    """Weights of a mixture of experts."""

    router: Float[Array, "experts c"]
    correction: Float[Array, " experts"] | None
    gate: Float[Array, "experts c expert_width"]
    widen: Float[Array, "experts c expert_width"]
    narrow: Float[Array, "experts expert_width c"]
    shared_gate: Float[Array, "shared c"] | None
    shared_widen: Float[Array, "shared c"] | None
    shared_narrow: Float[Array, "c shared"] | None
    shared_share: Float[Array, " c"] | None


class Layer(NamedTuple):
    """Weights of one layer; `dense` or `sparse` is None."""

    attention_norm: Norm
    attention: Attention
    attention_end_norm: Norm | None
    network_norm: Norm | None
    dense: DenseNetwork | None
    sparse: ExpertNetwork | None
    network_end_norm: Norm | None


class Embedding(NamedTuple):
    """Tables that are looked up, and added."""

    word: Float[Array, "v c"]
    position: Float[Array, "positions c"] | None


class DecoderWeights(NamedTuple):
    """All weights of a decoder."""

    embedding: Embedding
    stacks: tuple[tuple[Layer, ...], ...]
    """For each stack of the config its pattern, each leaf with an axis of repeats in front."""
    norm: Norm
    logits: Float[Array, "v c"] | None
    logits_bias: Float[Array, " v"] | None


Present = Callable[[DecoderConfig, Kind], bool]


OPTIONAL: Mapping[str, Present] = {
    "Norm.shift": lambda c, _: c.norm_bias,
    "Attention.query": lambda c, _: c.latent is None or c.latent.query_rank is None,
    "Attention.key": lambda c, _: c.latent is None,
    "Attention.value": lambda c, _: c.latent is None,
    **dict.fromkeys(
        ("Attention.query_bias", "Attention.key_bias", "Attention.value_bias"),
        lambda c, _: c.attention_bias and c.latent is None,
    ),
    **dict.fromkeys(
        ("Attention.query_norm", "Attention.key_norm"),
        lambda c, _: c.head_norm and c.latent is None,
    ),
    **dict.fromkeys(
        ("Attention.down_query", "Attention.down_query_norm", "Attention.up_query"),
        lambda c, _: c.latent is not None and c.latent.query_rank is not None,
    ),
    **dict.fromkeys(
        (
            "Attention.down_key_value",
            "Attention.down_key_value_norm",
            "Attention.up_key",
            "Attention.up_value",
        ),
        lambda c, _: c.latent is not None,
    ),
    "Attention.output_bias": lambda c, _: c.output_bias,
    "DenseNetwork.gate": lambda c, _: c.gated,
    "DenseNetwork.gate_bias": lambda c, _: c.gated and c.feed_forward_bias,
    "DenseNetwork.widen_bias": lambda c, _: c.feed_forward_bias,
    "DenseNetwork.narrow_bias": lambda c, _: c.feed_forward_bias,
    "ExpertNetwork.correction": lambda c, _: c.experts is not None and c.experts.correction,
    **dict.fromkeys(
        (
            "ExpertNetwork.shared_gate",
            "ExpertNetwork.shared_widen",
            "ExpertNetwork.shared_narrow",
        ),
        lambda c, _: c.experts is not None and c.experts.shared > 0,
    ),
    "ExpertNetwork.shared_share": lambda c, _: (
        c.experts is not None and c.experts.shared > 0 and c.experts.shared_gate
    ),
    "Layer.attention_end_norm": lambda c, _: c.arrangement == "around",
    "Layer.network_norm": lambda c, _: c.arrangement != "parallel",
    "Layer.network_end_norm": lambda c, _: c.arrangement == "around",
    "Layer.dense": lambda _, kind: not kind.sparse,
    "Layer.sparse": lambda _, kind: kind.sparse,
    "Embedding.position": lambda c, _: c.rotary is None,
    "DecoderWeights.logits": lambda c, _: not c.tied,
    "DecoderWeights.logits_bias": lambda c, _: c.logits_bias,
}
"""When a field that may be None is there."""


def axis_sizes(config: DecoderConfig) -> dict[str, int]:
    """The length of each axis that a weight can have, by its letter or word."""
    sizes = {
        "v": config.vocabulary,
        "positions": config.positions,
        "c": config.width,
        "h": config.heads,
        "g": config.groups,
        "d": config.head_size,
        "e": config.head_size,
        "f": config.feed_forward,
    }
    if config.latent is not None:
        latent = config.latent
        sizes |= {
            "d": latent.plain + latent.turned,
            "e": latent.value,
            "query_rank": latent.query_rank or 0,
            "rank": latent.rank,
            "latent": latent.rank + latent.turned,
            "plain": latent.plain,
        }
    if config.experts is not None:
        experts = config.experts
        sizes |= {"experts": experts.count, "expert_width": experts.width}
        sizes |= {"shared": experts.shared}
    return sizes


def abstract_decoder(config: DecoderConfig, dtype: str = "float32") -> DecoderWeights:
    """Weights whose leaves are shapes only (jax.ShapeDtypeStruct).

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> abstract_decoder(config).stacks[0][0].attention.key.shape
    (3, 1, 4, 6)
    """
    sizes = axis_sizes(config)

    def struct(axes: str, front: tuple[int, ...]) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((*front, *(sizes[axis] for axis in axes.split())), dtype)

    def record(kind: type[Any], layer: Kind, front: tuple[int, ...]) -> Any:
        return kind(
            *(
                _field(f"{kind.__name__}.{name}", hint, layer, front)
                for name, hint in get_type_hints(kind).items()
            )
        )

    def _field(name: str, hint: Any, layer: Kind, front: tuple[int, ...]) -> Any:
        if name == "DecoderWeights.stacks":
            return tuple(
                tuple(record(Layer, one, (stack.repeats,)) for one in stack.pattern)
                for stack in config.stacks
            )
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            if not OPTIONAL[name](config, layer):
                return None
            hint = next(one for one in typing.get_args(hint) if one is not type(None))
        if issubclass(hint, tuple):
            return record(hint, layer, front)
        return struct(hint.dim_str, front)

    weights: DecoderWeights = record(DecoderWeights, Kind(None, sparse=False), ())
    return weights


def init_decoder(
    config: DecoderConfig, key: PRNGKeyArray, dtype: str = "float32"
) -> DecoderWeights:
    """Random weights: matrices normal with deviation 0.02, biases 0, scales 1 (0 if stored less 1).

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> init_decoder(config, jax.random.key(0)).embedding.word.shape
    (9, 6)
    """
    shapes = abstract_decoder(config, dtype)
    keys = iter(jax.random.split(key, len(jax.tree.leaves(shapes))))

    def draw(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> Array:
        name, one = path[-1].name, next(keys)
        if name in ("shift", "correction") or name.endswith("_bias"):
            return jnp.zeros(leaf.shape, leaf.dtype)
        if name == "scale" and config.norm_offset:
            return jnp.zeros(leaf.shape, leaf.dtype)
        if name == "scale" or name.endswith("_norm"):
            return jnp.ones(leaf.shape, leaf.dtype)
        return INITIAL_DEVIATION * jax.random.normal(one, leaf.shape, leaf.dtype)

    weights: DecoderWeights = jax.tree.map_with_path(draw, shapes)
    return weights


def leaves_by_name(weights: DecoderWeights) -> dict[str, Any]:
    """The leaves by dotted name, such as "stacks.0.0.attention.query"."""
    leaves, _ = jax.tree.flatten_with_path(weights)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
