from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab import linalg, report
from tests.linalg.operands import numbers


@given(
    n=st.sampled_from([1, 3, 8, 40]),
    seed=st.integers(0, 9),
    kind=st.sampled_from(["real", "complex"]),
)
def test_the_product_is_the_transform_to_rounding(n, seed, kind):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=n).astype(np.float32)
    if kind == "complex":
        x = (x + 1j * draw.normal(size=n)).astype(np.complex64)
    allowed = 32 * 2.0**-23 * np.abs(x).sum()
    assert np.abs(linalg.dft(x) - np.fft.fft(x)).max() <= allowed
    assert np.abs(linalg.inverse_dft(x) - np.fft.ifft(x)).max() <= allowed / n
    assert np.abs(linalg.inverse_dft(linalg.dft(x)) - x).max() <= allowed


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_any_axis_is_transformed(axis):
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    assert np.allclose(linalg.dft(x, axis), np.fft.fft(x, axis=axis), atol=1e-5)


def test_the_matrix_over_its_root_is_unitary_even_where_angles_are_many_turns():
    matrix = np.asarray(linalg.dft_matrix(300), np.complex128) / np.sqrt(300)
    assert np.abs(matrix @ matrix.conj().T - np.eye(300)).max() < 1e-6
    assert np.array_equal(matrix, matrix.T)


def test_double_precision_is_as_good_as_the_fast_transform(x64):
    x = np.random.default_rng(0).normal(size=64)
    assert np.abs(linalg.dft(x) - np.fft.fft(x)).max() < 1e-12


def test_a_real_line_costs_half_of_a_complex_one():
    real, both = jnp.ones((2, 16), jnp.float32), jnp.ones((2, 16), jnp.complex64)
    costs = [
        sum(r.cost.flops for r in report(linalg.dft, x).rows if r.is_product) for x in (real, both)
    ]
    assert costs == [4 * 16**2 * 2, 8 * 16**2 * 2]


def test_the_comparison_shows_cost_and_error_side_by_side():
    x = np.random.default_rng(0).normal(size=(2, 128)).astype(np.complex64)
    shown = linalg.compare_dft(x)
    product, fast = numbers(shown, "FLOPs")
    assert product > 10 * fast
    assert max(numbers(shown, "error")) < 1e-5
