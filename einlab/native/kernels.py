"""The kernels of the interpreter by their symbols.

Numba compiles what a function calls once more with that function, so the interpreter, which calls
all kernels, finds them by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from einlab.native.compiled import address_of, function_at, helper
from einlab.native.product import product_f32, product_f64
from einlab.native.strided import strided_f32, strided_f64
from einlab.native.symbols import published
from einlab.native.vectors import WIDTH, item, splat, store, vector_store

__all__ = [
    "fill_f32",
    "fill_f64",
    "product_f32_at",
    "product_f64_at",
    "strided_f32_at",
    "strided_f64_at",
]


def _by_name(compiled: Any) -> Any:
    name = f"einlab_native_{compiled.__name__}"
    published(name, address_of(compiled))
    return function_at(name)


product_f32_at, product_f64_at, strided_f32_at, strided_f64_at = map(
    _by_name, (product_f32, product_f64, strided_f32, strided_f64)
)


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
