"""Strassen's product: seven half-sized products instead of eight, for eighteen additions.

It saves an eighth of the multiplications a level and pays with additions, memory and accuracy: the
error is bounded in the norm of the matrices, no longer entry by entry.
Source: Strassen 1969, "Gaussian elimination is not optimal"; error: Higham 2002, section 23.2.2.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from einlab.arguments import whole
from einlab.contracting import contract
from einlab.errors import ArgumentError
from einlab.matmul.operands import matrices
from einlab.trace.reporting import report

__all__ = ["strassen", "strassen_crossover"]


def strassen(a: Any, b: Any, cutoff: int = 256) -> Shaped[Array, "m n"]:
    """The product by Strassen's scheme, down to products with a size of `cutoff` or less.

    Odd sizes are filled up by a row or column of zeros at each level. Exact for integers; for
    floats its error grows faster than that of the plain product.

    Raises ShapeError if the matrices do not fit, ArgumentError for a cutoff below 1.

    >>> strassen([[1, 2], [3, 4]], [[5, 6], [7, 8]], cutoff=1).tolist()
    [[19, 22], [43, 50]]
    """
    left, right = matrices(a, b)
    return _product(left, right, whole(cutoff, "cutoff"))


def _product(a: jax.Array, b: jax.Array, cutoff: int) -> jax.Array:
    (m, k), n = a.shape, b.shape[1]
    if min(m, k, n) <= cutoff:
        return contract("mk,kn->mn", a, b)
    a = jnp.pad(a, ((0, m % 2), (0, k % 2)))
    b = jnp.pad(b, ((0, k % 2), (0, n % 2)))
    a11, a12, a21, a22 = _quarters(a)
    b11, b12, b21, b22 = _quarters(b)
    m1 = _product(a11 + a22, b11 + b22, cutoff)
    m2 = _product(a21 + a22, b11, cutoff)
    m3 = _product(a11, b12 - b22, cutoff)
    m4 = _product(a22, b21 - b11, cutoff)
    m5 = _product(a11 + a12, b22, cutoff)
    m6 = _product(a21 - a11, b11 + b12, cutoff)
    m7 = _product(a12 - a22, b21 + b22, cutoff)
    top = jnp.concatenate([m1 + m4 - m5 + m7, m3 + m5], axis=1)
    bottom = jnp.concatenate([m2 + m4, m1 - m2 + m3 + m6], axis=1)
    return jnp.concatenate([top, bottom], axis=0)[:m, :n]


def _quarters(array: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    rows, columns = array.shape[0] // 2, array.shape[1] // 2
    return (
        array[:rows, :columns],
        array[:rows, columns:],
        array[rows:, :columns],
        array[rows:, columns:],
    )


def strassen_crossover(dtype: Any = "float32", largest: int = 256) -> int:
    """The even size n from which one level on n×n matrices has fewer FLOPs than the plain product.

    Both are counted in their traces. Time crosses over far later, because the additions are bound
    by memory: `python -m benchmarks.ladder` measures it.

    Raises ArgumentError if it lies above `largest`.

    >>> strassen_crossover()
    20
    """
    for n in range(2, whole(largest, "largest", 2) + 1, 2):
        square = jax.ShapeDtypeStruct((n, n), jnp.dtype(dtype))
        plain = report(contract, "mk,kn->mn", square, square)
        if report(lambda a, b, n=n: strassen(a, b, n // 2), square, square).flops < plain.flops:
            return n
    raise ArgumentError(f"up to n = {largest} the plain product has fewer FLOPs")
