"""How far a result may be from the float64 reference, by dtype: the one table.

An error is measured against the sum of the absolute products that make an entry (its `magnitude`),
because that is what rounding errors are proportional to: an entry that cancels to zero keeps the
error of what was cancelled. With u the unit roundoff, a tree of s steps over sums of k terms errs
by at most about (s + log2 k)·u times the magnitude where partial sums are kept in u or better.

The laws have at most 8 operands and sums of at most 3^8 terms, so s + log2 k ≤ 8 + 13, and a factor
of 32 leaves room for conversions and slices. Floats of 8 bits are computed in float32 and rounded
once. On a GPU or TPU the laws run at the highest precision of products (see `conftest.device`), so
that float32 means float32 there too, and one table serves every device.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

STEPS = 32

UNIT = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "bfloat16": 2.0**-8,
    "float16": 2.0**-11,
    "complex128": 2.0**-52,  # a complex product adds two rounded products
    "complex64": 2.0**-23,
}
"""Unit roundoff of the dtype, the half of a step between neighbours at 1."""

ROUNDED_ONCE = {
    "float8_e3m4": 2.0**-5,
    "float8_e4m3": 2.0**-4,
    "float8_e4m3b11fnuz": 2.0**-4,
    "float8_e4m3fn": 2.0**-4,
    "float8_e4m3fnuz": 2.0**-4,
    "float8_e5m2": 2.0**-3,
    "float8_e5m2fnuz": 2.0**-3,
}
"""Unit roundoff of floats of 8 bits, in which the result alone is rounded."""


def relative(dtype: str) -> float:
    """The error allowed, as a fraction of the magnitude; 0 for integers and bool."""
    if dtype in ROUNDED_ONCE:
        return ROUNDED_ONCE[dtype] * (1 + 2.0**-8)
    return STEPS * UNIT.get(dtype, 0.0)


def smallest(dtype: str) -> float:
    """The error allowed near zero: products below the normal range lose digits, or flush to 0."""
    if dtype not in UNIT and dtype not in ROUNDED_ONCE:
        return 0.0
    real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    return STEPS * float(ml_dtypes.finfo(real).smallest_normal)


def assert_close(got: object, expected: np.ndarray, magnitude: np.ndarray, dtype: str) -> None:
    """Shape and entries agree, entry by entry; entries beyond the range of the dtype are left out.

    `expected` and `magnitude` come from a reference in 64 bits, exact for integers.
    """
    found = np.asarray(got)
    assert found.dtype == np.dtype(getattr(ml_dtypes, dtype, dtype)), (found.dtype, dtype)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    if relative(dtype) == 0:
        np.testing.assert_array_equal(found, expected.astype(found.dtype))
        return
    wide = found.astype("complex128" if np.iscomplexobj(found) else "float64")
    real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    within = magnitude < float(ml_dtypes.finfo(real).max) / 4
    allowed = relative(dtype) * magnitude + smallest(dtype)
    error = np.abs(wide - expected)
    assert np.all(error[within] <= allowed[within]), (
        f"worst error {np.max(error[within] / allowed[within]):.3g} times what {dtype} may have"
    )
