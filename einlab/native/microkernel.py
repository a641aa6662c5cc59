"""The micro-kernel: a tile of a product held in vector registers, as LLVM instructions.

A tile has some rows of A against some vectors of columns of B. For every k one column of the tile's
A is broadcast and multiplied with one row of its B, both fetched through tables of offsets; so
operands may be packed into panels or lie in their tensors with any strides, as long as the columns
of a tile's B are next to each other. The result goes to C row by row: as whole vectors where
columns are neighbours there, else piece by piece under masks. Source: Goto and van de Geijn 2008;
Van Zee and van de Geijn 2015 (BLIS); Matthews 2018 (TBLIS, block-scatter).

Imports Numba: import it late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from einlab.native.scratch import DOTS
from einlab.native.vectors import (
    REGISTERS,
    WIDTH,
    between,
    fetch_ahead,
    masked_read,
    masked_write,
    multiply_add,
    read,
    reduced,
    spread,
    width,
    write,
    write_past,
)

__all__ = [
    "ADD",
    "DOTS",
    "OVERWRITE",
    "ROWS",
    "STREAM",
    "WORD",
    "Tile",
    "dots",
    "tile",
]

ROWS = 8 if REGISTERS == 32 else 4
"""Rows of the largest tile: two vectors wide it takes half of the registers, and its eight or
sixteen independent sums hide the four cycles of a multiplication."""
OVERWRITE, ADD, STREAM = 0, 1, 2
"""What happens to C: overwritten, added to, overwritten past the caches."""
WORD = ir.IntType(64)


def _fence(builder: Any) -> None:
    """Let LLVM neither repeat nor reorder reads here: it would fetch more than registers hold."""
    nothing = ir.FunctionType(ir.VoidType(), [])
    code = ir.InlineAsm(nothing, "", "~{memory}", side_effect=True)
    builder.call(code, [], attrs=("convergent", "nounwind"))


class Tile:
    """The code of one micro-kernel, as it is written into a Numba function."""

    def __init__(self, builder: Any, element: Any, rows: int, vectors: int) -> None:
        self.builder, self.element = builder, element
        self.rows, self.vectors = rows, vectors
        self.kind = ir.VectorType(element, WIDTH // width(element))

    def word(self, table: Any, place: Any) -> Any:
        """The word at a place of a table."""
        address = self.builder.add(table, self.builder.mul(place, WORD(8)))
        return read(self.builder, address, WORD)

    @contextmanager
    def loop(self, start: Any, stop: Any, carried: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
        """Code for each place from start to before stop; what is carried is changed in place."""
        builder = self.builder
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        place = builder.phi(WORD)
        place.add_incoming(start, before)
        phis = [builder.phi(value.type) for value in carried]
        for phi, value in zip(phis, carried, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", place, stop), body, after)
        builder.position_at_end(body)
        values = list(phis)
        yield place, values
        place.add_incoming(builder.add(place, WORD(1)), builder.block)
        for phi, value in zip(phis, values, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        carried[:] = phis

    def fetch(self, address: Any, mask: Any) -> Any:
        """A vector of B, under a mask if there is one."""
        if mask is None:
            return read(self.builder, address, self.kind)
        return masked_read(self.builder, address, mask, self.kind)

    def sums(
        self, k: Any, a: Any, a_rows: Any, a_k: Any, b: Any, b_k: Any, mask: Any, ahead: Any
    ) -> list[list[Any]]:
        """The vectors of the tile, row by row, summed over k; B is asked for `ahead` bytes on."""
        builder = self.builder
        lines = [builder.add(a, self.word(a_rows, WORD(row))) for row in range(self.rows)]
        carried = [ir.Constant(self.kind, [0.0] * self.kind.count)] * (self.rows * self.vectors)
        with self.loop(WORD(0), k, carried) as (place, values):
            in_a, in_b = self.word(a_k, place), builder.add(b, self.word(b_k, place))
            columns = [
                self.fetch(builder.add(in_b, WORD(WIDTH * vector)), mask)
                for vector in range(self.vectors)
            ]
            if ahead is not None:
                further = builder.add(in_b, ahead)
                for vector in range(self.vectors):
                    fetch_ahead(builder, builder.add(further, WORD(WIDTH * vector)))
            for row, line in enumerate(lines):
                factor = read(builder, builder.add(line, in_a), self.element)
                factors = spread(builder, factor, self.kind.count)
                for vector, column in enumerate(columns):
                    which = row * self.vectors + vector
                    values[which] = multiply_add(builder, factors, column, values[which])
            _fence(builder)
        return [carried[row * self.vectors : (row + 1) * self.vectors] for row in range(self.rows)]

    def fetch_result(self, c: Any, c_rows: Any, c_columns: Any, mode: Any) -> None:
        """Ask for the tile of C beforehand where it is added to."""
        builder = self.builder
        with builder.if_then(builder.icmp_signed("==", mode, WORD(ADD))):
            for vector in range(self.vectors):
                column = builder.add(c, self.word(c_columns, WORD(vector * self.kind.count)))
                for row in range(self.rows):
                    fetch_ahead(builder, builder.add(column, self.word(c_rows, WORD(row))))

    def deliver(
        self, sums: list[Any], lines: list[Any], columns: Any, runs: Any, mode: Any
    ) -> None:
        """Write one vector of each row to C.

        All rows are read before the first is written, so that a row that stands twice in a tile
        (where C has fewer rows than the tile) is added to once.
        """
        builder = self.builder
        whole = builder.icmp_signed("==", self.word(runs, WORD(0)), WORD(self.kind.count))
        with builder.if_else(whole) as (together, apart):
            with together:
                offset = self.word(columns, WORD(0))
                places = [builder.add(line, offset) for line in lines]
                self._write_whole(sums, places, mode)
            with apart:
                self._write_pieces(sums, lines, columns, runs, mode)

    def _write_whole(self, sums: list[Any], places: list[Any], mode: Any) -> None:
        builder = self.builder
        adding = builder.icmp_signed("==", mode, WORD(ADD))
        with builder.if_else(adding, likely=False) as (add, overwrite):
            with add:
                totals = [
                    builder.fadd(value, read(builder, place, self.kind))
                    for value, place in zip(sums, places, strict=True)
                ]
                for value, place in zip(totals, places, strict=True):
                    write(builder, place, value)
            with overwrite:
                past = builder.icmp_signed("==", mode, WORD(STREAM))
                with builder.if_else(past, likely=False) as (stream, store):
                    with stream:
                        for value, place in zip(sums, places, strict=True):
                            write_past(builder, place, value)
                    with store:
                        for value, place in zip(sums, places, strict=True):
                            write(builder, place, value)

    def _write_pieces(
        self, sums: list[Any], lines: list[Any], columns: Any, runs: Any, mode: Any
    ) -> None:
        """Write run by run; a run of length 0 is the first column that C does not have."""
        builder = self.builder
        adding = builder.icmp_signed("==", mode, WORD(ADD))
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("run", "piece", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        lane = builder.phi(WORD)
        lane.add_incoming(WORD(0), before)
        within = builder.icmp_signed("<", lane, WORD(self.kind.count))
        length = self.word(runs, builder.select(within, lane, WORD(0)))
        going = builder.and_(within, builder.icmp_signed(">", length, WORD(0)))
        builder.cbranch(going, body, after)
        builder.position_at_end(body)
        stop = builder.add(lane, length)
        mask = between(builder, lane, stop, self.kind.count)
        back = builder.mul(lane, WORD(width(self.element)))
        offset = builder.sub(self.word(columns, lane), back)
        places = [builder.add(line, offset) for line in lines]
        with builder.if_else(adding) as (add, overwrite):
            with add:
                totals = [
                    builder.fadd(value, masked_read(builder, place, mask, self.kind))
                    for value, place in zip(sums, places, strict=True)
                ]
                for value, place in zip(totals, places, strict=True):
                    masked_write(builder, place, value, mask)
            with overwrite:
                for value, place in zip(sums, places, strict=True):
                    masked_write(builder, place, value, mask)
        lane.add_incoming(stop, builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    def dots(self, k: Any, left: list[Any], right: list[Any]) -> list[Any]:
        """The sums over k of all rows with the first half of the columns, row by row."""
        builder, count = self.builder, self.kind.count
        carried = [ir.Constant(self.kind, [0.0] * count)] * (self.rows * DOTS)
        whole = builder.udiv(k, WORD(count))

        def further(place: Any, values: list[Any], mask: Any) -> None:
            away = builder.mul(place, WORD(WIDTH))
            rows = [read(builder, builder.add(line, away), self.kind) for line in left]
            for column in range(DOTS):
                taken = self.fetch(builder.add(right[column], away), mask)
                fetch_ahead(builder, builder.add(right[column + DOTS], away))
                for row, factors in enumerate(rows):
                    which = row * DOTS + column
                    values[which] = multiply_add(builder, factors, taken, values[which])

        with self.loop(WORD(0), whole, carried) as (place, values):
            further(place, values, None)
            _fence(builder)
        rest = builder.sub(k, builder.mul(whole, WORD(count)))
        with self.loop(
            WORD(0), builder.zext(builder.icmp_signed(">", rest, WORD(0)), WORD), carried
        ) as (
            place,
            values,
        ):
            further(whole, values, between(builder, WORD(0), rest, count))
            _fence(builder)
        return [reduced(builder, value) for value in carried]

    def scatter(self, sums: list[Any], c: Any, c_rows: Any, c_columns: Any, mode: Any) -> None:
        """Write sums one by one; all are read before, where they are added to."""
        builder = self.builder
        places = [
            builder.add(
                builder.add(c, self.word(c_rows, WORD(row))), self.word(c_columns, WORD(column))
            )
            for row in range(self.rows)
            for column in range(DOTS)
        ]
        adding = builder.icmp_signed("==", mode, WORD(ADD))
        with builder.if_else(adding) as (add, overwrite):
            with add:
                totals = [
                    builder.fadd(value, read(builder, place, self.element))
                    for value, place in zip(sums, places, strict=True)
                ]
                for value, place in zip(totals, places, strict=True):
                    write(builder, place, value)
            with overwrite:
                for value, place in zip(sums, places, strict=True):
                    write(builder, place, value)


def tile(rows: int, vectors: int, *, partial: bool = False, asking: bool = False) -> Any:
    """The micro-kernel of so many rows and vectors of columns; `partial` if B may have fewer.

    With `asking` it asks for B beforehand, which pays where B comes from memory. It is called as
    `(words, like)`; the words at that address are rows, columns, k, then addresses and tables of
    offsets in bytes: a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs; then the mode, and by
    how many bytes B is asked for beforehand. `c_runs` says for each column of the tile how many
    columns from it on, within its vector, are next to each other in C: 0 if C has none. Only what
    is partial asks how many columns.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = Tile(builder, context.get_value_type(signature.args[-1]), rows, vectors)
        columns, k, a, a_rows, a_k, b, b_k, c, c_rows, c_columns, c_runs, mode, ahead = (
            made.word(arguments[0], WORD(place)) for place in range(1, 14)
        )
        if rows == ROWS and vectors == 2:
            made.fetch_result(c, c_rows, c_columns, mode)
        mask = between(builder, WORD(0), columns, made.kind.count) if partial else None
        sums = made.sums(k, a, a_rows, a_k, b, b_k, mask, ahead if asking else None)
        lines = [builder.add(c, made.word(c_rows, WORD(row))) for row in range(rows)]
        for vector in range(vectors):
            further = WORD(8 * made.kind.count * vector)
            places, runs = builder.add(c_columns, further), builder.add(c_runs, further)
            made.deliver([row[vector] for row in sums], lines, places, runs, mode)
        return context.get_dummy_value()

    def typed(context: Any, words: Any, like: Any) -> Any:
        return types.void(types.int64, types.unliteral(like)), code

    return intrinsic(typed)


def dots(rows: int) -> Any:
    """The micro-kernel of so many rows and DOTS columns that lie along k, as A's rows do.

    It is called as `tile` is. A's rows end in zeros up to whole vectors; all tables may be read up
    to ROWS entries, and B's columns up to twice DOTS, since the next ones are asked for beforehand.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = Tile(builder, context.get_value_type(signature.args[-1]), rows, DOTS)
        k, a, a_rows, b, b_columns, c, c_rows, c_columns, mode = (
            made.word(arguments[0], WORD(place)) for place in (2, 3, 4, 6, 7, 8, 9, 10, 12)
        )
        left = [builder.add(a, made.word(a_rows, WORD(row))) for row in range(rows)]
        right = [builder.add(b, made.word(b_columns, WORD(place))) for place in range(2 * DOTS)]
        made.scatter(made.dots(k, left, right), c, c_rows, c_columns, mode)
        return context.get_dummy_value()

    def typed(context: Any, words: Any, like: Any) -> Any:
        return types.void(types.int64, types.unliteral(like)), code

    return intrinsic(typed)
