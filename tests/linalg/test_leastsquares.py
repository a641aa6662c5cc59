from __future__ import annotations

import math

import jax
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from einlab import linalg, report
from tests.linalg.operands import numbers

METHODS = ["normal", "qr", "svd"]


def conditioned(m: int, n: int, condition: float, seed: int = 0) -> np.ndarray:
    """A matrix in float64 whose singular values run from 1 down to 1/condition."""
    draw = np.random.default_rng(seed)
    left = np.linalg.qr(draw.normal(size=(m, n)))[0]
    right = np.linalg.qr(draw.normal(size=(n, n)))[0]
    return (left * np.geomspace(1, 1 / condition, n)) @ right.T


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("columns", [(), (2,)])
def test_every_method_agrees_with_scipy(method, columns):
    draw = np.random.default_rng(1)
    a = draw.normal(size=(9, 4)).astype(np.float32)
    b = draw.normal(size=(9, *columns)).astype(np.float32)
    found = linalg.least_squares(a, b, method)
    expected = scipy.linalg.lstsq(a.astype(float), b.astype(float))[0]
    assert np.allclose(found.solution, expected, atol=1e-5)
    assert np.allclose(found.residual, np.linalg.norm(a @ expected - b, axis=0), atol=1e-5)
    assert float(found.condition) == pytest.approx(np.linalg.cond(a.astype(float)), rel=1e-4)
    assert int(found.rank) == 4


@pytest.mark.parametrize("method", METHODS)
def test_complex_problems_are_solved(method):
    draw = np.random.default_rng(2)
    a = (draw.normal(size=(6, 3)) + 1j * draw.normal(size=(6, 3))).astype(np.complex64)
    b = (draw.normal(size=6) + 1j * draw.normal(size=6)).astype(np.complex64)
    expected = scipy.linalg.lstsq(a, b)[0]
    assert np.allclose(linalg.least_squares(a, b, method).solution, expected, atol=1e-4)


@given(power=st.floats(0, 3), seed=st.integers(0, 30), apart=st.sampled_from([0.0, 1e-3, 1.0]))
def test_no_error_is_larger_than_the_digits_lost_allow(power, seed, apart):
    draw = np.random.default_rng(seed)
    a = conditioned(12, 4, 10**power, seed).astype(np.float32)
    b = (a @ draw.normal(size=4) + apart * draw.normal(size=12)).astype(np.float32)
    exact = np.linalg.lstsq(a.astype(float), b.astype(float))[0]
    for method in METHODS:
        found = linalg.least_squares(a, b, method)
        error = np.linalg.norm(np.asarray(found.solution, float) - exact) / np.linalg.norm(exact)
        if np.isfinite(error):
            assert error <= 16 * 2.0**-23 * 10 ** float(found.digits_lost)


def test_normal_equations_square_the_condition_number():
    condition = 1e3
    a = conditioned(40, 6, condition).astype(np.float32)
    truth = np.ones(6)
    b = (a.astype(float) @ truth).astype(np.float32)
    exact = np.linalg.lstsq(a.astype(float), b.astype(float))[0]
    error, lost = {}, {}
    for method in METHODS:
        found = linalg.least_squares(a, b, method)
        error[method] = np.linalg.norm(np.asarray(found.solution) - exact)
        lost[method] = float(found.digits_lost)
    assert error["normal"] > 20 * max(error["qr"], error["svd"])
    assert lost["normal"] == pytest.approx(2 * math.log10(condition), abs=0.1)
    for method in ("qr", "svd"):
        assert lost[method] == pytest.approx(math.log10(condition), abs=1)
    assert float(found.digits_left) == pytest.approx(-math.log10(2.0**-23) - lost["svd"], abs=0.01)


def test_svd_gives_the_shortest_of_many_solutions():
    a = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]], np.float32)
    found = linalg.least_squares(a, [1.0, 2.0], "svd")
    assert np.allclose(found.solution, [0.5, 0.5, 0], atol=1e-6)
    assert int(found.rank) == 1
    assert float(found.condition) == pytest.approx(1)


def test_a_cutoff_leaves_small_directions_out():
    a = np.diag([1.0, 0.01]).astype(np.float32)
    found = linalg.least_squares(a, [1.0, 1.0], "svd", cutoff=0.1)
    assert np.allclose(found.solution, [1.0, 0.0])


def test_a_solution_goes_through_jit_and_has_a_gradient():
    a = conditioned(5, 2, 3).astype(np.float32)
    b = np.arange(5, dtype=np.float32)
    found = jax.jit(linalg.least_squares)(a, b)
    assert found.method == "qr"
    gradient = jax.grad(lambda b: linalg.least_squares(a, b).solution[0])(b)
    assert np.allclose(gradient, np.linalg.pinv(a)[0], atol=1e-5)


def test_nothing_is_lost_where_nothing_is_asked():
    found = linalg.least_squares(np.eye(3)[:, :2], np.zeros(3))
    assert float(found.digits_lost) == 0
    assert found.solution.tolist() == [0, 0]


def test_the_comparison_puts_cost_beside_error():
    a = conditioned(30, 4, 300).astype(np.float32)
    shown = linalg.compare_least_squares(a, a @ np.ones(4, np.float32))
    error = dict(zip(shown.table.column("method"), numbers(shown, "error"), strict=True))
    assert error["normal"] > error["qr"]
    assert linalg.compare_least_squares(a.T, np.ones(4)).table.column("method") == ("svd",)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (5, 5)])
@pytest.mark.parametrize("form", ["auto", "primal", "dual"])
def test_both_forms_of_ridge_give_the_closed_form(shape, form):
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=shape).astype(np.float32), draw.normal(size=shape[0])
    n = shape[1]
    expected = np.linalg.solve(a.T.astype(float) @ a + 0.7 * np.eye(n), a.T.astype(float) @ b)
    assert np.allclose(linalg.ridge(a, b, 0.7, form), expected, atol=1e-5)


@pytest.mark.parametrize(("m", "n"), [(300, 20), (20, 300)])
def test_ridge_takes_the_form_with_fewer_flops(m, n):
    shown = linalg.compare_ridge(m, n)
    primal, dual = numbers(shown, "FLOPs")
    assert (primal < dual) == (n < m)
    assert shown.table.notes == (f"chosen: {'primal' if n < m else 'dual'}",)
    a, b = np.ones((m, n), np.float32), np.ones((m, 1), np.float32)
    assert abs(report(lambda a, b: linalg.ridge(a, b, 1.0), a, b).flops - min(primal, dual)) < m + n


def test_ridge_agrees_with_scikit_learn_and_has_a_gradient_in_its_strength():
    sklearn = pytest.importorskip("sklearn.linear_model")
    draw = np.random.default_rng(4)
    a, b = draw.normal(size=(8, 3)).astype(np.float32), draw.normal(size=8).astype(np.float32)
    expected = sklearn.Ridge(alpha=2.0, fit_intercept=False).fit(a, b).coef_
    assert np.allclose(linalg.ridge(a, b, 2.0), expected, atol=1e-5)
    slope = jax.grad(lambda s: (linalg.ridge(a, b, s) ** 2).sum())(2.0)
    assert slope < 0  # a higher price, a shorter solution
