from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.linalg

from einlab import linalg


def samples(n: int, c: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(n, c)) @ draw.normal(size=(c, c)) + 5).astype(np.float32)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_svd_agrees_with_scipy_and_its_signs_are_fixed(shape):
    a = samples(*shape)
    found = linalg.svd(a)
    left, values, right = scipy.linalg.svd(a.astype(float), full_matrices=False)
    assert np.allclose(found.values, values, atol=1e-4)
    assert np.allclose(np.abs(found.right), np.abs(right), atol=1e-3)
    assert np.allclose(np.abs(found.left), np.abs(left), atol=1e-3)
    assert np.allclose((found.left * found.values) @ found.right, a, atol=1e-4)
    places = np.abs(found.right).argmax(1)
    assert (np.take_along_axis(np.asarray(found.right), places[:, None], 1) > 0).all()


def test_signs_of_complex_decompositions_are_phases():
    a = samples(4, 3) + 1j * samples(4, 3, 1)
    found = linalg.svd(a)
    assert np.allclose((found.left * found.values) @ found.right, a, atol=1e-4)
    places = np.abs(found.right).argmax(1)
    largest = np.take_along_axis(np.asarray(found.right), places[:, None], 1)
    assert np.allclose(largest.imag, 0, atol=1e-6)


def test_the_condition_number_of_a_singular_matrix_is_infinite():
    assert np.isinf(linalg.condition_number([[1.0, 0.0], [0.0, 0.0]]))


@pytest.mark.parametrize("method", ["svd", "covariance"])
@pytest.mark.parametrize("shape", [(30, 4), (4, 6)])
def test_components_agree_with_scikit_learn(method, shape):
    sklearn = pytest.importorskip("sklearn.decomposition")
    x = samples(*shape)
    count = 3
    expected = sklearn.PCA(count, svd_solver="full").fit(x.astype(float))
    found = linalg.pca(x, count, method)
    assert np.allclose(found.mean, expected.mean_, atol=1e-5)
    assert np.allclose(found.components, expected.components_, atol=2e-3)
    assert np.allclose(found.variance, expected.explained_variance_, rtol=1e-3)
    assert np.allclose(found.ratio, expected.explained_variance_ratio_, atol=1e-4)
    assert np.allclose(found.singular_values, expected.singular_values_, rtol=1e-3)
    coordinates = linalg.pca_transform(found, x)
    assert np.allclose(coordinates, expected.transform(x.astype(float)), atol=2e-2)
    nearest = expected.inverse_transform(expected.transform(x.astype(float)))
    assert np.allclose(linalg.pca_inverse(found, coordinates), nearest, atol=2e-3)


def test_without_centring_the_mean_would_be_the_first_component():
    x = samples(50, 3) * 0.01 + np.array([9.0, 0, 0], np.float32)
    uncentred = linalg.svd(x).right[0]
    assert abs(uncentred[0]) > 0.99
    shifted = linalg.pca(x - np.array([9.0, 0, 0], np.float32))
    assert np.allclose(linalg.pca(x).variance, shifted.variance, rtol=1e-2)


def test_covariance_loses_small_directions_that_svd_keeps():
    draw = np.random.default_rng(5)
    turn = np.linalg.qr(draw.normal(size=(3, 3)))[0]
    x = ((draw.normal(size=(200, 3)) * [1, 1e-2, 1e-5]) @ turn).astype(np.float32)
    exact = np.linalg.svd((x - x.astype(float).mean(0)), compute_uv=False)
    error = {
        method: abs(linalg.pca(x, method=method).singular_values[-1] - exact[-1]) / exact[-1]
        for method in ("svd", "covariance")
    }
    assert error["svd"] < 0.05 < error["covariance"]


def test_all_components_undo_their_transform_and_go_through_jit():
    x = samples(12, 4)
    model = jax.jit(linalg.pca)(x)
    assert np.allclose(linalg.pca_inverse(model, linalg.pca_transform(model, x)), x, atol=1e-4)
    assert float(model.ratio.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_whitened_samples_have_the_identity_for_covariance(kind):
    x = samples(40, 3)
    model = linalg.whitening(x, kind)
    z = linalg.whiten(model, x)
    assert np.allclose(np.cov(np.asarray(z).T), np.eye(3), atol=2e-3)
    assert np.allclose(linalg.unwhiten(model, z), x, atol=1e-3)


def test_zca_is_symmetric_and_stays_nearest_to_the_samples():
    x = samples(40, 3)
    models = {kind: linalg.whitening(x, kind) for kind in ("pca", "zca")}
    matrix = np.asarray(models["zca"].matrix)
    assert np.allclose(matrix, matrix.T, atol=1e-5)
    centred = x - x.mean(0)
    far = {kind: np.linalg.norm(linalg.whiten(one, x) - centred) for kind, one in models.items()}
    assert far["zca"] < far["pca"]


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_directions_without_variance_become_zero(kind):
    x = samples(20, 2)
    x = np.concatenate([x, x[:, :1]], 1)
    model = linalg.whitening(x, kind)
    z = np.asarray(linalg.whiten(model, x))
    assert np.linalg.matrix_rank(np.cov(z.T), tol=1e-2) == 2
    assert np.allclose(linalg.unwhiten(model, z), x, atol=1e-2)


def test_epsilon_softens_small_variances():
    x = samples(20, 2)
    hard, soft = linalg.whitening(x), linalg.whitening(x, epsilon=10.0)
    assert np.linalg.norm(soft.matrix) < np.linalg.norm(hard.matrix)
