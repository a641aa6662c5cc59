"""Flash attention by the kernel of Pallas that comes with JAX for TPUs.

It lies in `jax.experimental`, where names may change, so it is looked for when it is wanted and is
not there if that fails. It aligns causality to the first query and the first key, goes over blocks
of 128 queries and keys, and has as many heads of keys as of queries. JAX's kernel for GPUs is
deprecated since 0.12; there cuDNN's is taken.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from einlab.attention.problem import Problem

__all__ = ["BLOCK", "flash", "kernel", "why_no_kernel"]

HOMES = {
    "tpu": ("jax.experimental.pallas.ops.tpu.flash_attention", "flash_attention"),
}
BLOCK = 128
"""The kernel's default blocks, whose multiples lengths must be."""
SIZES = (16, 32, 64, 128)
"""Head sizes that a TPU's 128 lanes hold."""
DTYPES = ("bfloat16", "float16")
"""In float32 it multiplies in fewer bits than asked for."""


@cache
def kernel(platform: str) -> Callable[..., Any] | None:
    """The kernel of a platform; None where this JAX has none.

    >>> kernel("cpu") is None
    True
    """
    if platform not in HOMES:
        return None
    module, name = HOMES[platform]
    try:
        found: Callable[..., Any] | None = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    return found


def why_no_kernel(one: Problem, platform: str) -> str | None:
    """Why the platform's kernel does not define this attention, beside what JAX's lacks too."""
    _, t, s, _, _, d, _ = one.sizes
    if one.mask.window is not None or one.terms.bias is not None:
        return "Pallas' kernel has no window and no bias of einlab's shapes"
    if str(one.q.dtype) not in DTYPES:
        return f"Pallas' kernel is taken in bfloat16 and float16, not in {one.q.dtype}"
    if d not in SIZES:
        return f"Pallas' kernel takes heads of {SIZES[0]} to {SIZES[-1]} entries, a power of two"
    if t % BLOCK or s % BLOCK:
        return f"Pallas' kernel takes lengths in steps of {BLOCK}, not {t} and {s}"
    if kernel(platform) is None:
        return f"Pallas has no kernel here, on a {platform}"
    return None


@jax.jit
def flash(one: Problem) -> Float[Array, "b t h e"]:
    """The attention by a TPU's kernel, which must define it."""
    found = kernel("tpu")
    assert found is not None
    h, g = one.sizes[3:5]
    keys, values = (jnp.repeat(x, h // g, axis=1) for x in one.heads_of_keys)
    queries = one.q.swapaxes(1, 2)
    mixed = found(queries, keys, values, causal=one.mask.causal, sm_scale=one.scale)
    return jnp.swapaxes(mixed, 1, 2)
