"""Views of matrix multiplication: one product, several ways to read, run, draw and count it.

>>> from einlab import matmul
>>> matmul.by_outer_products([[1, 2], [3, 4]], [[5, 6], [7, 8]]).tolist()
[[19, 22], [43, 50]]
"""

from einlab.matmul.by_hand import Entry, by_hand, explain_matmul
from einlab.matmul.comparing import VIEWS, compare
from einlab.matmul.pictures import draw
from einlab.matmul.strassen import strassen, strassen_crossover
from einlab.matmul.views import (
    batched,
    by_blocks,
    by_columns,
    by_outer_products,
    by_rows,
    compose,
    outer_products,
    partial_sums,
    tiled,
    whole_product,
)

__all__ = [
    "VIEWS",
    "Entry",
    "batched",
    "by_blocks",
    "by_columns",
    "by_hand",
    "by_outer_products",
    "by_rows",
    "compare",
    "compose",
    "draw",
    "explain_matmul",
    "outer_products",
    "partial_sums",
    "strassen",
    "strassen_crossover",
    "tiled",
    "whole_product",
]
