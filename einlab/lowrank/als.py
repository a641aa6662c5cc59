"""Tensors by alternating least squares: CP, and tensor trains of given ranks.

Each factor in turn is the best one given the others, so that no sweep makes the error larger.
Sources: Carroll and Chang 1970, Harshman 1970 (CP); Kolda and Bader 2009, "Tensor decompositions
and applications", figure 3.3; Holtz, Rohwedder and Schneider 2012 (ALS for tensor trains).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum

from einlab.arguments import whole
from einlab.contracting import contract
from einlab.lowrank.decomposition import Decomposition, Found, decomposed, relative_error
from einlab.lowrank.operands import random_key, wide_tensor
from einlab.lowrank.tensors import Ranks, train_equation, train_ranks

__all__ = ["cp", "tensor_train_als"]


def cp(tensor: Any, rank: int, key: Any = 0, *, sweeps: int = 50) -> Decomposition:
    """A sum of outer products of vectors, one vector an axis, by `sweeps` rounds of ALS.

    Factors are the weights (rank,), descending, and a matrix (size, rank) with columns of norm 1
    for each axis. ALS finds a local optimum: draw other starts with other keys, and keep the best.

    Raises ShapeError for a tensor of fewer than two axes, OperandError for what is no array of
    numbers, ArgumentError or ArgumentTypeError for a number out of range.

    >>> import jax.numpy as jnp
    >>> found = cp(jnp.ones((2, 3, 4)), rank=1, sweeps=3)
    >>> found.equation, [factor.shape for factor in found.factors]
    ('r,ar,br,cr->abc', [(1,), (2, 1), (3, 1), (4, 1)])
    """
    given = wide_tensor(tensor, "tensor")
    rank, sweeps = whole(rank, "rank"), whole(sweeps, "sweeps")
    equation = f"r,{','.join(axis + 'r' for axis in _axes(given.ndim))}->{_axes(given.ndim)}"
    return decomposed(equation, _cp, given, random_key(key), rank=rank, sweeps=sweeps)


def _axes(count: int) -> str:
    return "".join(opt_einsum.parser.gen_unused_symbols({"r"}, count))


def _cp(tensor: jax.Array, key: jax.Array, *, rank: int, sweeps: int) -> Found:
    axes = _axes(tensor.ndim)
    matrices = [
        _unit(jax.random.normal(one, (size, rank), tensor.dtype))[0]
        for one, size in zip(jax.random.split(key, tensor.ndim), tensor.shape, strict=True)
    ]

    def improved(matrices: list[jax.Array], free: int) -> tuple[jax.Array, jax.Array]:
        """The best matrix of one axis given the others, and the norms of its columns."""
        held = [axis for axis in range(tensor.ndim) if axis != free]
        terms = ",".join([axes, *(f"{axes[axis]}r" for axis in held)])
        others = [matrices[axis].conj() for axis in held]
        right = contract(f"{terms}->{axes[free]}r", tensor, *others)
        gram = jnp.ones((rank, rank), tensor.dtype)
        for other in others:
            gram *= contract("ar,as->rs", other.conj(), other)
        solved = contract("ar,rs->as", right, jnp.linalg.pinv(gram, hermitian=True))
        return _unit(solved)

    def swept(
        _: int, state: tuple[list[jax.Array], jax.Array]
    ) -> tuple[list[jax.Array], jax.Array]:
        matrices, norms = list(state[0]), state[1]
        for axis in range(tensor.ndim):
            matrices[axis], norms = improved(matrices, axis)
        return matrices, norms

    start = jnp.ones(rank, np.finfo(tensor.dtype).dtype)
    matrices, norms = jax.lax.fori_loop(0, sweeps, swept, (matrices, start))
    order = jnp.argsort(-norms)
    factors = (norms[order], *(matrix[:, order] for matrix in matrices))
    equation = f"r,{','.join(axis + 'r' for axis in axes)}->{axes}"
    return factors, relative_error(tensor, equation, factors), ()


def _unit(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The columns brought to norm 1, and the norms that they had; columns of zeros stay."""
    norms = jnp.linalg.norm(matrix, axis=0)
    return matrix / jnp.where(norms > 0, norms, 1), norms


def tensor_train_als(tensor: Any, ranks: Ranks, key: Any = 0, *, sweeps: int = 4) -> Decomposition:
    """A chain of cores of given ranks, each in turn the best given the others.

    The start is random, so that no SVD of the tensor is needed; one sweep goes to the last core and
    back. The cores before the one that is solved for have orthonormal columns, those behind it
    orthonormal rows, so that solving is a contraction with the tensor. Factors as for
    `tensor_train`.

    Raises as `cp` does, and ArgumentError for ranks that the tensor cannot have.

    >>> import jax.numpy as jnp
    >>> found = tensor_train_als(jnp.ones((3, 4, 5)), 1, sweeps=1)
    >>> found.equation, bool(found.relative_error < 1e-5)
    ('ad,dbe,ec->abc', True)
    """
    given = wide_tensor(tensor, "tensor")
    bonds, sweeps = train_ranks(ranks, given.shape), whole(sweeps, "sweeps")
    equation = train_equation(given.ndim)
    return decomposed(equation, _train_als, given, random_key(key), ranks=bonds, sweeps=sweeps)


def _train_als(tensor: jax.Array, key: jax.Array, *, ranks: tuple[int, ...], sweeps: int) -> Found:
    count, equation = tensor.ndim, train_equation(tensor.ndim)
    bonds = (1, *ranks, 1)
    keys = jax.random.split(key, count)
    cores = [
        jax.random.normal(keys[n], (bonds[n], tensor.shape[n], bonds[n + 1]), tensor.dtype)
        for n in range(count)
    ]
    for place in range(count - 1, 0, -1):
        cores[place] = _row_orthonormal(cores[place])

    def solved(cores: list[jax.Array], free: int) -> jax.Array:
        """The best core given the others."""
        terms, output = equation.split("->")
        each = terms.split(",")
        held = [place for place in range(count) if place != free]
        whole_equation = ",".join([output, *(each[place] for place in held)])
        given = [_outer(cores, place).conj() for place in held]
        made = contract(f"{whole_equation}->{each[free]}", tensor, *given)
        return made.reshape(cores[free].shape)

    def swept(_: int, cores: list[jax.Array]) -> list[jax.Array]:
        cores = list(cores)
        for place in range(count - 1):
            core = solved(cores, place)
            basis, _triangle = jnp.linalg.qr(core.reshape(-1, core.shape[2]))
            cores[place] = basis.reshape(core.shape)
        for place in range(count - 1, 0, -1):
            cores[place] = _row_orthonormal(solved(cores, place))
        cores[0] = solved(cores, 0)
        return cores

    cores = jax.lax.fori_loop(0, sweeps, swept, cores)
    factors = tuple(_outer(cores, place) for place in range(count))
    return factors, relative_error(tensor, equation, factors), ()


def _outer(cores: list[jax.Array], place: int) -> jax.Array:
    """A core without the bond of size 1 that the first and the last have outside."""
    if place == 0:
        return cores[0][0]
    return cores[-1][..., 0] if place == len(cores) - 1 else cores[place]


def _row_orthonormal(core: jax.Array) -> jax.Array:
    """A core with orthonormal rows that span those of the given one."""
    basis, _ = jnp.linalg.qr(core.reshape(core.shape[0], -1).mT)
    return basis.mT.reshape(core.shape)
