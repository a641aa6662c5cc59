"""The picture at a rank is the sum of its largest terms, and its error is Eckart and Young's."""

from __future__ import annotations

import numpy as np

from einlab import lowrank
from tests.docs.node import evaluate


def test_a_rebuilt_picture_is_the_product_of_its_factors():
    random = np.random.default_rng(0)
    cases, wanted = [], []
    for _ in range(500):
        rows, columns = random.integers(1, 8, 2)
        terms = int(min(rows, columns))
        u, s, v = (
            random.normal(size=shape) for shape in ((rows, terms), (terms,), (terms, columns))
        )
        r = int(random.integers(0, terms + 1))
        cases.append([u.tolist(), s.tolist(), v.tolist(), r])
        wanted.append((u[:, :r] * s[:r]) @ v[:r])
    for found, expected in zip(
        evaluate("widgets/rank.js", "einlabRank.rebuilt", cases), wanted, strict=True
    ):
        assert np.allclose(found, expected)


def test_the_error_is_that_of_the_best_approximation():
    random = np.random.default_rng(1)
    cases = []
    for _ in range(500):
        values = np.sort(random.random(random.integers(2, 12)))[::-1]
        cases.append([values.tolist(), int(random.integers(1, len(values)))])
    found = evaluate("widgets/rank.js", "einlabRank.error", cases)
    for (values, r), error in zip(cases[:40], found[:40], strict=True):
        wanted = lowrank.eckart_young(np.array(values, np.float32), r).relative_frobenius
        assert np.isclose(error, float(wanted), rtol=1e-4)
    for (values, r), error in zip(cases, found, strict=True):
        assert np.isclose(error, np.linalg.norm(values[r:]) / np.linalg.norm(values))
