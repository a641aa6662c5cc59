"""What a training step keeps for its backward pass: masks, and operands of fused functions."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from einlab.transformer.decoder_config import DecoderConfig

__all__ = ["drop", "fused", "keys_of"]


def drop(
    x: Float[Array, "*b"], config: DecoderConfig, key: Key[Array, ""] | None
) -> Float[Array, "*b"]:
    """The array with the config's share of entries zero and the others scaled up.

    Without a key, as when a model is used and not trained, nothing is dropped. The backward pass
    keeps the mask, a byte an entry.

    Source: Srivastava et al. 2014, with the scale in training.
    """
    rate = config.training.dropout
    if key is None or not rate:
        return x
    with jax.named_scope("dropout"):
        kept = jax.random.bernoulli(key, 1 - rate, x.shape)
        return jnp.where(kept, x / (1 - rate), 0).astype(x.dtype)


def fused(function: Callable[..., Array], config: DecoderConfig) -> Callable[..., Array]:
    """The function, keeping its operands alone for the backward pass if the config says so."""
    return jax.checkpoint(function) if config.training.fused else function


def keys_of(key: Key[Array, ""] | None, count: int) -> tuple[Key[Array, ""] | None, ...]:
    """So many keys made from one; of none, none."""
    return (None,) * count if key is None else tuple(jax.random.split(key, count))
