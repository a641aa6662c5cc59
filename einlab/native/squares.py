"""Squares and short rows of numbers that go through registers. Imports Numba: import it late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from einlab.native.vectors import INT32, read, vector, write, write_past

__all__ = ["move8", "move16", "move32", "move64", "turn", "turn4", "turn8", "turn_past"]

WORD = ir.IntType(64)


def _shuffled(builder: Any, pair: tuple[Any, Any], places: Sequence[int]) -> Any:
    mask = ir.Constant(ir.VectorType(INT32, len(places)), list(places))
    return builder.shuffle_vector(*pair, mask)


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """The transpose of a square of vectors: halves of ever shorter stretches change places."""
    width, stretch = len(rows), len(rows) // 2
    while stretch:
        low = [j if not j & stretch else width + j - stretch for j in range(width)]
        high = [j + stretch if not j & stretch else width + j for j in range(width)]
        for i in range(width):
            if not i & stretch:
                pair = rows[i], rows[i + stretch]
                rows[i] = _shuffled(builder, pair, low)
                rows[i + stretch] = _shuffled(builder, pair, high)
        stretch //= 2
    return rows


def _turn(side: int, write: Callable[[Any, Any, Any], object] = write) -> Any:
    """A transposition of squares of a side, or as wide as a vector if it is 0."""

    def typed(context: Any, zero: Any, a: Any, rows: Any, c: Any, columns: Any) -> Any:
        count = side or vector(zero).count

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, a, rows, c, columns = arguments
            kind = ir.VectorType(context.get_value_type(zero), count)

            def place(base: Any, table: Any, index: int) -> Any:
                return builder.add(base, read_word(builder, builder.add(table, WORD(8 * index))))

            values = [read(builder, place(a, rows, e), kind) for e in range(count)]
            for f, value in enumerate(_turned(builder, values)):
                write(builder, place(c, columns, f), value)
            return context.get_dummy_value()

        return types.void(zero, *[types.int64] * 4), code

    return intrinsic(typed)


def read_word(builder: Any, address: Any) -> Any:
    """The 64-bit word at an address."""
    return builder.load(builder.inttoptr(address, WORD.as_pointer()))


turn: Any = _turn(0)
"""Transpose a square in registers, as wide as a vector has numbers: (zero, a, rows, c, columns).

Row e is read at a + rows[e], column f is written to c + columns[f]; `rows` and `columns` are
addresses of words.
"""
turn8: Any = _turn(8)
"""As `turn`, a square of 8 × 8."""
turn4: Any = _turn(4)
"""As `turn`, a square of 4 × 4."""
turn_past: Any = _turn(0, write_past)
"""As `turn`, written past the caches: every c + columns[f] is a multiple of a vector's bytes."""


def _moved(width: int) -> Any:
    """Two copies of so many bytes, the second ending where a row ends."""

    def typed(context: Any, a: Any, c: Any, length: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, c, length = arguments
            kind = ir.VectorType(ir.FloatType(), width // 4)
            rest = builder.sub(length, WORD(width))
            values = read(builder, a, kind), read(builder, builder.add(a, rest), kind)
            for address, value in zip((c, builder.add(c, rest)), values, strict=True):
                write(builder, address, value)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), code

    return intrinsic(typed)


move8, move16, move32, move64 = map(_moved, (8, 16, 32, 64))
"""Copy a row of at least so many bytes, and at most twice as many: (a, c, bytes)."""
