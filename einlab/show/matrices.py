"""A product of two matrices as a picture: a left of it, b above it, and what is lit in each.

The product stands where the rows of a and the columns of b cross, so that every entry is seen to
come from its row and its column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from einlab.show.sheet import MARGIN, WIDTH, label, note, px, sheet, width_of
from einlab.show.text import abbreviated

__all__ = ["Grid", "Lit", "Range", "picture", "spelled_number"]

Range = tuple[int, int]
"""First and one past the last."""

TOP, GAP = 92.0, 30.0
LARGEST, READABLE = 46.0, 26.0
ROOM = 760.0
"""Pixels that the wider of the two directions may take."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix of a picture: its sizes, and its numbers where they are to be read."""

    rows: int
    columns: int
    values: Sequence[Sequence[int | float | complex]] | None = None


@dataclass(frozen=True, slots=True)
class Lit:
    """What is lit in a matrix: some rows and some columns of it."""

    rows: Range
    columns: Range


def spelled_number(value: int | float | complex) -> str:
    """A number as it is written into a cell: whole numbers exactly, others to six digits.

    >>> spelled_number(12), spelled_number(1 / 3), spelled_number(-2.0), spelled_number(True)
    ('12', '0.333333', '-2', '1')
    """
    if isinstance(value, complex):
        imaginary = spelled_number(abs(value.imag))
        minus = math.copysign(1.0, value.imag) < 0
        return f"{spelled_number(value.real)}{'-' if minus else '+'}{imaginary}j"
    return str(int(value)) if isinstance(value, (bool, int)) else f"{value:.6g}"


def picture(
    title: str, sentence: str, grids: tuple[Grid, Grid, Grid], lit: tuple[Lit, Lit, Lit]
) -> str:
    """An SVG element of a, b and their product, with what is lit in each.

    `grids` are m×k, k×n and m×n. Numbers are written where the cells are large enough.

    >>> whole = Lit((0, 1), (0, 1))
    >>> picture("t", "s", (Grid(1, 1),) * 3, (whole,) * 3).count("<svg")
    1
    """
    a, b, c = grids
    across, down = a.columns + b.columns, a.rows + b.rows
    cell = min(LARGEST, (ROOM - GAP) / max(across, down, 1))
    wide = across * cell + GAP
    left = max(MARGIN + 24, (WIDTH - wide) / 2)
    right = left + a.columns * cell + GAP
    below = TOP + b.rows * cell + GAP
    body = [
        *_matrix("a", a, lit[0], left, below, cell, 2),
        *_matrix("b", b, lit[1], right, TOP, cell, 1),
        *_matrix("c", c, lit[2], right, below, cell, 3),
    ]
    return sheet(title, sentence, below + a.rows * cell + 40, body)


def _matrix(
    name: str, grid: Grid, lit: Lit, left: float, top: float, cell: float, colour: int
) -> Iterator[str]:
    """The lit cells, the lines of the grid, the numbers, and the name with the sizes."""
    wide, high = grid.columns * cell, grid.rows * cell
    if lit.rows[0] < lit.rows[1] and lit.columns[0] < lit.columns[1]:
        yield (
            f'<rect class="fh{colour}" fill-opacity="0.55" '
            f'x="{px(left + lit.columns[0] * cell)}" y="{px(top + lit.rows[0] * cell)}" '
            f'width="{px((lit.columns[1] - lit.columns[0]) * cell)}" '
            f'height="{px((lit.rows[1] - lit.rows[0]) * cell)}"/>'
        )
    yield f'<path class="line" d="{_lines(grid, left, top, cell)}"/>'
    if grid.values is not None and cell >= READABLE:
        for i, row in enumerate(grid.values):
            for j, value in enumerate(row):
                text = abbreviated(spelled_number(value), max(3, int((cell - 4) / 6)))
                glyph = min(12.0, 12.0 * (cell - 4) / max(width_of(text), 1.0))
                at = (left + (j + 0.5) * cell, top + (i + 0.5) * cell)
                yield label(text, *at, glyph=glyph)
    yield note(
        f"{name} {grid.rows}×{grid.columns}",
        left + wide / 2,
        top - 8 if name == "b" else top + high + 18,
        "middle",
    )


def _lines(grid: Grid, left: float, top: float, cell: float) -> str:
    """The frame of a grid, and the lines between its cells unless they would be too dense."""
    wide, high = grid.columns * cell, grid.rows * cell
    dense = cell < 5
    rows = [0, grid.rows] if dense else range(grid.rows + 1)
    columns = [0, grid.columns] if dense else range(grid.columns + 1)
    across = [f"M{px(left)} {px(top + i * cell)}h{px(wide)}" for i in rows]
    down = [f"M{px(left + j * cell)} {px(top)}v{px(high)}" for j in columns]
    return "".join([*across, *down])
