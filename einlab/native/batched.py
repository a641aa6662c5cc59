"""The micro-kernel of batches that lie innermost: vectors run along the batch.

A tile has some rows of A and some columns of B, each of which is a vector of as many elements of
the batch; every sum of products has a register of its own. Nothing is packed, and nothing is
broadcast. Imports Numba: import it late.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from einlab.native.microkernel import ADD, ROWS, WORD, Tile
from einlab.native.vectors import between, masked_write, multiply_add, write

__all__ = ["ACROSS", "DOWN", "batched"]

DOWN, ACROSS = ROWS // 2, 4
"""Rows and columns of a tile: its sums take half of the registers."""


class Batch(Tile):
    """The code of one such micro-kernel; its mask, if there is one, says which lanes exist."""

    def __init__(self, builder: Any, element: Any) -> None:
        """Begin with whole vectors."""
        super().__init__(builder, element, DOWN, ACROSS)
        self.mask: Any = None

    def places(self, start: Any, table: Any, count: int) -> list[Any]:
        """The addresses of rows or columns."""
        return [self.builder.add(start, self.word(table, WORD(place))) for place in range(count)]

    def sums_of(self, k: Any, rows: list[Any], a_k: Any, columns: list[Any], b_k: Any) -> list[Any]:
        """The sums over k, row by row."""
        builder = self.builder
        carried = [ir.Constant(self.kind, [0.0] * self.kind.count)] * (DOWN * ACROSS)
        with self.loop(WORD(0), k, carried) as (place, values):
            in_a, in_b = self.word(a_k, place), self.word(b_k, place)
            right = [self.fetch(builder.add(column, in_b), self.mask) for column in columns]
            for row, line in enumerate(rows):
                left = self.fetch(builder.add(line, in_a), self.mask)
                for column, vector in enumerate(right):
                    which = row * ACROSS + column
                    values[which] = multiply_add(builder, left, vector, values[which])
        return carried

    def keep(self, sums: list[Any], places: list[Any], mode: Any) -> None:
        """Write sums, or add them; all are read before, since some may stand twice."""
        builder = self.builder
        adding = builder.icmp_signed("==", mode, WORD(ADD))
        with builder.if_else(adding) as (add, overwrite):
            with add:
                before = [self.fetch(place, self.mask) for place in places]
                for value, place, old in zip(sums, places, before, strict=True):
                    self._put(place, builder.fadd(value, old))
            with overwrite:
                for value, place in zip(sums, places, strict=True):
                    self._put(place, value)

    def _put(self, place: Any, value: Any) -> None:
        if self.mask is None:
            write(self.builder, place, value)
        else:
            masked_write(self.builder, place, value, self.mask)


def batched(*, partial: bool) -> Any:
    """The micro-kernel, for whole vectors of the batch or `partial` ones.

    It is called as `(words, like)`; the words at that address are how many lanes exist, then k,
    then addresses and tables of offsets in bytes: a, a_rows, a_k, b, b_columns, b_k, c, c_rows,
    c_columns; then the mode. Tables of rows and columns say the last place again where a tile has
    more.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        element = context.get_value_type(signature.args[-1])
        made = Batch(builder, element)
        count, k, a, a_rows, a_k, b, b_columns, b_k, c, c_rows, c_columns, mode = (
            made.word(arguments[0], WORD(place)) for place in range(12)
        )
        if partial:
            made.mask = between(builder, WORD(0), count, made.kind.count)
        rows, columns = made.places(a, a_rows, DOWN), made.places(b, b_columns, ACROSS)
        sums = made.sums_of(k, rows, a_k, columns, b_k)
        lines = made.places(c, c_rows, DOWN)
        places = [place for line in lines for place in made.places(line, c_columns, ACROSS)]
        made.keep(sums, places, mode)
        return context.get_dummy_value()

    def typed(context: Any, words: Any, like: Any) -> Any:
        return types.void(types.int64, types.unliteral(like)), code

    return intrinsic(typed)
