"""Least squares in three ways, with the condition number and the digits that each may lose.

The normal equations solve with AᵀA, whose condition number is that of A squared: of a matrix with
condition number 10³ they lose six digits where QR and SVD lose three.
Source: Golub and Van Loan 2013, "Matrix Computations", section 5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Array, Float, Inexact, Int

from einlab.arguments import choice, real
from einlab.errors import ShapeError
from einlab.linalg.decomposition import condition_of
from einlab.linalg.operands import exact_product, right_side, spacing, together, wide_matrix
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.trace.reporting import report

__all__ = ["Solution", "compare_least_squares", "least_squares"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Solution:
    """What least squares found, and how far it can be trusted. Shapes are for b (m,) or (m, p).

    >>> found = least_squares([[1.0], [1.0]], [1.0, 3.0])
    >>> f"{found.solution[0]:.3f}, off by {found.residual:.3f}, of rank {found.rank}"
    '2.000, off by 1.414, of rank 1'
    """

    solution: Inexact[Array, "n ..."]
    residual: Float[Array, "*p"]
    """The length of b − a·x."""
    condition: Float[Array, ""]
    """Of a: the largest singular value over the smallest that was kept."""
    digits_lost: Float[Array, "*p"]
    """Decimal digits of the solution that rounding may cost: log₁₀ of the bound on its relative
    error, over the unit of the dtype."""
    rank: Int[Array, ""]
    """Singular values above the cut-off."""
    method: str = field(metadata={"static": True})

    @property
    def digits_left(self) -> Float[Array, "*p"]:
        """Decimal digits that are still right: those of the dtype without those lost, or 0.

        >>> bool(least_squares([[1.0], [1.0]], [2.0, 2.0]).digits_left > 5)
        True
        """
        digits = -np.log10(spacing(self.solution.dtype))
        return jnp.maximum(digits - self.digits_lost, 0)


def least_squares(a: Any, b: Any, method: str = "qr", cutoff: float | None = None) -> Solution:
    """The x that makes the length of a·x − b least.

    a: (m, n). b: (m,), or (m, p) for p problems at once. Methods:

    normal: aᵀa·x = aᵀb by Cholesky. The cheapest for m much larger than n, and squares the
      condition number; NaN where aᵀa has no factor in this dtype.
    qr: R·x = Qᵀb. For independent columns.
    svd: V·diag(1/values)·Uᵀ·b with values up to `cutoff` times the largest left out (by default the
      rounding of the dtype, times max(m, n)). For every a; of several x the shortest.

    "normal" and "qr" need m ≥ n. Digits lost come from the bound κ·‖b‖/(σ₁‖x‖) + κ +
    κ²·‖residual‖/(σ₁‖x‖), κ the condition number and σ₁ the largest singular value; the normal
    equations add κ². Source: Trefethen and Bau 1997, theorems 18.1 and 19.1 to 19.4.

    Raises OperandError or ShapeError if a and b do not fit, ArgumentError for another method or a
    cut-off that is not from 0 to 1.

    >>> found = least_squares([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0])
    >>> found.solution.round(4).tolist()
    [1.0..., 2.0...]
    """
    matrix, sides, flat = _problem(a, b)
    m, n = matrix.shape
    solve = METHODS[choice(method, "method", METHODS)]
    if method != "svd" and m < n:
        raise ShapeError(
            f"a has {m} rows and {n} columns: many x are equally good; method='svd' finds the "
            "shortest"
        )
    rounding = max(m, n) * spacing(matrix.dtype)
    least = rounding if cutoff is None else real(cutoff, "cutoff", 0, 1)
    solution, values = solve(matrix, sides, least)
    rank = jnp.maximum((values > least * values[0]).sum(), 1)
    kept = values[rank - 1] if method == "svd" else values[-1]
    condition = condition_of(jnp.stack([values[0], kept]))
    residual = jnp.linalg.norm(sides - exact_product("mn,np->mp", matrix, solution), axis=0)
    digits = _digits_lost(method, condition, values[0], solution, residual, sides)
    if flat:
        solution, residual, digits = solution[:, 0], residual[0], digits[0]
    return Solution(solution, residual, condition, digits, rank, method)


def _problem(a: Any, b: Any) -> tuple[jax.Array, jax.Array, bool]:
    matrix = wide_matrix(a, "a")
    matrix, sides = together(matrix, right_side(b, "b", matrix.shape[0], "a"))
    flat = sides.ndim == 1
    return matrix, sides[:, None] if flat else sides, flat


def _normal(a: jax.Array, b: jax.Array, cutoff: float) -> tuple[jax.Array, jax.Array]:
    gram = exact_product("mi,mj->ij", a.conj(), a)
    right = exact_product("mi,mp->ip", a.conj(), b)
    factor = jnp.linalg.cholesky(gram)
    return cho_solve((factor, True), right), jnp.linalg.svd(a, compute_uv=False)


def _qr(a: jax.Array, b: jax.Array, cutoff: float) -> tuple[jax.Array, jax.Array]:
    basis, upper = jnp.linalg.qr(a)
    solution = solve_triangular(upper, exact_product("mr,mp->rp", basis.conj(), b))
    return solution, jnp.linalg.svd(upper, compute_uv=False)


def _svd(a: jax.Array, b: jax.Array, cutoff: float) -> tuple[jax.Array, jax.Array]:
    left, values, right = jnp.linalg.svd(a, full_matrices=False)
    kept = values > cutoff * values[0]
    inverse = jnp.where(kept, 1 / jnp.where(kept, values, 1), 0).astype(a.dtype)
    solution = exact_product("rn,r,mr,mp->np", right.conj(), inverse, left.conj(), b)
    return solution, values


METHODS: dict[str, Callable[[jax.Array, jax.Array, float], tuple[jax.Array, jax.Array]]] = {
    "normal": _normal,
    "qr": _qr,
    "svd": _svd,
}


def _digits_lost(
    method: str,
    condition: jax.Array,
    largest: jax.Array,
    solution: jax.Array,
    residual: jax.Array,
    sides: jax.Array,
) -> jax.Array:
    """log₁₀ of the bound that `least_squares` names, a column at a time; 0 where b is 0."""
    length = jnp.linalg.norm(sides, axis=0)
    reach = largest * jnp.linalg.norm(solution, axis=0)
    some = length > 0
    spread = jnp.where(some, reach, 1)
    bound = condition * (length / spread + 1 + condition * residual / spread)
    if method == "normal":
        bound += condition**2
    return jnp.where(some, jnp.maximum(jnp.log10(bound), 0), 0)


def compare_least_squares(a: Any, b: Any) -> Shown:
    """A row for each method that a allows: FLOPs as traced, digits lost, and the error it has.

    The error is ‖x − x₆₄‖/‖x₆₄‖, x₆₄ from NumPy in 64 bits on the same numbers; where a is of 64
    bits itself, the two have errors of one size.

    Raises OperandError or ShapeError if a and b do not fit.

    >>> print(compare_least_squares([[1.0], [1.0]], [1.0, 3.0]).table.column("method"))
    ('normal', 'qr', 'svd')
    """
    matrix, sides, _ = _problem(a, b)
    kind = np.complex128 if np.iscomplexobj(matrix) else np.float64
    exact = np.linalg.lstsq(np.asarray(matrix, kind), np.asarray(sides, kind), rcond=None)[0]
    scale = float(np.linalg.norm(exact)) or 1.0
    rows = []
    m, n = matrix.shape
    for method in METHODS if m >= n else ("svd",):
        counted = report(least_squares, matrix, sides, method)
        found = least_squares(matrix, sides, method)
        error = float(np.linalg.norm(np.asarray(found.solution, kind) - exact)) / scale
        rows.append((method, counted.flops, float(jnp.max(found.digits_lost)), error))
    columns = [
        Column("method"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("digits lost, at most", "number"),
        Column("error", "number"),
    ]
    digits = -np.log10(spacing(matrix.dtype))
    notes = [
        f"{matrix.dtype} has {digits:.1f} digits; the condition number of a is "
        f"{float(found.condition):.3g}",
        "FLOPs include those of the condition number",
    ]
    return Shown(Table(f"least squares with a ({m}×{n})", columns, rows, notes=notes))
