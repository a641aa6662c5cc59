from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab import linalg, report
from tests.linalg.operands import numbers

UNIT = 2.0**-24


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(sizes=st.sampled_from([(3, 2), (5, 1), (4, 4), (7, 3)]), seed=st.integers(0, 20))
def test_what_is_left_of_a_projection_is_orthogonal_to_every_column(sizes, seed):
    m, r = sizes
    a, v = normal(seed, m, r), normal(seed + 50, m)
    assert np.abs(a.T @ linalg.reject(v, a)).max() <= 64 * m * UNIT * np.linalg.norm(a)
    assert np.allclose(linalg.project(v, a) + linalg.reject(v, a), v, atol=1e-6)


def test_projecting_twice_is_projecting_once_and_is_what_the_matrix_does():
    a, v = normal(1, 6, 2), normal(2, 6, 3)
    once = linalg.project(v, a)
    matrix = linalg.projection_matrix(a)
    assert np.allclose(linalg.project(once, a), once, atol=1e-5)
    assert np.allclose(matrix @ v, once, atol=1e-5)
    assert np.allclose(matrix @ matrix, matrix, atol=1e-6)
    expected = a.astype(float) @ np.linalg.lstsq(a.astype(float), v.astype(float))[0]
    assert np.allclose(once, expected, atol=1e-5)


def test_a_complex_projection_conjugates():
    a = normal(1, 5, 2) + 1j * normal(2, 5, 2)
    v = normal(3, 5) + 1j * normal(4, 5)
    assert np.abs(a.conj().T @ np.asarray(linalg.reject(v, a))).max() < 1e-5


def test_a_basis_of_nearly_parallel_columns_is_orthonormal_all_the_same():
    a = np.array([[1.0, 1.0], [1e-3, 0.0], [0.0, 1e-3]], np.float32)
    basis = np.asarray(linalg.orthonormal_basis(a))
    assert np.abs(basis.T @ basis - np.eye(2)).max() <= 8 * UNIT


def test_dependent_columns_give_nan_where_nobody_can_be_told():
    assert np.isnan(jax.jit(linalg.orthonormal_basis)(jnp.ones((3, 2)))).all()


def test_projecting_one_vector_never_forms_the_matrix():
    def apply(u, v):
        return linalg.project(v, u)

    many = report(apply, np.ones((64, 4), np.float32), np.ones(64, np.float32))
    products = [row.cost.flops for row in many.rows if row.is_product and row.cost.flops]
    assert products == [2 * 2 * 64 * 4]


@pytest.mark.parametrize(("m", "r", "p"), [(30, 3, 1), (30, 20, 500)])
def test_the_comparison_shows_both_brackets_and_the_cheaper_is_chosen(m, r, p):
    first, second, chosen = numbers(linalg.compare_projection(m, r, p), "FLOPs")
    assert first == 4 * m * r * p
    assert second == 2 * m * m * r + 2 * m * m * p
    assert chosen == min(first, second)


def test_projections_differentiate():
    a, v = normal(1, 4, 2), normal(2, 4)
    got = jax.grad(lambda v: linalg.project(v, a)[0])(v)
    assert np.allclose(got, linalg.projection_matrix(a)[0], atol=1e-5)
