"""The views of a matrix product, each as a function that runs: one result, several readings.

All take a (m×k) and b (k×n) and give the product (m×n) by plain contractions, so that `report` says
what each costs. They differ in what one step makes: an entry of rows, a column, an outer product, a
block. Source: Golub and Van Loan 2013, "Matrix Computations", sections 1.1 and 1.3.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Shaped

from einlab.arguments import whole
from einlab.contracting import contract
from einlab.matmul.operands import matrices, stacks

__all__ = [
    "batched",
    "by_blocks",
    "by_columns",
    "by_outer_products",
    "by_rows",
    "compose",
    "outer_products",
    "partial_sums",
    "tiled",
    "whole_product",
]


def whole_product(a: Any, b: Any) -> Shaped[Array, "m n"]:
    """The product as one contraction: what every view is compared with.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> whole_product([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]]).tolist()
    [[58, 64], [139, 154]]
    """
    return contract("mk,kn->mn", *matrices(a, b))


def compose(a: Any, b: Any) -> Shaped[Array, "m n"]:
    """The product as the composition of two maps: x goes through b first, then through a.

    Column j of the product is where the j-th basis vector arrives: a(b·e_j). No product of matrices
    is ever formed.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> compose([[1, 1], [0, 0]], [[1, 0], [1, 0]]).tolist()
    [[2, 0], [0, 0]]
    """
    left, right = matrices(a, b)

    def arrives(x: jax.Array) -> jax.Array:
        return contract("mk,k->m", left, contract("kn,n->k", right, x))

    basis = np.eye(right.shape[1], dtype=right.dtype)
    columns: jax.Array = lax.map(arrives, basis)
    return columns.T


def by_rows(a: Any, b: Any) -> Shaped[Array, "m n"]:
    """Row i of the product is row i of a, times all of b; one row at a time.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> by_rows([[1, 2], [3, 4]], [[0, 1], [1, 0]]).tolist()
    [[2, 1], [4, 3]]
    """
    left, right = matrices(a, b)
    rows: jax.Array = lax.map(lambda row: contract("k,kn->n", row, right), left)
    return rows


def by_columns(a: Any, b: Any) -> Shaped[Array, "m n"]:
    """Column j of the product is all of a, times column j of b; one column at a time.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> by_columns([[1, 2], [3, 4]], [[0, 1], [1, 0]]).tolist()
    [[2, 1], [4, 3]]
    """
    left, right = matrices(a, b)
    columns: jax.Array = lax.map(lambda column: contract("mk,k->m", left, column), right.T)
    return columns.T


def outer_products(a: Any, b: Any) -> Shaped[Array, "k m n"]:
    """The k outer products that a product is the sum of: column i of a times row i of b.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> outer_products([[1, 2], [3, 4]], [[5, 6], [7, 8]]).tolist()
    [[[5, 6], [15, 18]], [[14, 16], [28, 32]]]
    """
    return contract("mk,kn->kmn", *matrices(a, b))


def partial_sums(a: Any, b: Any) -> Shaped[Array, "k m n"]:
    """What the product is after 1, 2, … k outer products; the last of them is the product.

    The first r terms are a matrix of rank r at most, but not the best one of that rank: that needs
    the singular value decomposition of the product.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> partial_sums([[1, 2], [3, 4]], [[5, 6], [7, 8]])[-1].tolist()
    [[19, 22], [43, 50]]
    """
    left, right = matrices(a, b)

    def add(total: jax.Array, pair: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        total = total + contract("m,n->mn", *pair)
        return total, total

    start = jnp.zeros((left.shape[0], right.shape[1]), left.dtype)
    return lax.scan(add, start, (left.T, right))[1]


def by_outer_products(a: Any, b: Any) -> Shaped[Array, "m n"]:
    """The product as a sum of k outer products, added up one after the other in place.

    Every term passes over the whole result, which is why this is the slow view of a large product.

    Raises ShapeError if the matrices do not fit, OperandError for what is no array.

    >>> by_outer_products([[1, 2], [3, 4]], [[5, 6], [7, 8]]).tolist()
    [[19, 22], [43, 50]]
    """
    left, right = matrices(a, b)

    def add(total: jax.Array, pair: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        return total + contract("m,n->mn", *pair), None

    start = jnp.zeros((left.shape[0], right.shape[1]), left.dtype)
    return lax.scan(add, start, (left.T, right))[0]


def by_blocks(
    a: Any,
    b: Any,
    rows: int | None = None,
    inner: int | None = None,
    columns: int | None = None,
) -> Shaped[Array, "m n"]:
    """The product of matrices of blocks: blocks multiply and add as numbers do.

    Blocks of a have `rows`×`inner` entries, those of b `inner`×`columns`; None halves that size.
    The last blocks are smaller where the sizes are no multiples.

    Raises ShapeError if the matrices do not fit, ArgumentError for a block of no entries.

    >>> by_blocks([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]]).tolist()
    [[58, 64], [139, 154]]
    """
    left, right = matrices(a, b)
    (m, k), n = left.shape, right.shape[1]
    rows, inner, columns = (
        max(1, (size + 1) // 2) if block is None else whole(block, name)
        for block, name, size in ((rows, "rows", m), (inner, "inner", k), (columns, "columns", n))
    )
    if 0 in (m, k, n):
        return whole_product(left, right)
    bands = []
    for i in range(0, m, rows):
        band = []
        for j in range(0, n, columns):
            parts = (
                whole_product(
                    left[i : i + rows, p : p + inner], right[p : p + inner, j : j + columns]
                )
                for p in range(0, k, inner)
            )
            band.append(sum(parts, start=next(parts)))
        bands.append(jnp.concatenate(band, axis=1))
    return jnp.concatenate(bands, axis=0)


def tiled(a: Any, b: Any, tile: int = 64) -> Shaped[Array, "m n"]:
    """The product tile by tile, in the order that lets three tiles stay in a fast memory.

    A tile of the result stays while the tiles of a band of a and of a band of b pass by. Edges are
    filled up with zeros, which the count of FLOPs shows.

    Raises ShapeError if the matrices do not fit, ArgumentError for a tile of no entries.

    >>> tiled([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]], tile=2).tolist()
    [[58, 64], [139, 154]]
    """
    left, right = matrices(a, b)
    tile = whole(tile, "tile")
    m, n = left.shape[0], right.shape[1]
    a_tiles, b_tiles = _tiles(left, tile), _tiles(right, tile).swapaxes(0, 1)

    def result_tile(bands: tuple[jax.Array, jax.Array]) -> jax.Array:
        def add(total: jax.Array, pair: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            return total + contract("mk,kn->mn", *pair), None

        made: jax.Array = lax.scan(add, jnp.zeros((tile, tile), left.dtype), bands)[0]
        return made

    def band(of_a: jax.Array) -> jax.Array:
        tiles: jax.Array = lax.map(lambda of_b: result_tile((of_a, of_b)), b_tiles)
        return tiles

    made: jax.Array = lax.map(band, a_tiles)
    return made.swapaxes(1, 2).reshape(made.shape[0] * tile, made.shape[1] * tile)[:m, :n]


def _tiles(array: jax.Array, tile: int) -> jax.Array:
    """A matrix as rows of tiles, filled up with zeros: (rows, columns, tile, tile)."""
    rows, columns = (max(1, -(-size // tile)) for size in array.shape)
    short = [(0, rows * tile - array.shape[0]), (0, columns * tile - array.shape[1])]
    filled = jnp.pad(array, short)
    return filled.reshape(rows, tile, columns, tile).swapaxes(1, 2)


def batched(a: Any, b: Any) -> Shaped[Array, "... m n"]:
    """Products of two stacks of matrices, whose leading axes broadcast as `jnp.matmul`'s.

    Raises ShapeError if the inner sizes differ or the leading axes do not broadcast.

    >>> batched(jnp.ones((10, 3, 4)), jnp.ones((4, 5))).shape
    (10, 3, 5)
    """
    left, right = stacks(a, b)
    return contract("...mk,...kn->...mn", left, right)
