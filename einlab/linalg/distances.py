"""Distances between points by one product, and the kernels that are made of products and distances.

|x − y|² = |x|² + |y|² − 2·x·y turns pairs of distances into one matrix product. Far from the origin
the three terms are large and their sum is small, and its digits cancel: the points are centred
first, and what rounding leaves below 0 is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from einlab.arguments import choice, real, whole
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from einlab.linalg.operands import SMALLEST, exact_product, together, wide_matrix

__all__ = [
    "distances",
    "linear_kernel",
    "matern_kernel",
    "points",
    "polynomial_kernel",
    "rbf_kernel",
    "squared_distances",
    "tanimoto_kernel",
]


def squared_distances(x: Any, y: Any = None, method: str = "product") -> Float[Array, "m n"]:
    """|xᵢ − yⱼ|² for all points x (m, d) and y (n, d); without y among the points of x.

    method "product": one matrix product of the points, centred on the mean of y. Its error is some
    d·ε·(|x|² + |y|²) of centred points, so distances between near points of a wide cloud have few
    digits; none is below 0, and those of a point from itself are 0 where y is left out.
    "difference": one row of differences at a time, every entry right to rounding, in element-wise
    work instead of a product.

    Raises OperandError, DtypeError or ShapeError if x and y are no points of one space,
    ArgumentError for another method.

    >>> squared_distances([[0.0, 0.0], [3.0, 4.0]]).round(4).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    first, second = points(x, y)
    found = METHODS[choice(method, "method", METHODS)](first, second)
    return jnp.fill_diagonal(found, 0, inplace=False) if y is None else found


def distances(x: Any, y: Any = None, method: str = "product") -> Float[Array, "m n"]:
    """The lengths |xᵢ − yⱼ|: roots of `squared_distances`, whose gradient is 0 where they are 0.

    Raises what `squared_distances` raises.

    >>> distances([[0.0, 0.0]], [[3.0, 4.0]]).round(4).tolist()
    [[5.0]]
    """
    squares = squared_distances(x, y, method)
    some = squares > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, squares, 1)), 0)


def points(x: Any, y: Any = None) -> tuple[jax.Array, jax.Array]:
    """Two sets of real points with the same number of coordinates, in one dtype.

    Raises OperandError, DtypeError or ShapeError if they are not.
    """
    first = wide_matrix(x, "x", "m d")
    second = first if y is None else wide_matrix(y, "y", "n d")
    first, second = together(first, second)
    if jnp.iscomplexobj(first):
        raise DtypeError(f"the points have dtype {first.dtype}; their coordinates are real numbers")
    if first.shape[1] != second.shape[1]:
        raise ShapeError(
            f"the points x have {first.shape[1]} coordinates and the points y {second.shape[1]}: "
            f"shapes {first.shape} and {second.shape}"
        )
    return first, second


def _by_product(x: jax.Array, y: jax.Array) -> jax.Array:
    centre = y.mean(0)
    x, y = x - centre, y - centre
    lengths = exact_product("md,md->m", x, x)[:, None] + exact_product("nd,nd->n", y, y)
    return jnp.maximum(lengths - 2 * exact_product("md,nd->mn", x, y), 0)


def _by_difference(x: jax.Array, y: jax.Array) -> jax.Array:
    rows: jax.Array = lax.map(lambda row: ((row - y) ** 2).sum(1), x)
    return rows


METHODS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "product": _by_product,
    "difference": _by_difference,
}


def linear_kernel(x: Any, y: Any = None) -> Float[Array, "m n"]:
    """xᵢ·yⱼ for points x (m, d) and y (n, d); without y among the points of x.

    Raises OperandError, DtypeError or ShapeError if x and y are no points of one space.

    >>> linear_kernel([[1.0, 2.0]], [[3.0, 4.0]]).tolist()
    [[11.0]]
    """
    first, second = points(x, y)
    return exact_product("md,nd->mn", first, second)


def polynomial_kernel(
    x: Any, y: Any = None, degree: int = 3, scale: float | None = None, offset: float = 1.0
) -> Float[Array, "m n"]:
    """(scale·xᵢ·yⱼ + offset)^degree; the scale is 1/d unless given.

    Raises what `linear_kernel` raises, ArgumentError for a degree below 1, a negative scale or
    offset, with which it is no kernel.

    >>> polynomial_kernel([[1.0, 2.0]], [[3.0, 4.0]], degree=2, scale=1.0).tolist()
    [[144.0]]
    """
    first, second = points(x, y)
    factor = 1 / first.shape[1] if scale is None else real(scale, "scale", 0)
    shifted = factor * exact_product("md,nd->mn", first, second) + real(offset, "offset", 0)
    return jnp.power(shifted, whole(degree, "degree"))


def rbf_kernel(x: Any, y: Any = None, length: Any = 1.0) -> Float[Array, "m n"]:
    """exp(−|xᵢ − yⱼ|²/(2·length²)), the Gaussian or squared-exponential kernel.

    Raises what `squared_distances` raises, ArgumentError for a length that is not positive.

    >>> rbf_kernel([[0.0]], [[1.0]]).round(4).tolist()
    [[0.606...]]
    """
    return jnp.exp(-squared_distances(x, y) / (2 * _length(length) ** 2))


def matern_kernel(
    x: Any, y: Any = None, length: Any = 1.0, smoothness: float = 1.5
) -> Float[Array, "m n"]:
    """Matérn's kernel of smoothness 0.5 (exp(−r)), 1.5 or 2.5, r = |xᵢ − yⱼ|/length.

    Raises what `squared_distances` raises, ArgumentError for another smoothness or a length that is
    not positive.

    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", equation 4.17.

    >>> matern_kernel([[0.0]], [[1.0]], smoothness=0.5).round(4).tolist()
    [[0.367...]]
    """
    if real(smoothness, "smoothness") not in (0.5, 1.5, 2.5):
        raise ArgumentError(f"smoothness is {smoothness:g}; it is 0.5, 1.5 or 2.5")
    r = distances(x, y) / _length(length) * (2 * smoothness) ** 0.5
    polynomial = {0.5: 1.0, 1.5: 1 + r, 2.5: 1 + r + r**2 / 3}[smoothness]
    found: jax.Array = polynomial * jnp.exp(-r)
    return found


def tanimoto_kernel(x: Any, y: Any = None) -> Float[Array, "m n"]:
    """Bits that two fingerprints share over bits that either has; 1 for two empty ones.

    x: (m, d) and y: (n, d) of zeros and ones, or counts: x·y/(|x|² + |y|² − x·y).

    Raises OperandError, DtypeError or ShapeError if x and y are no fingerprints of one length.

    Source: Tanimoto 1958; for molecules Willett, Barnard and Downs 1998.

    >>> tanimoto_kernel([[1, 1, 0, 0]], [[1, 0, 1, 0]]).round(4).tolist()
    [[0.333...]]
    """
    first, second = points(x, y)
    shared = exact_product("md,nd->mn", first, second)
    own = exact_product("md,md->m", first, first)[:, None]
    either = own + exact_product("nd,nd->n", second, second) - shared
    return jnp.where(either > 0, shared / jnp.where(either > 0, either, 1), 1)


def _length(value: Any) -> Any:
    """A positive length, checked unless it is being traced."""
    if isinstance(value, jax.core.Tracer):
        return value
    if isinstance(value, jax.Array):
        if value.ndim:
            raise ShapeError(f"length has shape {value.shape}; it is a single number")
        if not jnp.issubdtype(value.dtype, jnp.floating):
            raise ArgumentTypeError(f"length has dtype {value.dtype}; it is a real number")
        real(value.item(), "length", SMALLEST)
        return value
    return real(value, "length", SMALLEST)
