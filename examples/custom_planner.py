"""A planner of your own: any function of (inputs, output, sizes) is an order that einlab can run.

    python examples/custom_planner.py

opt_einsum's protocol is enough: index sets in, pairs out. The planner here is a few lines: it sums
one index at a time, the one whose result is smallest. On random networks its orders stand beside
einlab's own; on all of them the same executor runs, checks and prices the path.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from einlab import Plan, contract, plan
from einlab.show.shown import Shown
from einlab.table import Column, Table

Indices = frozenset[str]
SYMBOLS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def smallest_result_first(
    inputs: Sequence[Collection[str]], output: Collection[str], sizes: Mapping[str, int]
) -> list[tuple[int, ...]]:
    """A path that sums the index whose contraction leaves the smallest array, again and again."""
    terms = [frozenset(term) for term in inputs]
    path: list[tuple[int, ...]] = []

    def result(index: str) -> Indices:
        holders = frozenset().union(*(term for term in terms if index in term))
        rest = frozenset(output).union(*(term for term in terms if index not in term))
        return holders & rest

    while summed := frozenset().union(*terms) - frozenset(output):
        best = min(
            sorted(summed), key=lambda index: math.prod(map(sizes.__getitem__, result(index)))
        )
        places = tuple(place for place, term in enumerate(terms) if best in term)
        made = result(best)
        path.append(places)
        terms = [term for place, term in enumerate(terms) if place not in places] + [made]
    if len(terms) > 1:
        path.append(tuple(range(len(terms))))
    return path


def random_network(random: np.random.Generator, count: int) -> tuple[str, list[tuple[int, ...]]]:
    """An equation over a connected random graph of `count` operands, and their shapes."""
    edges = {(int(random.integers(node)), node) for node in range(1, count)}
    while len(edges) < min(2 * count, len(SYMBOLS)):
        i, j = sorted(random.choice(count, 2, replace=False).tolist())
        edges.add((i, j))
    size = {symbol: int(random.integers(2, 5)) for symbol in SYMBOLS}
    names = dict(zip(sorted(edges), SYMBOLS, strict=False))
    terms = ["".join(name for edge, name in names.items() if node in edge) for node in range(count)]
    return ",".join(terms) + "->", [tuple(size[s] for s in term) for term in terms]


def prices(equation: str, shapes: Sequence[tuple[int, ...]]) -> tuple[Plan, Plan, Plan]:
    """The plans of this planner, of a greedy search, and of einlab's own choice."""
    ours = plan(equation, *shapes, optimize=smallest_result_first)
    return ours, plan(equation, *shapes, optimize="greedy"), plan(equation, *shapes)


def main() -> None:
    """Print what the orders cost on networks of growing size, and run one of them."""
    random = np.random.default_rng(0)
    rows = []
    for count in (6, 10, 14, 18, 22):
        equation, shapes = random_network(random, count)
        ours, greedy, auto = prices(equation, shapes)
        rows.append((count, ours.flops, greedy.flops, auto.flops, ours.flops / auto.flops))
    columns = [
        Column("operands", "count"),
        Column("this planner", "quantity", "FLOP"),
        Column("greedy", "quantity", "FLOP"),
        Column("einlab", "quantity", "FLOP"),
        Column("this/einlab", "number"),
    ]
    print(Shown(Table("FLOPs of three planners' orders", columns, rows)))
    equation, shapes = random_network(random, 6)
    arrays = [random.random(shape, np.float32) for shape in shapes]
    print(plan(equation, *shapes, optimize=smallest_result_first))
    own = contract(equation, *arrays, optimize=smallest_result_first)
    expected = np.einsum(equation, *arrays, optimize=True)
    print(f"result {float(own):.6g}, NumPy's {float(expected):.6g}")
    if abs(float(own) - expected) > 1e-3 * abs(expected):
        sys.exit("the orders disagree")


if __name__ == "__main__":
    main()
