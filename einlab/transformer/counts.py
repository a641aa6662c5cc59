"""Exact numbers of parameters, from the shapes of a model's weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from einlab.errors import ArgumentError, listing
from einlab.transformer.config import EncoderConfig
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import abstract_decoder, leaves_by_name
from einlab.transformer.parameters import abstract_weights, named_leaves

__all__ = ["Parameters", "adapter_parameters", "parameters"]

MOST = 10**15
"""A hundred times any published model: a config with more is a slip of the pen."""

PARTS = (
    ("embedding.word", "embedding"),
    ("embeddings.word", "embedding"),
    ("position", "positions"),
    ("embeddings.type", "positions"),
    ("logits", "logits"),
    ("_norm", "norms"),
    ("norm.", "norms"),
    (".sparse.router", "router"),
    (".sparse.correction", "router"),
    (".sparse.shared", "shared experts"),
    (".sparse.", "experts"),
    (".dense.", "feed-forward"),
    ("widen", "feed-forward"),
    ("narrow", "feed-forward"),
    ("", "attention"),
)
"""What a leaf's name holds → the part of the model; the first that fits."""

ROUTED = (".sparse.gate", ".sparse.widen", ".sparse.narrow")


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many numbers the weights of a model are."""

    parts: tuple[tuple[str, int], ...]
    """Part of the model → its parameters, in the order of the model."""
    active: int
    """Those that one token meets: of the experts only the chosen ones."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(count for _, count in self.parts)

    def of(self, part: str) -> int:
        """Those of one part; 0 for a part that the model does not have."""
        return dict(self.parts).get(part, 0)


def parameters(config: DecoderConfig | EncoderConfig) -> Parameters:
    """The exact numbers of parameters of a model; an encoder is counted without a pooler.

    Raises ArgumentError for more than 10¹⁵.

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> parameters(config).total
    1062
    """
    parts: dict[str, int] = {}
    idle = 0
    experts = config.experts if isinstance(config, DecoderConfig) else None
    for name, leaf in weight_leaves(config).items():
        part = next(part for text, part in PARTS if text in f"{name}.")
        count = math.prod(leaf.shape)
        parts[part] = parts.get(part, 0) + count
        if experts is not None and any(text in name for text in ROUTED):
            idle += count // experts.count * (experts.count - experts.chosen)
    found = Parameters(tuple(parts.items()), sum(parts.values()) - idle)
    if found.total > MOST:
        raise ArgumentError(f"the config has {found.total:.3g} parameters; no model has so many")
    return found


def weight_leaves(config: DecoderConfig | EncoderConfig) -> dict[str, Any]:
    """The shapes of a model's weights by dotted name."""
    if isinstance(config, EncoderConfig):
        return named_leaves(abstract_weights(config))
    return leaves_by_name(abstract_decoder(config))


def adapter_parameters(
    config: DecoderConfig | EncoderConfig, rank: int, targets: Sequence[str] = ("query", "value")
) -> int:
    """Trainable parameters of low-rank adapters beside the matrices of that name in every layer.

    Each matrix gets two factors: from what it reads to the rank, and from there to what it writes.

    Raises ArgumentError for a rank below 1, or a target that the model does not have.
    Source: Hu et al. 2021 (arXiv:2106.09685).

    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> adapter_parameters(config, rank=2)
    144
    """
    if rank < 1:
        raise ArgumentError(f"rank is {rank!r:.40}; expected a whole number from 1")
    leaves = weight_leaves(config)
    stacked = isinstance(config, DecoderConfig)
    total = 0
    for target in targets:
        found = [leaf for name, leaf in leaves.items() if name.rsplit(".", 1)[-1] == target]
        if not found or len(found[0].shape) - stacked < 2:
            known = {name.rsplit(".", 1)[-1] for name in leaves if "norm" not in name}
            raise ArgumentError(f"no layer has a matrix {target!r:.40}; there are {listing(known)}")
        for leaf in found:
            shape = leaf.shape[1:] if stacked else leaf.shape
            repeats = leaf.shape[0] if stacked else 1
            inner = math.prod(shape[1:] if shape[0] == config.width else shape[-1:])
            total += repeats * rank * (inner + math.prod(shape) // inner)
    return total
