"""Calls of every public name of `einlab.matmul`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from einlab import matmul
from einlab.errors import ArgumentError, ArgumentTypeError, OperandError, ShapeError
from tests.toolkit import Bad, Case

A, B = np.ones((6, 4), np.float32), np.ones((4, 8), np.float32)
SQUARE = np.ones((8, 8), np.float32)
REAL: Any = 2.0

CASES = {
    "batched": Case(matmul.batched, (np.ones((3, 6, 4), np.float32), B)),
    "by_blocks": Case(partial(matmul.by_blocks, rows=2, inner=2, columns=3), (A, B)),
    "by_columns": Case(matmul.by_columns, (A, B)),
    "by_outer_products": Case(matmul.by_outer_products, (A, B)),
    "by_rows": Case(matmul.by_rows, (A, B)),
    "compose": Case(matmul.compose, (A, B)),
    "outer_products": Case(matmul.outer_products, (A, B)),
    "partial_sums": Case(matmul.partial_sums, (A, B)),
    "strassen": Case(partial(matmul.strassen, cutoff=4), (SQUARE, SQUARE)),
    "tiled": Case(partial(matmul.tiled, tile=2), (A, B)),
    "whole_product": Case(
        matmul.whole_product,
        (A, B),
        own=lambda: int(str(matmul.compare(A, B).table.column("FLOPs")[0])),
    ),
}

SILENT = {
    "VIEWS": "a dictionary of the views",
    "Entry": "an entry that explain_matmul has worked out",
    "by_hand": "Python numbers, one multiplication at a time",
    "compare": "makes a report of every view",
    "draw": "a picture",
    "explain_matmul": "Python numbers, one multiplication at a time",
    "strassen_crossover": "compares reports",
}

MISFIT = Bad(
    lambda: matmul.whole_product(np.ones((2, 3)), np.ones((2, 4))), ShapeError, ("a transposed",)
)

BAD = {
    "batched": [
        Bad(lambda: matmul.batched(np.ones((2, 3, 4)), np.ones((3, 4, 5))), ShapeError, ("(2,)",)),
        Bad(lambda: matmul.batched(np.ones(3), np.ones((3, 3))), ShapeError, ("two axes or more",)),
    ],
    "by_blocks": [
        Bad(lambda: matmul.by_blocks(A, B, inner=-1), ArgumentError, ("inner is -1",)),
        Bad(lambda: matmul.by_blocks(B, B), ShapeError, ("b transposed",)),
    ],
    "by_columns": [Bad(lambda: matmul.by_columns(B, B), ShapeError, ("8 columns", "4 rows"))],
    "by_hand": [Bad(lambda: matmul.by_hand([[1, 2]], [[1]]), ShapeError, ("2 columns", "1 row"))],
    "by_outer_products": [
        Bad(lambda: matmul.by_outer_products(B, B), ShapeError, ("8 columns", "4 rows"))
    ],
    "by_rows": [Bad(lambda: matmul.by_rows([[1, 2]], [[1, 2]]), ShapeError, ("b transposed",))],
    "compare": [Bad(lambda: matmul.compare(B, B), ShapeError, ("8 columns", "4 rows"))],
    "compose": [Bad(lambda: matmul.compose([1, 2], [[1], [2]]), ShapeError, ("a has shape (2,)",))],
    "draw": [
        Bad(lambda: matmul.draw("spiral", 2, 2, 2), ArgumentError, ("views are",)),
        Bad(lambda: matmul.draw("rows", 0, 2, 2), ArgumentError, ("m is 0",)),
    ],
    "explain_matmul": [
        Bad(lambda: matmul.explain_matmul(A, B, 6, 0), ArgumentError, ("product has 6 rows",)),
        Bad(lambda: matmul.explain_matmul(A, B, 0, -1), ArgumentError, ("product has 8 columns",)),
        Bad(lambda: matmul.explain_matmul(A, B, REAL, 0), ArgumentTypeError, ("i is a whole",)),
    ],
    "outer_products": [Bad(lambda: matmul.outer_products(B, B), ShapeError, ("8 columns",))],
    "partial_sums": [Bad(lambda: matmul.partial_sums(B, B), ShapeError, ("8 columns",))],
    "strassen": [
        Bad(lambda: matmul.strassen(A, B, cutoff=0), ArgumentError, ("cutoff is 0",)),
        Bad(lambda: matmul.strassen(A, B, cutoff=REAL), ArgumentTypeError, ("whole number",)),
    ],
    "strassen_crossover": [
        Bad(lambda: matmul.strassen_crossover(largest=8), ArgumentError, ("up to n = 8",))
    ],
    "tiled": [
        Bad(lambda: matmul.tiled(A, B, tile=0), ArgumentError, ("tile is 0",)),
        Bad(lambda: matmul.tiled(A, np.ones((9, 6))), ShapeError, ("product b · a",)),
    ],
    "whole_product": [
        MISFIT,
        Bad(lambda: matmul.whole_product("ab", [[1]]), OperandError, ("a is no array",)),
        Bad(lambda: matmul.whole_product([[1], [2, 3]], [[1]]), OperandError, ("a is no array",)),
    ],
}
