"""The chain on the first page is priced as the planner prices it."""

from __future__ import annotations

import numpy as np

from einlab import plan
from tests.docs.node import evaluate


def test_the_best_grouping_of_a_chain_costs_what_the_plan_costs():
    random = np.random.default_rng(0)
    cases = [
        [[int(size) for size in 10 ** random.uniform(0, 3.2, random.integers(3, 8))]]
        for _ in range(500)
    ]
    best = evaluate("widgets/chain.js", "einlabChain.best", cases)
    left = evaluate("widgets/chain.js", "einlabChain.leftToRight", cases)
    for (sizes,), found, plain in zip(cases, best, left, strict=True):
        letters = "abcdefgh"[: len(sizes)]
        terms = [letters[i : i + 2] for i in range(len(sizes) - 1)]
        equation = f"{','.join(terms)}->{letters[0]}{letters[-1]}"
        planned = plan(equation, sizes=dict(zip(letters, sizes, strict=True)))
        assert found["flops"] == planned.flops, (sizes, found)
        assert plain == planned.left_to_right.flops, sizes
