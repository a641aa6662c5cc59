"""Dropout of attention weights: each pair's fate is a hash of the key and of where it stands.

So every implementation, and its backward pass, drops the same pairs in whatever blocks it works,
and none is kept in memory.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from einlab.errors import ArgumentTypeError

__all__ = ["kept", "seeds"]


def seeds(key: Any) -> UInt32[Array, " two"]:
    """Two words from a key of random numbers; raises ArgumentTypeError for anything else."""
    kind = getattr(key, "dtype", None)
    typed = kind is not None and jnp.issubdtype(kind, jax.dtypes.prng_key) and key.ndim == 0
    if typed or (kind == np.uint32 and key.shape == (2,)):
        return jax.random.bits(key, (2,), jnp.uint32)
    raise ArgumentTypeError(f"key is a key of jax.random.key, not {key!r:.60}")


def kept(
    words: UInt32[Array, " two"],
    rate: float,
    rows: Int[Array, "*rows 1"],
    columns: Int[Array, " j"],
) -> Bool[Array, "*rows j"]:
    """Which pairs of a row (a number for each batch, head and query) and a key are kept.

    Two rounds of the 32-bit finaliser of MurmurHash3 (Appleby 2016, public domain).
    """
    mixed = _mix(rows.astype(jnp.uint32) * np.uint32(0x9E3779B1) ^ words[0])
    mixed = _mix(mixed ^ (columns.astype(jnp.uint32) * np.uint32(0x85EBCA77) + words[1]))
    return mixed >= np.uint32(min(round(rate * 2.0**32), 2**32 - 1))


def _mix(x: Array) -> Array:
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
