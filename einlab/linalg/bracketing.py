"""The ways to set brackets in a product of several factors, side by side with the planner's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from einlab.planning import Plan, plan
from einlab.show.shown import Shown
from einlab.table import Column, Table

__all__ = ["bracketings"]

Path = Sequence[tuple[int, ...]]


def bracketings(
    title: str,
    equation: str,
    shapes: Sequence[tuple[int, ...]],
    ways: Mapping[str, Path],
    *,
    dtype: Any = None,
    notes: Sequence[str] = (),
) -> Shown:
    """A row for each way, and one for the plan that `contract` takes by itself."""
    found: dict[str, Plan] = {
        name: plan(equation, *shapes, dtype=dtype, optimize=list(path))
        for name, path in ways.items()
    }
    chosen = plan(equation, *shapes, dtype=dtype)
    least = chosen.flops or 1
    rows = [(name, one.flops, one.peak, one.flops / least) for name, one in found.items()]
    same = next((name for name, one in found.items() if _order(one) == _order(chosen)), "another")
    rows.append((f"chosen by the planner: {same}", chosen.flops, chosen.peak, 1.0))
    columns = [
        Column("order"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("peak memory", "bytes"),
        Column("over the chosen", "ratio"),
    ]
    return Shown(Table(title, columns, rows, notes=notes))


def _order(found: Plan) -> list[frozenset[int]]:
    return [frozenset(pair) for pair in found.pairs]
