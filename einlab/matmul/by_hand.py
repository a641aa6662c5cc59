"""A product by hand: the triple loop, and every term of every entry.

Here nothing is fast and nothing is hidden: the numbers are plain Python numbers, one multiplication
and one addition after the other.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.matmul.operands import matrices
from einlab.show.matrices import Grid, Lit, picture, spelled_number

__all__ = ["Entry", "by_hand", "explain_matmul"]

Number = int | float | complex
Rows = list[list[Number]]


@dataclass(frozen=True)
class Entry:
    """One entry of a product: the row and the column that meet in it, and their terms.

    >>> entry = Entry(0, 1, a=((1, 2), (3, 4)), b=((5, 6), (7, 8)))
    >>> entry.row, entry.column, entry.terms
    ((1, 2), (6, 8), (6, 16))
    >>> entry.partial_sums, entry.value
    ((6, 22), 22)
    """

    i: int
    """Row of the entry, counted from 0."""
    j: int
    """Column of the entry, counted from 0."""
    a: tuple[tuple[Number, ...], ...]
    """The left matrix."""
    b: tuple[tuple[Number, ...], ...]
    """The right matrix."""

    @property
    def row(self) -> tuple[Number, ...]:
        """Row i of a, K numbers."""
        return self.a[self.i]

    @property
    def column(self) -> tuple[Number, ...]:
        """Column j of b, K numbers."""
        return tuple(row[self.j] for row in self.b)

    @cached_property
    def terms(self) -> tuple[Number, ...]:
        """The K products a[i, k]·b[k, j]."""
        return tuple(map(operator.mul, self.row, self.column))

    @cached_property
    def partial_sums(self) -> tuple[Number, ...]:
        """What the entry is after each term; the last one is its value."""
        return tuple(accumulate(self.terms))

    @property
    def value(self) -> Number:
        """The entry; 0 where there is no term."""
        return self.partial_sums[-1] if self.terms else 0

    def __str__(self) -> str:
        factors = zip(self.row, self.column, strict=True)
        products = " + ".join(f"{_factor(x)}·{_factor(y)}" for x, y in factors)
        terms = " + ".join(map(_factor, self.terms))
        lines = [f"c[{self.i}, {self.j}] = row {self.i} of a · column {self.j} of b"]
        if len(self.terms) > 1:
            lines += [f"        = {products}", f"        = {terms}"]
        elif self.terms:
            lines.append(f"        = {products}")
        return "\n".join([*lines, f"        = {spelled_number(self.value)}"])

    def svg(self) -> str:
        """A picture: the row of a, the column of b, the terms, and the cell of the product.

        >>> Entry(0, 0, ((1, 2),), ((3,), (4,))).svg().startswith("<svg")
        True
        """
        inner, columns = len(self.b), len(self.b[0])
        product = [
            [Entry(i, j, self.a, self.b).value for j in range(columns)] for i in range(len(self.a))
        ]
        terms = " + ".join(
            f"{_factor(x)}·{_factor(y)}" for x, y in zip(self.row, self.column, strict=True)
        )
        rows, inside, at = (self.i, self.i + 1), (0, inner), (self.j, self.j + 1)
        return picture(
            f"c[{self.i}, {self.j}] = row {self.i} of a · column {self.j} of b",
            f"{terms or '0'} = {spelled_number(self.value)}",
            (
                Grid(len(self.a), inner, self.a),
                Grid(inner, columns, self.b),
                Grid(len(self.a), columns, product),
            ),
            (Lit(rows, inside), Lit(inside, at), Lit(rows, at)),
        )

    def _repr_html_(self) -> str:
        return self.svg()


def _factor(number: Number) -> str:
    text = spelled_number(number)
    return f"({text})" if text.startswith("-") else text


def by_hand(a: Any, b: Any) -> tuple[tuple[Entry, ...], ...]:
    """Every entry of a product (m×k)·(k×n), as the triple loop makes it: m rows of n entries.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> [[entry.value for entry in row] for row in by_hand([[1, 2, 3], [4, 5, 6]],
    ...                                                    [[7, 8], [9, 10], [11, 12]])]
    [[58, 64], [139, 154]]
    """
    left, right = _plain(a, b)
    columns = len(right[0]) if right else matrices(a, b)[1].shape[1]
    return tuple(tuple(Entry(i, j, left, right) for j in range(columns)) for i in range(len(left)))


def explain_matmul(a: Any, b: Any, i: int, j: int) -> Entry:
    """Entry (i, j) of a product (m×k)·(k×n), counted from 0: printing it shows how it comes about.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array, ArgumentError
    if there is no such entry.

    >>> print(explain_matmul([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]], 1, 0))
    c[1, 0] = row 1 of a · column 0 of b
            = 4·7 + 5·9 + 6·11
            = 28 + 45 + 66
            = 139
    """
    left, right = matrices(a, b)
    for name, place, size in (("i", i, left.shape[0]), ("j", j, right.shape[1])):
        if isinstance(place, bool) or not isinstance(place, (int, np.integer)):
            raise ArgumentTypeError(f"{name} is a whole number, not {place!r:.60}")
        if not 0 <= place < size:
            what = "row" if name == "i" else "column"
            raise ArgumentError(
                f"{name} is {place}, but the product has {size} {what}s, counted from 0"
            )
    return Entry(int(i), int(j), *_plain(a, b))


def _plain(a: Any, b: Any) -> tuple[tuple[tuple[Number, ...], ...], ...]:
    """Both matrices as tuples of rows of Python numbers, exactly as given."""
    matrices(a, b)
    left, right = (tuple(map(tuple, np.asarray(matrix).tolist())) for matrix in (a, b))
    return left, right
