"""Bytes of a model: the state of training, the cache, and what is kept for the backward pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
from jax.extend.core import Literal

from einlab.dtypes import dtype_name, itemsize
from einlab.errors import ArgumentError, listing
from einlab.trace.operations import nbytes
from einlab.trace.walk import equal_results
from einlab.transformer import decoder
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.programs import training_loss

__all__ = [
    "OPTIMISERS",
    "activation_bytes",
    "cache_bytes",
    "checkpoint_bytes",
    "saved_bytes",
    "state_bytes",
]

OPTIMISERS: Mapping[str, Mapping[str, int]] = {
    "adam": {"weights": 2, "gradients": 2, "master weights": 4, "means": 4, "variances": 4},
    "adam-float32": {"weights": 4, "gradients": 4, "means": 4, "variances": 4},
    "momentum": {"weights": 2, "gradients": 2, "master weights": 4, "means": 4},
    "sgd": {"weights": 4, "gradients": 4},
}
"""Bytes a parameter takes in training. "adam" keeps 16-bit weights and gradients beside float32
master weights and moments (Rajbhandari et al. 2020, "ZeRO", section 3.1)."""


SHARDED: tuple[tuple[str, ...], ...] = (
    (),
    ("master weights", "means", "variances"),
    ("master weights", "means", "variances", "gradients"),
    ("master weights", "means", "variances", "gradients", "weights"),
)
"""What each stage of ZeRO divides among the devices, from none to all."""


def state_bytes(
    parameters: int, optimiser: str = "adam", *, stage: int = 0, devices: int = 1
) -> dict[str, float]:
    """Bytes on one device of weights, gradients and the optimiser's state in training, by name.

    `stage` is how much `devices` divide among them: 0 nothing, 1 the optimiser's state, 2 gradients
    too, 3 weights too.

    Raises ArgumentError for an unknown optimiser or stage, or fewer than one device.
    Source: Rajbhandari et al. 2020, "ZeRO", section 5.

    >>> sum(state_bytes(1_500_000_000).values())
    24000000000.0
    >>> round(sum(state_bytes(7_500_000_000, stage=1, devices=64).values()) / 1e9, 1)
    31.4
    """
    if optimiser not in OPTIMISERS:
        raise ArgumentError(f"optimiser is {optimiser!r:.40}; known are {listing(OPTIMISERS)}")
    if stage not in range(len(SHARDED)):
        raise ArgumentError(f"stage is {stage!r:.40}; expected 0, 1, 2 or 3")
    if devices < 1:
        raise ArgumentError(f"devices is {devices!r:.40}; expected a whole number from 1")
    return {
        name: each * parameters / (devices if name in SHARDED[stage] else 1)
        for name, each in OPTIMISERS[optimiser].items()
    }


def cache_bytes(config: DecoderConfig, batch: int, length: int, dtype: str = "bfloat16") -> int:
    """Bytes of the cache that `decoder` keeps for sequences of `length` tokens.

    A layer with a window keeps no more than that; latent attention keeps its short vectors.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> cache_bytes(config, 2, 16)
    1536
    """
    dtype = dtype_name(dtype)
    cache = jax.eval_shape(lambda: decoder.empty_cache(config, batch, length, dtype))
    leaves = jax.tree.leaves(cache.stacks)
    return sum(math.prod(leaf.shape) * itemsize(dtype) for leaf in leaves)


def activation_bytes(
    config: DecoderConfig | EncoderConfig,
    batch: int,
    length: int,
    dtype: str = "bfloat16",
    recompute: decoder.Recompute = "none",
) -> int:
    """Bytes that the backward pass needs of the forward one and that grow with the batch.

    Taken from the trace: what JAX saves for the gradient of `programs.training_loss`. Copies of
    weights that it saves too, in another order of axes, do not grow with the batch: left out.

    Raises ArgumentError for a level that is none of `decoder.RECOMPUTE`.
    """
    one, two = (saved_bytes(config, times, length, dtype, recompute) for times in (1, 2))
    return batch * (two - one)


def checkpoint_bytes(
    config: DecoderConfig | EncoderConfig,
    tokens: int,
    dtype: str = "bfloat16",
    *,
    per_layer: int = 1,
) -> int:
    """Bytes of hidden states kept at some places of each layer, the rest being computed again.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> checkpoint_bytes(config, tokens=10)
    360
    """
    return config.layers * per_layer * tokens * config.width * itemsize(dtype_name(dtype))


def saved_bytes(
    config: DecoderConfig | EncoderConfig,
    batch: int,
    length: int,
    dtype: str,
    recompute: decoder.Recompute,
) -> int:
    """Bytes of all arrays that JAX saves for the backward pass and that are no arguments.

    Equal ones count once, since XLA keeps one: the operand of several products, for instance.
    """
    loss, arguments = training_loss(config, batch, length, dtype, recompute)

    def saved(weights: Any, *inputs: Any) -> list[Any]:
        return jax.tree.leaves(jax.vjp(lambda weights: loss(weights, *inputs), weights)[1])

    jaxpr = jax.make_jaxpr(saved)(*arguments).jaxpr
    given = set(jaxpr.invars)
    kept = {
        number: nbytes(var.aval)
        for number, var in zip(equal_results(jaxpr), jaxpr.outvars, strict=True)
        if not isinstance(var, Literal) and var not in given
    }
    return sum(kept.values())
