"""What a thread holds of a product in its scratch memory: tables of offsets, and packed operands.

The same lines tell how much that is where a program is made, and are compiled into its kernels.
No Numba here.
"""

from __future__ import annotations

__all__ = ["DOTS", "HEAD", "scratch_of"]

DOTS = 4
"""Columns that a tile along k takes at once."""
HEAD = 256
"""Bytes before the parts: where each of them begins, and the words of a kernel's call."""


def scratch_of(
    tall: int, long: int, wide: int, of_a: int, of_b: int, size: int, vector: int, rows: int
) -> tuple[int, ...]:
    """Bytes of each part, in their order, each a multiple of a vector.

    The parts are: offsets of rows in A and C; of places in k in A, B, and in packed A and B; of
    columns in B and C, and how many follow each other there; of rows in packed A; packed A and B,
    of so many elements for each place in k.

    >>> sum(scratch_of(8, 16, 64, 8, 64, 4, 64, 8))
    7616
    """
    unit = -vector
    of_rows = 8 * ((tall + rows - 1) & -rows) + vector - 1 & unit
    of_sum = 8 * long + vector - 1 & unit
    lanes = 4 * vector // size
    of_columns = 8 * (((wide + lanes - 1) & -lanes) + 2 * DOTS) + vector - 1 & unit
    return (
        of_rows,
        of_rows,
        of_sum,
        of_sum,
        of_sum,
        of_sum,
        of_columns,
        of_columns,
        of_columns,
        of_columns,
        8 * rows + vector - 1 & unit,
        of_a * long * size + vector - 1 & unit,
        of_b * long * size + vector - 1 & unit,
    )
