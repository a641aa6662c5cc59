"""Each view of a product as a picture: what of a, of b and of the result one step of it touches."""

from __future__ import annotations

from einlab.arguments import whole
from einlab.errors import ArgumentError, listing
from einlab.show.matrices import Grid, Lit, Range, picture

__all__ = ["VIEWS_DRAWN", "draw"]


def draw(view: str, m: int, k: int, n: int, step: int = 0, block: int = 2) -> str:
    """One step of a view of (m×k)·(k×n), as an SVG element; `step` is counted from 0.

    Views: "entry", "rows", "columns", "outer" (one of k outer products) and "blocks", whose blocks
    have `block` rows and columns. A step of "blocks" is one block of the result and all that meets
    in it.

    Raises ArgumentError for an unknown view or a step that it does not have.

    >>> draw("outer", 3, 4, 2, step=1).count("<svg")
    1
    """
    m, k, n = (whole(size, name) for size, name in ((m, "m"), (k, "k"), (n, "n")))
    block = whole(block, "block")
    if view not in VIEWS_DRAWN:
        raise ArgumentError(f"there is no view {view!r:.40}; views are {listing(VIEWS_DRAWN)}")
    steps = VIEWS_DRAWN[view](m, k, n, block)
    if not 0 <= whole(step, "step", 0) < len(steps):
        raise ArgumentError(f"step is {step}, but this view of this product has {len(steps)} steps")
    sentence, rows, inner, columns = steps[step]
    lit = Lit(rows, inner), Lit(inner, columns), Lit(rows, columns)
    title = f"({m}×{k})·({k}×{n}) by {view}, step {step + 1} of {len(steps)}"
    return picture(title, sentence, (Grid(m, k), Grid(k, n), Grid(m, n)), lit)


Steps = list[tuple[str, Range, Range, Range]]
"""A sentence, and the rows of a, the inner indices and the columns of b that a step touches."""


def _entries(m: int, k: int, n: int, block: int) -> Steps:
    return [
        (
            f"Entry ({i}, {j}) is row {i} of a times column {j} of b: {k} terms.",
            (i, i + 1),
            (0, k),
            (j, j + 1),
        )
        for i in range(m)
        for j in range(n)
    ]


def _rows(m: int, k: int, n: int, block: int) -> Steps:
    return [
        (f"Row {i} of the product is row {i} of a times all of b.", (i, i + 1), (0, k), (0, n))
        for i in range(m)
    ]


def _columns(m: int, k: int, n: int, block: int) -> Steps:
    return [
        (
            f"Column {j} of the product is all of a times column {j} of b.",
            (0, m),
            (0, k),
            (j, j + 1),
        )
        for j in range(n)
    ]


def _outer(m: int, k: int, n: int, block: int) -> Steps:
    return [
        (
            f"Column {i} of a times row {i} of b adds one outer product to the whole result.",
            (0, m),
            (i, i + 1),
            (0, n),
        )
        for i in range(k)
    ]


def _blocks(m: int, k: int, n: int, block: int) -> Steps:
    return [
        (
            "A block of the product is a band of rows of a times a band of columns of b.",
            (i, min(i + block, m)),
            (0, k),
            (j, min(j + block, n)),
        )
        for i in range(0, m, block)
        for j in range(0, n, block)
    ]


VIEWS_DRAWN = {
    "entry": _entries,
    "rows": _rows,
    "columns": _columns,
    "outer": _outer,
    "blocks": _blocks,
}
"""The views that have a picture, by name."""
