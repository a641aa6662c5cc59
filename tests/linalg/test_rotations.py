from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from einlab import linalg

ANGLES = st.floats(-10, 10, width=32)
COORDINATES = st.floats(-5, 5, width=32)


def assert_rotation(matrix):
    wide = np.asarray(matrix, np.float64)
    assert np.abs(wide @ wide.T - np.eye(len(wide))).max() < 2e-6
    assert np.linalg.det(wide) == pytest.approx(1, abs=1e-5)


def test_thirty_degrees_take_the_first_axis_to_its_cosine_and_sine():
    got = linalg.rotate([1.0, 0.0], linalg.rotation_2d(math.radians(30)))
    assert np.allclose(got, [math.sqrt(3) / 2, 0.5], atol=1e-6)


@given(one=ANGLES, other=ANGLES)
def test_turning_twice_is_turning_by_the_sum(one, other):
    twice = linalg.rotation_2d(one) @ linalg.rotation_2d(other)
    assert np.allclose(twice, linalg.rotation_2d(one + other), atol=4e-6)


@given(axis=st.tuples(COORDINATES, COORDINATES, COORDINATES), angle=ANGLES)
def test_rotations_of_space_agree_with_scipy(axis, angle):
    length = float(np.linalg.norm(axis))
    if length < 1e-3:
        axis, length = (0.0, 3.0, 4.0), 5.0
    matrix = linalg.rotation_3d(np.array(axis, np.float32), angle)
    assert_rotation(matrix)
    expected = Rotation.from_rotvec(np.array(axis) / length * angle).as_matrix()
    assert np.allclose(matrix, expected, atol=4e-6)


def test_a_small_angle_keeps_its_digits():
    with jax.enable_x64(False):
        matrix = np.asarray(linalg.rotation_3d([0.0, 0.0, 1.0], 1e-3), np.float64)
    assert matrix[1, 0] == pytest.approx(math.sin(1e-3), rel=1e-6)
    assert_rotation(matrix)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (2, 0), (1, 3)])
def test_a_givens_rotation_turns_two_axes_and_no_other(i, j):
    matrix = np.asarray(linalg.givens(4, i, j, 0.3))
    assert_rotation(matrix)
    assert matrix[j, i] == pytest.approx(math.sin(0.3), abs=1e-6)
    rest = [k for k in range(4) if k not in (i, j)]
    assert np.array_equal(matrix[rest], np.eye(4)[rest])


@pytest.mark.parametrize("pair", [(3.0, 4.0), (-1.0, 0.0), (0.0, -2.0), (0.0, 0.0), (1e-30, 1e-30)])
def test_a_pair_is_turned_onto_its_first_axis(pair):
    matrix = linalg.givens_to_zero(*pair)
    assert_rotation(matrix)
    got = matrix @ jnp.array(pair)
    assert np.allclose(got, [math.hypot(*pair), 0], atol=1e-6 * max(math.hypot(*pair), 1e-30))


@given(
    start=st.lists(COORDINATES, min_size=4, max_size=4),
    end=st.lists(COORDINATES, min_size=4, max_size=4),
)
def test_the_rotation_between_two_vectors_takes_one_direction_to_the_other(start, end):
    u, v = np.array(start, np.float32) + np.eye(4, dtype=np.float32)[0] * 6, np.array(end) + 6
    matrix = linalg.rotation_between(u, v)
    assert_rotation(matrix)
    got = np.asarray(matrix) @ u
    assert np.allclose(got / np.linalg.norm(u), v / np.linalg.norm(v), atol=4e-6)


@pytest.mark.parametrize("nearly", [0.0, 1e-7, 1e-5, 1e-3])
def test_a_vector_is_turned_to_its_opposite_too(nearly):
    u = np.array([0.6, -0.8, nearly], np.float32)
    end = np.array([-0.6, 0.8, nearly], np.float32)
    matrix = linalg.rotation_between(u, end)
    assert_rotation(matrix)
    assert np.allclose(linalg.rotate(u, matrix), end / np.linalg.norm(end), atol=1e-6)


def test_points_kept_as_rows_keep_their_distances():
    points = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    turned = linalg.rotate(points, linalg.rotation_3d([1.0, 2.0, 3.0], 0.7))
    assert turned.shape == points.shape
    assert np.allclose(jnp.linalg.norm(turned, axis=-1), np.linalg.norm(points, axis=-1), atol=1e-5)
