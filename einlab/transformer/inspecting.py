"""Hidden states layer by layer: their norms, and how alike tokens, sequences and layers are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from einlab.arguments import array, floating
from einlab.contracting import contract
from einlab.errors import ArgumentTypeError, ShapeError
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.transformer import decoder, encoder
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import ModelConfig
from einlab.transformer.parameters import Tokens

__all__ = [
    "hidden_states",
    "layer_similarities",
    "layer_table",
    "sequence_similarities",
    "state_norms",
    "token_similarities",
]


def hidden_states(weights: Any, tokens: Any, config: ModelConfig) -> Float[Array, "l b t c"]:
    """The hidden states after the embeddings and after each layer: layers + 1 of them.

    `tokens` are the ids (b, t) for a decoder, `Tokens` for an encoder (ids alone stand for
    sequences without padding, of segment 0). A decoder's states are those before its last norm.
    Jit-able with `config` static.

    Raises what `decoder.apply` and `encoder.apply` raise; ArgumentTypeError if `config` is none.

    >>> from einlab.transformer.decoder_parameters import init_decoder
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> hidden_states(init_decoder(config, jax.random.key(0)), [[1, 2, 3]], config).shape
    (4, 1, 3, 6)
    """
    if isinstance(config, DecoderConfig):
        return decoder.hidden_states(weights, array(tokens, "tokens"), config)
    if not isinstance(config, EncoderConfig):
        raise ArgumentTypeError(f"config is what model_config gives, not {config!r:.60}")
    if not isinstance(tokens, Tokens):
        ids = array(tokens, "tokens")
        tokens = Tokens(ids, jnp.ones_like(ids), jnp.zeros_like(ids))
    return jnp.stack(encoder.apply(weights, tokens, config))


def state_norms(states: Any) -> Float[Array, "l b t"]:
    """The Euclidean norm of each token's hidden state, layer by layer, in float32 at least.

    states: (l, b, t, c), an array or the arrays of the layers.

    Raises ShapeError if the states have other than four axes, OperandError for what is no array.

    >>> state_norms(jnp.ones((2, 1, 3, 4)))[1, 0].tolist()
    [2.0, 2.0, 2.0]
    """
    wide = _states(states)
    return jnp.sqrt(contract("lbtc,lbtc->lbt", wide, wide))


def token_similarities(states: Any) -> Float[Array, "l b t s"]:
    """The cosine between the hidden states of any two tokens of a sequence, layer by layer.

    A state of zeros has cosine 0 to all. Raises what `state_norms` raises.

    >>> token_similarities(jnp.eye(2)[None, None]).tolist()
    [[[[1.0, 0.0], [0.0, 1.0]]]]
    """
    unit = _unit(_states(states))
    return contract("lbtc,lbsc->lbts", unit, unit)


def layer_similarities(states: Any) -> Float[Array, "l m b t"]:
    """The cosine between a token's hidden states in any two layers.

    A state of zeros has cosine 0 to all. Raises what `state_norms` raises.

    >>> layer_similarities(jnp.ones((3, 1, 2, 4))).shape
    (3, 3, 1, 2)
    """
    unit = _unit(_states(states))
    return contract("lbtc,mbtc->lmbt", unit, unit)


def sequence_similarities(states: Any, mask: Any = None) -> Float[Array, "l b q"]:
    """The cosine between the means of any two sequences' hidden states, layer by layer.

    Means are over the tokens that `mask` (b, t) leaves, by default over all.
    Raises what `state_norms` raises, and ShapeError if the mask has another shape than (b, t).

    >>> sequence_similarities(jnp.ones((3, 2, 5, 4))).shape
    (3, 2, 2)
    """
    wide = _states(states)
    held = _mask(mask, wide).astype(wide.dtype)
    share = held / jnp.maximum(held.sum(axis=1, keepdims=True), 1)
    unit = _unit(contract("lbtc,bt->lbc", wide, share))
    return contract("lbc,lqc->lbq", unit, unit)


def layer_table(states: Any, mask: Any = None) -> Shown:
    """A row for each layer: mean norm of hidden states, and mean cosines.

    The cosines are between a token's state and that in the layer before; between two tokens of a
    sequence; between two sequences. Tokens that `mask` (b, t) leaves out count nowhere.

    Raises what `sequence_similarities` raises, and ShapeError if the mask leaves no token.

    >>> print(layer_table(np.ones((2, 1, 3, 4))).table.column("norm"))
    (2.0, 2.0)
    """
    wide = _states(states)
    held = np.asarray(_mask(mask, wide)) != 0
    if not held.any():
        raise ShapeError("the mask leaves no token")
    norms, before, tokens, sequences = (
        np.asarray(each, np.float64) for each in _compiled(wide, jnp.asarray(held))
    )
    pairs = held[:, :, None] & held[:, None, :] & ~np.eye(held.shape[1], dtype=bool)
    others = ~np.eye(held.shape[0], dtype=bool)
    rows = [
        (
            "embeddings" if layer == 0 else f"layer {layer}",
            _mean(norms[layer], held),
            _mean(before[layer - 1], held) if layer else None,
            _mean(tokens[layer], pairs),
            _mean(sequences[layer], others),
        )
        for layer in range(len(norms))
    ]
    columns = [
        Column("after"),
        Column("norm", "number"),
        Column("cosine to the layer before", "number"),
        Column("cosine between tokens", "number"),
        Column("cosine between sequences", "number"),
    ]
    title = f"Hidden states of {held.shape[0]} sequences, {int(held.sum())} tokens, layer by layer"
    return Shown(Table(title, columns, rows, notes=["all means; - where there is no pair"]))


@jax.jit
def _compiled(states: Array, mask: Array) -> tuple[Array, ...]:
    """Norms, and cosines to the layer before, between tokens, between sequences."""
    unit = _unit(states)
    before = contract("lbtc,lbtc->lbt", unit[1:], unit[:-1])
    return (
        state_norms(states),
        before,
        contract("lbtc,lbsc->lbts", unit, unit),
        sequence_similarities(states, mask),
    )


def _mean(values: np.ndarray, held: np.ndarray) -> float | None:
    return float(values[held].mean()) if held.any() else None


def _unit(x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
    """Vectors divided by their norms; zeros stay zeros."""
    largest = jnp.abs(x).max(axis=-1, keepdims=True)
    scaled = x / jnp.where(largest > 0, largest, 1)  # so that no square overflows or vanishes
    norm = jnp.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / jnp.where(norm > 0, norm, 1)


def _states(value: Any) -> Float[Array, "l b t c"]:
    found = floating(jnp.stack(value) if isinstance(value, (tuple, list)) else value, "states")
    if found.ndim != 4 or 0 in found.shape:
        raise ShapeError(
            f"the states have shape {found.shape}; expected (layers, sequences, tokens, width), "
            "none of them 0"
        )
    return found.astype(jnp.promote_types(found.dtype, jnp.float32))


def _mask(mask: Any, states: Any) -> Array:
    expected = states.shape[1:3]
    found = jnp.ones(expected, bool) if mask is None else array(mask, "mask")
    if found.shape != expected:
        raise ShapeError(f"the mask has shape {found.shape}; expected {expected}")
    return found
