"""The maps of the plane in the page have the matrices that their names promise."""

from __future__ import annotations

import numpy as np

from tests.docs.node import evaluate


def cases(least, most):
    random = np.random.default_rng(0)
    return [(float(x), random.uniform(-2, 2, 2).tolist()) for x in random.uniform(least, most, 500)]


def moved(name, given):
    matrices = evaluate(
        "widgets/rotate.js", "einlabRotate.matrix", [(name, amount) for amount, _ in given]
    )
    points = evaluate(
        "widgets/rotate.js",
        "einlabRotate.apply",
        [(matrix, point) for matrix, (_, point) in zip(matrices, given, strict=True)],
    )
    np.testing.assert_allclose(
        points, np.einsum("nij,nj->ni", matrices, [p for _, p in given]), atol=1e-12
    )
    return np.array([p for _, p in given]), np.array(points), np.array([a for a, _ in given])


def as_complex(points):
    return points[:, 0] + 1j * points[:, 1]


def test_a_rotation_multiplies_by_a_complex_number_of_length_one():
    before, after, amount = moved("rotate by", cases(-180, 180))
    turned = as_complex(before) * np.exp(1j * np.deg2rad(amount))
    np.testing.assert_allclose(as_complex(after), turned, atol=1e-12)


def test_a_reflection_conjugates_about_its_line():
    before, after, amount = moved("reflect in the line at", cases(0, 180))
    flipped = as_complex(before).conj() * np.exp(2j * np.deg2rad(amount))
    np.testing.assert_allclose(as_complex(after), flipped, atol=1e-12)


def test_a_projection_keeps_the_part_along_its_line():
    before, after, amount = moved("project on the line at", cases(0, 180))
    along = np.exp(1j * np.deg2rad(amount))
    part = (as_complex(before) * along.conj()).real * along
    np.testing.assert_allclose(as_complex(after), part, atol=1e-12)


def test_shears_and_stretches_change_the_first_coordinate_alone():
    before, after, amount = moved("shear by", cases(-2, 2))
    np.testing.assert_allclose(after[:, 0], before[:, 0] + amount * before[:, 1], atol=1e-12)
    np.testing.assert_array_equal(after[:, 1], before[:, 1])
    before, after, amount = moved("stretch the first axis by", cases(-2, 2))
    np.testing.assert_allclose(after[:, 0], amount * before[:, 0], atol=1e-12)
    np.testing.assert_array_equal(after[:, 1], before[:, 1])
