"""The terms of an entry are those of `matmul.by_hand`."""

from __future__ import annotations

import numpy as np

from einlab import matmul
from tests.docs.node import evaluate


def test_terms_are_those_of_the_product_by_hand():
    random = np.random.default_rng(0)
    cases = []
    for _ in range(500):
        m, k, n = random.integers(1, 5, 3)
        a, b = random.integers(-9, 10, (m, k)), random.integers(-9, 10, (k, n))
        i, j = int(random.integers(m)), int(random.integers(n))
        cases.append((a.tolist(), b.tolist(), i, j))
    found = evaluate("widgets/stepper.js", "einlabStepper.terms", cases)
    for (a, b, i, j), terms in zip(cases, found, strict=True):
        assert tuple(term[2] for term in terms) == matmul.explain_matmul(a, b, i, j).terms
