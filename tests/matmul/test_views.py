from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab import matmul, report
from einlab.errors import ArgumentError

A, B = [[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]]
PRODUCT = [[58, 64], [139, 154]]

VARIANTS: dict[str, Callable[[Any, Any], Any]] = {
    **matmul.VIEWS,
    "blocks of one": partial(matmul.by_blocks, rows=1, inner=1, columns=1),
    "blocks of three": partial(matmul.by_blocks, rows=3, inner=2, columns=4),
    "tiles of three": partial(matmul.tiled, tile=3),
    "Strassen to the end": partial(matmul.strassen, cutoff=1),
    "last partial sum": lambda a, b: matmul.partial_sums(a, b)[-1],
    "sum of outer products": lambda a, b: matmul.outer_products(a, b).sum(0),
    "batched": matmul.batched,
}


def whole_numbers(seed: int, *shape: int) -> np.ndarray:
    """Small whole numbers, whose products are exact in any order."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float32)


@pytest.mark.parametrize("view", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 2), (5, 7, 3), (4, 1, 6), (8, 8, 8)])
def test_every_view_gives_the_product_exactly(view, sizes):
    m, k, n = sizes
    a, b = whole_numbers(1, m, k), whole_numbers(2, k, n)
    assert np.array_equal(view(a, b), a @ b)


@given(m=st.integers(1, 6), k=st.integers(1, 6), n=st.integers(1, 6), seed=st.integers(0, 99))
def test_by_hand_agrees_with_numpy_entry_by_entry(m, k, n, seed):
    a, b = whole_numbers(seed, m, k), whole_numbers(seed + 100, k, n)
    entries = matmul.by_hand(a, b)
    assert [[entry.value for entry in row] for row in entries] == (a @ b).tolist()
    for row in entries:
        for entry in row:
            assert len(entry.terms) == k
            assert entry.partial_sums[-1] == pytest.approx(sum(entry.terms))


@pytest.mark.parametrize("name", ["rows", "columns", "outer products", "composition", "blocks"])
def test_views_differentiate_as_the_product_does(name):
    a, b = whole_numbers(3, 4, 3), whole_numbers(4, 3, 5)
    weights = whole_numbers(5, 4, 5)

    def total(view, a, b):
        return (view(a, b) * weights).sum()

    got = jax.grad(partial(total, matmul.VIEWS[name]), (0, 1))(a, b)
    assert np.allclose(got[0], weights @ b.T)
    assert np.allclose(got[1], a.T @ weights)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "last partial sum"])
def test_a_product_over_nothing_is_zero(name):
    result = VARIANTS[name](np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32))
    assert result.tolist() == [[0.0] * 3] * 2


@given(
    batch=st.sampled_from([((), ()), ((3,), ()), ((), (4,)), ((2, 1), (3,)), ((2, 3), (2, 3))]),
    seed=st.integers(0, 9),
)
def test_stacks_broadcast_as_numpys_do(batch, seed):
    a, b = whole_numbers(seed, *batch[0], 2, 3), whole_numbers(seed, *batch[1], 3, 4)
    assert np.array_equal(matmul.batched(a, b), np.matmul(a, b))


def test_the_outer_products_are_of_rank_one_and_add_up():
    a, b = whole_numbers(1, 5, 3), whole_numbers(2, 3, 4)
    terms, sums = matmul.outer_products(a, b), matmul.partial_sums(a, b)
    assert all(np.linalg.matrix_rank(term) <= 1 for term in np.asarray(terms))
    assert np.array_equal(np.cumsum(terms, axis=0), sums)


# What it costs.


def test_all_exact_views_cost_what_the_product_costs_and_additions_of_whole_results():
    m, k, n = 8, 6, 4
    a, b = jnp.ones((m, k)), jnp.ones((k, n))
    whole = 2 * m * k * n
    assert report(matmul.whole_product, a, b).flops == whole
    assert report(matmul.by_rows, a, b).flops == whole
    assert report(matmul.by_columns, a, b).flops == whole
    assert report(matmul.by_outer_products, a, b).flops == whole  # k·(mn products, mn additions)
    # Composition sends n basis vectors through k·n and m·k numbers.
    assert report(matmul.compose, a, b).flops == n * (2 * k * n + 2 * m * k)


@pytest.mark.parametrize("n", [2, 8, 18, 20, 64])
def test_one_level_of_strassen_counts_seven_products_and_eighteen_additions(n):
    square = jax.ShapeDtypeStruct((n, n), jnp.float32)
    half = n // 2
    counted = report(partial(matmul.strassen, cutoff=half), square, square)
    product = 2 * half**3 if half > 1 else 1
    assert counted.flops == 7 * product + 18 * half**2


def test_strassen_saves_from_twenty_on_because_n_squared_must_fall_below_n_cubed():
    # 7·2(n/2)³ + 18(n/2)² < 2n³ where n > 18.
    assert matmul.strassen_crossover() == 20
    with pytest.raises(ArgumentError, match="up to n = 8"):
        matmul.strassen_crossover(largest=8)


def test_strassens_error_is_larger_than_the_plain_products():
    random = np.random.default_rng(0)
    a, b = (random.normal(size=(64, 64)).astype(np.float32) for _ in range(2))
    exact = a.astype(float) @ b.astype(float)
    deep = np.abs(matmul.strassen(a, b, cutoff=8) - exact).max()
    plain = np.abs(matmul.whole_product(a, b) - exact).max()
    assert deep > plain
    assert deep < 1e-3
    errors = np.array(matmul.compare(a, b).table.column("error"), float)
    assert errors.max() < 1e-6


# What it says.


def test_an_entry_spells_its_terms():
    entry = matmul.explain_matmul(A, B, 0, 1)
    assert entry.terms == (8, 20, 36)
    assert entry.partial_sums == (8, 28, 64)
    assert str(entry).splitlines() == [
        "c[0, 1] = row 0 of a · column 1 of b",
        "        = 1·8 + 2·10 + 3·12",
        "        = 8 + 20 + 36",
        "        = 64",
    ]


def test_negative_factors_stand_in_brackets_and_a_single_term_on_one_line():
    assert "= 2·(-3)" in str(matmul.explain_matmul([[2]], [[-3]], 0, 0))
    assert "(-1)·2 + 3·(-4)" in str(matmul.explain_matmul([[-1, 3]], [[2], [-4]], 0, 0))


def test_the_picture_of_an_entry_holds_every_number_of_small_matrices():
    picture = matmul.explain_matmul(A, B, 1, 0).svg()
    for number in (number for matrix in (A, B, PRODUCT) for row in matrix for number in row):
        assert f">{number}</text>" in picture
    assert "4·7 + 5·9 + 6·11 = 139" in picture


@pytest.mark.parametrize("view", ["entry", "rows", "columns", "outer", "blocks"])
def test_the_steps_of_a_drawn_view_cover_the_product(view):
    m, k, n, block = 3, 4, 5, 2
    steps = {"entry": 15, "rows": 3, "columns": 5, "outer": 4, "blocks": 6}[view]
    for step in range(steps):
        assert f"step {step + 1} of {steps}" in matmul.draw(view, m, k, n, step, block)
    with pytest.raises(ArgumentError, match=f"has {steps} steps"):
        matmul.draw(view, m, k, n, steps, block)


def test_pictures_of_large_products_stay_small():
    assert len(matmul.draw("outer", 1000, 1000, 1000)) < 20_000
