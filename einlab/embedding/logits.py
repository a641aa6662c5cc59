"""Tied output weights: the table that turned ids into rows scores every id for a row."""

from __future__ import annotations

from typing import Any

import jax
from jaxtyping import Array, Shaped

from einlab.arguments import array
from einlab.contracting import contract
from einlab.embedding.lookup import table_of
from einlab.errors import ShapeError

__all__ = ["hidden_of", "tied_logits"]


def tied_logits(
    hidden: Any, table: Any, *, preferred_element_type: Any = None
) -> Shaped[Array, "... v"]:
    """The product of each hidden row with every row of the embedding table (v×c).

    preferred_element_type: the dtype to add up and to give the logits in, "float32" beside tables
    of 16 bits, say; None takes that of the operands.

    Raises ShapeError if the width of the hidden rows is not that of the table.
    Source: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".

    >>> tied_logits([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).tolist()
    [1.0, 2.0, 3.0]
    """
    rows = table_of(table)
    return contract(
        "...c,vc->...v",
        hidden_of(hidden, rows),
        rows,
        preferred_element_type=preferred_element_type,
    )


def hidden_of(hidden: Any, table: jax.Array) -> jax.Array:
    """Hidden rows that are as wide as those of the table.

    Raises ShapeError if they are not, OperandError for what is no array.
    """
    found = array(hidden, "hidden")
    width = found.shape[-1] if found.ndim else None
    if width != table.shape[1]:
        raise ShapeError(
            f"hidden has shape {found.shape} and the table {table.shape}: the last axis of both "
            f"is the width of a row, {table.shape[1]}"
        )
    return found
