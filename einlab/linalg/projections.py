"""Projections onto the span of columns, by an orthonormal basis of it.

Source: Golub and Van Loan 2013, "Matrix Computations", sections 2.5.1 and 5.2.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from einlab.arguments import whole
from einlab.errors import ArgumentError, ShapeError
from einlab.linalg.bracketing import bracketings
from einlab.linalg.operands import exact_product, right_side, spacing, together, wide_matrix
from einlab.show.shown import Shown

__all__ = ["compare_projection", "orthonormal_basis", "project", "projection_matrix", "reject"]


def orthonormal_basis(a: Any) -> Inexact[Array, "m r"]:
    """Orthonormal columns U that span what the r columns of a (m, r) span, by QR.

    The columns of a are independent. Where one is a combination of those before it, to rounding,
    the result is NaN inside of `jax.jit` and its like.

    Raises OperandError or ShapeError for what is no matrix or has more columns than rows,
    ArgumentError outside of `jax.jit` for dependent columns.

    >>> orthonormal_basis(jnp.eye(3)[:, :2]).shape
    (3, 2)
    """
    columns = wide_matrix(a, "a", "m r")
    m, r = columns.shape
    if r > m:
        raise ShapeError(f"a has {r} columns of {m} entries; at most {m} of them are independent")
    basis, upper = jnp.linalg.qr(columns)
    rounding = m * spacing(columns.dtype)
    pivots = jnp.abs(exact_product("ii->i", upper))
    dependent = pivots <= rounding * jnp.linalg.norm(columns, axis=0)
    if isinstance(dependent, jax.core.Tracer):
        return jnp.where(dependent.any(), jnp.nan, basis)
    if dependent.any():
        raise ArgumentError(
            f"column {int(dependent.argmax())} of a is zero or a combination of the columns before "
            "it; leave it out, or take the columns of svd(a).left whose values are not near zero"
        )
    return basis


def project(v: Any, a: Any) -> Inexact[Array, "m ..."]:
    """The point nearest to v in the span of the columns of a, U·(Uᵀ·v).

    v: (m,), or (m, p) for p vectors at once. a: (m, r). The brackets are the planner's: for one
    vector U·(Uᵀ·v), in 4·m·r FLOPs, for very many (U·Uᵀ)·v; `compare_projection` shows both.

    Raises what `orthonormal_basis` raises, ShapeError if v has other rows than a.

    >>> project([1.0, 2.0, 3.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).round(5).tolist()
    [1.0, 2.0, 0.0]
    """
    columns = wide_matrix(a, "a", "m r")
    vectors, columns = together(right_side(v, "v", columns.shape[0], "a"), columns)
    basis = orthonormal_basis(columns)
    rest = "p" if vectors.ndim == 2 else ""
    return exact_product(f"mr,nr,n{rest}->m{rest}", basis, basis.conj(), vectors)


def reject(v: Any, a: Any) -> Inexact[Array, "m ..."]:
    """What `project` leaves of v: the part that is orthogonal to every column of a.

    Raises what `project` raises.

    >>> reject([1.0, 2.0, 3.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).round(5).tolist()
    [0.0, 0.0, 3.0]
    """
    projected = project(v, a)
    return right_side(v, "v", projected.shape[0], "a").astype(projected.dtype) - projected


def projection_matrix(a: Any) -> Inexact[Array, "m m"]:
    """The matrix U·Uᵀ that projects onto the span of the columns of a (m, r).

    To project a few vectors, `project` needs neither its m² entries nor the work to form them.

    Raises what `orthonormal_basis` raises.

    >>> projection_matrix([[1.0], [1.0]]).round(5).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    basis = orthonormal_basis(a)
    return exact_product("mr,nr->mn", basis, basis.conj())


def compare_projection(m: int, r: int, vectors: int = 1, dtype: Any = "float32") -> Shown:
    """U·(Uᵀ·v) beside (U·Uᵀ)·v for U (m, r) and so many vectors: FLOPs and memory of the plans.

    Raises ArgumentError or ArgumentTypeError for sizes that cannot be.

    >>> compare_projection(1000, 10).table.column("FLOPs")
    (40000, 22000000, 40000)
    """
    m, r, vectors = whole(m, "m"), whole(r, "r"), whole(vectors, "vectors")
    if r > m:
        raise ArgumentError(f"r is {r}; at most m = {m} columns are independent")
    return bracketings(
        f"projecting {vectors} vector{'s' * (vectors > 1)} of {m} onto {r} columns",
        "mr,nr,np->mp",
        [(m, r), (m, r), (m, vectors)],
        {"U·(Uᵀ·v)": [(1, 2), (0, 1)], "(U·Uᵀ)·v": [(0, 1), (0, 1)]},
        dtype=dtype,
    )
