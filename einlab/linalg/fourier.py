"""The discrete Fourier transform as a product with its matrix, beside the fast one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

from einlab.arguments import whole
from einlab.errors import ArgumentError, ShapeError
from einlab.linalg.operands import exact_product, wide
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.trace.reporting import report

__all__ = ["compare_dft", "dft", "dft_matrix", "inverse_dft"]


def dft_matrix(n: int, dtype: Any = None) -> Complex[Array, "n n"]:
    """The matrix exp(−2πi·jk/n) of the transform of n entries; it is symmetric.

    dtype: complex64 or complex128; by default what JAX's setting for 64 bits allows. Entries are
    worked out in 64 bits from jk mod n, so every one is right to rounding. Over √n it is unitary.

    Raises ArgumentError or ArgumentTypeError for n below 1 or another dtype.

    >>> dft_matrix(2).real.tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    n = whole(n, "n")
    kind = jnp.result_type(complex) if dtype is None else jnp.dtype(dtype)
    if kind not in (jnp.complex64, jnp.complex128):
        raise ArgumentError(f"dtype is {kind}; it is complex64 or complex128")
    steps = np.arange(n, dtype=np.int64)
    turns = np.outer(steps, steps) % n / n
    return jnp.asarray(np.exp(-2j * np.pi * turns).astype(kind))


def dft(x: Any, axis: int = -1) -> Complex[Array, "*shape"]:
    """The discrete Fourier transform of x along one axis, as a product.

    A line of n costs 8·n² FLOPs if x is complex, and 4·n², two real products, if it is not.
    Equal to `jax.numpy.fft.fft` to rounding; `compare_dft` shows what each costs.

    Raises OperandError or ShapeError if x is no array with axes and entries, ArgumentError or
    ArgumentTypeError for an axis that it does not have.

    >>> dft([1.0, 2.0, 3.0, 4.0]).round(4)[:2].tolist()
    [(10+0j), (-2+2j)]
    """
    lines, place = _lines(x, axis)
    return jnp.moveaxis(_transform(lines), -1, place)


def inverse_dft(x: Any, axis: int = -1) -> Complex[Array, "*shape"]:
    """What `dft` made x of: the product with the conjugate matrix, over n.

    Raises what `dft` raises.

    >>> inverse_dft(dft([1.0, 2.0])).real.round(4).tolist()
    [1.0, 2.0]
    """
    lines, place = _lines(x, axis)
    return jnp.moveaxis(_transform(lines, inverse=True), -1, place) / lines.shape[-1]


def compare_dft(x: Any) -> Shown:
    """The product beside the fast transform of x (…, n): FLOPs, bytes and error.

    The error is the largest difference from NumPy's transform in 64 bits, over its largest entry.

    Raises OperandError or ShapeError if x is no array with axes and entries.

    >>> compare_dft([1.0, 2.0, 3.0, 4.0]).table.column("form")
    ('product', 'FFT')
    """
    lines, _ = _lines(x, -1)
    exact = np.fft.fft(np.asarray(lines, np.complex128))
    scale = float(np.abs(exact).max()) or 1.0
    rows = []
    for name, one in (("product", dft), ("FFT", jnp.fft.fft)):
        counted = report(one, lines)
        error = float(np.abs(np.asarray(one(lines)) - exact).max()) / scale
        rows.append((name, counted.flops, counted.cost.bytes, counted.peak, error))
    columns = [
        Column("form"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("bytes, unfused", "bytes"),
        Column("peak memory", "bytes"),
        Column("error", "number"),
    ]
    title = f"discrete Fourier transform of {lines.shape} in {lines.dtype}"
    return Shown(Table(title, columns, rows))


def _transform(lines: jax.Array, *, inverse: bool = False) -> jax.Array:
    kind = jnp.result_type(lines.dtype, jnp.complex64)
    matrix = dft_matrix(lines.shape[-1], kind)
    matrix = matrix.conj() if inverse else matrix
    if jnp.iscomplexobj(lines):
        return exact_product("...j,jk->...k", lines, matrix)
    parts = jnp.stack([matrix.real, matrix.imag])
    found = exact_product("...j,pjk->p...k", lines, parts)
    return jax.lax.complex(found[0], found[1])


def _lines(x: Any, axis: int) -> tuple[jax.Array, int]:
    """The array with the axis moved to the end, and where it stood."""
    found = wide(x, "x")
    if found.ndim == 0:
        raise ShapeError("x has shape (); a transform runs along an axis")
    place = whole(axis, "axis", -found.ndim, found.ndim - 1)
    return jnp.moveaxis(found, place, -1), place
