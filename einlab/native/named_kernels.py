"""The kernels that depend on the dtype, compiled once for each and called by name.

Numba compiles what a function calls once more with that function, and again with what calls that:
for micro-kernels this would take most of the time. So they are functions of C, which the loops
around them find by their symbols; the words they work on stand side by side in memory. Imports
Numba: import it late.
"""

from __future__ import annotations

import numpy as np

from einlab.native.batched import batched
from einlab.native.compiled import callback, function_at, helper, invoke, load64
from einlab.native.microkernel import ROWS, dots, tile
from einlab.native.packing import pack, pack_vectors
from einlab.native.symbols import published
from einlab.native.vectors import lanes

__all__ = ["batch_at", "dots_at", "multiply_at", "pack_at"]

WHOLE_2, WHOLE_1, WHOLE_PART = tile(ROWS, 2), tile(ROWS, 1), tile(ROWS, 1, partial=True)
WHOLE_ASKING = tile(ROWS, 2, asking=True)
HALF_4, HALF_2, HALF_1 = tile(ROWS // 2, 4, asking=True), tile(ROWS // 2, 2), tile(ROWS // 2, 1)
ROW_4, ROW_2, ROW_1 = tile(1, 4, asking=True), tile(1, 2), tile(1, 1)
HALF_DOTS, ROW_DOTS = dots(ROWS // 2), dots(1)
BATCH, BATCH_PART = batched(partial=False), batched(partial=True)
HALF_PART, ROW_PART = tile(ROWS // 2, 1, partial=True), tile(1, 1, partial=True)


@helper
def _multiply(words, like):  # type: ignore[no-untyped-def]
    """One tile, by the smallest micro-kernel that holds it.

    Less than a vector of columns is read under a mask. More than half of ROWS rows have at most two
    vectors.
    """
    rows, columns, one = load64(words), load64(words + 8), lanes(like)
    if rows > ROWS // 2:
        if columns > one:
            if load64(words + 104):
                WHOLE_ASKING(words, like)
            else:
                WHOLE_2(words, like)
        elif columns == one:
            WHOLE_1(words, like)
        else:
            WHOLE_PART(words, like)
    elif rows > 1:
        if columns > 2 * one:
            HALF_4(words, like)
        elif columns > one:
            HALF_2(words, like)
        elif columns == one:
            HALF_1(words, like)
        else:
            HALF_PART(words, like)
    elif columns > 2 * one:
        ROW_4(words, like)
    elif columns > one:
        ROW_2(words, like)
    elif columns == one:
        ROW_1(words, like)
    else:
        ROW_PART(words, like)


@helper
def _dots(words, like):  # type: ignore[no-untyped-def]
    """One tile along k, of one row or of half of ROWS."""
    if load64(words) > 1:
        HALF_DOTS(words, like)
    else:
        ROW_DOTS(words, like)


@helper
def _batch(words, like):  # type: ignore[no-untyped-def]
    """One tile whose vectors run along the batch; or, for no rows of C, vectors are packed."""
    if load64(words + 64) == 0:
        pack_vectors(
            load64(words + 8), load64(words + 16), load64(words + 24), load64(words + 32),
            load64(words + 40), load64(words + 48), load64(words), load64(words + 56), like,
        )  # fmt: skip
    elif load64(words) == lanes(like):
        BATCH(words, like)
    else:
        BATCH_PART(words, like)


@helper
def _pack_words(words, like):  # type: ignore[no-untyped-def]
    pack(
        load64(words), load64(words + 8), load64(words + 16), load64(words + 24),
        load64(words + 32), load64(words + 40), load64(words + 48) != 0, load64(words + 56), like,
    )  # fmt: skip


@callback("int64(int64)")
def _multiply_f32(words):  # type: ignore[no-untyped-def]
    _multiply(words, np.float32(0))
    return 0


@callback("int64(int64)")
def _multiply_f64(words):  # type: ignore[no-untyped-def]
    _multiply(words, np.float64(0))
    return 0


@callback("int64(int64)")
def _pack_f32(words):  # type: ignore[no-untyped-def]
    _pack_words(words, np.float32(0))
    return 0


@callback("int64(int64)")
def _pack_f64(words):  # type: ignore[no-untyped-def]
    _pack_words(words, np.float64(0))
    return 0


@callback("int64(int64)")
def _dots_f32(words):  # type: ignore[no-untyped-def]
    _dots(words, np.float32(0))
    return 0


@callback("int64(int64)")
def _dots_f64(words):  # type: ignore[no-untyped-def]
    _dots(words, np.float64(0))
    return 0


@callback("int64(int64)")
def _batch_f32(words):  # type: ignore[no-untyped-def]
    _batch(words, np.float32(0))
    return 0


@callback("int64(int64)")
def _batch_f64(words):  # type: ignore[no-untyped-def]
    _batch(words, np.float64(0))
    return 0


MULTIPLY_F32, MULTIPLY_F64, PACK_F32, PACK_F64, DOTS_F32, DOTS_F64, BATCH_F32, BATCH_F64 = (
    f"einlab_native_{name}_{dtype}"
    for name in ("multiply", "pack", "dots", "batch")
    for dtype in ("f32", "f64")
)
published(BATCH_F32, _batch_f32.address)
published(BATCH_F64, _batch_f64.address)
batch_f32, batch_f64 = function_at(BATCH_F32), function_at(BATCH_F64)
published(DOTS_F32, _dots_f32.address)
published(DOTS_F64, _dots_f64.address)
dots_f32, dots_f64 = function_at(DOTS_F32), function_at(DOTS_F64)
published(MULTIPLY_F32, _multiply_f32.address)
published(MULTIPLY_F64, _multiply_f64.address)
published(PACK_F32, _pack_f32.address)
published(PACK_F64, _pack_f64.address)
multiply_f32, multiply_f64 = function_at(MULTIPLY_F32), function_at(MULTIPLY_F64)
pack_f32, pack_f64 = function_at(PACK_F32), function_at(PACK_F64)


@helper
def multiply_at(words, size):  # type: ignore[no-untyped-def]
    """One tile of elements of `size` bytes; its words are those of `tile`."""
    if size == 4:
        invoke(multiply_f32(), words)
    else:
        invoke(multiply_f64(), words)


@helper
def pack_at(words, size):  # type: ignore[no-untyped-def]
    """One panel of elements of `size` bytes; its words are the arguments of `pack`."""
    if size == 4:
        invoke(pack_f32(), words)
    else:
        invoke(pack_f64(), words)


@helper
def dots_at(words, size):  # type: ignore[no-untyped-def]
    """One tile along k of elements of `size` bytes; its words are those of `dots`."""
    if size == 4:
        invoke(dots_f32(), words)
    else:
        invoke(dots_f64(), words)


@helper
def batch_at(words, size):  # type: ignore[no-untyped-def]
    """One tile along the batch of elements of `size` bytes; its words are those of `batched`."""
    if size == 4:
        invoke(batch_f32(), words)
    else:
        invoke(batch_f64(), words)
