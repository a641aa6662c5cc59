"""`LowRank`: a matrix, or a stack of matrices, kept as two thin factors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import opt_einsum

from einlab.arguments import array
from einlab.contracting import contract
from einlab.errors import ShapeError

__all__ = ["LowRank"]


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False, repr=False)
class LowRank:
    """The matrix left·right, (… m r)·(… r n), which is never formed unless that is cheaper.

    It stands as an operand of `contract`, `contract_expression`, `contract_many` and `plan` for its
    two factors: the planner decides whether they are multiplied first. Leading axes are those of a
    stack and broadcast. It is a tree of two arrays to `jax.jit`, `jax.grad` and `jax.vmap`.

    Raises OperandError for what is no array, ShapeError if the factors do not fit.

    >>> import jax.numpy as jnp
    >>> weight = LowRank(jnp.ones((4, 2)), jnp.ones((2, 3)))
    >>> contract("mn,n->m", weight, jnp.ones(3)).tolist()
    [6.0, 6.0, 6.0, 6.0]
    """

    left: Any
    right: Any

    def __post_init__(self) -> None:
        for name in ("left", "right"):
            value = getattr(self, name)
            if not isinstance(value, jax.ShapeDtypeStruct):
                object.__setattr__(self, name, array(value, name))
            shape = getattr(self, name).shape
            if len(shape) < 2:
                raise ShapeError(f"{name} has shape {shape}; a factor has two axes or more")
        left, right = self.left.shape, self.right.shape
        if left[-1] != right[-2]:
            raise ShapeError(
                f"the factors have ranks {left[-1]} and {right[-2]}: left has shape {left}, right "
                f"{right}; the last axis of left is the last but one of right"
            )
        try:
            jnp.broadcast_shapes(left[:-2], right[:-2])
        except ValueError:
            raise ShapeError(
                f"the leading axes {left[:-2]} of left and {right[:-2]} of right do not broadcast"
            ) from None

    def einsum_factors(self) -> tuple[str, tuple[Any, ...]]:
        """The equation of the matrix over its factors, and these.

        >>> LowRank(jnp.ones((4, 2)), jnp.ones((2, 3))).einsum_factors()[0]
        'mr,rn->mn'
        """
        batch = _letters(self.ndim - 2)
        left, right = (batch[len(batch) - x.ndim + 2 :] for x in (self.left, self.right))
        return f"{left}mr,{right}rn->{batch}mn", (self.left, self.right)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the matrix or stack."""
        batch = jnp.broadcast_shapes(self.left.shape[:-2], self.right.shape[:-2])
        return (*batch, self.left.shape[-2], self.right.shape[-1])

    @property
    def ndim(self) -> int:
        """The number of axes: 2, and those of the stack."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """The dtype of the matrix."""
        return jnp.result_type(self.left.dtype, self.right.dtype)

    @property
    def rank(self) -> int:
        """The size that the factors share, r: the rank of the matrix is at most that.

        >>> weight = LowRank(jnp.ones((4, 2)), jnp.ones((2, 3)))
        >>> weight.shape, weight.ndim, weight.dtype, weight.rank, weight.entries, weight.nbytes
        ((4, 3), 2, dtype('float32'), 2, 14, 56)
        """
        return int(self.left.shape[-1])

    @property
    def entries(self) -> int:
        """Numbers that the factors hold."""
        return sum(int(math.prod(factor.shape)) for factor in (self.left, self.right))

    @property
    def nbytes(self) -> int:
        """Bytes of the factors."""
        return sum(int(math.prod(x.shape) * x.dtype.itemsize) for x in (self.left, self.right))

    @property
    def mT(self) -> LowRank:
        """The matrix, or each of the stack, transposed.

        >>> LowRank(jnp.ones((4, 2)), jnp.ones((2, 3))).mT.shape
        (3, 4)
        """
        return LowRank(self.right.mT, self.left.mT)

    def dense(self) -> jax.Array:
        """The matrix, multiplied out.

        >>> LowRank(jnp.ones((2, 1)), jnp.ones((1, 2))).dense().tolist()
        [[1.0, 1.0], [1.0, 1.0]]
        """
        equation, factors = self.einsum_factors()
        return contract(equation, *factors)

    def __repr__(self) -> str:
        return f"<LowRank {self.shape} of rank {self.rank} in {self.dtype}>"

    # How JAX takes it apart. What it puts in may be anything while it works, so nothing is checked.

    def tree_flatten_with_keys(self) -> tuple[Any, None]:
        """The factors with their names."""
        key = jax.tree_util.GetAttrKey
        return ((key("left"), self.left), (key("right"), self.right)), None

    @classmethod
    def tree_unflatten(cls, _: None, factors: Any) -> LowRank:
        """The record of two factors."""
        made = object.__new__(cls)
        for name, factor in zip(("left", "right"), factors, strict=True):
            object.__setattr__(made, name, factor)
        return made


def _letters(count: int) -> str:
    """Letters for the axes of a stack."""
    return "".join(opt_einsum.parser.gen_unused_symbols(set("mrn"), count))
