"""The micro-kernels that tiles are made of, and the choice among them.

Imports Numba: import it late.
"""

from __future__ import annotations

from einlab.native.compiled import helper
from einlab.native.microkernel import ROWS, tile

__all__ = ["multiply_tile"]

WHOLE_2, WHOLE_1 = tile(ROWS, 2), tile(ROWS, 1)
HALF_4, HALF_2, HALF_1 = tile(ROWS // 2, 4), tile(ROWS // 2, 2), tile(ROWS // 2, 1)
ROW_4, ROW_2, ROW_1 = tile(1, 4), tile(1, 2), tile(1, 1)


@helper
def multiply_tile(  # type: ignore[no-untyped-def]
    rows, vectors, k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like
):
    """One tile of so many rows and vectors of columns, by the smallest micro-kernel that holds it.

    More than half of ROWS rows have at most two vectors.
    """
    if rows > ROWS // 2:
        if vectors == 2:
            WHOLE_2(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
        else:
            WHOLE_1(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
    elif rows > 1:
        if vectors == 4:
            HALF_4(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
        elif vectors == 2:
            HALF_2(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
        else:
            HALF_1(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
    elif vectors == 4:
        ROW_4(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
    elif vectors == 2:
        ROW_2(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
    else:
        ROW_1(k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, like)
