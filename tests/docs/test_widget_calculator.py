"""The calculator of a product counts as a plan does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einlab import plan
from tests.docs.node import evaluate


def test_flops_bytes_and_intensity_are_those_of_the_plans_one_step():
    random = np.random.default_rng(0)
    dtypes = ("float64", "float32", "bfloat16", "float16", "int8")
    cases: list[list[Any]] = [
        [*(int(size) for size in 10 ** random.uniform(0, 3, 4)), dtypes[random.integers(5)]]
        for _ in range(500)
    ]
    found = evaluate("widgets/calculator.js", "einlabCalculator.product", cases)
    for (batch, m, k, n, dtype), product in zip(cases, found, strict=True):
        sizes = {"b": batch, "m": m, "k": k, "n": n}
        planned = plan("bmk,bkn->bmn", sizes=sizes, dtype=dtype)
        assert product["flops"] == planned.flops
        assert product["bytes"] == planned.peak
        assert product["intensity"] == pytest.approx(planned.flops / planned.peak)
