"""The two methods themselves: rows that are read, and rows that a product makes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from einlab.contracting import contract
from einlab.dtypes import dtype_name, is_integer, largest_integer

__all__ = ["fill_value", "rows_of"]

Fill = float | int | bool | None


def rows_of(
    ids: jax.Array, table: Shaped[Array, "v c"], method: str, fill: Fill = None
) -> Shaped[Array, "... c"]:
    """The rows by "gather" or "one_hot" of ids in any shape; ids beyond the table give `fill`.

    With None every id is a row.
    """
    if method == "one_hot":
        return _multiplied(ids, table, fill)
    if fill is None:
        within: jax.Array = table.at[ids].get(mode="promise_in_bounds", wrap_negative_indices=False)
        return within
    found: jax.Array = table.at[ids].get(mode="fill", fill_value=fill, wrap_negative_indices=False)
    return found


def _multiplied(ids: jax.Array, table: jax.Array, fill: Fill) -> jax.Array:
    """One-hot rows times the table; an id beyond it makes a row of zeros."""
    rows, width = table.shape
    one_hot = jax.nn.one_hot(ids.reshape(-1), rows, dtype=table.dtype)
    made = contract("nv,vc->nc", one_hot, table, precision="highest")
    made = made.reshape(*ids.shape, width)
    if fill is None or fill == 0:
        return made
    is_row = (ids >= 0) & (ids < rows)
    return jnp.where(is_row[..., None], made, jnp.asarray(fill, table.dtype))


def fill_value(dtype: Any) -> float | int | bool:
    """What a row that is none is filled with: JAX's own value for reads that are out of bounds.

    Source: JAX documentation, `jax.numpy.ndarray.at`, fill_value, read 2026-11-22.

    >>> fill_value("float32"), fill_value("int8"), fill_value("uint8"), fill_value("bool")
    (nan, -128, 255, True)
    """
    if jnp.issubdtype(dtype, jnp.inexact):
        return float("nan")
    if jnp.issubdtype(dtype, jnp.signedinteger):
        return -largest_integer(dtype_name(dtype))
    return largest_integer(dtype_name(dtype)) if is_integer(dtype_name(dtype)) else True
