"""All views of one product side by side: the same numbers, and what each way to them costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from einlab.matmul.operands import matrices
from einlab.matmul.strassen import strassen
from einlab.matmul.views import (
    by_blocks,
    by_columns,
    by_outer_products,
    by_rows,
    compose,
    tiled,
    whole_product,
)
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.trace.reporting import report

__all__ = ["VIEWS", "compare"]

VIEWS: dict[str, Callable[..., jax.Array]] = {
    "whole": whole_product,
    "rows": by_rows,
    "columns": by_columns,
    "outer products": by_outer_products,
    "composition": compose,
    "blocks": by_blocks,
    "tiles": tiled,
    "Strassen": strassen,
}
"""Functions of two matrices that all give their product.

>>> {str(view([[1, 2]], [[3], [4]]).tolist()) for view in VIEWS.values()}
{'[[11]]'}
"""


def compare(a: Any, b: Any) -> Shown:
    """A row for each view: FLOPs, bytes and memory as traced, and the error of its result.

    The error is the largest difference from the product in float64, over the largest entry of
    |a|·|b|, to which rounding errors are proportional.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> compare([[1.0, 2.0]], [[3.0], [4.0]]).table.column("FLOPs")[:3]
    (4, 4, 4)
    """
    left, right = matrices(a, b)
    wide = np.complex128 if np.iscomplexobj(left) else np.float64
    left64, right64 = (np.asarray(array).astype(wide) for array in (left, right))
    exact = left64 @ right64
    scale = float((np.abs(left64) @ np.abs(right64)).max(initial=0.0)) or 1.0
    rows = []
    for name, view in VIEWS.items():
        counted = report(view, left, right)
        result = np.asarray(jax.jit(view)(left, right)).astype(wide)
        error = float(np.abs(result - exact).max(initial=0.0)) / scale
        rows.append((name, counted.flops, counted.cost.bytes, counted.peak, error))
    table = Table(
        f"({left.shape[0]}×{left.shape[1]})·({right.shape[0]}×{right.shape[1]}) in {left.dtype}",
        [
            Column("view"),
            Column("FLOPs", "quantity", "FLOP"),
            Column("bytes, unfused", "bytes"),
            Column("peak memory", "bytes"),
            Column("error", "number"),
        ],
        rows,
        notes=["error: largest difference from float64, over the largest entry of |a|·|b|"],
    )
    return Shown(table)
