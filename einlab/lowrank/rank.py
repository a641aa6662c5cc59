"""Which rank: for an error, for a budget of bytes, and from which on factors no longer pay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab import dtypes
from einlab.arguments import choice, floating, real, whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from einlab.lowrank.factors import LowRank
from einlab.lowrank.operands import rank_of, wide_matrix
from einlab.machines import Machine, machine_for
from einlab.memory import memory_limit
from einlab.planning import Plan, plan
from einlab.steps import arguments_bytes

__all__ = [
    "Crossover",
    "KeptProducts",
    "Truncation",
    "crossover",
    "eckart_young",
    "keep_largest_products",
    "rank_for_bytes",
    "rank_for_error",
]

NORMS = ("frobenius", "spectral")


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Truncation:
    """How far the best approximation of a rank is off, in the unit of the matrix and relatively.

    >>> found = eckart_young([4.0, 3.0], rank=1)
    >>> found.frobenius.item(), found.spectral.item(), f"{found.relative_frobenius.item():.3f}"
    (3.0, 3.0, '0.600')
    """

    frobenius: Any
    """The root of the sum of the squares of all entries of the difference."""
    spectral: Any
    """The largest singular value of the difference."""
    relative_frobenius: Any
    relative_spectral: Any


def eckart_young(singular_values: Any, rank: int) -> Truncation:
    """The errors of the best approximation of a rank, from the singular values alone.

    In the Frobenius norm the root of the sum of the squares of the values left out, in the spectral
    norm the first of them: no matrix of that rank is nearer.
    Source: Eckart and Young 1936; Mirsky 1960.

    Raises ShapeError for what is no vector, ArgumentError if the values do not descend, or for a
    rank that is out of range.

    >>> found = eckart_young([4.0, 2.0, 2.0, 1.0], rank=1)
    >>> float(found.frobenius), float(found.spectral), float(found.relative_frobenius)
    (3.0, 2.0, 0.6...)
    """
    values = _descending(singular_values)
    left_out = values[whole(rank, "rank", 0, values.size) :]
    frobenius = jnp.linalg.norm(left_out)
    spectral = left_out[0] if left_out.size else jnp.zeros((), values.dtype)
    size, largest = jnp.linalg.norm(values), values[0]
    return Truncation(frobenius, spectral, _ratio(frobenius, size), _ratio(spectral, largest))


def _ratio(part: jax.Array, size: jax.Array) -> jax.Array:
    return part / jnp.where(size > 0, size, 1)


def _descending(singular_values: Any) -> jax.Array:
    """Singular values, checked where they are known."""
    values = floating(singular_values, "singular_values")
    if values.ndim != 1 or values.size == 0:
        raise ShapeError(
            f"singular_values has shape {values.shape}; it is one axis with an entry or more"
        )
    if jnp.iscomplexobj(values):
        raise ArgumentTypeError("singular_values are complex; they are real numbers")
    if not isinstance(values, jax.core.Tracer):
        known = np.asarray(values)
        if not (np.all(known[:-1] >= known[1:]) and known[-1] >= 0):
            raise ArgumentError("singular_values descend and are 0 or more; these do not")
    return values


def rank_for_error(singular_values: Any, error: float, norm: str = "frobenius") -> int:
    """The smallest rank whose best approximation has at most that relative error.

    `norm` is "frobenius" or "spectral".

    Raises ArgumentTypeError for values that are traced, ArgumentError for a negative error or
    values that do not descend.

    >>> rank_for_error([4.0, 2.0, 2.0, 1.0], 0.5)
    2
    """
    allowed = real(error, "error", 0)
    choice(norm, "norm", NORMS)
    values = _descending(singular_values)
    if isinstance(values, jax.core.Tracer):
        raise ArgumentTypeError(
            "singular_values are traced: a rank is a shape, which is known before a program runs"
        )
    wide = np.asarray(values).astype(np.float64)
    if norm == "frobenius":
        left_out = np.sqrt(np.append(np.cumsum(wide[::-1] ** 2)[::-1], 0.0))
    else:
        left_out = np.append(wide, 0.0)
    return int(np.argmax(left_out <= allowed * left_out[0]))


def rank_for_bytes(m: int, n: int, budget: int | str, dtype: Any = "float32") -> int:
    """The largest rank at which the factors of an m×n matrix take no more than a budget of bytes.

    `budget` is a number of bytes or text with a unit such as "2MiB".

    Raises ArgumentError for a budget that rank 1 exceeds, and for what is no amount.

    >>> rank_for_bytes(4096, 4096, "1MiB")
    32
    """
    m, n = whole(m, "m"), whole(n, "n")
    if isinstance(budget, str):
        allowed, _ = memory_limit(budget)
        if allowed is None:
            raise ArgumentError(f"budget is {budget!r:.60}; it is an amount such as '2MiB'")
    else:
        allowed = whole(budget, "budget")
    each = _abstract(m, n, 1, dtypes.dtype_name(dtype)).nbytes
    if allowed < each:
        raise ArgumentError(
            f"a budget of {allowed:,} bytes holds no factors: those of rank 1 take {each:,} bytes"
        )
    return min(allowed // each, m, n)


def _abstract(m: int, n: int, rank: int, dtype: str) -> LowRank:
    """Factors without numbers."""
    return LowRank(
        jax.ShapeDtypeStruct((m, rank), jnp.dtype(dtype)),
        jax.ShapeDtypeStruct((rank, n), jnp.dtype(dtype)),
    )


@dataclass(frozen=True)
class Crossover:
    """The largest rank at which factors take less than the matrix, by what is counted; 0 if none.

    Each is found by comparing the plan over the factors with that over the matrix.

    >>> found = crossover(1000, 1000, columns=64)
    >>> found.flops, found.moved, found.seconds
    (499, 469, None)
    """

    flops: int
    """Multiplications and additions."""
    held: int
    """Bytes of the operands."""
    moved: int
    """Bytes that the steps read and write."""
    seconds: int | None
    """Predicted seconds on the machine; None without one."""


def crossover(
    m: int,
    n: int,
    columns: int = 1,
    dtype: Any = "float32",
    machine: Machine | str | None = None,
) -> Crossover:
    """Up to which rank factors of an m×n matrix pay when it multiplies so many columns.

    FLOPs cross over near mn/(m + n), whatever the columns; bytes moved earlier, because the factors
    pass on their own result; time where the machine's bound says.

    Raises ArgumentError or ArgumentTypeError for sizes below 1 and unknown machines.

    >>> crossover(1000, 1000, columns=64)
    Crossover(flops=499, held=499, moved=469, seconds=None)
    """
    m, n, columns = whole(m, "m"), whole(n, "n"), whole(columns, "columns")
    name = dtypes.dtype_name(dtype)
    found = None if machine is None else machine_for(machine)
    x = jax.ShapeDtypeStruct((n, columns), jnp.dtype(name))
    whole_matrix = jax.ShapeDtypeStruct((m, n), jnp.dtype(name))

    def largest(measure: Callable[[Plan], float], **options: Any) -> int:
        """The largest rank of less, found by halving."""

        def taken(matrix: Any) -> float:
            return measure(plan("mn,nk->mk", matrix, x, **options))

        dense = taken(whole_matrix)
        low, high = 0, min(m, n) + 1
        while high - low > 1:
            rank = (low + high) // 2
            if taken(_abstract(m, n, rank, name)) < dense:
                low = rank
            else:
                high = rank
        return low

    return Crossover(
        flops=largest(lambda made: made.flops, objective="flops"),
        held=largest(lambda made: arguments_bytes(made.contraction)),
        moved=largest(lambda made: made.cost.bytes, objective="bytes"),
        seconds=None
        if found is None
        else largest(lambda made: made.seconds or 0.0, objective="seconds", machine=found),
    )


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class KeptProducts:
    """A product of which some outer products were kept, beside the best of the same rank.

    >>> found = keep_largest_products([[3.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], rank=1)
    >>> found.approximation.dense().tolist(), f"{float(found.relative_error):.3f}"
    ([[3.0, 0.0], [0.0, 0.0]], '0.316')
    """

    approximation: LowRank
    """The outer products kept."""
    relative_error: Any
    """The Frobenius norm of what was left out over that of the product."""
    best_error: Any
    """The relative error of the product's truncated SVD, which nothing of that rank is below."""


def keep_largest_products(a: Any, b: Any, rank: int) -> KeptProducts:
    """Of the product a·b the outer products a_k⊗b_k of largest norm, and how good that is.

    They are not the best approximation of their rank, because the outer products overlap: that is
    the truncated SVD of the product (Eckart and Young), whose error is given beside theirs.

    Raises ShapeError if the matrices do not fit, ArgumentError for a rank out of range.

    >>> import numpy as np
    >>> r = np.random.default_rng(0)
    >>> kept = keep_largest_products(r.normal(size=(60, 40)), r.normal(size=(40, 50)), 5)
    >>> round(float(kept.relative_error), 3), round(float(kept.best_error), 3)
    (0.896, 0.745)
    """
    left, right = wide_matrix(a, "a"), wide_matrix(b, "b")
    if left.shape[1] != right.shape[0]:
        raise ShapeError(
            f"the inner sizes differ: a has {left.shape[1]} columns and b {right.shape[0]} rows"
        )
    product = contract("mk,kn->mn", left, right)
    kept = min(rank_of(rank, product), left.shape[1])
    norms = jnp.linalg.norm(left, axis=0) * jnp.linalg.norm(right, axis=1)
    _, largest = jax.lax.top_k(norms, kept)
    factors = LowRank(left[:, largest], right[largest])
    size = jnp.linalg.norm(product)
    error = _ratio(jnp.linalg.norm(product - factors.dense()), size)
    best = eckart_young(jnp.linalg.svd(product, compute_uv=False), kept)
    return KeptProducts(factors, error, best.relative_frobenius)
