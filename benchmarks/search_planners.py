"""The planners that `benchmarks.search` compares, and the process in which each of them works.

`python -m benchmarks.search_planners NAME` reads one JSON request a line from standard
input (terms, output, sizes, seconds, seed) and answers each with one line: the path, and the
seconds that the search took. A first request warms compiled kernels up and is not timed.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["PLANNERS", "available"]

Path = list[tuple[int, ...]]


def _einlab(request: dict[str, Any]) -> Path:
    from einlab.contraction import Contraction
    from einlab.search.portfolio import find

    terms = tuple(map(tuple, request["terms"]))
    shapes = tuple(tuple(request["sizes"][index] for index in term) for term in terms)
    contraction = Contraction(terms, tuple(request["output"]), shapes, ("float32",) * len(terms))
    _ = contraction.network  # an expression that is read counts no more
    request["start"] = time.perf_counter()
    found = find(
        contraction,
        objective="multiplications",
        budget=request["seconds"],
        seed=request["seed"],
    )
    request["stop"] = time.perf_counter()
    return list(found.tree.path)


def _opt_einsum(request: dict[str, Any], search: Any) -> Path:
    inputs = [frozenset(term) for term in request["terms"]]
    path = search(inputs, frozenset(request["output"]), request["sizes"])
    return [tuple(map(int, step)) for step in path]


def _opt_einsum_greedy(request: dict[str, Any]) -> Path:
    from opt_einsum.paths import greedy

    return _opt_einsum(request, greedy)


def _opt_einsum_random(request: dict[str, Any]) -> Path:
    from opt_einsum import RandomGreedy

    return _opt_einsum(request, RandomGreedy(max_repeats=10**6, max_time=request["seconds"]))


def _cotengra_random(request: dict[str, Any]) -> Path:
    from cotengra import RandomGreedyOptimizer

    best, cost = None, math.inf
    end, batch = time.perf_counter() + request["seconds"], 0
    while best is None or time.perf_counter() < end:
        search = RandomGreedyOptimizer(
            max_repeats=4, seed=request["seed"] + batch, parallel=False, accel=False
        )
        path = _opt_einsum(request, search)
        if search.best_flops < cost:
            best, cost = path, search.best_flops
        batch += 1
    return best


def _cotengra_hyper(request: dict[str, Any]) -> Path:
    from cotengra import HyperOptimizer

    search = HyperOptimizer(
        max_repeats=10**6, max_time=request["seconds"], parallel=False, progbar=False
    )
    return _opt_einsum(request, search)


PLANNERS: dict[str, tuple[str, Callable[[dict[str, Any]], Path]]] = {
    "einlab": ("einlab", _einlab),
    "opt_einsum greedy": ("opt_einsum", _opt_einsum_greedy),
    "opt_einsum random-greedy": ("opt_einsum", _opt_einsum_random),
    "cotengra random-greedy": ("cotengra", _cotengra_random),
    "cotengra hyper": ("cotengra", _cotengra_hyper),
}
"""Package and function of every planner."""


def available() -> list[str]:
    """The planners whose packages are installed."""
    return [name for name, (package, _) in PLANNERS.items() if importlib.util.find_spec(package)]


def main() -> None:
    """Answer requests until there are no more."""
    plan = PLANNERS[sys.argv[1]][1]
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        path = plan(request)
        stop = time.perf_counter()
        seconds = request.get("stop", stop) - request.get("start", start)
        print(json.dumps({"path": path, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
