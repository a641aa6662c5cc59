"""`embed`: rows of a table by their ids, looked up or multiplied by one-hot rows.

A row e_iᵀE of the product of a one-hot matrix with the table is row i of the table: every other
product is with 0. Backwards the look-up adds each row's gradient to its place (a segment sum), the
product multiplies by the transposed one-hot matrix. Both give the same numbers, at other costs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
from jaxtyping import Array, Shaped

from einlab.arguments import choice, shaped
from einlab.embedding.choosing import chosen_method
from einlab.embedding.ids import mode_of, read_ids, refuse_outside, taken_rows
from einlab.embedding.rows import fill_value, rows_of
from einlab.errors import ArgumentTypeError, ShapeError

__all__ = ["METHODS", "embed", "flag", "table_of"]

METHODS = ("auto", "gather", "one_hot")
"""How rows are found: "gather" reads them, "one_hot" multiplies, "auto" takes the faster one.

>>> [embed([1], [[1.0], [2.0]], method=method).tolist() for method in METHODS]
[[[2.0]], [[2.0]], [[2.0]]]
"""


def embed(
    ids: Any,
    table: Any,
    *,
    method: str = "auto",
    mode: str | None = None,
    wrap: bool = False,
) -> Shaped[Array, "... c"]:
    """The rows of a table (v×c) whose ids are given, in an array of any shape.

    method: "gather" reads the rows, "one_hot" multiplies one-hot rows with the table at the highest
    precision, "auto" takes what is faster by the calibrated machine (see `predicted_seconds`).
    Values and gradients are equal, but for a table that holds NaN or infinity, which a product with
    0 spreads over its column.

    mode: what becomes of an id that is no row. "error" refuses it, which needs the values: it is
    what holds by default where there are any. "fill" is what holds inside of jit and its like: the
    row is NaN, in a table of integers the largest negative value (the largest one if unsigned, True
    if bool), and has no gradient. "clip" takes the nearest row. Negative ids are no rows; with
    `wrap` those from -v on count back from the end.

    Raises ShapeError if the table has other than two axes or no rows, DtypeError if the ids are no
    whole numbers, ArgumentError for an id that is refused.

    >>> table = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    >>> embed([2, 0], table).tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    >>> embed([-1, 5], table, mode="fill", wrap=True).tolist()
    [[4.0, 5.0], [nan, nan]]
    """
    taken, rows = read_ids(ids), table_of(table)
    method = choice(method, "method", METHODS)
    mode, wrap = mode_of(taken, mode), flag(wrap, "wrap")
    if mode == "error":
        refuse_outside(taken, rows.shape[0], wrap)
    if method == "auto":
        method = chosen_method(taken.size, rows.shape[0], rows.shape[1], str(rows.dtype))
    found: jax.Array = _embed(taken, rows, method=method, mode=mode, wrap=wrap)
    return found


def table_of(table: Any) -> jax.Array:
    """A table of one row or more.

    Raises ShapeError if it has other than two axes or no rows, OperandError if it is no array.
    """
    found = shaped(table, "table", "v c")
    if found.shape[0] == 0:
        raise ShapeError(f"table has shape {found.shape}; a table has one row or more")
    return found


def flag(value: object, name: str) -> bool:
    """True or False.

    Raises ArgumentTypeError if it is neither.
    """
    if not isinstance(value, bool):
        raise ArgumentTypeError(f"{name} is True or False, not {value!r:.60}")
    return value


@partial(jax.jit, static_argnames=("method", "mode", "wrap"))
def _embed(ids: jax.Array, table: jax.Array, *, method: str, mode: str, wrap: bool) -> jax.Array:
    taken = taken_rows(ids, table.shape[0], mode, wrap)
    return rows_of(taken, table, method, fill_value(table.dtype) if mode == "fill" else None)
