"""Laws of ranks: the error and the bytes that each has, and where factors stop to pay."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab import lowrank
from einlab.errors import ArgumentTypeError
from einlab.lowrank import LowRank
from einlab.machines import machine_for
from tests.wording import complaint

R = np.random.default_rng(2)
A = R.standard_normal((9, 7))
VALUES = np.linalg.svd(A, compute_uv=False)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("rank", range(8))
def test_eckart_youngs_errors_are_those_of_the_truncated_svd(rank):
    u, s, vh = np.linalg.svd(A, full_matrices=False)
    rest = A - (u[:, :rank] * s[:rank]) @ vh[:rank]
    found = lowrank.eckart_young(VALUES, rank)
    assert float(found.frobenius) == pytest.approx(np.linalg.norm(rest), abs=1e-12)
    assert float(found.spectral) == pytest.approx(np.linalg.norm(rest, 2), abs=1e-12)
    assert float(found.relative_frobenius) == pytest.approx(
        np.linalg.norm(rest) / np.linalg.norm(A), abs=1e-12
    )
    assert float(found.relative_spectral) == pytest.approx(
        np.linalg.norm(rest, 2) / np.linalg.norm(A, 2), abs=1e-12
    )


def test_no_random_matrix_of_that_rank_is_nearer():
    best = float(lowrank.eckart_young(VALUES, 3).frobenius)
    for _ in range(20):
        left = R.standard_normal((9, 3))
        right = np.linalg.lstsq(left, A)[0]
        assert np.linalg.norm(A - left @ right) > best * (1 - 1e-6)


@given(
    values=st.lists(st.floats(0, 100, width=32), min_size=1, max_size=8),
    error=st.floats(0, 1.2),
    norm=st.sampled_from(["frobenius", "spectral"]),
)
def test_the_rank_for_an_error_is_the_smallest_that_keeps_it(values, error, norm):
    values = np.sort(np.array(values))[::-1]
    rank = lowrank.rank_for_error(values, error, norm)

    def off(rank: int) -> float:
        left_out = values[rank:]
        if norm == "spectral":
            return float(max([*left_out, 0.0]))
        return float(np.linalg.norm(left_out))

    assert off(rank) <= error * off(0) * (1 + 1e-6) + 1e-30
    assert rank == 0 or off(rank - 1) >= error * off(0) * (1 - 1e-6)


def test_a_rank_needs_values_that_are_known():
    def traced(values: jax.Array) -> int:
        return lowrank.rank_for_error(values, 0.1)

    says = ("before a program runs",)
    complaint(lambda: jax.jit(traced)(VALUES), ArgumentTypeError, says, transformed=True)


@given(
    m=st.integers(1, 300),
    n=st.integers(1, 300),
    budget=st.integers(4000, 10**6),
    dtype=st.sampled_from(["float32", "bfloat16", "complex64"]),
)
def test_the_rank_for_a_budget_is_the_largest_that_fits(m, n, budget, dtype):
    size = {"float32": 4, "bfloat16": 2, "complex64": 8}[dtype]
    rank = lowrank.rank_for_bytes(m, n, budget + 8 * (m + n), dtype)
    assert rank == min((budget + 8 * (m + n)) // (size * (m + n)), m, n)


def test_a_budget_may_be_text():
    assert lowrank.rank_for_bytes(1000, 24, "4.1 kB") == 1
    assert lowrank.rank_for_bytes(1000, 1000, "1MB") == 125


@pytest.mark.parametrize(("m", "n"), [(64, 64), (100, 20), (7, 90)])
@pytest.mark.parametrize("columns", [2, 16])
def test_factors_pay_up_to_mn_over_m_plus_n(m, n, columns):
    found = lowrank.crossover(m, n, columns)
    assert found.flops == found.held == (m * n - 1) // (m + n)
    assert found.moved == (m * n - 1) // (m + n + 2 * columns)
    assert found.seconds is None


def test_where_a_machine_is_bound_by_memory_time_follows_the_bytes():
    found = lowrank.crossover(256, 256, 4, machine="H100 SXM")
    assert found.seconds is not None
    assert abs(found.seconds - found.moved) <= 1
    assert machine_for("H100 SXM").launch == 0


def test_keeping_the_largest_outer_products_is_not_the_best_approximation():
    a, b = R.standard_normal((12, 9)), R.standard_normal((9, 10))
    kept = lowrank.keep_largest_products(a, b, 4)
    assert isinstance(kept.approximation, LowRank)
    norms = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=1)
    chosen = np.argsort(-norms)[:4]
    expected = np.linalg.norm(a @ b - a[:, chosen] @ b[chosen]) / np.linalg.norm(a @ b)
    assert float(kept.relative_error) == pytest.approx(expected, rel=1e-4)
    values = np.linalg.svd(a @ b, compute_uv=False)
    best = np.linalg.norm(values[4:]) / np.linalg.norm(values)
    assert float(kept.best_error) == pytest.approx(best, rel=1e-4)
    assert float(kept.relative_error) > float(kept.best_error)


def test_outer_products_of_orthogonal_vectors_are_the_best_ones():
    u, s, vh = np.linalg.svd(A, full_matrices=False)
    kept = lowrank.keep_largest_products(u * s, vh, 3)
    assert float(kept.relative_error) == pytest.approx(float(kept.best_error), rel=1e-4)
