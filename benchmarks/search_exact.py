"""How long exact orders of 8 to 16 operands take: `python -m benchmarks.search_exact`.

For each kind of network and each objective the median of some networks; then the worst there is,
a programme from which nothing is left out and in which no two operands are alike.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable
from itertools import combinations
from unittest import mock

from einlab.contraction import Contraction
from einlab.machines import machine_for
from einlab.objectives import OBJECTIVES, Objective, seconds_by
from einlab.search import exact
from einlab.show import text
from einlab.stepmodel import StepModel
from einlab.table import Column, Table

Edges = list[tuple[int, int]]


def chain(count: int, draw: random.Random) -> Edges:
    """One after the other."""
    return [(node, node + 1) for node in range(count - 1)]


def star(count: int, draw: random.Random) -> Edges:
    """One in the middle."""
    return [(0, node) for node in range(1, count)]


def lattice(count: int, draw: random.Random) -> Edges:
    """Two to four rows, as square as the count allows."""
    rows = next(rows for rows in (4, 3, 2, 1) if count % rows == 0)
    across = [(node, node + 1) for node in range(count - 1) if (node + 1) % (count // rows)]
    return across + [(node, node + count // rows) for node in range(count - count // rows)]


def sparse(count: int, draw: random.Random) -> Edges:
    """A random tree and half as many edges more."""
    tree = [(draw.randrange(node), node) for node in range(1, count)]
    return tree + draw.sample(list(combinations(range(count), 2)), count // 2)


def dense(count: int, draw: random.Random) -> Edges:
    """Half of all edges."""
    every = list(combinations(range(count), 2))
    return draw.sample(every, len(every) // 2)


def complete(count: int, draw: random.Random) -> Edges:
    """All edges."""
    return list(combinations(range(count), 2))


KINDS: tuple[Callable[[int, random.Random], Edges], ...] = (
    chain,
    star,
    lattice,
    sparse,
    dense,
    complete,
)


def network(edges: Edges, count: int, draw: random.Random) -> Contraction:
    """The network of a graph with bonds of 2 to 5."""
    size = {f"b{number}": draw.randint(2, 5) for number in range(len(edges))}
    terms = [
        tuple(f"b{number}" for number, edge in enumerate(edges) if node in edge)
        for node in range(count)
    ]
    shapes = tuple(tuple(size[index] for index in term) for term in terms)
    return Contraction(tuple(terms), (), shapes, ("float32",) * count)


def seconds(contraction: Contraction, objective: Objective) -> float:
    """Of one exact search, the network being known."""
    _ = contraction.network
    start = time.perf_counter()
    exact.Exact().search(contraction, objective)
    return time.perf_counter() - start


def unpruned(contraction: Contraction, objective: Objective) -> float:
    """Of a search that leaves nothing out."""
    everything = mock.patch.object(exact._Programme, "ceiling", return_value=math.inf)
    with everything, mock.patch.object(exact, "twins_of", return_value=None):
        return seconds(contraction, objective)


def measure(counts: list[int], networks: int) -> Table:
    """Median seconds by kind of network and number of operands, for each objective."""
    h100 = StepModel.from_machine(machine_for("H100 SXM"), "float32")
    objectives = {**OBJECTIVES, "seconds": seconds_by(h100.constants)}
    rows: list[tuple[str | float, ...]] = []
    for count in counts:
        for kind in KINDS:
            draw = random.Random(f"{kind.__name__} {count}")
            drawn = [network(kind(count, draw), count, draw) for _ in range(networks)]
            times = [statistics.median(seconds(c, o) for c in drawn) for o in objectives.values()]
            rows.append((count, kind.__name__, *times))
        drawn = [network(complete(count, draw), count, draw)]
        rows.append((count, "worst", *[unpruned(drawn[0], o) for o in objectives.values()]))
    columns = [Column(name, "seconds") for name in objectives]
    return Table("exact orders", (Column("operands"), Column("network"), *columns), tuple(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="8,12,14,16", help="numbers of operands")
    parser.add_argument("--networks", type=int, default=3, help="of each kind")
    chosen = parser.parse_args()
    table = measure([int(n) for n in chosen.counts.split(",")], chosen.networks)
    print(text.render(table, width=120))
