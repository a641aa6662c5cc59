"""Laws of decompositions: how near they are, beside SciPy, NumPy and the optimum."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from einlab import contract, lowrank
from einlab.lowrank import Decomposition
from einlab.lowrank.tensors import train_ranks

R = np.random.default_rng(1)


def with_values(values: np.ndarray, m: int, n: int, dtype: str = "float64") -> np.ndarray:
    """A matrix of m×n with these singular values."""
    kind = R.standard_normal((m, n)) + (1j * R.standard_normal((m, n)) if dtype[0] == "c" else 0)
    u, _, vh = np.linalg.svd(kind, full_matrices=False)
    return np.asarray((u[:, : len(values)] * values) @ vh[: len(values)]).astype(dtype)


FAST = with_values(0.5 ** np.arange(20), 30, 20)
SLOW = with_values(1 / (1 + np.arange(20)) ** 0.5, 30, 20)
MATRICES = {
    "fast": FAST,
    "slow": SLOW,
    "wide and complex": with_values(0.7 ** np.arange(20), 20, 30, "complex128"),
}
METHODS: dict[str, Any] = {
    "SVD": lowrank.truncated_svd,
    "randomised": lambda matrix, rank: lowrank.randomized_svd(matrix, rank).svd,
    "QR": lowrank.pivoted_qr,
    "interpolative": lowrank.interpolative,
    "CUR": lowrank.cur,
}
FACTOR = {"SVD": 1 + 1e-9, "randomised": 1.05, "QR": 3, "interpolative": 4, "CUR": 5}
"""How many times the optimum an approximation of these matrices may be off: deterministic ones are
bounded by far larger numbers, which only made matrices reach."""


def difference(found: Decomposition, whole: np.ndarray) -> float:
    return float(np.linalg.norm(whole - np.asarray(found.dense())) / np.linalg.norm(whole))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("method", METHODS)
def test_an_approximation_is_near_the_optimum_and_states_its_error(method, matrix):
    whole = MATRICES[matrix]
    found = METHODS[method](whole, 5)
    values = scipy.linalg.svdvals(whole)
    best = np.linalg.norm(values[5:]) / np.linalg.norm(values)
    assert found.shape == whole.shape
    assert float(found.relative_error) == pytest.approx(difference(found, whole), rel=1e-6)
    assert best * (1 - 1e-9) <= difference(found, whole) <= FACTOR[method] * best


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("matrix", [FAST[:4, :7], np.ones((4, 7)), np.zeros((4, 7))])
def test_at_full_rank_nothing_is_left_out(method, matrix):
    found = METHODS[method](matrix, min(matrix.shape))
    assert np.isfinite(np.asarray(found.dense())).all()
    np.testing.assert_allclose(found.dense(), matrix, atol=1e-12)
    assert float(found.relative_error) < 1e-12


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("matrix", MATRICES)
def test_two_factors_are_the_same_matrix_as_three(method, matrix):
    found = METHODS[method](MATRICES[matrix], 5)
    two = found.low_rank()
    assert two.shape == MATRICES[matrix].shape
    assert two.rank == 5
    np.testing.assert_allclose(two.dense(), found.dense(), atol=1e-12)
    x = np.ones(two.shape[1])
    np.testing.assert_allclose(contract("mn,n->m", found, x), found.dense() @ x, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_the_svd_is_scipys():
    found = lowrank.truncated_svd(SLOW, 6)
    u, s, vh = scipy.linalg.svd(SLOW, full_matrices=False)
    np.testing.assert_allclose(found.factors[1], s[:6], rtol=1e-12)
    np.testing.assert_allclose(found.dense(), (u[:, :6] * s[:6]) @ vh[:6], atol=1e-12)
    np.testing.assert_allclose(found.factors[0].T @ found.factors[0], np.eye(6), atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_the_bound_of_the_spectral_error_holds():
    for seed in range(30):
        whole = with_values(0.8 ** np.arange(12), 15, 12)
        found = lowrank.randomized_svd(whole, 4, seed, oversampling=2, power_iterations=0)
        spectral = np.linalg.norm(whole - np.asarray(found.svd.dense()), 2)
        assert spectral <= float(found.spectral_bound) < 50 * spectral
        assert found.failure == pytest.approx(1e-6)


@pytest.mark.usefixtures("x64")
def test_power_iterations_bring_a_slow_spectrum_to_the_optimum():
    whole = with_values(1 / (1 + np.arange(60)) ** 0.3, 80, 60)
    values = scipy.linalg.svdvals(whole)
    best = np.linalg.norm(values[6:]) / np.linalg.norm(values)
    errors = [
        float(lowrank.randomized_svd(whole, 6, power_iterations=q).svd.relative_error) / best
        for q in (0, 4)
    ]
    assert errors[1] < errors[0]
    assert errors[1] < 1.005


@pytest.mark.usefixtures("x64")
def test_chosen_columns_and_rows_are_the_matrix_own():
    found = lowrank.interpolative(SLOW, 5)
    (columns,) = found.chosen
    np.testing.assert_array_equal(found.factors[0], SLOW[:, columns])
    np.testing.assert_allclose(found.factors[1][:, columns], np.eye(5), atol=1e-12)
    assert columns.tolist() == scipy.linalg.qr(SLOW, pivoting=True)[2][:5].tolist()
    found = lowrank.cur(SLOW, 5)
    columns, rows = found.chosen
    np.testing.assert_array_equal(found.factors[0], SLOW[:, columns])
    np.testing.assert_array_equal(found.factors[2], SLOW[rows])
    # No other matrix in the middle is nearer.
    left, middle, right = map(np.asarray, found.factors)
    rest = SLOW - left @ middle @ right
    np.testing.assert_allclose(left.T @ rest @ right.T, 0, atol=1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_nystroem_finds_the_eigenvalues_of_a_positive_semi_definite_matrix(kind):
    half = with_values(0.5 ** np.arange(10), 30, 10, "float64" if kind == "real" else "complex128")
    whole = half @ half.conj().T
    found = lowrank.nystrom(whole, 6)
    assert found.dtype == whole.dtype
    np.testing.assert_allclose(found.factors[1], np.linalg.eigvalsh(whole)[::-1][:6], rtol=1e-4)
    assert difference(found, whole) == pytest.approx(float(found.relative_error), rel=1e-6)
    np.testing.assert_allclose(found.low_rank().dense(), found.dense(), atol=1e-12)
    assert difference(lowrank.nystrom(np.zeros((4, 4)), 2), np.ones((4, 4))) == 1


def test_programs_and_derivatives_hold_decompositions():
    whole = SLOW.astype(np.float32)
    found = jax.jit(partial(lowrank.randomized_svd, rank=3))(whole)
    again = lowrank.randomized_svd(whole, 3)
    assert found.svd.cost == again.svd.cost
    np.testing.assert_allclose(found.svd.dense(), again.svd.dense(), atol=1e-5)
    stack = np.stack([whole, 2 * whole])
    mapped = jax.vmap(partial(lowrank.truncated_svd, rank=3))(stack)
    np.testing.assert_allclose(
        mapped.factors[1][1], 2 * np.linalg.svd(whole, compute_uv=False)[:3], rtol=1e-5
    )
    gradient = jax.grad(lambda x: lowrank.truncated_svd(x, 1).factors[1].sum())(whole)
    u, _, vh = np.linalg.svd(whole)
    np.testing.assert_allclose(gradient, np.outer(u[:, 0], vh[0]), atol=1e-4)
    assert "relative error" in repr(again.svd)
    assert lowrank.truncated_svd(whole.astype(jnp.bfloat16), 2).dtype == jnp.float32


# Tensors.

CUBE = R.standard_normal((4, 5, 6))


def rank_two(*shape: int, complex_: bool = False) -> np.ndarray:
    """A tensor of rank 2."""
    letters = "abcde"[: len(shape)]
    vectors = [
        R.standard_normal((size, 2)) + (1j * R.standard_normal((size, 2)) if complex_ else 0)
        for size in shape
    ]
    equation = f"{','.join(f'{x}r' for x in letters)}->{letters}"
    return np.asarray(np.einsum(equation, *vectors))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("shape", "complex_"),
    [
        ((3, 4, 5), True),
        pytest.param((3, 4, 2, 5), False, marks=pytest.mark.long),
        pytest.param((7, 6), True, marks=pytest.mark.long),
    ],
)
def test_what_a_tensor_is_made_of_is_found_again(shape, complex_):
    whole = rank_two(*shape, complex_=complex_)
    for found in (
        lowrank.cp(whole, 2, key=3, sweeps=300),
        lowrank.tucker(whole, 2, sweeps=1),
        lowrank.tensor_train(whole, 2),
        lowrank.tensor_train_als(whole, 2, sweeps=2),
    ):
        assert float(found.relative_error) < 1e-6, found
        assert found.shape == whole.shape
        assert found.dtype == whole.dtype
        np.testing.assert_allclose(found.dense(), whole, atol=1e-4)


@pytest.mark.usefixtures("x64")
def test_full_ranks_leave_nothing_out():
    for found in (
        lowrank.tucker(CUBE, CUBE.shape, sweeps=0),
        lowrank.tensor_train(CUBE, 99),
        lowrank.tensor_train_als(CUBE, [4, 6], sweeps=1),
    ):
        assert float(found.relative_error) < 1e-12
        assert found.compression <= 1


def unfolded(places: int) -> np.ndarray:
    """What the best approximation of rank 2 leaves out of an unfolding of the cube, relatively."""
    values = np.linalg.svd(CUBE.reshape(math.prod(CUBE.shape[:places]), -1), compute_uv=False)
    return np.asarray(np.linalg.norm(values[2:]) / np.linalg.norm(values))


@pytest.mark.usefixtures("x64")
def test_errors_are_within_their_bounds():
    left_out = []
    for axis in range(3):
        matrix = np.moveaxis(CUBE, axis, 0).reshape(CUBE.shape[axis], -1)
        values = np.linalg.svd(matrix, compute_uv=False)
        left_out.append(np.linalg.norm(values[2:]) / np.linalg.norm(values))
    start, end = (float(lowrank.tucker(CUBE, 2, sweeps=n).relative_error) for n in (0, 5))
    assert max(left_out) <= end <= start <= np.linalg.norm(left_out)
    bonds = [unfolded(1), unfolded(2)]
    assert max(bonds) <= lowrank.tensor_train(CUBE, 2).relative_error <= np.linalg.norm(bonds)


@pytest.mark.long
@pytest.mark.usefixtures("x64")
def test_sweeps_never_make_errors_larger():
    for function in (
        partial(lowrank.tucker, CUBE, 2),
        partial(lowrank.tensor_train_als, CUBE, 2),
        partial(lowrank.cp, CUBE, 3),
    ):
        errors = [float(function(sweeps=n).relative_error) for n in (1, 2, 5, 40)]
        assert errors == sorted(errors, reverse=True)
    best = float(lowrank.tensor_train_als(CUBE, 2, sweeps=40).relative_error)
    assert max(unfolded(1), unfolded(2)) <= best
    assert best <= lowrank.tensor_train(CUBE, 2).relative_error * 1.01


@pytest.mark.usefixtures("x64")
def test_factors_have_the_form_that_is_promised():
    found = lowrank.cp(CUBE, 2)
    weights = np.asarray(found.factors[0])
    assert (np.diff(weights) <= 0).all()
    for matrix in found.factors[1:]:
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=0), 1)
    for matrix in lowrank.tucker(CUBE, 2).factors[1:]:
        np.testing.assert_allclose(np.asarray(matrix).T @ matrix, np.eye(2), atol=1e-12)
    first, middle, _ = map(np.asarray, lowrank.tensor_train(CUBE, 2).factors)
    np.testing.assert_allclose(first.T @ first, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(np.einsum("lar,las->rs", middle, middle), np.eye(2), atol=1e-12)


@given(shape=st.lists(st.integers(1, 5), min_size=2, max_size=5), rank=st.integers(1, 9))
def test_a_rank_for_all_bonds_is_lowered_to_what_the_tensor_can_have(shape, rank):
    found = (1, *train_ranks(rank, tuple(shape)), 1)
    for bond, size in enumerate(shape):
        assert found[bond] <= size * found[bond + 1]
        assert found[bond + 1] <= size * found[bond]
    for bond in range(1, len(shape)):
        most = min(np.prod(shape[:bond]), np.prod(shape[bond:]))
        assert found[bond] <= min(most, rank)
        assert rank > 1 or found[bond] == 1
        assert rank < most or found[bond] == most or max(found) == rank


def test_a_matrix_with_a_number_missing_has_no_error_to_state():
    found = lowrank.truncated_svd(np.full((3, 3), np.nan, np.float32), 1)
    assert np.isnan(found.relative_error)
    assert float(lowrank.truncated_svd(np.zeros((3, 3), np.float32), 1).relative_error) == 0
