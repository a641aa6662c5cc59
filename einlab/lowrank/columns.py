"""Approximations from columns and rows of the matrix itself, and of positive semi-definite ones.

Sources: Businger and Golub 1965 (QR with column pivoting); Cheng, Gimbutas, Martinsson and Rokhlin
2005 (interpolative decompositions); Mahoney and Drineas 2009 (CUR); Tropp, Yurtsever, Udell and
Cevher 2017, algorithm 3 (Nyström's approximation, made stable by a shift).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab.arguments import whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ShapeError
from einlab.lowrank.decomposition import Decomposition, Found, decomposed, relative_error
from einlab.lowrank.operands import random_key, rank_of, wide_matrix

__all__ = ["cur", "interpolative", "nystrom", "pivoted_qr"]

TWO, CUR, NYSTROM = "mr,rn->mn", "mr,rs,sn->mn", "mr,r,nr->mn"


def pivoted_qr(matrix: Any, rank: int) -> Decomposition:
    """Orthonormal columns that span the columns chosen by pivoting, and all columns in them.

    Factors are Q (m r) and the rows (r n) of R with its columns back in their places; `chosen`
    holds the numbers of the columns.

    Raises as `truncated_svd` does.

    >>> found = pivoted_qr([[1.0, 5.0], [0.0, 5.0]], rank=1)
    >>> found.chosen[0].tolist()
    [1]
    """
    given = wide_matrix(matrix)
    return decomposed(TWO, _pivoted_qr, given, rank=rank_of(rank, given))


def _pivoted_qr(matrix: jax.Array, *, rank: int) -> Found:
    q, r, pivots = _pivoted(matrix)
    factors = (q[:, :rank], jnp.zeros_like(r[:rank]).at[:, pivots].set(r[:rank]))
    return factors, relative_error(matrix, TWO, factors), (pivots[:rank],)


def _pivoted(matrix: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Q, R and the columns in the order in which they were chosen."""
    q, r, pivots = jax.scipy.linalg.qr(matrix, mode="economic", pivoting=True)
    return q, r, pivots


def interpolative(matrix: Any, rank: int) -> Decomposition:
    """Columns of the matrix, and how the others are made of them.

    Factors are the chosen columns (m r) and the coefficients (r n), which hold the identity in the
    chosen columns; `chosen` holds their numbers.

    Raises as `truncated_svd` does.

    >>> found = interpolative([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]], rank=1)
    >>> found.factors[0].tolist(), abs(found.factors[1]).tolist()
    ([[2.0], [2.0]], [[0.5, 1.0, 0.0]])
    """
    given = wide_matrix(matrix)
    return decomposed(TWO, _interpolative, given, rank=rank_of(rank, given))


def _interpolative(matrix: jax.Array, *, rank: int) -> Found:
    _, r, pivots = _pivoted(matrix)
    largest = jnp.abs(r[:rank]).max(axis=1)
    # Rows beyond the matrix's own rank hold rounding errors: their columns explain nothing.
    sound = largest > largest[0] * max(matrix.shape) * np.finfo(matrix.dtype).eps
    corner = jnp.where(sound[:, None] & sound[None, :], r[:rank, :rank], jnp.eye(rank))
    rest = jnp.where(sound[:, None], r[:rank, rank:], 0)
    others = jax.scipy.linalg.solve_triangular(corner.astype(r.dtype), rest)
    ordered = jnp.concatenate([jnp.eye(rank, dtype=r.dtype), others], axis=1)
    coefficients = jnp.zeros_like(ordered).at[:, pivots].set(ordered)
    factors = (matrix[:, pivots[:rank]], coefficients)
    return factors, relative_error(matrix, TWO, factors), (pivots[:rank],)


def cur(matrix: Any, rank: int) -> Decomposition:
    """Columns C and rows R of the matrix, and the small matrix U between them of least error.

    C (m r) and R (r n) are chosen by QR with pivoting of the matrix and of its transpose, U is
    C⁺·A·R⁺; `chosen` holds the numbers of the columns and of the rows.

    Raises as `truncated_svd` does.

    >>> found = cur([[1.0, 2.0], [2.0, 4.0]], rank=1)
    >>> [part.tolist() for part in found.chosen], bool(found.relative_error < 1e-6)
    ([[1], [1]], True)
    """
    given = wide_matrix(matrix)
    return decomposed(CUR, _cur, given, rank=rank_of(rank, given))


def _cur(matrix: jax.Array, *, rank: int) -> Found:
    columns = _pivoted(matrix)[2][:rank]
    rows = _pivoted(matrix.T)[2][:rank]
    left, right = matrix[:, columns], matrix[rows]
    middle = contract("rm,mn,ns->rs", jnp.linalg.pinv(left), matrix, jnp.linalg.pinv(right))
    factors = (left, middle, right)
    return factors, relative_error(matrix, CUR, factors), (columns, rows)


def nystrom(matrix: Any, rank: int, key: Any = 0, *, oversampling: int = 10) -> Decomposition:
    """The eigenvalues and eigenvectors of a symmetric positive semi-definite matrix, nearly.

    One product with rank + oversampling vectors is all that it asks of the matrix, a kernel matrix
    say. Factors are the vectors U (m r), the values (r,), descending, and U again, conjugate.

    Raises ShapeError if the matrix is not square, ArgumentError if it is not symmetric or not
    positive semi-definite, where it is known; else as `truncated_svd` does.

    >>> found = nystrom([[2.0, 1.0], [1.0, 2.0]], rank=1)
    >>> [round(value, 3) for value in found.factors[1].tolist()]
    [3.0]
    """
    given = wide_matrix(matrix)
    if given.shape[0] != given.shape[1]:
        raise ShapeError(
            f"matrix has shape {given.shape}; a positive semi-definite matrix is square"
        )
    rank = rank_of(rank, given)
    width = min(rank + whole(oversampling, "oversampling", 0), given.shape[0])
    known = None if isinstance(given, jax.core.Tracer) else np.asarray(given)
    if known is not None:
        difference = np.abs(known - known.conj().T).max()
        if not difference <= 100 * float(np.finfo(given.dtype).eps) * np.abs(known).max():
            raise ArgumentError(
                f"matrix is not symmetric: an entry differs by {difference:.3g} from its mirror"
            )
    found = decomposed(NYSTROM, _nystrom, given, random_key(key), rank=rank, width=width)
    if known is not None and not np.isfinite(np.asarray(found.factors[1])).all():
        raise ArgumentError("matrix is not positive semi-definite: it has a negative eigenvalue")
    return found


def _nystrom(matrix: jax.Array, key: jax.Array, *, rank: int, width: int) -> Found:
    n = matrix.shape[0]
    test, _ = jnp.linalg.qr(jax.random.normal(key, (n, width), matrix.dtype))
    image = contract("mn,nk->mk", matrix, test)
    # A shift of a few roundings keeps the small matrix positive definite; it is taken off again.
    size = jnp.linalg.norm(image)
    shift = jnp.where(size > 0, size, 1) * np.finfo(matrix.dtype).eps * n**0.5
    image = image + shift * test
    small = contract("nk,nl->kl", test.conj(), image)
    triangle = jnp.linalg.cholesky((small + small.conj().T) / 2, upper=True)
    half = jax.scipy.linalg.solve_triangular(triangle, image.T, trans=1).T
    u, s, _ = jnp.linalg.svd(half, full_matrices=False)
    values = jnp.maximum(s[:rank] ** 2 - shift, 0)
    factors = (u[:, :rank], values, u[:, :rank].conj())
    return factors, relative_error(matrix, NYSTROM, factors), ()
