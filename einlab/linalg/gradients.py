"""Gradients of a product by the chain rule, each again a product."""

from __future__ import annotations

from typing import Any

import jax
from jaxtyping import Array, Inexact

from einlab.arguments import matrix
from einlab.contracting import contract
from einlab.errors import ShapeError
from einlab.linalg.operands import together

__all__ = ["input_gradient", "weight_gradient"]


def weight_gradient(x: Any, delta: Any) -> Inexact[Array, "f g"]:
    """Xᵀ·δ = dW: the gradient of a loss with respect to W (f, g), where Y = X·W.

    x: (n, f), the inputs. delta: (n, g), the gradient with respect to Y. Each sample adds the outer
    product of its input and its δ. This is what `jax.vjp` gives; for complex numbers too, nothing
    is conjugated.

    Raises OperandError or ShapeError if they do not fit.

    >>> weight_gradient([[1.0, 2.0], [3.0, 4.0]], [[1.0], [10.0]]).tolist()
    [[31.0], [42.0]]
    """
    inputs, errors = together(matrix(x, "x"), matrix(delta, "delta"))
    _meet("x", inputs, 0, "delta", errors, 0, "rows, one for each sample")
    return contract("nf,ng->fg", inputs, errors)


def input_gradient(delta: Any, w: Any) -> Inexact[Array, "n f"]:
    """δ·Wᵀ = dX: the gradient of a loss with respect to X (n, f), where Y = X·W.

    delta: (n, g), the gradient with respect to Y. w: (f, g). Wᵀ is the adjoint of the map, which
    takes what happens at its result back to its input. This is what `jax.vjp` gives.

    Raises OperandError or ShapeError if they do not fit.

    >>> input_gradient([[1.0], [10.0]], [[2.0], [3.0]]).tolist()
    [[2.0, 3.0], [20.0, 30.0]]
    """
    errors, weights = together(matrix(delta, "delta"), matrix(w, "w"))
    _meet("delta", errors, 1, "w", weights, 1, "columns, one for each result")
    return contract("ng,fg->nf", errors, weights)


def _meet(
    first: str, one: jax.Array, here: int, second: str, other: jax.Array, there: int, what: str
) -> None:
    if one.shape[here] != other.shape[there]:
        raise ShapeError(
            f"{first} has shape {one.shape} and {second} {other.shape}: they have equally many "
            f"{what}"
        )
