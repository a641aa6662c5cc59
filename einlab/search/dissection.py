"""Nested dissection: a network is cut in two where it is thinnest, each part again, into a line.

Few indices reach across any place of that line. The best tree that has the operands in this order
is then found exactly, by the matrix-chain programme over intervals: balanced trees and sweeps from
one end to the other are among those it chooses from, so that lattices of any shape, long chains and
random graphs alike get a good one. Each trial draws its own balance of the cuts.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from random import Random

import numpy as np

from einlab.contraction import Contraction, Network
from einlab.objectives import Objective, objective_for
from einlab.search.bench import Bench, Prices, plant, prices_of, searchable
from einlab.search.bits import Floats, Ints, pack
from einlab.search.halting import call
from einlab.search.refine import refine_rounds
from einlab.search.tree import Tree, tree_from_path

__all__ = ["Dissection", "Hypergraph", "best_on_line", "draw_line", "line_up"]

# Ranges of what a side may hold beyond half of its operands, at the first cut and in small parts:
# of the pairs tried on lattices, circuits and graphical models, those below were far worse.
SLACKS = 0.08, 0.25
DEEP_SLACKS = 0.1, 0.4
POLISH = 8  # operands of the subtrees solved after each trial
SAFETY = 1.001  # of a bound against rounding
SHORT_LINE = 120  # blocks of operands that a first programme takes, in a millisecond
LONG_LINE = 600  # operands, or blocks of them, that a second one takes within the first one's price


@dataclass(frozen=True, slots=True)
class Dissection:
    """The best tree of some recursive bisections, each with a balance of its own."""

    trials: int = 1
    seed: int = 0
    needed: int = 1
    """Trials that are made however long they take."""
    as_given: bool = False
    """Whether the first line is the operands in their order, which often is a good one."""

    def search(
        self,
        contraction: Contraction,
        objective: str | Objective = "flops",
        deadline: float | None = None,
    ) -> Tree:
        """The cheapest tree of all trials by `deadline` (perf_counter), one at least by default.

        Raises TimeoutError if none is needed and none was done in time.

        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm")))
        >>> c = Contraction(terms, ("i", "m"), shapes, ("float32",) * 4)
        >>> Dissection().search(c).multiplications
        76
        """
        if not searchable(contraction):
            count = len(contraction.terms)
            return tree_from_path(contraction, [tuple(range(count))] if count > 1 else [])
        return self.run(contraction, objective_for(objective), deadline).tree()

    def run(
        self, contraction: Contraction, objective: Objective, deadline: float | None = None
    ) -> Bench:
        """The same, on a bench."""
        graph, packed = hypergraph(contraction.network), pack(contraction.network)
        draw = Random(self.seed)
        best: Bench | None = None
        for trial in range(self.trials):
            end = None if trial < self.needed else deadline
            if end is not None and time.perf_counter() > end:
                break
            try:
                given = self.as_given and trial == 0
                line = np.arange(graph.count) if given else draw_line(graph, draw, end)
                children = best_on_line(graph, line, prices_of(objective), end)
            except TimeoutError:
                break
            bench = plant(contraction, packed, children, objective, self.seed)
            refine_rounds(bench, POLISH, deadline)
            if best is None or bench.total < best.total:
                best = bench
        if best is None:
            raise TimeoutError("no dissection was done in time")
        return best


@dataclass(frozen=True, eq=False)
class Hypergraph:
    """Who holds which index; index e is held by the operands pins[starts[e]:starts[e + 1]]."""

    count: int
    """Number of operands."""
    starts: Ints
    pins: Ints
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """Whether an index is in the output."""
    weights: Floats
    """log2 of the size of each index."""


def hypergraph(network: Network) -> Hypergraph:
    """The hypergraph of all indices longer than 1."""
    holders: dict[int, list[int]] = {}
    for operand, term in enumerate(network.terms):
        for index in term:
            if network.sizes[index] > 1:
                holders.setdefault(index, []).append(operand)
    output = set(network.output)
    return Hypergraph(
        len(network.terms),
        np.cumsum([0, *map(len, holders.values())], dtype=np.int64),
        np.array([operand for held in holders.values() for operand in held], np.int64),
        np.array([index in output for index in holders]),
        np.array([math.log2(network.sizes[index]) for index in holders]),
    )


def draw_line(graph: Hypergraph, draw: Random, deadline: float | None = None) -> Ints:
    """The operands in a line, by cuts whose balance is drawn; else as `line_up`."""
    slack, deep = draw.uniform(*SLACKS), draw.uniform(*DEEP_SLACKS)
    return line_up(graph, slack, deep, draw.getrandbits(64), deadline)


def line_up(
    graph: Hypergraph, slack: float, deep: float, seed: int, deadline: float | None = None
) -> Ints:
    """The operands in a line, by recursive bisection of that slack at first and in the end.

    Raises TimeoutError if that is not done by `deadline`.
    """
    from einlab.search import dissection_kernels

    order = np.empty(graph.count, np.int64)
    state = np.array([seed], np.uint64)
    call(
        dissection_kernels.dissect, graph.count, graph.starts, graph.pins, graph.weights,
        slack, deep, state, order, deadline=deadline,
    )  # fmt: skip
    return order


def best_on_line(
    graph: Hypergraph, line: Ints, prices: Prices, deadline: float | None = None
) -> Ints:
    """The children of the best tree with the operands in this order; in blocks if there are many.

    A line of larger blocks is solved first: its price is a bound that passes over most intervals.
    Raises TimeoutError if that is not done by `deadline`.
    """
    from einlab.search import linear_kernels

    rank = np.empty_like(line)
    rank[line] = np.arange(graph.count)
    edge = np.repeat(np.arange(len(graph.weights)), np.diff(graph.starts))
    places = rank[graph.pins]
    pins = places[np.lexsort((places, edge))]
    children = np.full((2 * graph.count - 1, 2), -1, np.int64)

    def solve(block: int, bound: float) -> float:
        price: float = call(
            linear_kernels.solve_line, graph.count, graph.count, graph.starts, pins, graph.kept,
            graph.weights, line, block, bound, *prices[:5], children,
            deadline=deadline,
        )  # fmt: skip
        return price

    fine = -(-graph.count // LONG_LINE)
    bound = math.inf
    if graph.count > SHORT_LINE:
        bound = SAFETY * solve(fine * -(-graph.count // (fine * SHORT_LINE)), math.inf)
    if solve(fine, bound) == math.inf:
        solve(fine, math.inf)
    return children
