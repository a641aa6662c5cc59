"""Rotary position embeddings: the angles, and turning vectors by them (Su et al. 2021)."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from einlab.transformer.decoder_config import Rotary, Scaling

__all__ = ["frequencies", "turn"]


def frequencies(rotary: Rotary) -> np.ndarray:
    """The angle that each pair of entries is turned by from one position to the next, in radians.

    >>> frequencies(Rotary(size=4, theta=100.0))
    array([1. , 0.1])
    """
    plain = rotary.theta ** -(np.arange(0, rotary.size, 2) / rotary.size)
    scaling = rotary.scaling
    if scaling is None:
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    kept = _llama3(plain, scaling) if scaling.kind == "llama3" else _yarn(rotary, scaling)
    return kept * plain + (1 - kept) * plain / scaling.factor


def _llama3(plain: np.ndarray, scaling: Scaling) -> np.ndarray:
    """How much of each frequency is kept: all above `high` turns, none below `low`."""
    turns = scaling.trained * plain / (2 * math.pi)
    return np.clip((turns - scaling.low) / (scaling.high - scaling.low), 0.0, 1.0)


def _yarn(rotary: Rotary, scaling: Scaling) -> np.ndarray:
    """How much of each frequency is kept: a ramp over the pairs between two numbers of turns."""

    def pair(turns: float) -> float:
        longest = math.log(scaling.trained / (turns * 2 * math.pi))
        return rotary.size * longest / (2 * math.log(rotary.theta))

    first = max(math.floor(pair(scaling.high)), 0)
    last = min(math.ceil(pair(scaling.low)), rotary.size - 1)
    ramp = (np.arange(rotary.size // 2) - first) / max(last - first, 0.001)
    return 1 - np.clip(ramp, 0.0, 1.0)


def turn(
    x: Float[Array, "b t h d"], positions: Int[Array, " t"], rotary: Rotary
) -> Float[Array, "b t h d"]:
    """Heads turned by their positions, in float32 at least; entries beyond `rotary.size` stay."""
    wide = x[..., : rotary.size].astype(jnp.promote_types(x.dtype, jnp.float32))
    steps = jnp.asarray(frequencies(rotary), wide.dtype)
    angles = positions.astype(wide.dtype)[:, None, None] * steps
    warmth = rotary.scaling.attention if rotary.scaling else 1.0
    cos, sin = jnp.cos(angles) * warmth, jnp.sin(angles) * warmth
    if rotary.interleaved:
        first, second = wide[..., 0::2], wide[..., 1::2]
    else:
        first, second = jnp.split(wide, 2, axis=-1)
    turned = [first * cos - second * sin, second * cos + first * sin]
    if rotary.interleaved:
        both = jnp.stack(turned, axis=-1).reshape(wide.shape)
    else:
        both = jnp.concatenate(turned, axis=-1)
    return jnp.concatenate([both.astype(x.dtype), x[..., rotary.size :]], axis=-1)
