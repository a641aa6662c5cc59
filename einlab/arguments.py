"""What the toolkit's functions take, each checked: arrays, whole and real numbers, names.

Each check returns the value in the form that the caller works with, or says which argument is
wrong, what it is, and what it may be.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    OperandError,
    ShapeError,
    listing,
)

__all__ = [
    "array",
    "choice",
    "float_dtype",
    "floating",
    "matrix",
    "random_key",
    "real",
    "shaped",
    "whole",
]


def array(value: Any, name: str) -> jax.Array:
    """An array of numbers or booleans, from whatever NumPy can read as one.

    Raises OperandError if it is none.
    """
    if isinstance(value, jax.Array):
        return value
    try:
        found = np.asarray(value)
    except ValueError:
        found = np.asarray(None)
    if found.dtype.kind not in "biufcV" or found.dtype.names is not None:
        raise OperandError(f"{name} is no array of numbers, but {value!r:.60}")
    return jnp.asarray(found)


def floating(value: Any, name: str) -> jax.Array:
    """An array of real or complex numbers; whole ones become floating-point numbers.

    Raises OperandError if it is none.
    """
    found = array(value, name)
    return found if jnp.issubdtype(found.dtype, jnp.inexact) else found.astype(float)


def shaped(value: Any, name: str, axes: str) -> jax.Array:
    """An array with as many axes as there are names in `axes`, such as "b t d".

    Raises OperandError if it is no array of numbers, ShapeError if it has other axes.
    """
    found = array(value, name)
    count = len(axes.split())
    if found.ndim != count:
        noun = "axis" if count == 1 else "axes"
        raise ShapeError(f"{name} has shape {found.shape}; it has {count} {noun}: ({axes})")
    return found


def matrix(value: Any, name: str) -> jax.Array:
    """A matrix of real or complex numbers.

    Raises OperandError if it is no array of numbers, ShapeError if it has other than two axes.
    """
    return floating(shaped(value, name, "m n"), name)


def whole(value: object, name: str, least: int = 1, most: int | None = None) -> int:
    """A whole number of at least `least`, at most `most`.

    Raises ArgumentTypeError if it is no whole number, ArgumentError if it is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentTypeError(f"{name} is a whole number, not {value!r:.60}")
    if value < least:
        raise ArgumentError(f"{name} is {value}; it is {least} or more")
    if most is not None and value > most:
        raise ArgumentError(f"{name} is {value}; it is {most} or less")
    return int(value)


def real(value: object, name: str, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite real number from `least` to `most`.

    Raises ArgumentTypeError if it is no real number, ArgumentError if it is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ArgumentTypeError(f"{name} is a number, not {value!r:.60}")
    if not math.isfinite(value):
        raise ArgumentError(f"{name} is {value}; it is finite")
    if not least <= value <= most:
        if most == math.inf:
            raise ArgumentError(f"{name} is {value:g}; it is {least:g} or more")
        if least == -math.inf:
            raise ArgumentError(f"{name} is {value:g}; it is {most:g} or less")
        raise ArgumentError(f"{name} is {value:g}; it is between {least:g} and {most:g}")
    return float(value)


def choice(value: object, name: str, options: Iterable[str]) -> str:
    """One of the names in `options`.

    Raises ArgumentError, which proposes the nearest name, if it is another one, ArgumentTypeError
    if it is no name at all.
    """
    known = tuple(options)
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name} is a name, not {value!r:.60}: {listing(known)}")
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ArgumentError(f"{name} is {value!r:.60}; it is one of {listing(known)}{hint}")
    return value


def float_dtype(value: Any, name: str) -> np.dtype[Any]:
    """A dtype of real floating-point numbers, from whatever names one.

    Raises DtypeError for any other.
    """
    try:
        found: np.dtype[Any] | None = None if value is None else jnp.dtype(value)
    except TypeError:
        found = None
    if found is None or not jnp.issubdtype(found, jnp.floating):
        what = f"{value!r:.60}" if found is None else str(found)
        raise DtypeError(f"{name} is {what}; it is a dtype of floating-point numbers")
    return found


def random_key(value: Any, name: str) -> PRNGKeyArray:
    """One key of random numbers, as `jax.random.key` or `jax.random.PRNGKey` make it.

    Raises ArgumentTypeError for anything else.
    """
    kind = getattr(value, "dtype", None)
    if isinstance(value, jax.Array) and kind is not None:
        if jnp.issubdtype(kind, jax.dtypes.prng_key) and value.ndim == 0:
            return value
        if kind == jnp.uint32 and value.shape == (2,):
            return value
    raise ArgumentTypeError(f"{name} is a key of jax.random.key, not {value!r:.60}")
