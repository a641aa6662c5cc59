"""The compiled product against sums written out in float64, for axes that lie anyhow."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.native import product as kernels
from einlab.native.sizing import LEAST_ROOM, Sized, sized, sized_by_counts
from einlab.native.words import ALONG_BATCH, BY_BATCH, BY_COLUMNS, WAY, Host

HOST = Host(kernels.vector_bytes(), kernels.tile_rows())
Cuts = tuple[int, int, int]

GUARD = -7.25
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}

Array = npt.NDArray[Any]


class Product(NamedTuple):
    """Axis groups of batch, m, k and n: extents, and strides in A, B and C."""

    groups: tuple[tuple[tuple[int, int, int, int], ...], ...]
    add: bool
    dtype: str

    @property
    def axes(self) -> tuple[tuple[int, int, int, int], ...]:
        return tuple(axis for group in self.groups for axis in group)

    @property
    def itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize

    def descriptor(self) -> tuple[int, ...]:
        counts = [len(group) for group in self.groups]
        return (*counts, int(self.add), *np.ravel(self.axes).astype(int).tolist())

    def sized(self, room: int = 0) -> Sized:
        return sized(self.descriptor(), self.itemsize, room, HOST)

    def words(self, cuts: tuple[int, int, int], room: int = 0) -> Array:
        """What the kernel reads, cut over batch, rows and columns."""
        head = list(self.sized(room).words)
        head[BY_BATCH : BY_COLUMNS + 1] = cuts
        return np.array([*head, *self.descriptor()[5:]], np.int64)

    def length(self, operand: int) -> int:
        """Elements up to the last that is touched."""
        return 1 + sum(max(axis[0] - 1, 0) * axis[operand] for axis in self.axes)


def strided(array: Array, product: Product, operand: int) -> Array:
    """The operand as an array of all axes, each entry as often as it is used."""
    shape = [axis[0] for axis in product.axes]
    strides = [axis[operand] * array.itemsize for axis in product.axes]
    return np.lib.stride_tricks.as_strided(array, shape, strides)


def expected(product: Product, a: Array, b: Array, c: Array) -> Array:
    """The memory of C afterwards."""
    terms = strided(a.astype(np.float64), product, 1) * strided(b.astype(np.float64), product, 2)
    result = c.astype(np.float64)
    summed = tuple(place for place, axis in enumerate(product.axes) if axis[3] == 0)
    kept = [axis for axis in product.axes if axis[3]]
    target = np.lib.stride_tricks.as_strided(
        result, [axis[0] for axis in kept], [axis[3] * result.itemsize for axis in kept]
    )
    target[...] = terms.sum(summed) + (target if product.add else 0.0)
    return result


def computed(product: Product, a: Array, b: Array, c: Array, cuts: Cuts, room: int = 0) -> Array:
    """The memory of C after all pieces, the last first; nothing behind scratch is written."""
    words, result = product.words(cuts, room), c.copy()
    scratch_bytes, tasks = product.sized(room).scratch, math.prod(cuts)
    scratch = np.full(scratch_bytes + 64 + 64, 0x5A, np.uint8)
    start = -scratch.ctypes.data % 64
    run = kernels.product_f32 if product.dtype == "float32" else kernels.product_f64
    addresses = [array.ctypes.data for array in (words, a, b, result)]
    for task in reversed(range(tasks)):
        run(*addresses, scratch.ctypes.data + start, task, tasks)
    assert (scratch[start + scratch_bytes :] == 0x5A).all()
    return result


def check(product: Product, seed: int, cuts: Cuts = (1, 1, 1), room: int = 0) -> None:
    """All entries of C are right and what lies between them is as it was."""
    random = np.random.default_rng(seed)
    a, b = (random.standard_normal(product.length(o)).astype(product.dtype) for o in (1, 2))
    c = np.full(product.length(3), GUARD, product.dtype)
    want = expected(product, a, b, c)
    got = computed(product, a, b, c, cuts, room)
    scale = math.sqrt(math.prod(axis[0] for axis in product.groups[2])) + abs(GUARD)
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE[product.dtype] * max(scale, 1.0))
    np.testing.assert_array_equal(got[want == GUARD], np.array(GUARD, product.dtype))


def axis_of(extent: int, strides: list[int]) -> tuple[int, int, int, int]:
    """An axis and its strides in A, B and C."""
    return extent, strides[0], strides[1], strides[2]


EXTENTS = st.sampled_from((1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 24, 33))


@st.composite
def products(draw: st.DrawFn, most: int = 20_000) -> Product:
    """Axes in any order of memory, with gaps, and A and B anyhow: repeated, diagonal, permuted."""
    sizes = [draw(st.integers(0, 2)) for _ in range(4)]
    extents: list[list[int]] = []
    total = 1
    for size in sizes:
        group: list[int] = []
        for _ in range(size):
            extent = draw(EXTENTS)
            extent = extent if total * extent <= most else 1
            total *= extent
            group.append(extent)
        extents.append(group)
    flat = [(group, place) for group in range(4) for place in range(sizes[group])]
    strides = {axis: [0, 0, 0] for axis in flat}
    for operand, present in ((0, (0, 1, 2)), (1, (0, 2, 3)), (2, (0, 1, 3))):
        mine = draw(st.permutations([axis for axis in flat if axis[0] in present]))
        stride = 1
        for axis in reversed(mine):
            strides[axis][operand] = stride
            stride *= extents[axis[0]][axis[1]]
            stride += draw(st.sampled_from((0, 0, 0, 1, 5)))
        if operand < 2 and mine and draw(st.integers(0, 4)) == 0:
            strides[mine[-1]][operand] = draw(st.integers(0, 3))
    groups = tuple(
        tuple(axis_of(extents[g][p], strides[g, p]) for p in range(sizes[g])) for g in range(4)
    )
    return Product(groups, draw(st.booleans()), draw(st.sampled_from(("float32", "float64"))))


CUTS = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
ROOMS = st.sampled_from((0, 0, 1, LEAST_ROOM, 12_345, 40_000))


@given(products(), st.integers(0, 99), CUTS, ROOMS)
def test_every_entry_is_the_sum_of_its_products_and_nothing_else_is_touched(
    product, seed, cuts, room
):
    check(product, seed, cuts, room)


@st.composite
def innermost_batches(draw: st.DrawFn) -> Product:
    """Batches that are next to each other in all arrays, of matrices in any order, with gaps."""
    m, k, n = (draw(st.sampled_from((1, 2, 3, 4, 5, 9, 17, 33, 70))) for _ in range(3))
    together, outer = draw(st.integers(1, 70)), draw(st.integers(1, 3))
    if m * k * n * together * outer > 300_000:
        outer, together = 1, max(1, 300_000 // (m * k * n))
    extents = {"o": outer, "m": m, "k": k, "n": n}
    strides: dict[str, list[int]] = {axis: [0, 0, 0] for axis in extents}
    for operand, present in enumerate(("omk", "okn", "omn")):
        stride = together + draw(st.sampled_from((0, 0, 1, 9)))
        for axis in draw(st.permutations(present)):
            strides[axis][operand] = stride
            stride *= extents[axis]
    o, *groups = (axis_of(extents[axis], strides[axis]) for axis in "omkn")
    batch = o, (together, 1, 1, 1)
    dtype = draw(st.sampled_from(("float32", "float64")))
    return Product((batch, *((group,) for group in groups)), draw(st.booleans()), dtype)


@given(innermost_batches(), st.integers(0, 99), CUTS, ROOMS)
def test_vectors_along_the_batch_give_every_product(product, seed, cuts, room):
    check(product, seed, cuts, room)
    together = product.groups[0][1][0]
    assert (product.sized(room).words[WAY] == ALONG_BATCH) == (together >= 4)


def matrices(m: int, k: int, n: int, order: str, dtype: str) -> Product:
    """C[m, n] from A and B whose axes stand in the order of the letters, say 'km,nk'."""
    size = {"m": m, "k": k, "n": n}
    left, right = order.split(",")
    a = {left[0]: size[left[1]], left[1]: 1, "n": 0}
    b = {right[0]: size[right[1]], right[1]: 1, "m": 0}
    c = {"m": n, "n": 1, "k": 0}
    groups = tuple(((size[x], a[x], b[x], c[x]),) for x in "mkn")
    return Product(((), *groups), False, dtype)


@pytest.mark.parametrize("order", ["mk,kn", "km,kn", "mk,nk", "km,nk"])
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [
        (70, 600, 90),
        (300, 30, 40),
        (1, 700, 300),
        (3, 90, 4500),
        (5, 70, 40),
        (300, 64, 2),
        (21, 298, 388),
    ],
)
def test_operands_in_both_orders_give_the_same_product(m, k, n, order):
    check(matrices(m, k, n, order, "float32"), 3)
    check(matrices(m, k, n, order, "float64"), 3, (1, 3, 1))
    check(matrices(m, k, n, order, "float32"), 3, room=LEAST_ROOM)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_rows_are_summed_along_k_in_stretches(dtype):
    check(matrices(3, 5001, 9, "km,nk", dtype), 1, (1, 1, 2))
    check(matrices(3, 5001, 9, "km,nk", dtype), 1, room=LEAST_ROOM)
    rows, sums = ((2, 111, 0, 10),), ((3, 37, 500, 0), (37, 1, 1, 0))
    check(Product(((), rows, sums, ((10, 0, 40, 1),)), True, dtype), 2)


def test_few_columns_change_roles_with_rows():
    for order in ("mk,kn", "km,nk"):
        check(matrices(100, 40, 3, order, "float32"), 3, (1, 2, 2))
    batch = ((3, 4000, 80, 200),)
    groups = (batch, ((100, 40, 0, 2),), ((40, 1, 2, 0),), ((2, 0, 1, 1),))
    check(Product(groups, True, "float64"), 5, (5, 1, 1))


def test_a_sum_over_nothing_is_zero():
    product = matrices(3, 0, 20, "mk,kn", "float32")
    one, c = np.zeros(1, "f4"), np.full(60, GUARD, "f4")
    got = computed(product, one, one, c, (1, 1, 1))
    np.testing.assert_array_equal(got, np.zeros(60, "f4"))


def test_a_result_larger_than_caches_is_written_past_them_and_whole():
    product = matrices(1024, 2, 8256, "mk,kn", "float32")
    random = np.random.default_rng(1)
    a, b = random.standard_normal((1024, 2)), random.standard_normal((2, 8256))
    room = np.zeros(1024 * 8256 + 32, "f4")
    c = room[-room.ctypes.data % 64 // 4 :][: 1024 * 8256]
    left, right, words = a.astype("f4"), b.astype("f4"), product.words((1, 5, 1))
    scratch = np.zeros(product.sized().scratch // 8 + 8, np.int64)
    start = scratch.ctypes.data - scratch.ctypes.data % -64
    for task in range(5):
        addresses = [array.ctypes.data for array in (words, left, right, c)]
        kernels.product_f32(*addresses, start, task, 5)
    np.testing.assert_allclose(c.reshape(1024, 8256), a @ b, atol=1e-5)


@settings(max_examples=200)
@given(products(most=10**12))
def test_pieces_are_few_and_one_for_what_is_small(product):
    pieces = product.sized().pieces
    total = math.prod(axis[0] for axis in product.axes)
    assert 1 <= pieces <= 64
    assert pieces == 1 or total > 10_000


@settings(max_examples=200)
@given(products(most=10**12) | innermost_batches(), st.integers(0, 1 << 21))
def test_scratch_fits_its_room_and_is_what_is_best_where_there_is_enough(product, room):
    best = product.sized().scratch
    assert product.sized(room).scratch <= (max(room, LEAST_ROOM) if room else best)
    assert product.sized(best).scratch == best
    sizes = [math.prod(axis[0] for axis in group) for group in product.groups]
    if 0 not in sizes:
        batch, m, k, n = sizes
        assert sized_by_counts(batch, m, k, n, product.itemsize)[1] >= best
