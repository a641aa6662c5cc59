"""Rotations as matrices: of the plane, of space, of two axes of many, from one vector to another.

Matrices act on columns; `rotate` turns points that are kept as rows. Angles are in radians.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from einlab.arguments import real, whole
from einlab.errors import ArgumentError, DtypeError, ShapeError
from einlab.linalg.operands import exact_product, spacing, together, wide, wide_matrix

__all__ = [
    "givens",
    "givens_to_zero",
    "rotate",
    "rotation_2d",
    "rotation_3d",
    "rotation_between",
]


def rotation_2d(angle: Any) -> Float[Array, "2 2"]:
    """The rotation of the plane, counter-clockwise.

    Raises OperandError or ShapeError if the angle is no single number.

    >>> import math
    >>> rotate([1.0, 0.0], rotation_2d(math.radians(30))).round(3).tolist()
    [0.866..., 0.5]
    """
    turn = _angle(angle)
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    return jnp.array([[cos, -sin], [sin, cos]])


def rotation_3d(axis: Any, angle: Any) -> Float[Array, "3 3"]:
    """The rotation of space about an axis (3,), right-handed: 1 + sin·K + (1 − cos)·K².

    K is the matrix of the cross product with the axis, which need not have length 1.

    Raises OperandError or ShapeError for another axis or angle, ArgumentError outside of `jax.jit`
    for an axis of length 0; inside the result is NaN.

    Source: Rodrigues 1840; K² in place of its outer product.

    >>> import math
    >>> (rotation_3d([0, 0, 2], math.pi / 2)[:, 0] + 0.0).round(5).tolist()
    [0.0, 1.0, 0.0]
    """
    x, y, z = _direction(_vector(axis, "axis", 3), "axis")
    turn = _angle(angle)
    zero = jnp.zeros_like(x)
    cross = jnp.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]])
    # 1 − cos, without cancellation for small angles
    versine = 2 * jnp.sin(turn / 2) ** 2
    squared = exact_product("ij,jk->ik", cross, cross)
    return jnp.eye(3, dtype=cross.dtype) + jnp.sin(turn) * cross + versine * squared


def givens(size: int, i: int, j: int, angle: Any) -> Float[Array, "n n"]:
    """The rotation of axes i and j of `size` that turns axis i towards axis j.

    Raises ArgumentError or ArgumentTypeError if i and j are not two axes, OperandError or
    ShapeError if the angle is no single number.

    Source: Golub and Van Loan 2013, section 5.1.8 (there with the opposite sense).

    >>> import math
    >>> givens(3, 0, 2, math.pi / 2).round(5)[:, 0].tolist()
    [-0.0, 0.0, 1.0]
    """
    size = whole(size, "size", 2)
    i, j = whole(i, "i", 0, size - 1), whole(j, "j", 0, size - 1)
    if i == j:
        raise ArgumentError(f"i and j are both {i}; a rotation turns two different axes")
    turn = _angle(angle)
    plane, quarter = np.zeros((2, size, size), turn.dtype)
    plane[i, i] = plane[j, j] = 1
    quarter[j, i], quarter[i, j] = 1, -1
    rest = np.eye(size, dtype=turn.dtype) - plane
    matrix: jax.Array = rest + jnp.cos(turn) * plane + jnp.sin(turn) * quarter
    return matrix


def givens_to_zero(a: Any, b: Any) -> Float[Array, "2 2"]:
    """The rotation of the plane that takes (a, b) to (r, 0), r = √(a² + b²); 1 for (0, 0).

    Raises OperandError or ShapeError if a or b is no single number.

    >>> (givens_to_zero(3.0, 4.0) @ jnp.array([3.0, 4.0])).round(5).tolist()
    [5.0, 0.0]
    """
    first, second = together(_angle(a, "a"), _angle(b, "b"))
    length = jnp.hypot(first, second)
    some = length > 0
    safe = jnp.where(some, length, 1)
    cos, sin = jnp.where(some, first / safe, 1), jnp.where(some, second / safe, 0)
    return jnp.array([[cos, sin], [-sin, cos]])


def rotation_between(start: Any, end: Any) -> Float[Array, "n n"]:
    """The rotation, of n dimensions, that takes the direction of one vector to that of another.

    It is two reflections, so orthogonal to rounding for all vectors, and leaves alone what is
    orthogonal to both. Of the many that take a vector to its opposite it is one in the plane of the
    vector and the axis that it has least of.

    start, end: (n,), n ≥ 2, of any length but 0.

    Raises OperandError or ShapeError if they are no two such vectors, ArgumentError outside of
    `jax.jit` for one of length 0; inside the result is NaN.

    >>> rotate([2.0, 0.0], rotation_between([1.0, 0.0], [0.0, 3.0])).round(5)[1].item()
    2.0
    """
    first = _vector(start, "start")
    second = _vector(end, "end", first.shape[0])
    if first.shape[0] < 2:
        raise ShapeError(f"start has shape {first.shape}; a rotation needs two axes or more")
    u, v = together(_direction(first, "start"), _direction(second, "end"))
    middle = u + v
    length = jnp.linalg.norm(middle)
    least = jnp.zeros_like(u).at[jnp.argmin(jnp.abs(u))].set(1)
    across = least - jnp.vdot(u, least) * u
    opposite = length <= 4 * spacing(u.dtype)
    mirror = jnp.where(opposite, across, middle)
    mirror = mirror / jnp.linalg.norm(mirror)
    return exact_product("ij,jk->ik", _reflection(mirror), _reflection(u))


def rotate(points: Any, rotation: Any) -> Float[Array, "*b d"]:
    """Points kept as rows (…, d), each turned by a rotation (d, d).

    Raises OperandError or ShapeError if the rotation is no square matrix or the points have another
    number of coordinates.

    >>> rotate([[1.0, 2.0], [3.0, 4.0]], [[0, -1], [1, 0]]).tolist()
    [[-2.0, 1.0], [-4.0, 3.0]]
    """
    matrix = wide_matrix(rotation, "rotation", "d d")
    rows = wide(points, "points")
    size = matrix.shape[0]
    if matrix.shape[1] != size:
        raise ShapeError(f"rotation has shape {matrix.shape}; it is square")
    if rows.ndim == 0 or rows.shape[-1] != size:
        raise ShapeError(f"points has shape {rows.shape}; the last axis has {size} coordinates")
    return exact_product("...d,ed->...e", *together(rows, matrix))


def _angle(value: Any, name: str = "angle") -> jax.Array:
    """A single real number, as an array."""
    found = wide(real(value, name) if isinstance(value, (int, float)) else value, name)
    if found.ndim:
        raise ShapeError(f"{name} has shape {found.shape}; it is a single number")
    return _not_complex(found, name)


def _vector(value: Any, name: str, size: int | None = None) -> jax.Array:
    found = _not_complex(wide(value, name), name)
    if found.ndim != 1 or (size is not None and found.shape[0] != size):
        wanted = "a vector" if size is None else f"a vector of {size}"
        raise ShapeError(f"{name} has shape {found.shape}; it is {wanted}")
    return found


def _not_complex(found: jax.Array, name: str) -> jax.Array:
    if jnp.iscomplexobj(found):
        raise DtypeError(f"{name} has dtype {found.dtype}; rotations are of real numbers")
    return found


def _direction(vector: jax.Array, name: str) -> jax.Array:
    """The vector at length 1; scaled first, so that its squares neither vanish nor overflow."""
    scale = jnp.abs(vector).max()
    if not isinstance(scale, jax.core.Tracer) and scale == 0:
        raise ArgumentError(f"{name} has length 0, and so no direction")
    scaled = vector / scale
    unit: jax.Array = scaled / jnp.linalg.norm(scaled)
    return unit


def _reflection(unit: jax.Array) -> jax.Array:
    return jnp.eye(unit.shape[0], dtype=unit.dtype) - 2 * exact_product("i,j->ij", unit, unit)
