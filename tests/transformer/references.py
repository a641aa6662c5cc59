"""Small models of every family with what another framework computed for them.

Their weights follow from names and shapes alone, so that the data file need not hold them.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["IDS", "LENGTHS", "PATH", "PROMPT", "references", "tensor", "tensors"]

PATH = Path(__file__).parent.parent / "data" / "decoder_references.json"

IDS = np.array([[3, 17, 5, 22, 9, 0, 11], [8, 2, 19, 4, 13, 6, 21]])
"""Two sequences."""
PROMPT = 4
"""How many of their tokens are a prompt."""
LENGTHS = (4, 2)
"""The prompts of a batch of uneven ones, in tokens: the first of each sequence."""


@cache
def references() -> dict[str, Any]:
    """What the file holds, by model."""
    models: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))["models"]
    return models


def tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers spread evenly over (-1/2, 1/2), by a hash of name and place; scales lie around 1."""
    places = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(zlib.crc32(name.encode()))
    mixed = places * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    even = (mixed >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5
    scale = len(shape) == 1 and name.endswith("weight")
    return (1 + even if scale else even).reshape(shape).astype(np.float32)


def tensors(model: str) -> dict[str, np.ndarray]:
    """The tensors in the file of a model."""
    shapes = references()[model]["tensors"]
    return {name: tensor(name, tuple(shape)) for name, shape in shapes.items()}
