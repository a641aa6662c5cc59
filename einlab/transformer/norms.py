"""Normalisations over the last axis, in float32 at least."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from einlab.attention.norms import rms
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import Norm
from einlab.transformer.keeping import fused

__all__ = ["normalise", "rms"]


def normalise(norm: Norm, x: Float[Array, "b t c"], config: DecoderConfig) -> Float[Array, "b t c"]:
    """The config's normalisation (Ba et al. 2016; Zhang and Sennrich 2019)."""

    def run(norm: Norm, x: Array) -> Array:
        scale = norm.scale.astype(jnp.promote_types(x.dtype, jnp.float32))
        scale = scale + 1 if config.norm_offset else scale
        if config.norm == "rms":
            return rms(x, scale, config.norm_eps)
        wide = x.astype(scale.dtype)
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        shift = 0 if norm.shift is None else norm.shift
        return (centred * jax.lax.rsqrt(variance + config.norm_eps) * scale + shift).astype(x.dtype)

    with jax.named_scope("norm"):
        return fused(run, config)(norm, x)
