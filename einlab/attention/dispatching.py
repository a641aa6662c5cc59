"""`jax.nn.dot_product_attention`, where it defines the same attention as `attend`.

It aligns causality to the first query and the first key, gives the mean of all values to a query
that sees no key, and needs values of the keys' size; what it lacks is named here.
"""

from __future__ import annotations

from typing import Any

import jax
from jaxtyping import Array, Float

from einlab.attention.kernels import why_no_kernel
from einlab.attention.problem import Problem

__all__ = ["dispatched", "why_not"]

CUDNN_DTYPES = ("bfloat16", "float16")
CUDNN_SIZE = 128
"""The largest head size of cuDNN's fused attention on all its GPUs (JAX's own documentation)."""


def why_not(one: Problem, implementation: str) -> str | None:
    """Why `jax.nn.dot_product_attention` does not define this attention; None if it does."""
    _, t, s, _, _, d, e = one.sizes
    mask = one.mask
    given = {
        "a soft cap": one.soft_cap,
        "sinks": one.terms.sinks,
        "slopes": one.terms.slopes,
        "dropout": one.dropout or None,
        "an offset": mask.offset,
        "a prefix": mask.prefix,
        "segments": mask.query_segments,
        "lengths": mask.query_lengths if mask.key_lengths is None else mask.key_lengths,
        "an arbitrary mask": mask.seen,
    }
    lacking = [name for name, value in given.items() if value is not None]
    if lacking:
        return f"jax.nn.dot_product_attention has no {lacking[0]} with einlab's meaning"
    if e != d:
        return f"it needs values of the keys' size, and they have {e} and {d} entries"
    if not mask.sees_all and t != s:
        return f"it aligns {t} queries and {s} keys by the first ones, and all must see a key"
    if implementation == "cudnn":
        return _why_not_cudnn(one)
    if implementation == "pallas":
        return why_no_kernel(one, jax.default_backend())
    return None


def _why_not_cudnn(one: Problem) -> str | None:
    d = one.q.shape[3]
    if jax.default_backend() != "gpu":
        return "cuDNN runs on NVIDIA's GPUs, and there is none here"
    if str(one.q.dtype) not in CUDNN_DTYPES:
        return f"cuDNN's kernels take bfloat16 and float16, not {one.q.dtype}"
    if d % 8 or d > CUDNN_SIZE:
        return f"cuDNN's kernels take heads of 8 to {CUDNN_SIZE} entries in eights, not {d}"
    return None


def dispatched(one: Problem, implementation: str) -> Float[Array, "b t h e"]:
    """The attention by `jax.nn.dot_product_attention`, which must define it."""
    bias = one.terms.bias
    left, right = one.mask.window or (None, None)
    window: Any = None
    if one.mask.window is not None:
        most = max(one.sizes[1:3])
        window = (most if left is None else left, most if right is None else right)
    keys, values = (x.swapaxes(1, 2) for x in one.heads_of_keys)
    return jax.nn.dot_product_attention(
        one.q,
        keys,
        values,
        bias=None if bias is None else bias.astype(one.q.dtype),
        is_causal=one.mask.causal,
        local_window_size=window,
        scale=one.scale,
        implementation="cudnn" if implementation == "cudnn" else "xla",
    )
