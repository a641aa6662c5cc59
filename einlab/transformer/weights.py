"""Weights of a published BERT encoder, read from a safetensors file into `Weights`.

The table of names below and the rule that files store heads and head size as one axis are all that
tells this family of files from ours.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab.errors import FileError, listing, message
from einlab.extras import require
from einlab.transformer.config import EncoderConfig
from einlab.transformer.parameters import Weights, abstract_weights, axis_sizes, named_leaves

__all__ = ["read_weights", "stored_name", "stored_shapes"]

EMBEDDING_NAMES = {
    "word": "word_embeddings.weight",
    "position": "position_embeddings.weight",
    "type": "token_type_embeddings.weight",
    "norm.scale": "LayerNorm.weight",
    "norm.shift": "LayerNorm.bias",
}
LAYER_NAMES = {
    "query": "attention.self.query.weight",
    "query_bias": "attention.self.query.bias",
    "key": "attention.self.key.weight",
    "key_bias": "attention.self.key.bias",
    "value": "attention.self.value.weight",
    "value_bias": "attention.self.value.bias",
    "output": "attention.output.dense.weight",
    "output_bias": "attention.output.dense.bias",
    "attention_norm.scale": "attention.output.LayerNorm.weight",
    "attention_norm.shift": "attention.output.LayerNorm.bias",
    "widen": "intermediate.dense.weight",
    "widen_bias": "intermediate.dense.bias",
    "narrow": "output.dense.weight",
    "narrow_bias": "output.dense.bias",
    "feed_forward_norm.scale": "output.LayerNorm.weight",
    "feed_forward_norm.shift": "output.LayerNorm.bias",
}

UNUSED = re.compile(r"embeddings\.position_ids|pooler\.dense\.(weight|bias)")
"""Tensors of a published file that no hidden state depends on: 0, 1, 2, … and the head of the
sentence-pair task that BERT was trained with."""

LAYER = re.compile(r"encoder\.layer\.(\d{1,9})\.")
FLOATS = ("F32", "F16", "BF16")
SHOWN = 4  # faults named in one message


def stored_name(name: str) -> str:
    """The name that a file gives to the leaf `name` of `Weights`.

    >>> stored_name("layers.3.attention_norm.scale")
    'encoder.layer.3.attention.output.LayerNorm.weight'
    """
    room, _, rest = name.partition(".")
    if room == "embeddings":
        return f"embeddings.{EMBEDDING_NAMES[rest]}"
    number, _, rest = rest.partition(".")
    return f"encoder.layer.{number}.{LAYER_NAMES[rest]}"


def stored_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """The tensors that a file for `config` must hold, by the file's names, with their shapes.

    >>> config = EncoderConfig(vocabulary=9, positions=4, types=2, width=6, heads=2, layers=1,
    ...                        feed_forward=8, norm_eps=1e-12, padding_id=0)
    >>> stored_shapes(config)["encoder.layer.0.attention.self.query.weight"]
    (6, 6)
    """
    sizes = axis_sizes(config)

    def merged(axes: str) -> tuple[int, ...]:
        groups = axes.replace("h d", "h·d").split()
        return tuple(math.prod(sizes[axis] for axis in group.split("·")) for group in groups)

    leaves = named_leaves(abstract_weights(config, merged))
    return {stored_name(name): leaf.shape for name, leaf in leaves.items()}


def read_weights(path: str | Path, config: EncoderConfig) -> Weights:
    """The weights in the safetensors file at `path`, as float32 JAX arrays.

    Raises FileError naming the file and the tensors at fault: not readable, cut off, missing,
    unknown, of another shape than `config` says, not of a floating dtype, or not finite.
    Raises MissingPackageError without the safetensors package.
    """
    safetensors = require("safetensors")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            tensors = _checked(file, config)
    except (OSError, safetensors.SafetensorError) as error:
        raise FileError(f"cannot read the weights {path}: {error}") from error
    except FileError as error:
        raise FileError(f"weights {path}: {error}") from None
    abstract = abstract_weights(config)
    arrays = [
        jnp.asarray(tensors[stored_name(name)].reshape(leaf.shape), jnp.float32)
        for name, leaf in named_leaves(abstract).items()
    ]
    weights: Weights = jax.tree.unflatten(jax.tree.structure(abstract), arrays)
    return weights


def _checked(file: Any, config: EncoderConfig) -> dict[str, np.ndarray]:
    """The tensors of an open file that the config asks for, by name, each of them sound."""
    held = [name for name in file.keys() if not UNUSED.fullmatch(name)]  # noqa: SIM118 - it is no dict
    layers = {found[1] for name in held if (found := LAYER.match(name))}
    if len(layers) != config.layers:  # first, so that a config of 10⁹ layers costs nothing
        raise FileError(
            f"the config says {config.layers} layers (num_hidden_layers), "
            f"the file holds {len(layers)}"
        )
    shapes = stored_shapes(config)
    _complain(
        "the tensors are not those of this config",
        [f"missing: {name}" for name in shapes if name not in held]
        + [f"unknown: {name}" for name in held if name not in shapes],
    )
    slices = {name: file.get_slice(name) for name in shapes}
    _complain(
        "the tensors do not have the shapes of this config",
        [
            f"{name} has shape {tuple(slices[name].get_shape())}, the config says {shape}"
            for name, shape in shapes.items()
            if tuple(slices[name].get_shape()) != shape
        ]
        + [
            f"{name} has dtype {slices[name].get_dtype()}, expected one of {listing(FLOATS)}"
            for name in shapes
            if slices[name].get_dtype() not in FLOATS
        ],
    )
    tensors = {name: np.asarray(file.get_tensor(name), np.float32) for name in shapes}
    _complain(
        "every weight is a finite number",
        [
            f"{name} holds NaN or infinity"
            for name, tensor in tensors.items()
            if not np.isfinite(tensor).all()
        ],
    )
    return tensors


def _complain(fact: str, faults: list[str]) -> None:
    """Raises FileError with the first few of `faults`, if there are any."""
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise FileError(message(fact, details=[*faults[:SHOWN], *more]))
