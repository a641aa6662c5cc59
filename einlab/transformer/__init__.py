"""Transformers from a config.json: encoders, decoders, and what they cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from einlab.transformer.budgets import Budget as Budget
    from einlab.transformer.budgets import budget as budget
    from einlab.transformer.families import model_config as model_config

_HOMES = {
    "Budget": "einlab.transformer.budgets",
    "budget": "einlab.transformer.budgets",
    "model_config": "einlab.transformer.families",
}

__all__ = ["Budget", "budget", "model_config"]


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for, so that reading a config is fast."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'einlab.transformer' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
