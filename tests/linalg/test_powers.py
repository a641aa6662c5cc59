from __future__ import annotations

from itertools import pairwise

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab import linalg, report
from tests.linalg.operands import numbers


def whole(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)


@given(n=st.integers(1, 3), power=st.integers(0, 9), seed=st.integers(0, 9))
def test_powers_of_whole_numbers_are_exact(n, power, seed):
    a = whole(seed, n, n).astype(np.int32)
    assert np.array_equal(linalg.matrix_power(a, power), np.linalg.matrix_power(a, power))


@pytest.mark.parametrize("power", [-1, -3])
def test_negative_powers_undo_positive_ones(power):
    a = whole(1, 3, 3) + 6 * np.eye(3, dtype=np.float32)
    got = linalg.matrix_power(a, power) @ linalg.matrix_power(a, -power)
    assert np.allclose(got, np.eye(3), atol=1e-4)


def test_powers_of_stacks_are_powers_of_each():
    a = whole(2, 4, 2, 2)
    assert np.array_equal(linalg.matrix_power(a, 3), a @ a @ a)
    assert linalg.matrix_power(a, 0).shape == a.shape


@pytest.mark.parametrize("power", [1, 2, 3, 7, 8, 100])
def test_a_power_takes_a_squaring_a_bit_and_a_product_for_each_one(power):
    n = 4
    counted = report(lambda a: linalg.matrix_power(a, power), whole(1, n, n))
    products = power.bit_length() - 1 + power.bit_count() - 1
    assert sum(row.count for row in counted.rows if row.is_product) == products
    assert counted.flops == products * 2 * n**3


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=5),
    ends=st.tuples(st.booleans(), st.booleans()),
)
def test_a_chain_is_the_product_from_left_to_right(sizes, ends):
    factors = [whole(i, *sizes[i : i + 2]) for i in range(len(sizes) - 1)]
    if ends[0] and len(factors) > 1:
        factors[0] = factors[0][0]
    if ends[1] and len(factors) > 1:
        factors[-1] = factors[-1][:, 0]
    expected = factors[0]
    for factor in factors[1:]:
        expected = expected @ factor
    assert np.array_equal(linalg.chain(factors), expected)


def test_a_chain_longer_than_the_alphabet_is_contracted():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
    assert np.array_equal(linalg.chain([turn] * 60), np.eye(2))


def test_the_comparison_shows_what_left_to_right_would_cost():
    shapes = [(30, 35), (35, 15), (15, 5), (5, 10), (10, 20), (20, 25)]
    left, right, chosen = numbers(linalg.compare_chain(shapes), "FLOPs")
    # Cormen et al. 2009, section 15.2: 15,125 multiplications are optimal.
    assert chosen == 2 * 15_125
    assert left == 2 * 30 * (35 * 15 + 15 * 5 + 5 * 10 + 10 * 20 + 20 * 25)
    assert right == 2 * 25 * (10 * 20 + 5 * 10 + 15 * 5 + 35 * 15 + 30 * 35)


def test_gradients_of_a_product_are_those_of_vjp():
    for kind in (0, 1j):
        x = whole(1, 32, 128) + kind * whole(4, 32, 128)
        w = whole(2, 128, 64) + kind * whole(5, 128, 64)
        delta = whole(3, 32, 64) + kind * whole(6, 32, 64)
        y, pull = jax.vjp(lambda x, w: x @ w, x, w)
        dx, dw = pull(delta.astype(y.dtype))
        assert np.array_equal(linalg.weight_gradient(x, delta), dw)
        assert np.array_equal(linalg.input_gradient(delta, w), dx)
        assert (dw.shape, dx.shape) == ((128, 64), (32, 128))


def test_both_gradients_together_cost_twice_the_product():
    x, w, delta = whole(1, 6, 5), whole(2, 5, 4), whole(3, 6, 4)
    forward = report(lambda x, w: linalg.chain([x, w]), x, w).flops
    backward = report(linalg.weight_gradient, x, delta).flops
    backward += report(linalg.input_gradient, delta, w).flops
    assert backward == 2 * forward


def test_value_iteration_comes_nearer_by_the_discount_and_ends_at_the_best_policy():
    draw = np.random.default_rng(0)
    moves = draw.dirichlet(np.ones(4), (3, 4)).astype(np.float32)
    gains = draw.normal(size=(4, 3)).astype(np.float32)
    step = jax.jit(lambda v: linalg.value_iteration_step(moves, gains, v, 0.5))
    values, gaps = np.zeros(4, np.float32), []
    for _ in range(40):
        after = np.asarray(step(values))
        gaps.append(np.abs(after - values).max())
        values = after
    assert all(b <= 0.5 * a + 1e-5 for a, b in pairwise(gaps))
    worth = np.asarray(linalg.action_values(moves, gains, values, 0.5))
    policy = worth.argmax(1)
    own = moves[policy, np.arange(4)].astype(float)
    exact = np.linalg.solve(np.eye(4) - 0.5 * own, gains[np.arange(4), policy])
    assert np.allclose(values, exact, atol=1e-5)


def test_a_step_is_the_sum_over_states_spelled_out():
    moves, gains, values = whole(1, 2, 3, 3), whole(2, 3, 2), whole(3, 3)
    got = linalg.action_values(moves, gains, values, 0.5)
    for s in range(3):
        for a in range(2):
            assert got[s, a] == gains[s, a] + 0.5 * sum(
                moves[a, s, t] * values[t] for t in range(3)
            )
