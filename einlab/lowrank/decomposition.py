"""`Decomposition`: factors of a matrix or tensor, how far they are off, and what they cost to find.

Every decomposition of this room is made here: its function runs as one program, and the same
function's trace says what it costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from einlab.contracting import contract
from einlab.cost import Cost
from einlab.errors import ShapeError
from einlab.lowrank.factors import LowRank
from einlab.planning import plan
from einlab.trace.reporting import report

__all__ = ["Decomposition", "decomposed", "relative_error"]

Factors = tuple[Any, ...]
Found = tuple[Factors, Any, Factors]
"""What a decomposition computes: factors, relative error, and the rows or columns chosen."""

DATA = ("factors", "relative_error", "chosen")


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False, repr=False)
class Decomposition:
    """Factors whose contraction is near a matrix or tensor.

    It stands as an operand of `contract` and `plan` for its factors, and is a tree of arrays to
    JAX's transformations.

    >>> from einlab import lowrank
    >>> found = lowrank.truncated_svd([[3.0, 0.0], [0.0, 4.0]], rank=1)
    >>> found.equation, [factor.shape for factor in found.factors], float(found.relative_error)
    ('mr,r,rn->mn', [(2, 1), (1,), (1, 2)], 0.6...)
    """

    equation: str
    """How the factors are contracted back."""
    factors: Factors
    relative_error: Any
    """The norm of the difference over the norm of the whole, both Frobenius norms."""
    cost: Cost
    """What finding the factors cost, the error included, as traced."""
    chosen: Factors = ()
    """The numbers of the columns, and of the rows, that factors consist of, where they do."""

    def einsum_factors(self) -> tuple[str, Factors]:
        """The equation and the factors.

        >>> from einlab import lowrank
        >>> lowrank.truncated_svd([[3.0, 0.0], [0.0, 4.0]], rank=1).einsum_factors()[0]
        'mr,r,rn->mn'
        """
        return self.equation, self.factors

    def dense(self) -> jax.Array:
        """The approximation, multiplied out.

        >>> from einlab import lowrank
        >>> lowrank.truncated_svd([[3.0, 0.0], [0.0, 4.0]], rank=1).dense().round(3).tolist()
        [[0.0, 0.0], [0.0, 4.0]]
        """
        return contract(self.equation, *self.factors)

    def low_rank(self) -> LowRank:
        """The two factors of a matrix; a small one in the middle is multiplied to the thinner side.

        Raises ShapeError for a tensor.

        >>> from einlab import lowrank
        >>> lowrank.truncated_svd([[3.0, 0.0], [0.0, 4.0]], rank=1).low_rank().rank
        1
        """
        if self.equation == "mr,rn->mn":
            return LowRank(*self.factors)
        first, last = _HALVES.get(self.equation, ("", ""))
        if not first:
            raise ShapeError(
                f"{self.equation!r} is a tensor of {len(self.shape)} axes; a LowRank is a matrix"
            )
        left, middle, right = self.factors
        if self.shape[0] <= self.shape[1]:
            left = contract(f"{first}->mr" if middle.ndim == 1 else f"{first}->ms", left, middle)
            return LowRank(left, right.T if last.endswith("nr") else right)
        right = contract(f"{last}->rn", middle, right)
        return LowRank(left, right)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is approximated."""
        return plan(self.equation, *self.factors).contraction.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the factors."""
        return jnp.result_type(*(factor.dtype for factor in self.factors))

    @property
    def entries(self) -> int:
        """Numbers that the factors hold."""
        return sum(math.prod(factor.shape) for factor in self.factors)

    @property
    def nbytes(self) -> int:
        """Bytes of the factors."""
        return sum(math.prod(x.shape) * x.dtype.itemsize for x in self.factors)

    @property
    def compression(self) -> float:
        """Numbers of the whole for each number that the factors hold.

        >>> from einlab import lowrank
        >>> found = lowrank.truncated_svd([[1.0] * 10] * 10, rank=1)
        >>> found.shape, found.dtype, found.entries, found.nbytes, round(found.compression, 2)
        ((10, 10), dtype('float32'), 21, 84, 4.76)
        """
        return math.prod(self.shape) / self.entries

    def __repr__(self) -> str:
        shapes = ", ".join("×".join(map(str, factor.shape)) for factor in self.factors)
        error = self.relative_error
        known = isinstance(error, jax.Array) and not isinstance(error, jax.core.Tracer)
        off = f", relative error {float(error):.3g}" if known and error.ndim == 0 else ""
        return f"<Decomposition {self.equation} of {shapes}{off}, {self.cost.flops:,} FLOPs>"

    # How JAX takes it apart. What it puts in may be anything while it works.

    def tree_flatten_with_keys(self) -> tuple[Any, tuple[str, Cost]]:
        """The arrays with their names; the equation and the cost stay as they are."""
        key = jax.tree_util.GetAttrKey
        return tuple((key(name), getattr(self, name)) for name in DATA), (self.equation, self.cost)

    @classmethod
    def tree_unflatten(cls, kept: tuple[str, Cost], data: Any) -> Decomposition:
        """The record of these arrays."""
        equation, cost = kept
        factors, error, chosen = data
        return cls(equation, factors, error, cost, chosen)


_HALVES: Mapping[str, tuple[str, str]] = {
    "mr,r,rn->mn": ("mr,r", "r,rn"),
    "mr,r,nr->mn": ("mr,r", "r,nr"),
    "mr,rs,sn->mn": ("mr,rs", "rs,sn"),
}
"""Of a matrix of three factors: the equations of the first two and of the last two."""


def decomposed(
    equation: str, function: Callable[..., Found], *arrays: Any, **settings: Any
) -> Decomposition:
    """The decomposition that a function finds; `settings` are what its program is made for."""
    program = _program(function, tuple(settings.items()))
    factors, error, chosen = program(*arrays)
    shapes = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)
    return Decomposition(equation, factors, error, _cost(program, shapes), chosen)


@lru_cache(maxsize=1024)
def _program(function: Callable[..., Found], settings: tuple[tuple[str, Any], ...]) -> Any:
    """The function for these settings, jitted."""
    return jax.jit(partial(function, **dict(settings)))


@lru_cache(maxsize=1024)
def _cost(program: Any, shapes: tuple[jax.ShapeDtypeStruct, ...]) -> Cost:
    """What a program costs on arrays of these shapes."""
    return report(program, *shapes).cost


def relative_error(whole: jax.Array, equation: str, factors: Factors) -> jax.Array:
    """The norm of whole minus contraction over that of the whole; 0 if the whole is 0."""
    difference = jnp.linalg.norm((whole - contract(equation, *factors)).ravel())
    size = jnp.linalg.norm(whole.ravel())
    return jnp.where(size > 0, difference / jnp.where(size > 0, size, 1), difference)
