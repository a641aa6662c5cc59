from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from einlab import linalg

KEY = jax.random.key(0)


def cloud(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("method", ["product", "difference"])
def test_distances_agree_with_scipy(method):
    x, y = cloud(7, 3), cloud(5, 3, 1)
    assert np.allclose(linalg.distances(x, y, method), cdist(x, y), atol=1e-5)
    assert np.allclose(
        linalg.squared_distances(x, y, method), cdist(x, y, "sqeuclidean"), atol=1e-5
    )


@given(seed=st.integers(0, 50), offset=st.sampled_from([0.0, 1e2, 1e4]))
def test_distances_far_from_the_origin_keep_their_digits(seed, offset):
    x = (cloud(6, 2, seed) + offset).astype(np.float32)
    exact = cdist(x.astype(float), x.astype(float), "sqeuclidean")
    found = np.asarray(linalg.squared_distances(x))
    spread = ((x.astype(float) - x.astype(float).mean(0)) ** 2).sum(1).max()
    # The mean itself is off by rounding at the offset, which moves all points alike.
    assert np.abs(found - exact).max() <= 64 * 2.0**-24 * (spread + offset * spread**0.5)
    assert (found >= 0).all()
    assert (np.diag(found) == 0).all()


def test_the_uncentred_form_would_lose_every_digit():
    x = np.array([[10000.0, 10000.0], [10000.0, 10001.0]], np.float32)
    lengths = (x * x).sum(1)
    naive = lengths[:, None] + lengths - 2 * (x @ x.T)
    assert abs(naive[0, 1] - 1) > 0.5
    assert linalg.squared_distances(x)[0, 1] == 1


def test_distances_of_a_point_from_itself_have_gradient_zero():
    gradient = jax.grad(lambda x: linalg.distances(x).sum())(jnp.ones((3, 2)))
    assert (gradient == 0).all()


@pytest.mark.parametrize("start", [0, *(pytest.param(i, marks=pytest.mark.long) for i in (1, 2))])
def test_lloyd_agrees_with_scikit_learn_from_the_same_centres(start):
    cluster = pytest.importorskip("sklearn.cluster")
    datasets = pytest.importorskip("sklearn.datasets")
    x = datasets.load_iris().data.astype(np.float32)
    centres = x[np.random.default_rng(start).choice(len(x), 3, replace=False)]
    expected = cluster.KMeans(3, init=centres, n_init=1, tol=0, algorithm="lloyd").fit(x)
    found = linalg.lloyd(x, centres, rounds=60)
    assert np.array_equal(found.labels, expected.labels_)
    assert np.allclose(found.centres, expected.cluster_centers_, atol=1e-4)
    assert float(found.inertia) == pytest.approx(expected.inertia_, rel=1e-4)
    assert bool(found.settled)


def test_inertia_never_grows_with_more_rounds():
    x, centres = cloud(40, 2), cloud(5, 2, 9)
    inertia = [float(linalg.lloyd(x, centres, n).inertia) for n in (1, 4, 30)]
    assert all(later <= earlier + 1e-4 for earlier, later in pairwise(inertia))


def test_rounds_that_run_out_are_told():
    found = linalg.lloyd(cloud(40, 2), cloud(5, 2, 9), 1)
    assert not bool(found.settled)
    assert int(found.rounds) == 1


def test_an_empty_cluster_takes_up_the_farthest_point():
    x = np.array([[0.0], [1.0], [10.0]], np.float32)
    found = linalg.lloyd(x, np.array([[0.5], [99.0]], np.float32))
    assert sorted(found.centres[:, 0].tolist()) == [0.5, 10.0]


def test_clusters_beyond_the_different_points_stay_empty():
    found = linalg.kmeans(np.ones((4, 2), np.float32), 3, KEY)
    assert np.array_equal(found.centres, np.ones((3, 2)))
    assert found.labels.tolist() == [0, 0, 0, 0]
    assert float(found.inertia) == 0


def test_plus_plus_draws_different_points_and_the_same_key_the_same_ones():
    x = np.repeat(np.arange(5, dtype=np.float32), 20)[:, None]
    for seed in range(8):
        key = jax.random.key(seed)
        drawn = linalg.kmeans_plus_plus(x, 5, key)
        assert sorted(drawn[:, 0].tolist()) == [0, 1, 2, 3, 4]
        assert np.array_equal(drawn, linalg.kmeans_plus_plus(x, 5, key))


def test_plus_plus_draws_by_squared_distance():
    x = np.array([[0.0]] * 50 + [[1.0]] * 40 + [[3.0]] * 10, np.float32)
    keys = jax.random.split(KEY, 600)
    drawn = jax.vmap(lambda key: linalg.kmeans_plus_plus(x, 2, key))(keys)[:, :, 0]
    after_zero = drawn[drawn[:, 0] == 0, 1]
    share = float((after_zero == 3).mean())
    assert share == pytest.approx(10 * 9 / (10 * 9 + 40), abs=0.1)


@pytest.mark.long
def test_more_starts_are_never_worse():
    x = np.concatenate([cloud(15, 2, seed) * 0.1 + 3 * cloud(1, 2, 50 + seed) for seed in range(4)])
    one, many = linalg.kmeans(x, 4, KEY), linalg.kmeans(x, 4, KEY, starts=6)
    assert float(many.inertia) <= float(one.inertia) + 1e-4
    assert np.array_equal(many.labels, linalg.assign(x, many.centres))


@pytest.mark.parametrize(
    ("ours", "theirs", "settings"),
    [
        ("linear_kernel", "linear_kernel", ({}, {})),
        ("polynomial_kernel", "polynomial_kernel", ({}, {})),
        (
            "polynomial_kernel",
            "polynomial_kernel",
            ({"degree": 2, "scale": 0.5, "offset": 0.0}, {"degree": 2, "gamma": 0.5, "coef0": 0}),
        ),
        ("rbf_kernel", "rbf_kernel", ({"length": 2.0}, {"gamma": 0.125})),
    ],
)
def test_kernels_agree_with_scikit_learn(ours, theirs, settings):
    sklearn = pytest.importorskip("sklearn.metrics.pairwise")
    x, y = cloud(4, 3), cloud(5, 3, 1)
    expected = getattr(sklearn, theirs)(x, y, **settings[1])
    assert np.allclose(getattr(linalg, ours)(x, y, **settings[0]), expected, atol=1e-5)


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
def test_materns_kernel_agrees_with_scikit_learn(smoothness):
    sklearn = pytest.importorskip("sklearn.gaussian_process.kernels")
    x = cloud(5, 2)
    expected = sklearn.Matern(1.7, nu=smoothness)(x)
    found = np.asarray(linalg.matern_kernel(x, length=1.7, smoothness=smoothness))
    assert np.allclose(found, expected, atol=1e-5)
    assert (np.linalg.eigvalsh(found) > -1e-6).all()


@given(seed=st.integers(0, 30))
def test_tanimotos_kernel_counts_shared_bits(seed):
    bits = np.random.default_rng(seed).integers(0, 2, (4, 8))
    bits[0] = 0
    found = np.asarray(linalg.tanimoto_kernel(bits))
    for i in range(4):
        for j in range(4):
            either = int((bits[i] | bits[j]).sum())
            expected = int((bits[i] & bits[j]).sum()) / either if either else 1
            assert found[i, j] == pytest.approx(expected)
