"""Which kernel a contraction of two operands is left to. No Numba here."""

from __future__ import annotations

from collections.abc import Sequence

from einlab.native.words import Axis

__all__ = ["is_strided"]

ROW = 16  # elements of a batch, neighbours in all arrays, that are worth a product of tiny matrices
SMALL = 64  # multiplications of an element of the batch that are not worth a micro-kernel
LINES, LONG, LONGEST = 32, 32, 2**16  # rows of a matrix that is read along k; its places in k
WORTH = 8192  # entries of such matrices that are worth it
THIN, SHORT = 2, 16  # the same, where m or n is at most the one and k the other


def is_strided(axes: Sequence[Axis]) -> bool:
    """Whether `einlab.native.strided` is quicker than `einlab.native.product`.

    So it is where no matrix is multiplied by another, and where matrices are tiny, unless vectors
    can run along the batch, or a vector is multiplied with a matrix whose rows lie along k.
    Measured on one core with AVX-512 (2026-11-22) for batches of 1 and 64, m and n from 1 to 512
    and k from 1 to 512, in float32: a product takes 120 ns and 40 for each element of a batch at
    least, a strided step 20.

    >>> is_strided([Axis(256, 1, 0, 1), Axis(256, 256, 1, 0)])  # a matrix, column by column
    True
    >>> is_strided([Axis(256, 256, 0, 1), Axis(256, 1, 1, 0)])  # and row by row
    False
    >>> is_strided([Axis(64, 1, 0, 64), Axis(64, 64, 1, 0), Axis(64, 0, 64, 1)])
    False
    """
    sizes = dict.fromkeys(("batch", "m", "n", "k"), 1)
    for axis in axes:
        sizes[_role(axis)] *= axis.extent
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    if min(m, n, k) <= 1:
        return not _is_read_along(axes, sizes["batch"], max(m, n), k)
    if any(axis.extent >= ROW and axis[1:] == (1, 1, 1) for axis in axes):
        return False
    return m * n * k <= SMALL or (min(m, n) <= THIN and k <= SHORT)


def _is_read_along(axes: Sequence[Axis], batch: int, rows: int, k: int) -> bool:
    """Whether matrices of so many rows are multiplied with vectors, and their rows lie along k.

    Several rows at a time are twice as fast then as one after the other; longer sums are left to
    what keeps their rounding errors apart.
    """
    summed = [axis for axis in axes if not axis.result and axis.extent > 1]
    if rows < LINES or batch * rows * k < WORTH or not LONG <= k <= LONGEST:
        return False
    if len(summed) != 1 or _role(summed[0]) != "k":
        return False
    left = any(_role(axis) == "m" and axis.extent > 1 for axis in axes)
    return (summed[0].left if left else summed[0].right) == 1


def _role(axis: Axis) -> str:
    """What an axis is to a product; a sum over one operand alone is no part of it."""
    if not axis.result:
        return "k" if axis.left and axis.right else "batch"
    if axis.left and axis.right:
        return "batch"
    return "m" if axis.left else "n"
