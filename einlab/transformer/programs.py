"""The programs of a model as reports: forward, training, prefill, one decode step. Shapes only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from einlab.trace.reporting import Report, report
from einlab.transformer import decoder, encoder
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import abstract_decoder
from einlab.transformer.parameters import Tokens, abstract_weights

__all__ = [
    "decode_report",
    "dropout_key",
    "forward_report",
    "prefill_report",
    "training_loss",
    "training_report",
]


def forward_report(
    config: DecoderConfig | EncoderConfig, batch: int, length: int, dtype: str
) -> Report:
    """A decoder's logits at every position, or an encoder's hidden states."""
    if isinstance(config, EncoderConfig):

        def forward(weights: Any, tokens: Any) -> Any:
            return encoder.apply(weights, tokens, config)[-1]

        return report(forward, *_encoder_inputs(config, batch, length, dtype))

    def logits(weights: Any, ids: Any) -> Any:
        return decoder.apply(weights, ids, config)

    return report(logits, abstract_decoder(config, dtype), _ids(batch, length))


def training_report(
    config: DecoderConfig | EncoderConfig,
    batch: int,
    length: int,
    dtype: str,
    recompute: decoder.Recompute,
) -> Report:
    """The gradient of `training_loss`, and of a decoder its value."""
    loss, arguments = training_loss(config, batch, length, dtype, recompute)
    if isinstance(config, EncoderConfig):

        def training(*given: Any) -> Any:
            return jax.grad(loss)(*given)

        return report(training, *arguments)

    def gradient(*given: Any) -> Any:
        return jax.value_and_grad(loss)(*given)

    return report(gradient, *arguments)


def training_loss(
    config: DecoderConfig | EncoderConfig,
    batch: int,
    length: int,
    dtype: str,
    recompute: decoder.Recompute,
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """What training follows down, and its arguments as shapes, the weights first.

    A decoder's loss; of an encoder, which has none, the sum of its last hidden states.
    """
    if isinstance(config, EncoderConfig):

        def total(weights: Any, tokens: Any) -> Any:
            return encoder.apply(weights, tokens, config, recompute)[-1].sum()

        return total, _encoder_inputs(config, batch, length, dtype)

    def loss(weights: Any, ids: Any, targets: Any, key: Any) -> Any:
        return decoder.loss(weights, ids, targets, config, recompute, key)

    ids = _ids(batch, length)
    return loss, (abstract_decoder(config, dtype), ids, ids, dropout_key(config))


def dropout_key(config: DecoderConfig) -> Any:
    """The key that a training step with dropout takes, as a shape; None without dropout."""
    return jax.eval_shape(lambda: jax.random.key(0)) if config.training.dropout else None


def prefill_report(
    config: DecoderConfig, batch: int, prompt: int, length: int, dtype: str
) -> Report:
    """Reading a prompt into a cache for `length` tokens, and the logits after it."""

    def prefill(weights: Any, ids: Any) -> Any:
        return decoder.prefill(weights, ids, config, length)

    return report(prefill, abstract_decoder(config, dtype), _ids(batch, prompt))


def decode_report(config: DecoderConfig, batch: int, length: int, dtype: str) -> Report:
    """One token more, with a cache for `length` tokens."""

    def decode(weights: Any, ids: Any, cache: Any) -> Any:
        return decoder.decode(weights, ids, cache, config)

    cache = jax.eval_shape(lambda: decoder.empty_cache(config, batch, length, dtype))
    ids = jax.ShapeDtypeStruct((batch,), jnp.int32)
    return report(decode, abstract_decoder(config, dtype), ids, cache)


def _ids(batch: int, length: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((batch, length), jnp.int32)


def _encoder_inputs(config: EncoderConfig, batch: int, length: int, dtype: str) -> tuple[Any, Any]:
    weights = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), abstract_weights(config)
    )
    ids: Any = _ids(batch, length)
    return weights, Tokens(ids, ids, ids)
