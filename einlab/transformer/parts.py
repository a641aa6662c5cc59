"""Parts of a model, told by the scopes around each operation of its trace."""

from __future__ import annotations

from collections.abc import Iterable

from einlab.conventions import EMBEDDING, LOGITS, SOFTMAX
from einlab.cost import Cost
from einlab.trace.rows import Row

__all__ = ["by_part", "by_product", "part_of", "products"]

SCOPES = {
    EMBEDDING: "embedding",
    "project": "projections",
    "cache": "cache",
    SOFTMAX: "softmax",
    "output": "projections",
    "router": "router",
    "experts": "experts",
    "shared": "shared experts",
    "network": "network",
    "norm": "norms",
    LOGITS: "logits",
    "loss": "loss",
}
"""Scope → part; the innermost scope that is here decides."""

PAIRS = "attend["  # how `conventions.attention_scope` begins


def part_of(row: Row) -> str:
    """The part of the model that an operation belongs to.

    >>> part_of(Row(("layer", "attention", "project"), "dot_general", "product", "", "", Cost()))
    'projections'
    """
    for scope in reversed(row.scope):
        if scope.startswith(PAIRS):
            return "attention"
        if scope in SCOPES:
            return SCOPES[scope]
    return "rest"


def by_part(rows: Iterable[Row]) -> dict[str, Cost]:
    """The cost of each part."""
    parts: dict[str, Cost] = {}
    for row in rows:
        if row.kind != "bookkeeping":
            part = part_of(row)
            parts[part] = parts.get(part, Cost()) + row.cost
    return parts


def by_product(rows: Iterable[Row]) -> dict[str, tuple[int, Cost]]:
    """Products that are alike together: how often they run, and what they cost all told."""
    found: dict[str, tuple[int, Cost]] = {}
    for row in rows:
        if row.is_product and row.taken:
            name = f"{part_of(row)}: {row.equation or row.name}"
            count, cost = found.get(name, (0, Cost()))
            found[name] = count + row.count, cost + row.cost
    return found


def products(rows: Iterable[Row]) -> int:
    """FLOPs of products alone, which run at a machine's peak rate."""
    return sum(row.cost.flops for row in rows if row.is_product)
