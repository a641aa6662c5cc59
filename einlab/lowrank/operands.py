"""What the decompositions take: a matrix or tensor, a rank, a random key."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from einlab.arguments import floating, whole
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError

__all__ = ["random_key", "rank_of", "wide_matrix", "wide_tensor"]


def wide_tensor(value: Any, name: str, least: int = 2, most: int | None = None) -> jax.Array:
    """An array with so many axes, in a dtype that linear algebra is defined for.

    Numbers of fewer than 32 bits are computed in float32.

    Raises OperandError if it is no array of numbers, ShapeError if it has other axes or no entries.
    """
    found = floating(value, name)
    if found.ndim < least or (most is not None and found.ndim > most):
        wanted = f"{least} axes" if least == most else f"{least} axes or more"
        raise ShapeError(f"{name} has shape {found.shape}; it has {wanted}")
    if found.size == 0:
        raise ShapeError(f"{name} has shape {found.shape}: there is nothing to approximate")
    return found if found.dtype.itemsize >= 4 else found.astype(jnp.float32)


def wide_matrix(value: Any, name: str = "matrix") -> jax.Array:
    """A matrix in a dtype that linear algebra is defined for.

    Raises OperandError if it is no array of numbers, ShapeError if it is no matrix or empty.
    """
    return wide_tensor(value, name, 2, 2)


def rank_of(rank: object, matrix: jax.Array) -> int:
    """A rank that the matrix can have.

    Raises ArgumentTypeError if it is no whole number, ArgumentError if it is out of range.
    """
    found = whole(rank, "rank")
    if found > min(matrix.shape):
        m, n = matrix.shape
        raise ArgumentError(f"rank is {found}; a matrix of {m}×{n} has rank {min(m, n)} at most")
    return found


def random_key(key: Any) -> jax.Array:
    """A key of JAX from a key or from a whole number.

    Raises ArgumentTypeError if it is neither, ArgumentError for a negative number.
    """
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.shape:
            raise ArgumentError(f"key has shape {key.shape}; one key is needed")
        return key
    if isinstance(key, jax.Array):
        raise ArgumentTypeError("key is an array; it is a whole number, or made by jax.random.key")
    return jax.random.key(whole(key, "key", 0))
