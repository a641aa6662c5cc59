"""The kernels of the interpreter, a function for each kind of step and dtype."""

from __future__ import annotations

import numpy as np

from einlab.native.compiled import helper
from einlab.native.product import product_f32, product_f64
from einlab.native.strided import strided_f32, strided_f64
from einlab.native.vectors import WIDTH, item, splat, store, vector_store

__all__ = [
    "fill_f32",
    "fill_f64",
    "product_f32",
    "product_f64",
    "strided_f32",
    "strided_f64",
]


@helper
def _fill(zero, start, length):  # type: ignore[no-untyped-def]
    at, stop, none = start, start + item(zero) * length, splat(zero)
    while at + WIDTH <= stop:
        vector_store(at, none)
        at += WIDTH
    while at < stop:
        store(at, zero)
        at += item(zero)


@helper
def fill_f32(start, length):  # type: ignore[no-untyped-def]
    """Zeros."""
    _fill(np.float32(0), start, length)


@helper
def fill_f64(start, length):  # type: ignore[no-untyped-def]
    """Zeros."""
    _fill(np.float64(0), start, length)
