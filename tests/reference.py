"""The naive sum and its derivatives in NumPy: every index a loop of its own, nothing shared.

It looks entries up on the grid of all indices and knows neither paths nor products of matrices, so
that it has no fault in common with what it checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from tests.tolerances import assert_close

Array = np.ndarray
Term = Sequence[str]


def index_sizes(terms: Sequence[Term], shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """The size of each index; 1 gives way to any other size."""
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for index, size in zip(term, shape, strict=True):
            if sizes.get(index, 1) == 1:
                sizes[index] = size
    return sizes


def naive_sum(terms: Sequence[Term], output: Term, arrays: Sequence[Array]) -> Array:
    """The sum over all indices that the output does not have, of the product of all operands."""
    sizes = index_sizes(terms, [array.shape for array in arrays])
    product = _product(terms, arrays, sizes)
    names = list(sizes)
    summed = tuple(place for place, index in enumerate(names) if index not in output)
    kept = [index for index in names if index in output]
    if product.dtype == bool:
        total = np.any(product, axis=summed)
    else:
        total = np.sum(product, axis=summed, dtype=product.dtype)
    return np.transpose(total, [kept.index(index) for index in output])


def naive_cotangent(
    terms: Sequence[Term], output: Term, arrays: Sequence[Array], cotangent: Array, which: int
) -> Array:
    """What reverse mode sends back to one operand: each product goes to the entry it took."""
    sizes = index_sizes(terms, [array.shape for array in arrays])
    others = [array for place, array in enumerate(arrays) if place != which]
    held = [term for place, term in enumerate(terms) if place != which]
    product = _product([*held, output], [*others, cotangent], sizes)
    shape = arrays[which].shape
    if not shape:
        return np.asarray(np.sum(product))
    result = np.zeros(shape, product.dtype)
    places = _lookup(terms[which], shape, sizes)
    np.add.at(result, tuple(np.broadcast_to(p, product.shape) for p in places), product)
    return result


def _product(terms: Sequence[Term], arrays: Sequence[Array], sizes: dict[str, int]) -> Array:
    """All products, one for each point of the grid of all indices."""
    spread = [
        array[_lookup(term, array.shape, sizes)] if term else array
        for term, array in zip(terms, arrays, strict=True)
    ]
    multiply = np.logical_and if all(array.dtype == bool for array in arrays) else np.multiply
    return np.asarray(np.broadcast_to(reduce(multiply, spread), tuple(sizes.values())))


def _lookup(term: Term, shape: Sequence[int], sizes: dict[str, int]) -> tuple[Array, ...]:
    """For each axis, the position to read at each point of the grid; an axis of 1 is read at 0."""
    grid = dict(zip(sizes, np.ogrid[tuple(slice(size) for size in sizes.values())], strict=True))
    return tuple(
        grid[index] if size == sizes[index] else np.zeros_like(grid[index])
        for index, size in zip(term, shape, strict=True)
    )


def widened(array: Array, dtype: str) -> Array:
    """An operand as the reference computes with it: 64 bits of the kind of the result."""
    if dtype == "bool":
        return np.asarray(np.asarray(array) != 0)
    if dtype.startswith("complex"):
        return np.asarray(array).astype("complex128")
    if dtype.startswith(("int", "uint")):  # wraps as the dtype does, once the result is narrowed
        return np.asarray(array).astype("int64")
    return np.asarray(array).astype("float64")


def assert_contracts_to(
    got: object, terms: Sequence[Term], output: Term, arrays: Sequence[Array], dtype: str
) -> None:
    """A result equals the naive sum of these operands within the tolerance of its dtype."""
    wide = [widened(array, dtype) for array in arrays]
    expected = naive_sum(terms, output, wide)
    magnitude = naive_sum(terms, output, [np.abs(array) for array in wide])
    assert_close(got, expected, magnitude, dtype)
