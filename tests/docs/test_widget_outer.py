"""The outer products in the page and their partial sums are those of `einlab.matmul`."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from einlab import matmul
from tests.docs.node import evaluate


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (2, 3, 2), (3, 2, 4), (4, 5, 1)])
def test_outer_products_and_partial_sums_are_the_views(m, k, n):
    random = np.random.default_rng(10 * m + k)
    a, b = random.integers(-9, 10, (150, m, k)), random.integers(-9, 10, (150, k, n))
    terms = np.asarray(jax.jit(jax.vmap(matmul.outer_products))(a, b)).tolist()
    sums = np.asarray(jax.jit(jax.vmap(matmul.partial_sums))(a, b)).tolist()
    places = [(case, step) for case in range(150) for step in range(k)]
    one = [(a[case].tolist(), b[case].tolist(), step) for case, step in places]
    found = evaluate("widgets/outer.js", "einlabOuter.outer", one)
    assert found == [terms[case][step] for case, step in places]
    some = [(x, y, step + 1) for x, y, step in one]
    found = evaluate("widgets/outer.js", "einlabOuter.partial", some)
    assert found == [sums[case][step] for case, step in places]
