"""Tensors as networks of small ones, by singular value decompositions: Tucker and tensor train.

Sources: Tucker 1966; De Lathauwer, De Moor and Vandewalle 2000 (HOSVD, HOOI); Oseledets 2011
(tensor train, TT-SVD).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import opt_einsum

from einlab.arguments import whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.lowrank.decomposition import Decomposition, Found, decomposed, relative_error
from einlab.lowrank.operands import wide_tensor

__all__ = ["tensor_train", "train_equation", "train_ranks", "tucker", "tucker_equation"]

Ranks = int | Sequence[int]


def tucker(tensor: Any, ranks: Ranks, *, sweeps: int = 5) -> Decomposition:
    """A small core, and for each axis a matrix with orthonormal columns.

    The start is the HOSVD: of each unfolding the first left singular vectors. `sweeps` rounds of
    HOOI then improve one matrix after the other, given the rest; with none the error is at most
    √(number of axes) times the optimum.

    Factors are the core (one rank an axis) and a matrix (size, rank) for each axis. `ranks` is one
    number for all axes, or one for each.

    Raises ShapeError for a tensor of fewer than two axes, OperandError for what is no array of
    numbers, ArgumentError or ArgumentTypeError for ranks that it cannot have.

    >>> import jax.numpy as jnp
    >>> found = tucker(jnp.ones((3, 4, 5)), 1)
    >>> [factor.shape for factor in found.factors], bool(found.relative_error < 1e-5)
    ([(1, 1, 1), (3, 1), (4, 1), (5, 1)], True)
    """
    given = wide_tensor(tensor, "tensor")
    found = _ranks_of_axes(ranks, given.shape)
    for axis, rank in enumerate(found):
        others = 1
        for other, size in enumerate(found):
            others *= size if other != axis else 1
        if rank > others:
            raise ArgumentError(
                f"ranks are {found}; that of axis {axis} is at most the product of the others, "
                f"{others}"
            )
    sweeps = whole(sweeps, "sweeps", 0)
    return decomposed(tucker_equation(given.ndim), _tucker, given, ranks=found, sweeps=sweeps)


def tucker_equation(count: int) -> str:
    """How core and matrices are contracted back to a tensor of so many axes.

    >>> tucker_equation(3)
    'def,ad,be,cf->abc'
    """
    axes, core = _letters(count), _letters(2 * count)[count:]
    pairs = ",".join(axis + rank for axis, rank in zip(axes, core, strict=True))
    return f"{core},{pairs}->{axes}"


def _letters(count: int) -> str:
    return "".join(map(opt_einsum.get_symbol, range(count)))


def _ranks_of_axes(ranks: Ranks, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A rank for each axis, at most its size."""
    if not isinstance(ranks, Iterable):
        return tuple(min(whole(ranks, "ranks"), size) for size in shape)
    found = _listed(ranks)
    if len(found) != len(shape):
        raise ArgumentError(f"{len(found)} ranks for {len(shape)} axes; there is one for each")
    for axis, (rank, size) in enumerate(zip(found, shape, strict=True)):
        whole(rank, f"the rank of axis {axis}", 1, size)
    return found


def _listed(ranks: Iterable[Any]) -> tuple[int, ...]:
    if isinstance(ranks, str):
        raise ArgumentTypeError(f"ranks is a whole number or several, not {ranks!r:.60}")
    return tuple(whole(rank, "a rank") for rank in ranks)


def _tucker(tensor: jax.Array, *, ranks: tuple[int, ...], sweeps: int) -> Found:
    count = tensor.ndim
    axes, core = _letters(count), _letters(2 * count)[count:]
    matrices = [_leading(tensor, axis, rank) for axis, rank in enumerate(ranks)]

    def projected(matrices: list[jax.Array], free: int | None) -> jax.Array:
        """The tensor in the bases of all axes, or of all but one."""
        held = [axis for axis in range(count) if axis != free]
        terms = ",".join([axes, *(axes[axis] + core[axis] for axis in held)])
        output = "".join(axes[axis] if axis == free else core[axis] for axis in range(count))
        return contract(f"{terms}->{output}", tensor, *(matrices[axis].conj() for axis in held))

    def swept(_: int, matrices: list[jax.Array]) -> list[jax.Array]:
        for axis, rank in enumerate(ranks):
            matrices = matrices.copy()
            matrices[axis] = _leading(projected(matrices, axis), axis, rank)
        return matrices

    matrices = jax.lax.fori_loop(0, sweeps, swept, matrices)
    factors = (projected(matrices, None), *matrices)
    return factors, relative_error(tensor, tucker_equation(count), factors), ()


def _leading(tensor: jax.Array, axis: int, rank: int) -> jax.Array:
    """The first left singular vectors of the unfolding along an axis.

    A wide unfolding is reduced to a triangle first, which keeps all digits, unlike the product with
    its own transpose.
    """
    unfolded = jnp.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    if unfolded.shape[1] > unfolded.shape[0]:
        unfolded = jnp.linalg.qr(unfolded.T, mode="r").T
    u, _, _ = jnp.linalg.svd(unfolded, full_matrices=False)
    return u[:, :rank]


def tensor_train(tensor: Any, ranks: Ranks) -> Decomposition:
    """A chain of cores, each with one axis of the tensor, by one SVD after the other.

    Factors are cores (r size r'), the first and the last without the outer rank. `ranks` is one
    number for all bonds between cores, lowered where the tensor cannot have it, or one for each.
    The error is at most √(number of bonds) times the optimum (Oseledets 2011, corollary 2.4).

    Raises as `tucker` does.

    >>> import jax.numpy as jnp
    >>> found = tensor_train(jnp.ones((3, 4, 5)), 2)
    >>> found.equation, [factor.shape for factor in found.factors]
    ('ad,dbe,ec->abc', [(3, 2), (2, 4, 2), (2, 5)])
    """
    given = wide_tensor(tensor, "tensor")
    bonds = train_ranks(ranks, given.shape)
    return decomposed(train_equation(given.ndim), _tensor_train, given, ranks=bonds)


def train_equation(count: int) -> str:
    """How the cores of a train are contracted back to a tensor of so many axes."""
    axes, bonds = _letters(count), _letters(2 * count - 1)[count:]
    terms = [
        bonds[place - 1 : place] * (place > 0) + axes[place] + bonds[place : place + 1]
        for place in range(count)
    ]
    return f"{','.join(terms)}->{axes}"


def train_ranks(ranks: Ranks, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The rank of each bond, at most what the sizes on either side allow.

    >>> train_ranks(9, (2, 3, 4)), train_ranks([2, 4], (2, 3, 4))
    ((2, 4), (2, 4))
    """
    count = len(shape) - 1
    each = not isinstance(ranks, Iterable)
    found = (whole(ranks, "ranks"),) * count if each else _listed(ranks)  # type: ignore[arg-type]
    if len(found) != count:
        raise ArgumentError(f"{len(found)} ranks for {count} bonds; there is one between two axes")
    most, left = [], 1
    for size, rank in zip(shape, found, strict=False):
        left = min(left * size, rank) if each else left * size
        most.append(left)
    right = 1
    for bond in reversed(range(count)):
        right = min(right * shape[bond + 1], found[bond]) if each else right * shape[bond + 1]
        most[bond] = min(most[bond], right)
    if each:
        return tuple(most)
    return tuple(
        whole(rank, f"the rank of bond {bond}", 1, limit)
        for bond, (rank, limit) in enumerate(zip(found, most, strict=True))
    )


def _tensor_train(tensor: jax.Array, *, ranks: tuple[int, ...]) -> Found:
    rest, cores, before = tensor, [], 1
    for size, rank in zip(tensor.shape, ranks, strict=False):
        u, s, vh = jnp.linalg.svd(rest.reshape(before * size, -1), full_matrices=False)
        cores.append(u[:, :rank].reshape(before, size, rank))
        rest, before = s[:rank, None] * vh[:rank], rank
    first, *middle = cores
    factors = (first[0], *middle, rest)
    return factors, relative_error(tensor, train_equation(tensor.ndim), factors), ()
