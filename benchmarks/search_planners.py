"""The planners that `benchmarks.search` compares, and the process in which each of them works.

`python -m benchmarks.search_planners NAME` reads one JSON request a line from standard input
(terms, output, sizes, seconds, seed, the objective, a limit to slice to; an index is one character,
which is all that some planners take) and answers each with one line: the path, the indices to
slice, what the planner says it costs, and the seconds that the search took. A first request warms
compiled kernels up and is not timed.
"""

from __future__ import annotations

import importlib.util
import json
import math
import random
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["MOST", "ORDERS", "PLANNERS", "SLICERS", "UNTIMED", "available"]

Request = dict[str, Any]
Path = list[tuple[int, ...]]
Answer = dict[str, Any]


def _einlab(request: Request) -> Answer:
    from einlab.contraction import Contraction
    from einlab.objectives import OBJECTIVES
    from einlab.search.portfolio import find
    from einlab.search.value import peak_bytes, tree_value

    terms = tuple(map(tuple, request["terms"]))
    shapes = tuple(tuple(request["sizes"][index] for index in term) for term in terms)
    contraction = Contraction(terms, tuple(request["output"]), shapes, ("float32",) * len(terms))
    _ = contraction.network  # an expression that is read counts no more
    start = time.perf_counter()
    found = find(
        contraction,
        objective=request["objective"],
        budget=request["seconds"],
        seed=request["seed"],
        size_limit=request.get("limit"),
    )
    seconds = time.perf_counter() - start
    places = [list(contraction.sizes).index(name) for name in found.sliced]
    stated = tree_value(found.tree, OBJECTIVES["multiplications"], places)
    return {
        "path": list(found.tree.path),
        "sliced": list(found.sliced),
        "stated": str(stated),
        "stated_peak": peak_bytes(found.tree, places),
        "seconds": seconds,
    }


def _timed(request: Request, search: Callable[[list[Any], Any, Any], Any]) -> Answer:
    """A path from a function of inputs, output and sizes."""
    inputs = [frozenset(term) for term in request["terms"]]
    start = time.perf_counter()
    path = search(inputs, frozenset(request["output"]), request["sizes"])
    seconds = time.perf_counter() - start
    return {"path": [tuple(map(int, step)) for step in path], "seconds": seconds}


def _opt_einsum_greedy(request: Request) -> Answer:
    from opt_einsum.paths import greedy

    return _timed(request, greedy)


def _opt_einsum_random(request: Request) -> Answer:
    from opt_einsum import RandomGreedy

    minimize = "size" if request["objective"] in ("size", "peak") else "flops"
    search = RandomGreedy(max_repeats=10**6, max_time=request["seconds"], minimize=minimize)
    return _timed(request, search)


def _opt_einsum_dp(request: Request) -> Answer:
    from opt_einsum import DynamicProgramming

    minimize = "size" if request["objective"] in ("size", "peak") else "flops"
    return _timed(request, DynamicProgramming(minimize=minimize))


def _opt_einsum_auto(request: Request) -> Answer:
    from opt_einsum.paths import auto_hq

    return _timed(request, auto_hq)


def _cotengra_greedy(request: Request) -> Answer:
    from cotengra import GreedyOptimizer

    return _timed(request, GreedyOptimizer())


def _cotengra_random(request: Request) -> Answer:
    from cotengra import RandomGreedyOptimizer

    def search(inputs: Any, output: Any, sizes: Any) -> Any:
        best, cost, batch = None, math.inf, 0
        end = time.perf_counter() + request["seconds"]
        while best is None or time.perf_counter() < end:
            seed = request["seed"] + batch
            greedy = RandomGreedyOptimizer(max_repeats=4, seed=seed, parallel=False, accel=False)
            path = greedy(inputs, output, sizes)
            if greedy.best_flops < cost:
                best, cost = path, greedy.best_flops
            batch += 1
        return best

    return _timed(request, search)


def _cotengra_hyper(request: Request) -> Answer:
    """The default methods that are installed, repeated until the time is over."""
    tree, seconds = _hyper(request, request["seconds"])
    return {"path": [tuple(step) for step in tree.get_path()], "seconds": seconds}


def _cotengra_sliced(request: Request) -> Answer:
    """HyperOptimizer with `slice_and_reconfigure` inside every trial."""
    options = {"slicing_reconf_opts": {"target_size": request["limit"]}}
    tree, seconds = _hyper(request, request["seconds"], **options)
    return _tree(tree, seconds)


def _cotengra_slices_ours(request: Request) -> Answer:
    """`slice_and_reconfigure`, repeated, on the tree that einlab finds in a fifth of the time."""
    import cotengra

    unlimited = {**request, "seconds": request["seconds"] / 5, "limit": None}
    ours = _einlab(unlimited)
    start, end = time.perf_counter(), request["seconds"] - ours["seconds"]
    given = cotengra.ContractionTree.from_path(
        request["terms"], request["output"], request["sizes"], path=ours["path"]
    )
    best, number = None, 0
    while best is None or time.perf_counter() - start < end:
        random.seed(request["seed"] + number)
        temperature = 0.1 if number else 0.01
        tree = given.slice_and_reconfigure(request["limit"], temperature=temperature)
        if best is None or tree.contraction_cost() < best.contraction_cost():
            best = tree
        number += 1
    return _tree(best, time.perf_counter() - start + ours["seconds"])


def _hyper(request: Request, seconds: float, **options: Any) -> tuple[Any, float]:
    from cotengra import HyperOptimizer

    minimize = {"size": "size", "peak": "size"}.get(request["objective"], "flops")
    search = HyperOptimizer(
        max_repeats=10**6,
        max_time=seconds,
        parallel=False,
        progbar=False,
        minimize=minimize,
        **options,
    )
    inputs = [tuple(term) for term in request["terms"]]
    start = time.perf_counter()
    tree = search.search(inputs, tuple(request["output"]), request["sizes"])
    return tree, time.perf_counter() - start


def _tree(tree: Any, seconds: float) -> Answer:
    path = [tuple(step) for step in tree.get_path()]
    return {"path": path, "sliced": list(tree.sliced_inds), "seconds": seconds}


def _cotengrust(request: Request) -> Answer:
    """Random greedy in Rust, in growing batches."""
    import cotengrust

    def search(inputs: Any, output: Any, sizes: Any) -> Any:
        start, best, cost, trials, number = time.perf_counter(), None, math.inf, 1, 0
        while best is None or time.perf_counter() - start < request["seconds"]:
            path, found = cotengrust.optimize_random_greedy_track_flops(
                [list(term) for term in inputs],
                list(output),
                sizes,
                ntrials=trials,
                seed=request["seed"] + number,
                use_ssa=False,
            )
            if found < cost:
                best, cost = path, found
            trials, number = min(2 * trials, 64), number + 1
        return best

    return _timed(request, search)


def _sesum(request: Request, algorithm: str) -> Answer:
    import sesum

    def search(inputs: Any, output: Any, sizes: Any) -> Any:
        terms = ["".join(term) for term in inputs]
        shapes = [tuple(sizes[index] for index in term) for term in terms]
        options = {"minimize": "flops", "max_repeats": 0, "max_time": request["seconds"]}
        options |= {"seed": request["seed"], "algorithm": algorithm, "threads": 1}
        equation = ",".join(terms) + "->" + "".join(output)
        return sesum.compute_path(equation, *shapes, **options)[0]

    return _timed(request, search)


def _sesum_greedy(request: Request) -> Answer:
    return _sesum(request, "greedy")


def _sesum_partition(request: Request) -> Answer:
    return _sesum(request, "kahypar")


ORDERS: dict[str, tuple[str, Callable[[Request], Answer]]] = {
    "einlab": ("einlab", _einlab),
    "opt_einsum greedy": ("opt_einsum", _opt_einsum_greedy),
    "opt_einsum random-greedy": ("opt_einsum", _opt_einsum_random),
    "opt_einsum dp": ("opt_einsum", _opt_einsum_dp),
    "opt_einsum auto-hq": ("opt_einsum", _opt_einsum_auto),
    "cotengra greedy": ("cotengra", _cotengra_greedy),
    "cotengra random-greedy": ("cotengra", _cotengra_random),
    "cotengra hyper": ("cotengra", _cotengra_hyper),
    "cotengrust random-greedy": ("cotengrust", _cotengrust),
    "sesum greedy": ("sesum", _sesum_greedy),
    "sesum partition": ("sesum", _sesum_partition),
}
"""Package and function of every planner of orders."""

UNTIMED = "opt_einsum greedy", "opt_einsum dp", "opt_einsum auto-hq", "cotengra greedy"
"""Planners that take no budget: each is asked once."""

MOST = {"opt_einsum dp": 30}
"""The most operands that a planner without end is asked about."""

SLICERS: dict[str, tuple[str, Callable[[Request], Answer]]] = {
    "einlab sliced": ("einlab", _einlab),
    "cotengra sliced": ("cotengra", _cotengra_sliced),
    "cotengra on einlab's tree": ("cotengra", _cotengra_slices_ours),
}
"""The same of those that slice to a limit."""

PLANNERS = {**ORDERS, **SLICERS}


def available(names: dict[str, tuple[str, Callable[[Request], Answer]]]) -> list[str]:
    """The planners whose packages are installed."""
    return [name for name, (package, _) in names.items() if importlib.util.find_spec(package)]


def main() -> None:
    """Answer requests until there are no more."""
    plan = PLANNERS[sys.argv[1]][1]
    for line in sys.stdin:
        print(json.dumps(plan(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
