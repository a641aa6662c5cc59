from __future__ import annotations

import jax
import numpy as np
import pytest

from einlab import linalg, report
from tests.linalg.operands import numbers


def whole(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


@pytest.mark.parametrize(("n", "f", "g"), [(1, 1, 1), (5, 4, 2), (5, 2, 4), (3, 1, 4), (2, 6, 6)])
def test_messages_are_the_product_in_whichever_order(n, f, g):
    a, h, w = whole(1, n, n), whole(2, n, f), whole(3, f, g)
    assert np.array_equal(linalg.message_passing(a, h, w), a @ h @ w)


def test_batches_of_graphs_share_weights():
    a, h, w = whole(1, 3, 4, 4), whole(2, 3, 4, 5), whole(3, 5, 2)
    assert np.array_equal(linalg.message_passing(a, h, w), a @ h @ w)
    assert np.array_equal(linalg.message_passing(a[0], h, w), a[0] @ h @ w)


@pytest.mark.parametrize(("f", "g"), [(64, 8), (8, 64)])
def test_the_cheaper_side_is_taken(f, g):
    n = 50
    first, second, chosen = numbers(linalg.compare_message_orders(n, f, g), "FLOPs")
    assert first == 2 * n * f * g + 2 * n * n * g
    assert second == 2 * n * n * f + 2 * n * f * g
    assert chosen == min(first, second)
    assert (first < second) == (g < f)
    shapes = [np.ones(shape, np.float32) for shape in ((n, n), (n, f), (f, g))]
    assert report(linalg.message_passing, *shapes).flops == chosen


def test_the_normalised_adjacency_is_symmetric_with_largest_eigenvalue_one():
    edges = np.triu(np.random.default_rng(0).integers(0, 2, (6, 6)), 1)
    found = np.asarray(linalg.normalised_adjacency(edges + edges.T))
    degrees = (edges + edges.T + np.eye(6)).sum(1)
    expected = (edges + edges.T + np.eye(6)) / np.sqrt(np.outer(degrees, degrees))
    assert np.allclose(found, expected, atol=1e-6)
    assert np.linalg.eigvalsh(found)[-1] == pytest.approx(1, abs=1e-5)


def test_a_node_without_edges_stays_zero_without_loops():
    found = linalg.normalised_adjacency([[0.0, 0.0], [0.0, 0.0]], loops=False)
    assert found.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("f", "g"), [(6, 2), (2, 6)])
def test_edges_give_what_the_dense_matrix_gives(f, g):
    n = 5
    draw = np.random.default_rng(1)
    senders, receivers = draw.integers(0, n, 9), draw.integers(0, n, 9)
    strengths = whole(2, 9)
    dense = np.zeros((n, n), np.float32)
    np.add.at(dense, (receivers, senders), strengths)
    h, w = whole(3, n, f), whole(4, f, g)
    expected = dense @ h @ w
    assert np.array_equal(
        linalg.edge_message_passing(senders, receivers, strengths, h, w), expected
    )
    inside = jax.jit(linalg.edge_message_passing)
    assert np.array_equal(inside(senders, receivers, strengths, h, w), expected)
    after, before = numbers(linalg.compare_edge_orders(9, n, f, g), "FLOPs")
    assert (after < before) == (g < f)


def test_edges_out_of_range_are_left_out_inside_of_jit():
    h, w = np.ones((2, 1), np.float32), np.ones((1, 1), np.float32)
    ones = np.ones(4, np.float32)
    senders, receivers = np.array([0, -1, 5, 0]), np.array([1, 0, 0, 9])
    found = jax.jit(linalg.edge_message_passing)(senders, receivers, ones, h, w)
    assert found.tolist() == [[0], [1]]
