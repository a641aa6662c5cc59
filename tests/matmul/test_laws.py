"""The laws of the product hold exactly for whole numbers, and the ones that are none fail."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from einlab import contract

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.sampled_from([(2, 3, 4, 2), (1, 3, 1, 2), (3, 3, 3, 3)])


def times(a, b):
    return np.asarray(contract("ij,jk->ik", a, b))


def three(seed, sizes):
    """Matrices of a chain with small whole numbers, whose products are exact in float32."""
    random = np.random.default_rng(seed)
    shapes = pairwise(sizes)
    return [random.integers(-9, 10, shape).astype(np.float32) for shape in shapes]


@given(seed=SEEDS, sizes=SIZES)
def test_grouping_does_not_change_a_product(seed, sizes):
    a, b, c = three(seed, sizes)
    np.testing.assert_array_equal(times(times(a, b), c), times(a, times(b, c)))


@given(seed=SEEDS, sizes=SIZES)
def test_products_distribute_over_sums_from_both_sides(seed, sizes):
    a, b, c = three(seed, sizes)
    d = three(seed + 1, sizes)[1]
    np.testing.assert_array_equal(times(a, b + d), times(a, b) + times(a, d))
    np.testing.assert_array_equal(times(b + d, c), times(b, c) + times(d, c))


@given(seed=SEEDS, sizes=SIZES)
def test_a_transpose_turns_a_product_round(seed, sizes):
    a, b, _ = three(seed, sizes)
    np.testing.assert_array_equal(times(a, b).T, times(b.T, a.T))


@given(seed=SEEDS, sizes=SIZES)
def test_the_identity_changes_nothing_from_either_side(seed, sizes):
    a = three(seed, sizes)[0]
    left, right = (np.eye(size, dtype=np.float32) for size in a.shape)
    np.testing.assert_array_equal(times(left, a), a)
    np.testing.assert_array_equal(times(a, right), a)


@given(seed=SEEDS)
def test_diagonal_matrices_commute_with_each_other_and_only_multiples_of_one_with_all(seed):
    a, b, c = three(seed, (3, 3, 3, 3))
    d, e = np.diag(np.diag(a)), np.diag(np.diag(b))
    np.testing.assert_array_equal(times(d, e), times(e, d))
    same = a[0, 0] * np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(times(same, c), times(c, same))
    assume(d[0, 0] != d[1, 1] and c[0, 1] != 0)
    assert not np.array_equal(times(d, c), times(c, d))


@pytest.mark.parametrize("side", ["ab", "ba"])
def test_factors_do_not_change_sides(side):
    a = np.array([[1, 1], [0, 0]], np.float32)
    b = np.array([[1, 0], [1, 0]], np.float32)
    expected = {"ab": [[2, 0], [0, 0]], "ba": [[1, 1], [1, 1]]}
    assert (times(a, b) if side == "ab" else times(b, a)).tolist() == expected[side]
