"""What each planner gives when nothing is said: `python -m benchmarks.search_defaults`.

Sparse networks of 18 to 200 operands, drawn from a seed: the order that `einlab.plan` takes without
a budget beside the defaults of opt_einsum and cotengra. Costs are recounted from the paths; times
are processor seconds of the search, the network being read and compiled searches loaded.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import click

from benchmarks.results import geometric_mean
from benchmarks.search_recount import recount
from einlab.contraction import Contraction
from einlab.search.loading import load_kernels
from einlab.search.portfolio import find
from einlab.show.text import render
from einlab.table import Column, Table

OPERANDS = 18, 24, 29, 40, 64, 100, 150
Planner = Callable[[Contraction], Any]


def network(operands: int, draw: random.Random) -> Contraction:
    """A random tree and half as many bonds more, of sizes 2 to 8, and two open indices."""
    edges = [(draw.randrange(node), node) for node in range(1, operands)]
    edges += draw.sample(sorted({*combinations(range(operands), 2)} - {*edges}), operands // 2)
    terms: list[list[str]] = [[] for _ in range(operands)]
    for number, ends in enumerate([*edges, (0,), (operands - 1,)]):
        for end in ends:
            terms[end].append(chr(0x4E00 + number))
    output = [chr(0x4E00 + len(edges)), chr(0x4E01 + len(edges))]
    sizes = {index: draw.randint(2, 8) for term in terms for index in term}
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    dtypes = ("float32",) * operands
    return Contraction(tuple(map(tuple, terms)), tuple(output), shapes, dtypes)


def _einlab(contraction: Contraction) -> Any:
    return find(contraction).tree.path


def _opt_einsum(contraction: Contraction, name: str) -> Any:
    from opt_einsum.paths import get_path_fn

    inputs = [frozenset(term) for term in contraction.terms]
    return get_path_fn(name)(inputs, frozenset(contraction.output), contraction.sizes)


def _cotengra(contraction: Contraction) -> Any:
    from cotengra import array_contract_path

    shapes, terms = contraction.shapes, contraction.terms
    return array_contract_path(terms, contraction.output, shapes=shapes, cache=False)


PLANNERS: dict[str, Planner] = {
    "einlab": _einlab,
    "opt_einsum auto": lambda contraction: _opt_einsum(contraction, "auto"),
    "opt_einsum auto-hq": lambda contraction: _opt_einsum(contraction, "auto-hq"),
    "cotengra auto": _cotengra,
}


def measured(contraction: Contraction, planner: Planner) -> tuple[int, float]:
    """Multiplications of the planner's order, and the seconds it took."""
    _ = contraction.network
    start = time.process_time()
    path = planner(contraction)
    seconds = time.process_time() - start
    sizes = contraction.sizes
    return recount(contraction.terms, contraction.output, sizes, path).multiplications, seconds


def rows(operands: int, networks: int, seed: int) -> Iterator[tuple[Any, ...]]:
    """One row a planner: its cost over einlab's, and its time."""
    drawn = [network(operands, random.Random(f"{seed} {operands} {i}")) for i in range(networks)]
    ours = [measured(contraction, _einlab)[0] for contraction in drawn]
    for name, planner in PLANNERS.items():
        found = [measured(contraction, planner) for contraction in drawn]
        ratios = [cost / own for (cost, _), own in zip(found, ours, strict=True)]
        times = [seconds for _, seconds in found]
        yield operands, name, geometric_mean(ratios), min(ratios), statistics.median(times)


@click.command()
@click.option("--networks", default=8, show_default=True, help="Of each number of operands.")
@click.option("--seed", default=0, show_default=True)
@click.option("--most", default=math.inf, help="Operands at most.")
def main(networks: int, seed: int, most: float) -> None:
    """Compare the orders that planners give when nothing is said."""
    load_kernels(int)
    columns = (
        Column("operands", "count"),
        Column("planner", "code"),
        Column("multiplications / einlab's", "ratio"),
        Column("lowest", "ratio"),
        Column("time", "seconds"),
    )
    counts = [operands for operands in OPERANDS if operands <= most]
    found = [row for operands in counts for row in rows(operands, networks, seed)]
    print(render(Table("defaults", columns, tuple(found))))


if __name__ == "__main__":
    main()
