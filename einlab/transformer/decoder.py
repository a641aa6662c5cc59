"""The decoder of all families: logits, loss and gradient, and generation with a cache.

Layers of one stack run in a `lax.scan`, so that a trace is as long as one pattern of layers. Scopes
name the parts: embedding, layer, attention, network, logits, loss.

Source: Radford et al. 2019; Touvron et al. 2023; `families.py` names the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from einlab.arguments import array, whole
from einlab.contracting import contract
from einlab.conventions import EMBEDDING, LOGITS
from einlab.dtypes import dtype_name
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError, listing
from einlab.transformer.decoder_attention import Memory, attend, capacity, remember, step
from einlab.transformer.decoder_config import DecoderConfig, Kind, Stack
from einlab.transformer.decoder_network import dense, sparse
from einlab.transformer.decoder_parameters import DecoderWeights, Layer, abstract_decoder
from einlab.transformer.keeping import drop, keys_of
from einlab.transformer.norms import normalise

__all__ = [
    "RECOMPUTE",
    "Cache",
    "Recompute",
    "apply",
    "decode",
    "empty_cache",
    "gradient",
    "hidden_states",
    "loss",
    "prefill",
]

Recompute = Literal["none", "attention", "layer"]
RECOMPUTE: tuple[Recompute, ...] = ("none", "attention", "layer")
"""What the backward pass computes again: nothing; attention's products and softmax (Korthikanti et
al. 2022, "selective"); all of a layer but its input ("full")."""


class Cache(NamedTuple):
    """What a decoder keeps of the tokens before.

    >>> Cache(stacks=(), length=jnp.array(3)).length.item()
    3
    """

    stacks: tuple[tuple[Memory, ...], ...]
    """For each stack of the config its pattern, each array with an axis of repeats in front."""
    length: Int[Array, ""]
    """How many places are filled, the same for all sequences."""
    starts: Int[Array, " b"] | None = None
    """The place of each sequence's first token; None: all begin at the first place."""


Attend = Callable[[Any, Array, Any, Kind, Any], tuple[Array, Any]]
Keep = Callable[[Array, Any], Any]
"""What is kept of a layer, from its hidden state and what its attention keeps."""


def apply(
    weights: DecoderWeights,
    ids: Int[Array, "b t"],
    config: DecoderConfig,
    recompute: Recompute = "none",
    key: Key[Array, ""] | None = None,
) -> Float[Array, "b t v"]:
    """The logits of the next token at every position. Jit-able with `config` static.

    With a key the config's dropout applies, as in training.

    Raises ShapeError if the weights do not fit the config, the ids have another rank than 2, or
    the sequence is longer than a table of positions; ArgumentError for another `recompute`.

    >>> from einlab.transformer import init_weights
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> apply(init_weights(config, jax.random.key(0)), jnp.array([[1, 2, 3]]), config).shape
    (1, 3, 9)
    """
    ids = _check(weights, ids, config)
    first, rest = keys_of(key, 2)
    x = drop(_embed(weights, ids, jnp.arange(ids.shape[1]), config), config, first)
    attention = _whole(config, recompute, None)
    x, _ = _run(weights, x, config, attention, None, again=recompute == "layer", key=rest)
    return _logits(weights, x, config)


def loss(
    weights: DecoderWeights,
    ids: Int[Array, "b t"],
    targets: Int[Array, "b t"],
    config: DecoderConfig,
    recompute: Recompute = "none",
    key: Key[Array, ""] | None = None,
) -> Float[Array, ""]:
    """The mean cross-entropy of the targets, in nats a token; with a key after dropout.

    Raises what `apply` raises, and ShapeError if the targets have another shape than the ids.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> weights = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), abstract_decoder(config))
    >>> f"{loss(weights, jnp.array([[1, 2]]), jnp.array([[2, 3]]), config):.4f}, {jnp.log(9):.4f}"
    '2.1972, 2.1972'
    """
    ids, targets = array(ids, "ids"), array(targets, "targets")
    if targets.shape != ids.shape:
        raise ShapeError(f"targets have shape {targets.shape}, ids {ids.shape}")
    logits = apply(weights, ids, config, recompute, key)
    with jax.named_scope("loss"):
        wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
        picked = jnp.take_along_axis(wide, targets[..., None], axis=-1)[..., 0]
        return (jax.nn.logsumexp(wide, axis=-1) - picked).mean()


def gradient(
    weights: DecoderWeights,
    ids: Int[Array, "b t"],
    targets: Int[Array, "b t"],
    config: DecoderConfig,
    recompute: Recompute = "none",
    key: Key[Array, ""] | None = None,
) -> tuple[Float[Array, ""], DecoderWeights]:
    """The loss and its gradient by every weight; with a key after dropout."""
    value, slope = jax.value_and_grad(loss)(weights, ids, targets, config, recompute, key)
    return value, slope


def hidden_states(
    weights: DecoderWeights, ids: Int[Array, "b t"], config: DecoderConfig
) -> Float[Array, "l b t c"]:
    """The hidden states after the embeddings and after each layer, before the last norm.

    Raises what `apply` raises.
    """
    ids = _check(weights, ids, config)
    first = _embed(weights, ids, jnp.arange(ids.shape[1]), config)
    attention = _whole(config, "none", None)
    _, stacks = _run(weights, first, config, attention, None, keep=lambda x, _: x)
    # Of each stack one array (repeats, b, t, c) for each place of its pattern.
    states = [jnp.stack(stack, axis=1).reshape(-1, *first.shape) for stack in stacks]
    return jnp.concatenate([first[None], *states])


def prefill(
    weights: DecoderWeights,
    ids: Int[Array, "b t"],
    config: DecoderConfig,
    length: int,
    starts: Int[Array, " b"] | None = None,
) -> tuple[Float[Array, "b v"], Cache]:
    """The logits after a prompt, and a cache for sequences of up to `length` tokens.

    Shorter prompts are filled up in front, and `starts` says where each begins.

    Raises what `apply` raises, and ShapeError if the prompt is longer than `length`.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> weights = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), abstract_decoder(config))
    >>> prefill(weights, jnp.array([[1, 2, 3]]), config, 8)[1].length.item()
    3
    """
    ids = _check(weights, ids, config)
    if ids.shape[1] > length:
        raise ShapeError(f"a prompt of {ids.shape[1]} tokens is longer than the cache, {length}")
    x = _embed(weights, ids, _counted(jnp.arange(ids.shape[1]), starts), config)
    x, stacks = _run(weights, x, config, _whole(config, "none", length, starts), None)
    filled = jnp.asarray(ids.shape[1])
    return _logits(weights, x[:, -1:], config)[:, 0], Cache(stacks, filled, starts)


def decode(
    weights: DecoderWeights, ids: Int[Array, " b"], cache: Cache, config: DecoderConfig
) -> tuple[Float[Array, "b v"], Cache]:
    """The logits after one more token, and the cache with it, which must have room for it.

    Raises ShapeError if the weights do not fit the config or the ids have another rank than 1.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> weights = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), abstract_decoder(config))
    >>> decode(weights, jnp.array([1]), empty_cache(config, 1, 8), config)[1].length.item()
    1
    """
    ids = _check(weights, ids, config, axes=1)
    x = _embed(weights, ids[:, None], _counted(cache.length[None], cache.starts), config)

    def attention(
        layer: Layer, x: Array, memory: Memory, kind: Kind, _: None
    ) -> tuple[Array, Memory]:
        return step(layer.attention, x, memory, cache.length, config, kind, cache.starts)

    x, stacks = _run(weights, x, config, attention, cache.stacks)
    return _logits(weights, x, config)[:, 0], cache._replace(stacks=stacks, length=cache.length + 1)


def empty_cache(config: DecoderConfig, batch: int, length: int, dtype: str = "float32") -> Cache:
    """A cache without any token, for sequences of up to `length` tokens.

    Raises ArgumentError or ArgumentTypeError for numbers below 1, DtypeError for an unknown dtype.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> empty_cache(config, 2, 16).stacks[0][0].keys.shape
    (3, 2, 16, 1, 4)
    """
    whole(batch, "batch")
    whole(length, "length")
    dtype = dtype_name(dtype)
    latent = config.latent
    sizes = (config.head_size, config.head_size) if latent is None else (latent.rank, latent.turned)
    heads = config.groups if latent is None else 1

    def memory(stack: Stack, kind: Kind) -> Memory:
        front = (stack.repeats, batch, capacity(kind, length), heads)
        return Memory(*(jnp.zeros((*front, size), dtype) for size in sizes))

    stacks = tuple(tuple(memory(stack, kind) for kind in stack.pattern) for stack in config.stacks)
    return Cache(stacks, jnp.asarray(0))


def _whole(
    config: DecoderConfig,
    recompute: Recompute,
    length: int | None,
    starts: Int[Array, " b"] | None = None,
) -> Attend:
    """Attention of whole sequences; with a length what a cache of that length keeps of it."""
    if recompute not in RECOMPUTE:
        raise ArgumentError(f"recompute is {recompute!r:.40}; expected {listing(RECOMPUTE)}")

    def attention(
        layer: Layer, x: Array, _: None, kind: Kind, key: Array | None
    ) -> tuple[Array, Memory | None]:
        again = recompute == "attention"
        found, memory = attend(layer.attention, x, config, kind, again, key, starts)
        return found, None if length is None else remember(memory, capacity(kind, length))

    return attention


def _run(
    weights: DecoderWeights,
    x: Float[Array, "b t c"],
    config: DecoderConfig,
    attention: Attend,
    caches: tuple[Any, ...] | None,
    *,
    again: bool = False,
    key: Array | None = None,
    keep: Keep = lambda _, found: found,
) -> tuple[Float[Array, "b t c"], tuple[Any, ...]]:
    """All layers and the last norm, and what the layers keep; `again` recomputes each layer."""
    kept = []
    caches = caches or (None,) * len(config.stacks)
    keys = keys_of(key, len(config.stacks))
    for stack, layers, cache, one in zip(config.stacks, weights.stacks, caches, keys, strict=True):
        run = _pattern(stack, config, attention, keep)
        each = None if one is None else jax.random.split(one, stack.repeats)
        x, found = jax.lax.scan(jax.checkpoint(run) if again else run, x, (layers, cache, each))
        kept.append(found)
    return normalise(weights.norm, x, config), tuple(kept)


def _pattern(
    stack: Stack, config: DecoderConfig, attention: Attend, keep: Keep
) -> Callable[..., Any]:
    """The body of a scan: one layer of each kind of a stack's pattern."""

    def run(x: Array, xs: tuple[tuple[Layer, ...], Any, Any]) -> tuple[Array, tuple[Any, ...]]:
        layers, caches, key = xs
        caches = caches or (None,) * len(layers)
        keys = keys_of(key, len(layers))
        kept = []
        for layer, kind, cache, one in zip(layers, stack.pattern, caches, keys, strict=True):
            with jax.named_scope("layer"):
                x, found = _layer(layer, x, cache, kind, config, attention, one)
            kept.append(keep(x, found))
        return x, tuple(kept)

    return run


def _layer(
    layer: Layer,
    x: Array,
    cache: Any,
    kind: Kind,
    config: DecoderConfig,
    attention: Attend,
    key: Array | None,
) -> tuple[Array, Any]:
    """One layer: attention and network, each added to what it was computed from."""
    first, second, third = keys_of(key, 3)
    inner = normalise(layer.attention_norm, x, config)
    with jax.named_scope("attention"):
        added, kept = attention(layer, inner, cache, kind, first)
        added = drop(added, config, second)
    if layer.attention_end_norm is not None:
        added = normalise(layer.attention_end_norm, added, config)
    middle = x + added
    if layer.network_norm is not None:
        inner = normalise(layer.network_norm, middle, config)
    with jax.named_scope("network"):
        if layer.sparse is not None and config.experts is not None:
            added = sparse(layer.sparse, inner, config, config.experts)
        elif layer.dense is not None:
            added = dense(layer.dense, inner, config)
        added = drop(added, config, third)
    if layer.network_end_norm is not None:
        added = normalise(layer.network_end_norm, added, config)
    return middle + added, kept


def _embed(
    weights: DecoderWeights,
    ids: Int[Array, "b t"],
    places: Int[Array, "*b t"],
    config: DecoderConfig,
) -> Float[Array, "b t c"]:
    """The embeddings of tokens, and of positions where they are learned; NaN out of range."""
    with jax.named_scope(EMBEDDING):
        x = _rows(weights.embedding.word, ids)
        if config.embedding_scale != 1.0:
            x = x * jnp.asarray(config.embedding_scale, x.dtype)
        if weights.embedding.position is not None:
            x = x + _rows(weights.embedding.position, places)
        return x


def _counted(places: Int[Array, " t"], starts: Int[Array, " b"] | None) -> Int[Array, "*b t"]:
    """The positions of tokens at these places, counted from where each sequence starts."""
    return places if starts is None else jnp.maximum(places - starts[:, None], 0)


def _logits(
    weights: DecoderWeights, x: Float[Array, "b t c"], config: DecoderConfig
) -> Float[Array, "b t v"]:
    """The logits, capped where the config says so."""
    with jax.named_scope(LOGITS):
        table = weights.embedding.word if weights.logits is None else weights.logits
        logits = contract("btc,vc->btv", x, table)
        logits = logits if weights.logits_bias is None else logits + weights.logits_bias
        if config.logit_cap is not None:
            logits = config.logit_cap * jnp.tanh(logits / config.logit_cap)
        return logits


def _rows(table: Float[Array, "v c"], ids: Int[Array, "*b"]) -> Float[Array, "*b c"]:
    """Rows of a table by number; NaN for a number out of range, negative ones included."""
    rows = jnp.asarray(table).at[ids]
    return rows.get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


def _check(weights: DecoderWeights, ids: Any, config: DecoderConfig, axes: int = 2) -> Array:
    """The ids, once shapes and types are looked at that no later function looks at."""
    if not isinstance(config, DecoderConfig):
        raise ArgumentTypeError(f"config is a DecoderConfig, not {config!r:.60}")
    known = array(ids, "ids")
    if known.ndim != axes:
        wanted = "(sequences, tokens)" if axes == 2 else "(sequences,) in a step"
        raise ShapeError(f"the ids have shape {known.shape}; expected {wanted}")
    if not jnp.issubdtype(known.dtype, jnp.integer):
        raise DtypeError(f"the ids have dtype {known.dtype}; tokens are whole numbers")
    if axes == 2 and config.rotary is None and known.shape[1] > config.positions:
        raise ShapeError(
            f"a sequence of {known.shape[1]} tokens is longer than the {config.positions} "
            "positions of this decoder; cut it"
        )
    expected, found = abstract_decoder(config), weights
    shapes = [
        [
            (jax.tree_util.keystr(path, simple=True, separator="."), tuple(jnp.shape(leaf)))
            for path, leaf in jax.tree.flatten_with_path(tree)[0]
        ]
        for tree in (expected, found)
    ]
    for one, other in zip(*shapes, strict=False):
        if one != other:
            raise ShapeError(
                f"weights and config do not fit: {other[0]} has shape {other[1]}, where the config "
                f"says {one[0]} with {one[1]}"
            )
    if len(shapes[0]) != len(shapes[1]):
        raise ShapeError(
            f"weights and config do not fit: {len(shapes[1])} arrays, the config says "
            f"{len(shapes[0])}"
        )
    return known
