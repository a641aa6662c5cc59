"""Powers of a matrix by repeated squaring, and chains of matrices in their cheapest order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from einlab.arguments import array, whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from einlab.linalg.bracketing import bracketings
from einlab.linalg.operands import wide
from einlab.show.shown import Shown

__all__ = ["chain", "compare_chain", "matrix_power"]


def matrix_power(a: Any, exponent: int) -> Shaped[Array, "*b n n"]:
    """The p-th power of a (…, n, n), by repeated squaring.

    ⌊log₂ p⌋ squarings, and one product for each further bit of p that is 1.

    Exponent 0 gives the identity; a negative one solves for the inverse first, in floating point,
    and is infinite or NaN if there is none. Whole numbers stay exact otherwise.

    Raises OperandError or ShapeError for what is no square matrix or stack of them,
    ArgumentTypeError for an exponent that is no whole number.

    >>> matrix_power([[1, 1], [1, 0]], 10).tolist()
    [[89, 55], [55, 34]]
    """
    matrix = array(a, "a")
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ShapeError(f"a has shape {matrix.shape}; its last two axes are equal")
    power = whole(exponent, "exponent", -(2**31), 2**31)
    if matrix.dtype == bool:
        matrix = matrix.astype(int)
    one = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    if power < 0:
        matrix = wide(matrix, "a")
        one = one.astype(matrix.dtype)
        matrix = jnp.linalg.solve(matrix, jnp.broadcast_to(one, matrix.shape))
    found: jax.Array | None = None
    for bit in f"{abs(power):b}" if power else "":
        if found is not None:
            found = contract("...ij,...jk->...ik", found, found)
        if bit == "1":
            found = matrix if found is None else contract("...ij,...jk->...ik", found, matrix)
    return jnp.broadcast_to(one, matrix.shape) if found is None else found


def chain(matrices: Sequence[Any]) -> Shaped[Array, "*shape"]:
    """The product of matrices in a row, in the order that costs fewest FLOPs.

    The first and the last may be vectors: the result is then a vector, or a number. The order is
    the planner's; `compare_chain` shows it beside the one from left to right.

    Raises ArgumentTypeError for what is no sequence, ArgumentError for an empty one, OperandError
    or ShapeError if the matrices do not fit.

    >>> chain([jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones(4)]).tolist()
    [12.0, 12.0]
    """
    arrays = _factors(matrices)
    return contract(_equation([found.ndim for found in arrays]), *arrays)


def compare_chain(matrices: Sequence[Any], dtype: Any = "float32") -> Shown:
    """The chain from left to right, from right to left, and as planned: FLOPs and peak memory.

    matrices: arrays, or their shapes alone.

    Raises what `chain` raises.

    >>> compare_chain([(1000, 10), (10, 1000), (1000, 1)]).table.column("FLOPs")
    (22000000, 40000, 40000)
    """
    shapes = _shapes(_sequence(matrices))
    count = len(shapes)
    if count < 2:
        raise ArgumentError("one matrix has no order; give two or more")
    _check([(shape, len(shape)) for shape in shapes])
    leftwards = [(0, 1)] + [(0, left) for left in range(count - 2, 0, -1)]
    ways = {
        "from left to right": leftwards,
        "from right to left": [(left - 1, left) for left in range(count - 1, 0, -1)],
    }
    title = "·".join("×".join(map(str, shape)) for shape in shapes)
    return bracketings(title, _equation(list(map(len, shapes))), shapes, ways, dtype=dtype)


def _sequence(matrices: Any) -> list[Any]:
    if not isinstance(matrices, (list, tuple)):
        raise ArgumentTypeError(f"matrices is a list of matrices, not {matrices!r:.60}")
    if not matrices:
        raise ArgumentError("matrices is empty; a chain has one matrix or more")
    return list(matrices)


def _shapes(matrices: list[Any]) -> list[tuple[int, ...]]:
    """Shapes of arrays, or shapes as they are given."""
    found = []
    for place, value in enumerate(matrices):
        if isinstance(value, tuple) and all(isinstance(size, int) for size in value):
            found.append(tuple(whole(size, f"a size of matrices[{place}]", 0) for size in value))
        elif isinstance(value, jax.ShapeDtypeStruct):
            found.append(value.shape)
        else:
            found.append(array(value, f"matrices[{place}]").shape)
    return found


def _factors(matrices: Any) -> list[jax.Array]:
    arrays = [array(value, f"matrices[{i}]") for i, value in enumerate(_sequence(matrices))]
    _check([(found.shape, found.ndim) for found in arrays])
    return arrays


def _check(factors: list[tuple[tuple[int, ...], int]]) -> None:
    last = len(factors) - 1
    for place, (shape, ndim) in enumerate(factors):
        if ndim != 2 and not (ndim == 1 and place in (0, last) and last):
            raise ShapeError(
                f"matrices[{place}] has shape {shape}; it is a matrix, the first and the last of "
                "several may be vectors"
            )
        if place and factors[place - 1][0][-1] != shape[0]:
            raise ShapeError(
                f"matrices[{place - 1}] has shape {factors[place - 1][0]} and matrices[{place}] "
                f"{shape}: the sizes that meet differ"
            )


def _equation(axes: list[int]) -> str:
    """The axes of a chain by name, of which there are enough for any length: "x0 x1, x1 x2"."""
    names = [f"x{place}" for place in range(len(axes) + 1)]
    first, last = axes[0] == 1, axes[-1] == 1
    terms = [[names[place], names[place + 1]] for place in range(len(axes))]
    if first:
        terms[0] = terms[0][1:]
    if last and len(axes) > 1:
        terms[-1] = terms[-1][:1]
    kept = ([] if first else [names[0]]) + ([] if last else [names[-1]])
    return f"{', '.join(' '.join(term) for term in terms)} -> {' '.join(kept)}"
