"""How long small searches take: exact ones, chains, cached plans, reading, budgets."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.search_networks import wide_set
from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.search.exact import Exact
from einlab.search.loading import load_kernels
from einlab.search.portfolio import find
from einlab.table import Column, Table

__all__ = ["measure"]

EXACT = 12  # operands


def measure() -> Table:
    """Medians of some repetitions, in seconds."""
    rows = [*_exact(), *_chains(), *_planning(), *_reading(), *_overrun()]
    columns = Column("what"), Column("time", "seconds"), Column("asked", "seconds")
    return Table("times of searches", columns, tuple(rows))


def _median(call: Callable[[], Any], repeats: int) -> float:
    def once() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return statistics.median(once() for _ in range(repeats))


def _contraction(terms: list[list[str]], draw: random.Random, most: int) -> Contraction:
    sizes = {index: draw.randint(2, most) for term in terms for index in term}
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Contraction(tuple(map(tuple, terms)), (), shapes, ("float32",) * len(terms))


def _joined(pairs: list[tuple[int, int]], draw: random.Random) -> Contraction:
    terms: list[list[str]] = [[] for _ in range(EXACT)]
    for number, pair in enumerate(pairs):
        for node in pair:
            terms[node].append(f"e{number}")
    return _contraction(terms, draw, 6)


def _exact() -> list[tuple[str, float, float | None]]:
    """Twelve operands, all trees."""
    rows: list[tuple[str, float, float | None]] = []
    every = [(a, b) for a in range(EXACT) for b in range(a)]
    shapes: dict[str, Callable[[random.Random], list[tuple[int, int]]]] = {
        "random": lambda draw: draw.sample(every, 20) + [(a + 1, a) for a in range(EXACT - 1)],
        "chain": lambda draw: [(a + 1, a) for a in range(EXACT - 1)],
        "star": lambda draw: [(0, a) for a in range(1, EXACT)],
        "lattice 3x4": lambda draw: [
            pair
            for a in range(EXACT)
            for pair in ([(a, a + 1)] if a % 4 < 3 else []) + ([(a, a + 4)] if a < 8 else [])
        ],
        "dense worst": lambda draw: every,
    }
    for name, pairs in shapes.items():
        draw = random.Random(name)
        drawn = [_joined(pairs(draw), draw) for _ in range(5)]
        times = [_median(partial(Exact().search, c, OBJECTIVES["flops"]), 3) for c in drawn]
        asked = None if name == "dense worst" else 0.05
        rows.append((f"exact, 12 operands, {name}", statistics.median(times), asked))
    return rows


def _chains() -> list[tuple[str, float, float | None]]:
    draw = random.Random(0)
    terms = [[f"b{place}", f"b{place + 1}"] for place in range(1000)]
    chain = _contraction(terms, draw, 100)
    whole = Contraction(chain.terms, ("b0", "b1000"), chain.shapes, ("float32",) * len(chain.terms))
    return [("chain of 1,000 matrices", _median(lambda: find(whole), 3), 1.0)]


def _planning() -> list[tuple[str, float, float | None]]:
    """Three operands, never seen and seen before."""
    from einlab.planning import plan

    sizes = iter(range(2, 10**6))

    def fresh() -> None:
        size = next(sizes)
        plan("ij,jk,kl->il", (size, 3), (3, 4), (4, 5))

    fresh()
    new = _median(fresh, 200)
    again = _median(lambda: plan("ij,jk,kl->il", (9, 3), (3, 4), (4, 5)), 2000)
    return [("3 operands, new", new, 150e-6), ("3 operands, seen before", again, 5e-6)]


def _reading() -> list[tuple[str, float, float | None]]:
    """An expression of 4,000 tensors to a contraction and its network."""
    from einlab.notation import parse

    contraction = wide_set(["sparse, 4000"])[0].contraction
    shapes, dtypes, starts = contraction.shapes, contraction.dtypes, iter(range(0x4E00, 0x5E00))

    def written() -> str:
        """The equation in letters that were not read before."""
        first = next(starts)
        letters = {name: chr(first + at) for at, name in enumerate(contraction.sizes)}
        terms = ("".join(letters[index] for index in term) for term in contraction.terms)
        return ",".join(terms) + "->"

    equations = iter([written() for _ in range(5)])

    def read() -> None:
        _ = parse(next(equations), shapes, dtypes).network

    return [("reading 4,000 tensors", _median(read, 5), 0.3)]


def _overrun() -> list[tuple[str, float, float | None]]:
    """By how much a search passes 1.1 times its budget; 50 ms are allowed."""
    load_kernels(int)
    rows: list[tuple[str, float, float | None]] = []
    for name in ("square 10x10", "sparse, 4000"):
        contraction = wide_set([name])[0].contraction
        for budget in (0.1, 1.0):
            late = _median(partial(find, contraction, budget=budget), 3) - 1.1 * budget
            rows.append((f"beyond 1.1 times {budget} s, {name}", max(late, 0.0), 0.05))
    return rows
