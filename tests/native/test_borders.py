"""Which contractions are left to the strided kernels."""

from __future__ import annotations

import pytest

from einlab.native.borders import is_strided
from einlab.native.words import Axis


def matrices(m: int, k: int, n: int, *, batch: int = 1, inside: bool = False) -> list[Axis]:
    """Axes of a batch of products; the batch lies inside or outside the matrices."""
    step = batch if inside else 1
    outer = Axis(batch, 1, 1, 1) if inside else Axis(batch, m * k, k * n, m * n)
    m_axis, n_axis = Axis(m, k * step, 0, n * step), Axis(n, 0, step, step)
    return [outer, m_axis, Axis(k, step, n * step, 0), n_axis]


def test_a_matrix_that_is_read_along_its_sum_is_a_product() -> None:
    assert not is_strided(matrices(500, 500, 1))
    assert not is_strided(matrices(32, 32, 1, batch=100))
    assert is_strided(matrices(32, 32, 1))
    assert is_strided(matrices(8, 1000, 1, batch=100))
    assert is_strided(matrices(100, 2**17, 1))
    assert is_strided(matrices(500, 500, 1, batch=2, inside=True))


@pytest.mark.parametrize("one", [(1, 500, 500), (500, 1, 500), (500, 5, 1)])
def test_without_two_matrices_there_is_no_product(one: tuple[int, int, int]) -> None:
    assert is_strided(matrices(*one))
    assert is_strided(matrices(*one, batch=100))


def test_tiny_products_are_strided_and_others_are_not() -> None:
    assert is_strided(matrices(4, 4, 4, batch=1000))
    assert is_strided(matrices(2, 16, 100))
    assert not is_strided(matrices(8, 8, 8))
    assert not is_strided(matrices(2, 100, 100))


def test_vectors_run_along_a_batch_that_lies_together_even_of_tiny_matrices() -> None:
    assert not is_strided(matrices(2, 2, 2, batch=64, inside=True))
    assert is_strided(matrices(2, 2, 2, batch=8, inside=True))
    assert is_strided(matrices(2, 2, 2, batch=64))
    assert is_strided(matrices(2, 1, 2, batch=64, inside=True))
    assert not is_strided(matrices(64, 64, 64, batch=64, inside=True))


def test_a_sum_over_one_operand_does_not_make_a_product() -> None:
    assert is_strided([Axis(50, 1, 0, 50), Axis(50, 50, 0, 0), Axis(50, 0, 1, 1)])
