"""Pallas kernels as rows: what their author estimated, or their body times their grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from einlab.cost import Cost
from einlab.trace.operations import nbytes
from einlab.trace.rows import Row

__all__ = ["body", "estimated", "traced"]


def estimated(equation: Any, row: Row) -> Row | None:
    """The row of a kernel whose author gave a CostEstimate; None if there is none."""
    estimate = equation.params.get("cost_estimate")
    if estimate is None:
        return None
    written = row.each.bytes_written
    return replace(
        row,
        equation=_name(equation),
        each=Cost(
            flops=estimate.flops,
            macs=estimate.flops // 2,
            transcendentals=estimate.transcendentals,
            bytes_read=max(estimate.bytes_accessed - written, 0),
            bytes_written=min(written, estimate.bytes_accessed),
            bytes_sent=getattr(estimate, "remote_bytes_transferred", 0),
        ),
    )


def traced(equation: Any, row: Row, inside: Sequence[Row]) -> Row:
    """The row of a kernel from the rows of its body: arithmetic and blocks times the grid.

    Bytes are those of the blocks: each is fetched, or written, at every place of the grid.
    """
    mapping = equation.params["grid_mapping"]
    fixed = all(isinstance(size, int) for size in mapping.grid)
    places = math.prod(mapping.grid) if fixed else 1
    blocks = body(equation).invars[mapping.num_index_operands :]
    read = sum(nbytes(var.aval) for var in blocks[: mapping.num_inputs])
    written = sum(
        nbytes(var.aval)
        for var in blocks[mapping.num_inputs : mapping.num_inputs + mapping.num_outputs]
    )
    once = sum((inner.cost for inner in inside), Cost())
    each = Cost(once.flops, once.macs, once.transcendentals, read, written, once.bytes_sent)
    unknown = sorted({f"{inner.name}: {inner.reason}" for inner in inside if inner.reason})
    unbounded = max((inner.unbounded for inner in inside), default=0) + (not fixed)
    return replace(
        row,
        kind="unknown" if unknown else "kernel",
        equation=_name(equation),
        each=each * places,
        unbounded=row.unbounded + unbounded,
        reason="; ".join(unknown),
        steps=tuple(replace(inner, count=inner.count * row.count * places) for inner in inside),
    )


def body(equation: Any) -> Any:
    """The jaxpr of a kernel."""
    jaxpr = equation.params["jaxpr"]
    return getattr(jaxpr, "jaxpr", jaxpr)


def _name(equation: Any) -> str:
    """The name that the kernel's author gave, or that of its function."""
    named = equation.params.get("name") or equation.params.get("name_and_src_info")
    function = equation.params["jaxpr"].debug_info.func_name
    return str(getattr(named, "name", named) or function)
