"""What every view of a product takes: two matrices whose inner sizes meet."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from einlab.arguments import array
from einlab.errors import ShapeError, message

__all__ = ["matrices", "stacks"]


def matrices(a: Any, b: Any) -> tuple[jax.Array, jax.Array]:
    """The operands as arrays of two axes and of one dtype.

    Raises ShapeError if one is no matrix or the inner sizes differ, OperandError if one is no array
    of numbers.
    """
    left, right = array(a, "a"), array(b, "b")
    for name, operand in (("a", left), ("b", right)):
        if operand.ndim != 2:
            raise ShapeError(
                f"{name} has shape {operand.shape}; this view is of two matrices, of two axes each"
            )
    _check_inner(left, right)
    dtype = jnp.result_type(left, right)
    return left.astype(dtype), right.astype(dtype)


def stacks(a: Any, b: Any) -> tuple[jax.Array, jax.Array]:
    """The operands as arrays of at least two axes, whose leading axes broadcast.

    Raises ShapeError if they do not, OperandError if one is no array of numbers.
    """
    left, right = array(a, "a"), array(b, "b")
    for name, operand in (("a", left), ("b", right)):
        if operand.ndim < 2:
            raise ShapeError(f"{name} has shape {operand.shape}; a stack has two axes or more")
    _check_inner(left, right)
    try:
        jnp.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        raise ShapeError(
            f"the leading axes {left.shape[:-2]} of a and {right.shape[:-2]} of b do not "
            "broadcast: counted from the right, two sizes are equal or one of them is 1"
        ) from None
    return left, right


def _check_inner(left: jax.Array, right: jax.Array) -> None:
    if left.shape[-1] == right.shape[-2]:
        return
    shown = f"{_times(left)} · {_times(right)}"
    hint = None
    if left.shape[-1] == right.shape[-1]:
        hint = "did you mean the product with b transposed, b.mT?"
    elif left.shape[-2] == right.shape[-2]:
        hint = "did you mean the product with a transposed, a.mT?"
    elif left.shape[-2] == right.shape[-1]:
        hint = "did you mean the product b · a?"
    raise ShapeError(
        message(
            f"the inner sizes differ: a has {left.shape[-1]} columns and b {right.shape[-2]} rows",
            details=[shown],
            hint=hint,
        )
    )


def _times(operand: jax.Array) -> str:
    return f"({'×'.join(map(str, operand.shape))})"
