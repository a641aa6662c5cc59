"""Which kernel a contraction of two operands is left to. No Numba here."""

from __future__ import annotations

from collections.abc import Sequence

from einlab.native.words import Axis

__all__ = ["is_strided"]

ROW = 16  # elements of a batch, neighbours in all arrays, that are worth a product of tiny matrices
SMALL = 64  # multiplications of an element of the batch that are not worth a micro-kernel
THIN, SHORT = 2, 16  # the same, where m or n is at most the one and k the other


def is_strided(axes: Sequence[Axis]) -> bool:
    """Whether `einlab.native.strided` is quicker than `einlab.native.product`.

    So it is where no matrix is multiplied by another, and where matrices are tiny, unless vectors
    can run along the batch. Measured on one core with AVX-512 (2026-11-22) for batches
    of 1 and 64, m and n from 1 to 512 and k from 1 to 512, in float32: a product takes 120 ns and
    40 for each element of a batch at least, a strided step 20.

    >>> is_strided([Axis(64, 1, 0, 64), Axis(64, 64, 1, 0)])  # a matrix times a vector
    True
    >>> is_strided([Axis(64, 1, 0, 64), Axis(64, 64, 1, 0), Axis(64, 0, 64, 1)])
    False
    """
    sizes = dict.fromkeys(("batch", "m", "n", "k"), 1)
    for axis in axes:
        sizes[_role(axis)] *= axis.extent
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    if min(m, n, k) <= 1:
        return True
    if any(axis.extent >= ROW and axis[1:] == (1, 1, 1) for axis in axes):
        return False
    return m * n * k <= SMALL or (min(m, n) <= THIN and k <= SHORT)


def _role(axis: Axis) -> str:
    """What an axis is to a product; a sum over one operand alone is no part of it."""
    if not axis.result:
        return "k" if axis.left and axis.right else "batch"
    if axis.left and axis.right:
        return "batch"
    return "m" if axis.left else "n"
