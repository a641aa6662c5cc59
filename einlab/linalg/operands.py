"""What the functions of linear algebra take, and the product that they build on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab.arguments import floating, shaped
from einlab.contracting import contract
from einlab.errors import ShapeError

__all__ = [
    "SMALLEST",
    "exact_product",
    "right_side",
    "spacing",
    "together",
    "wide",
    "wide_matrix",
]

exact_product: Callable[..., jax.Array] = partial(contract, precision="highest")
"""`contract` without the shortened multiplications that accelerators use by themselves: the errors
that the functions here promise are those of the dtype."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""The least number that counts as positive."""


def wide(value: Any, name: str) -> jax.Array:
    """An array in a dtype that linear algebra is defined for: 32 bits a number at least.

    Raises OperandError if it is no array of numbers, ShapeError if it has no entries.
    """
    found = floating(value, name)
    if found.size == 0:
        raise ShapeError(f"{name} has shape {found.shape}; it has one entry at least")
    return found if found.dtype.itemsize >= 4 else found.astype(jnp.float32)


def wide_matrix(value: Any, name: str, axes: str = "m n") -> jax.Array:
    """A matrix in a dtype that linear algebra is defined for.

    Raises OperandError if it is no array of numbers, ShapeError if it is no matrix or empty.
    """
    return wide(shaped(value, name, axes), name)


def spacing(dtype: Any) -> float:
    """The step from 1 to the next number of a dtype of 32 bits or more."""
    return float(np.finfo(dtype).eps)


def together(*arrays: jax.Array) -> list[jax.Array]:
    """The arrays in one dtype."""
    dtype = jnp.result_type(*arrays)
    return [found.astype(dtype) for found in arrays]


def right_side(value: Any, name: str, rows: int, other: str) -> jax.Array:
    """A vector or matrix with as many rows as another argument has.

    Raises OperandError if it is no array of numbers, ShapeError if it does not fit.
    """
    found = wide(value, name)
    if found.ndim not in (1, 2) or found.shape[0] != rows:
        raise ShapeError(
            f"{name} has shape {found.shape}; it is a vector ({rows},) or a matrix ({rows}, p), "
            f"with a row for each row of {other}"
        )
    return found
