"""Where each tensor of a file of weights belongs in our trees, for one config."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import jax

from einlab.transformer import decoder_parameters, parameters
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import ModelConfig
from einlab.transformer.naming import NAMES, Names, Packed
from einlab.transformer.packing import packed_shape

__all__ = ["Place", "abstract", "leaves", "names_of", "places", "sizes_of"]

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the weights of one tensor lie."""

    packed: Packed
    leaves: tuple[str, ...]
    """The leaf of the tree that holds each weight, such as "stacks.0.0.attention.query"."""
    index: Index
    """The layer and the expert within those leaves."""
    axes: tuple[str, ...]
    """The axes of each weight, such as "h d c"."""
    shape: tuple[int, ...]
    """The shape of the tensor."""


def names_of(config: ModelConfig) -> Names:
    """The table of names for a config; a decoder of no published family has those of Llama."""
    family = "bert" if isinstance(config, EncoderConfig) else config.family
    return NAMES.get(family, NAMES["llama"])


def abstract(config: ModelConfig) -> Any:
    """The weights of a model as shapes."""
    if isinstance(config, EncoderConfig):
        return parameters.abstract_weights(config)
    return decoder_parameters.abstract_decoder(config)


def leaves(weights: Any) -> dict[str, Any]:
    """The leaves of a tree of weights by dotted name, in its order."""
    found, _ = jax.tree.flatten_with_path(weights)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in found}


def sizes_of(config: ModelConfig) -> Mapping[str, int]:
    """The length of each axis that a weight can have."""
    if isinstance(config, EncoderConfig):
        return parameters.axis_sizes(config)
    return decoder_parameters.axis_sizes(config)


def places(config: ModelConfig) -> dict[str, Place]:
    """The tensors that a file for `config` must hold, by the file's names."""
    names, sizes = names_of(config), sizes_of(config)
    encoder = isinstance(config, EncoderConfig)
    whole, layer = (
        (parameters.Weights, parameters.Layer)
        if encoder
        else (decoder_parameters.DecoderWeights, decoder_parameters.Layer)
    )
    held = set(leaves(abstract(config)))
    found: dict[str, Place] = {}
    read: dict[tuple[Any, str], str] = {}

    def axes_of(root: type[Any], weight: str) -> str:
        if (root, weight) not in read:
            read[root, weight] = _axes(root, weight)
        return read[root, weight]

    def put(name: str, packed: Packed, root: type[Any], room: str, index: Index) -> None:
        ours = tuple(room + weight for weight in packed.weights)
        if not held.issuperset(ours):
            return
        axes = tuple(axes_of(root, weight) for weight in packed.weights)
        if "{expert}" not in name:
            shape = packed_shape(packed.form, sizes)
            found[name] = Place(packed, ours, index, axes, shape)
            return
        inner = tuple(each.removeprefix("experts ") for each in axes)
        shape = packed_shape(packed.form, sizes)
        for expert in range(sizes["experts"]):
            place = Place(packed, ours, (*index, expert), inner, shape)
            found[name.replace("{expert}", str(expert))] = place

    for name, packed in names.outside.items():
        put(name, packed, whole, "", ())
    for number, (room, index) in enumerate(_layers(config)):
        front = names.layer.replace("{layer}", str(number))
        for name, packed in names.inside.items():
            put(front + name, packed, layer, room, index)
    return found


def _layers(config: DecoderConfig | EncoderConfig) -> Iterator[tuple[str, Index]]:
    """For each layer the name of its tree, and its place in the leaves."""
    if isinstance(config, EncoderConfig):
        yield from ((f"layers.{number}.", ()) for number in range(config.layers))
        return
    for one, stack in enumerate(config.stacks):
        for repeat in range(stack.repeats):
            for place in range(len(stack.pattern)):
                yield f"stacks.{one}.{place}.", (repeat,)


def _axes(root: type[Any], name: str) -> str:
    """The axes written beside a field, such as "h d c"."""
    hint: Any = root
    for part in name.split("."):
        hint = get_type_hints(hint)[part]
        options = [one for one in typing.get_args(hint) if one is not type(None)]
        hint = options[0] if options else hint
    axes: str = hint.dim_str.strip()
    return axes
