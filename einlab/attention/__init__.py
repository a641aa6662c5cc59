"""Attention: rotary embeddings, caches, latent attention, and heads with weights.

Public names are imported when they are first asked for: a model's config is read without JAX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from einlab.attention.angles import Rotary as Rotary
    from einlab.attention.angles import Scaling as Scaling
    from einlab.attention.angles import frequencies as frequencies
    from einlab.attention.rotary import rotate as rotate

_HOMES = {
    "Rotary": "einlab.attention.angles",
    "Scaling": "einlab.attention.angles",
    "frequencies": "einlab.attention.angles",
    "rotate": "einlab.attention.rotary",
}

__all__ = ["Rotary", "Scaling", "frequencies", "rotate"]


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'einlab.attention' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
