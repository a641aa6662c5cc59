"""The singular value decomposition with its signs fixed, and the condition number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from einlab.linalg.operands import wide_matrix

__all__ = ["SVD", "condition_number", "svd"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class SVD:
    """A matrix (m, n) as left·diag(values)·right, r = min(m, n).

    >>> found = svd([[3.0, 0.0], [0.0, 4.0]])
    >>> found.values.tolist(), abs(found.left).round(3).tolist(), found.right.round(3).tolist()
    ([4.0, 3.0], [[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]])
    """

    left: Inexact[Array, "m r"]
    """Orthonormal columns."""
    values: Float[Array, " r"]
    """Singular values, largest first."""
    right: Inexact[Array, "r n"]
    """Orthonormal rows; of each the entry of largest magnitude is real and positive."""


def svd(a: Any) -> SVD:
    """The thin singular value decomposition of a (m, n), its signs fixed by their rule.

    Raises OperandError or ShapeError for what is no matrix.

    >>> svd([[0.0, 2.0], [-1.0, 0.0]]).right.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    left, values, right = jnp.linalg.svd(wide_matrix(a, "a"), full_matrices=False)
    phases = signs(right)
    return SVD(left * phases, values, right * phases.conj()[:, None])


def signs(rows: Inexact[Array, "r n"]) -> Inexact[Array, " r"]:
    """The sign, or phase, of the entry of largest magnitude of each row."""
    places = jnp.argmax(jnp.abs(rows), axis=1)
    largest = jnp.take_along_axis(rows, places[:, None], axis=1)[:, 0]
    return largest / jnp.abs(largest)


def condition_number(a: Any) -> Float[Array, ""]:
    """The largest singular value of a (m, n) over the smallest; infinite if that is 0.

    A relative error of the input may come back so many times larger from a solution with a.

    Raises OperandError or ShapeError for what is no matrix.

    >>> float(condition_number([[2.0, 0.0], [0.0, 0.5]]))
    4.0
    """
    values = jnp.linalg.svd(wide_matrix(a, "a"), compute_uv=False)
    return condition_of(values)


def condition_of(values: Float[Array, " r"]) -> Float[Array, ""]:
    """The condition number from singular values, largest first."""
    smallest = values[-1]
    return jnp.where(smallest > 0, values[0] / jnp.where(smallest > 0, smallest, 1), jnp.inf)
