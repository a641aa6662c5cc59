"""Small pieces of code that packing is made of: squares that change rows for columns.

Imports Numba: import it late.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from einlab.native.microkernel import ROWS, WORD, Tile
from einlab.native.vectors import read, write

__all__ = ["copy_square_row", "transpose"]


def _transposed(builder: Any, lines: list[Any]) -> list[Any]:
    """The columns of a square of vectors: halves are exchanged at every distance."""
    count = len(lines)
    distance = count // 2
    while distance:
        low = [lane if not lane & distance else lane - distance + count for lane in range(count)]
        high = [lane + distance if not lane & distance else lane + count for lane in range(count)]
        kind = ir.VectorType(ir.IntType(32), count)
        for first in range(count):
            if not first & distance:
                x, y = lines[first], lines[first + distance]
                lines[first] = builder.shuffle_vector(x, y, ir.Constant(kind, low))
                lines[first + distance] = builder.shuffle_vector(x, y, ir.Constant(kind, high))
        distance //= 2
    return lines


def _transpose(context: Any, source: Any, offsets: Any, target: Any, step: Any, like: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, offsets, target, step, _ = arguments
        made = Tile(builder, context.get_value_type(signature.args[-1]), ROWS, 1)
        kind = ir.VectorType(made.element, ROWS)
        lines = [
            read(builder, builder.add(source, made.word(offsets, WORD(row))), kind)
            for row in range(ROWS)
        ]
        for row, line in enumerate(_transposed(builder, lines)):
            write(builder, builder.add(target, builder.mul(step, WORD(row))), line)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4, types.unliteral(like)), code


def _copy_row(context: Any, source: Any, target: Any, like: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target, _ = arguments
        kind = ir.VectorType(context.get_value_type(signature.args[-1]), ROWS)
        write(builder, target, read(builder, source, kind))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.unliteral(like)), code


transpose: Any = intrinsic(_transpose)
"""transpose(source, offsets, target, step, like): a square of ROWS runs of ROWS elements, whose
places are told in bytes behind `source`; its columns go to `target`, `step` bytes apart."""
copy_square_row: Any = intrinsic(_copy_row)
"""copy_square_row(source, target, like): copy ROWS elements that lie side by side."""
