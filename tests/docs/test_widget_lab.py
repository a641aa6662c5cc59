"""The contraction lab prices every order as a plan does, and its optimum is the planner's."""

from __future__ import annotations

from typing import Any

import numpy as np

from einlab import plan
from tests.docs.node import evaluate

SYMBOLS = "abcdefghijklmnop"


def network(random: np.random.Generator) -> tuple[list[str], str, dict[str, int]]:
    """Three to six operands on a random tree with further bonds, some indices left open."""
    count = int(random.integers(3, 7))
    bonds = [(int(random.integers(node)), node) for node in range(1, count)]
    for _ in range(int(random.integers(0, 4))):
        i, j = sorted(random.choice(count, 2, replace=False).tolist())
        bonds.append((i, j))
    holders = [*bonds, *((int(random.integers(count)),) for _ in range(random.integers(0, 3)))]
    names = SYMBOLS[: len(holders)]
    terms = [
        "".join(s for s, h in zip(names, holders, strict=True) if i in h) for i in range(count)
    ]
    output = "".join(s for s, h in zip(names, holders, strict=True) if len(h) == 1)
    return terms, output, {name: int(random.integers(1, 9)) for name in names}


def random_pairs(random: np.random.Generator, count: int) -> list[list[int]]:
    live: list[int] = list(range(count))
    pairs: list[list[int]] = []
    while len(live) > 1:
        i, j = sorted(random.choice(live, 2, replace=False).tolist())
        live = [n for n in live if n not in (i, j)] + [count + len(pairs)]
        pairs.append([i, j])
    return pairs


def linear(pairs: list[list[int]], count: int) -> list[tuple[int, int]]:
    """The pairs in opt_einsum's form, where positions move up."""
    live: list[int] = list(range(count))
    path: list[tuple[int, int]] = []
    for step, (i, j) in enumerate(pairs):
        path.append((live.index(i), live.index(j)))
        live = [n for n in live if n not in (i, j)] + [count + step]
    return path


def test_an_order_costs_what_its_plan_costs_and_keeps_alive_at_most_what_that_does():
    random = np.random.default_rng(0)
    cases: list[list[Any]] = []
    while len(cases) < 500:
        terms, output, sizes = network(random)
        cases.append([terms, output, sizes, random_pairs(random, len(terms))])
    found = evaluate("widgets/lab.js", "einlabLab.cost", cases)
    for (terms, output, sizes, pairs), cost in zip(cases, found, strict=True):
        equation = f"{','.join(terms)}->{output}"
        planned = plan(equation, sizes=sizes, optimize=linear(pairs, len(terms)))
        assert cost["flops"] == planned.flops, (equation, sizes, pairs)
        assert cost["size"] == planned.size, (equation, sizes, pairs)
        # A plan counts permuted copies too.
        assert cost["peak"] <= planned.peak <= 2 * cost["peak"], (equation, sizes, pairs)


def test_the_optimum_is_the_planners_and_its_order_costs_that_much():
    random = np.random.default_rng(1)
    cases: list[list[Any]] = [list(network(random)) for _ in range(500)]
    found = evaluate("widgets/lab.js", "einlabLab.optimum", cases)
    ordered = [[*case, best["pairs"]] for case, best in zip(cases, found, strict=True)]
    costs = evaluate("widgets/lab.js", "einlabLab.cost", ordered)
    for (terms, output, sizes), best, cost in zip(cases, found, costs, strict=True):
        least = plan(f"{','.join(terms)}->{output}", sizes=sizes).flops
        assert best["flops"] == cost["flops"] == least, (terms, output, sizes)
