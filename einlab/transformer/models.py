"""First weights of a model of either kind."""

from __future__ import annotations

from typing import overload

import jax
from jaxtyping import Key

from einlab.arguments import float_dtype, random_key
from einlab.errors import ArgumentTypeError
from einlab.transformer import decoder_parameters, parameters
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import DecoderWeights
from einlab.transformer.families import ModelConfig
from einlab.transformer.parameters import Weights

__all__ = ["init_weights"]


@overload
def init_weights(
    config: DecoderConfig, key: Key[jax.Array, ""], dtype: str = "float32"
) -> DecoderWeights: ...


@overload
def init_weights(
    config: EncoderConfig, key: Key[jax.Array, ""], dtype: str = "float32"
) -> Weights: ...


def init_weights(
    config: ModelConfig, key: Key[jax.Array, ""], dtype: str = "float32"
) -> DecoderWeights | Weights:
    """Random weights: matrices normal with deviation 0.02, biases 0, scales 1 (0 if stored less 1).

    Raises ArgumentTypeError if `config` is none or `key` no key; DtypeError for a dtype that is no
    floating one. Source: the initializer_range of nearly all published configs.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> init_weights(config, jax.random.key(0), "bfloat16").norm.scale.dtype
    dtype(bfloat16)
    """
    known = random_key(key, "key")
    kind = str(float_dtype(dtype, "dtype"))
    if isinstance(config, DecoderConfig):
        return decoder_parameters.init_decoder(config, known, kind)
    if not isinstance(config, EncoderConfig):
        raise ArgumentTypeError(f"config is what model_config gives, not {config!r:.60}")
    weights: Weights = jax.tree.map(lambda leaf: leaf.astype(kind), parameters.init(config, known))
    return weights
