"""The best approximation of a rank, by the SVD, and nearly the best at a fraction of its cost.

Sources: Eckart and Young 1936, Mirsky 1960 (the truncated SVD is the best of its rank in every
unitarily invariant norm); Halko, Martinsson and Tropp 2011, "Finding structure with randomness"
(HMT), algorithms 4.4 and 5.1, equation 4.3, theorem 9.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from einlab.arguments import whole
from einlab.contracting import contract
from einlab.lowrank.decomposition import Decomposition, Found, decomposed, relative_error
from einlab.lowrank.operands import random_key, rank_of, wide_matrix

__all__ = ["RandomizedSVD", "randomized_svd", "truncated_svd"]

SVD = "mr,r,rn->mn"


def truncated_svd(matrix: Any, rank: int) -> Decomposition:
    """The best approximation of a rank: the largest singular values and their vectors.

    Factors are U (m r) with orthonormal columns, the singular values (r,), descending, and V
    transposed (r n). The error is that of Eckart and Young, from the values left out.

    Raises ShapeError for what is no matrix, OperandError for what is no array of numbers,
    ArgumentError or ArgumentTypeError for a rank that the matrix cannot have.

    >>> found = truncated_svd([[3.0, 0.0], [0.0, 4.0]], rank=1)
    >>> found.dense().round(4).tolist()
    [[0.0, 0.0], [0.0, 4.0]]
    """
    given = wide_matrix(matrix)
    return decomposed(SVD, _truncated, given, rank=rank_of(rank, given))


def _truncated(matrix: jax.Array, *, rank: int) -> Found:
    u, s, vh = jnp.linalg.svd(matrix, full_matrices=False)
    size, left_out = jnp.linalg.norm(s), jnp.linalg.norm(s[rank:])
    error = left_out / jnp.where(size == 0, 1, size)
    return (u[:, :rank], s[:rank], vh[:rank]), error, ()


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("svd", "spectral_bound"),
    meta_fields=("failure",),
)
@dataclass(frozen=True, eq=False)
class RandomizedSVD:
    """A randomised SVD, and what its own probes say of its error.

    >>> found = randomized_svd([[3.0, 0.0], [0.0, 4.0]], rank=1)
    >>> found.svd.equation, bool(found.spectral_bound >= 3), found.failure
    ('mr,r,rn->mn', True, 1e-06)
    """

    svd: Decomposition
    """U, the singular values, V transposed; their relative error is computed, not estimated."""
    spectral_bound: Any
    """A bound on the largest singular value of the difference, which holds but for `failure`."""
    failure: float
    """The probability that the bound does not hold: 10 to the minus number of probes."""


def randomized_svd(
    matrix: Any,
    rank: int,
    key: Any = 0,
    *,
    oversampling: int = 10,
    power_iterations: int = 2,
    probes: int = 6,
) -> RandomizedSVD:
    """Nearly the best approximation of a rank, from products with rank + oversampling vectors.

    Each power iteration multiplies by the matrix and its adjoint once more, orthonormalised in
    between, which brings slowly decaying spectra close to the optimum. `probes` further vectors
    bound the spectral error: 10·√(2/π) times the longest of their images outside of the subspace
    found (HMT, equation 4.3), plus the first singular value left out (theorem 9.3).

    `key` is a whole number or made by `jax.random.key`.

    Raises ShapeError for what is no matrix, OperandError for what is no array of numbers,
    ArgumentError or ArgumentTypeError for a number out of range.

    >>> import jax.numpy as jnp
    >>> found = randomized_svd(jnp.outer(jnp.arange(9.0), jnp.arange(7.0)), rank=1)
    >>> bool(found.svd.relative_error < 1e-5), found.failure
    (True, 1e-06)
    """
    given = wide_matrix(matrix)
    rank = rank_of(rank, given)
    width = min(rank + whole(oversampling, "oversampling", 0), *given.shape)
    found = decomposed(
        SVD,
        _sketched,
        given,
        random_key(key),
        rank=rank,
        width=width,
        power_iterations=whole(power_iterations, "power_iterations", 0),
        probes=whole(probes, "probes"),
    )
    (bound,) = found.chosen
    return RandomizedSVD(replace(found, chosen=()), bound, 10.0**-probes)


def _sketched(
    matrix: jax.Array,
    key: jax.Array,
    *,
    rank: int,
    width: int,
    power_iterations: int,
    probes: int,
) -> Found:
    """HMT, algorithms 4.4 and 5.1; the bound stands in the place of chosen columns."""
    sketched, probed = jax.random.split(key)
    n = matrix.shape[1]
    adjoint = matrix.conj()
    basis = _orthonormal(matrix, jax.random.normal(sketched, (n, width), matrix.dtype))

    def again(_: int, basis: jax.Array) -> jax.Array:
        rows, _triangle = jnp.linalg.qr(contract("mn,mk->nk", adjoint, basis))
        return _orthonormal(matrix, rows)

    basis = jax.lax.fori_loop(0, power_iterations, again, basis)
    u, s, vh = jnp.linalg.svd(contract("mk,mn->kn", basis.conj(), matrix), full_matrices=False)
    factors = (contract("mk,kr->mr", basis, u[:, :rank]), s[:rank], vh[:rank])
    images = contract("mn,np->mp", matrix, jax.random.normal(probed, (n, probes), matrix.dtype))
    images -= contract("mk,lk,lp->mp", basis, basis.conj(), images)
    outside = 10 * math.sqrt(2 / math.pi) * jnp.linalg.norm(images, axis=0).max()
    bound = outside + (s[rank] if width > rank else 0)
    return factors, relative_error(matrix, SVD, factors), (bound,)


def _orthonormal(matrix: jax.Array, vectors: jax.Array) -> jax.Array:
    """An orthonormal basis of the images of vectors."""
    basis, _ = jnp.linalg.qr(contract("mn,nk->mk", matrix, vectors))
    return basis
