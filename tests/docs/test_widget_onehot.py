"""The one-hot product is priced as its plan; the look-up reads and writes its rows."""

from __future__ import annotations

import numpy as np

from einlab import plan
from tests.docs.node import evaluate


def test_the_product_costs_what_its_plan_costs_and_the_look_up_its_rows():
    random = np.random.default_rng(0)
    cases = [[int(size) for size in 2 ** random.uniform(0, 11, 3)] for _ in range(500)]
    for (t, v, d), found in zip(
        cases, evaluate("widgets/onehot.js", "einlabOnehot.cost", cases), strict=True
    ):
        planned = plan("tv,vd->td", (t, v), (v, d))
        assert found["product"] == {"flops": planned.flops, "bytes": planned.peak}
        rows = np.zeros((v, d), np.float32)[np.zeros(t, np.int32)]
        assert found["lookup"] == {"flops": 0, "bytes": 2 * rows.nbytes + 4 * t}
