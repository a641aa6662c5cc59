"""One product of three matrices in its two groupings: what each costs, and how long each takes."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax

from einlab.expressions import contract_expression
from einlab.planning import Plan, plan
from einlab.show import units
from einlab.table import Column, Fact, Table

__all__ = ["Comparison", "compare", "comparison_table", "median_seconds"]

EQUATION = "ij,jk,kl->il"
SHAPES = ((1000, 10), (10, 1000), (1000, 1))
PATHS = {"(AB)C": [(0, 1), (0, 1)], "A(BC)": [(1, 2), (0, 1)]}
ROUNDS = 200
"""Calls of each program, in turn; a tenth of a second or so on two cores."""


@dataclass(frozen=True)
class Comparison:
    """Both groupings, and the time of each in one run."""

    plans: tuple[Plan, Plan]
    """Of (AB)C and of A(BC)."""
    seconds: tuple[float, float]
    """Median time of a hot call of each."""
    call_seconds: float
    """Median time of a hot call of a program that adds 1 to C: the price of calling."""


def compare(rounds: int = ROUNDS) -> Comparison:
    """Plan both groupings and time them, and an almost empty program, in turn.

    Times are medians over `rounds` calls with everything compiled before.
    """
    first, second = (plan(EQUATION, *SHAPES, optimize=path) for path in PATHS.values())
    keys = jax.random.split(jax.random.key(0), len(SHAPES))
    arrays = [jax.random.normal(key, shape) for key, shape in zip(keys, SHAPES, strict=True)]
    add_one = jax.jit(lambda c: c + 1)
    grouped, direct = contract_expression(first), contract_expression(second)
    calls = (lambda: grouped(*arrays), lambda: direct(*arrays), lambda: add_one(arrays[2]))
    left, right, call = median_seconds(calls, rounds)
    return Comparison((first, second), (left, right), call)


def median_seconds(calls: Sequence[Callable[[], jax.Array]], rounds: int) -> list[float]:
    """The median time of each call, result included; the calls take turns `rounds` times.

    Each round has an order of its own, so that none always follows the same other one.
    """
    shuffled = random.Random(0)
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call().block_until_ready()
    for _ in range(rounds):
        for place in shuffled.sample(range(len(calls)), len(calls)):
            start = time.perf_counter()
            calls[place]().block_until_ready()
            times[place].append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def comparison_table(compared: Comparison) -> Table:
    """Cost and time of both groupings side by side, and why their ratios differ."""
    columns = [
        Column("order", "code"),
        Column("FLOPs", "count"),
        Column("largest intermediate", "count", rank=1),
        Column("bytes moved", "bytes"),
        Column("time", "seconds"),
        Column("speed", "quantity", "FLOP/s"),
    ]
    rows = [
        (name, p.flops, p.size, p.cost.bytes, seconds, p.flops / seconds)
        for name, p, seconds in zip(PATHS, compared.plans, compared.seconds, strict=True)
    ]
    shapes = " · ".join(units.sizes(shape) for shape in SHAPES)
    return Table(
        f"The same product in two orders: {shapes}",
        columns,
        rows,
        facts=ratios(compared),
        notes=[reason(compared)],
    )


def ratios(compared: Comparison) -> list[Fact]:
    """(AB)C over A(BC), in FLOPs and in time."""
    (many, few), (long, short) = (p.flops for p in compared.plans), compared.seconds
    return [
        Fact("FLOPs of (AB)C over A(BC)", many / few, "ratio"),
        Fact("time of (AB)C over A(BC)", long / short, "ratio"),
    ]


def reason(compared: Comparison) -> str:
    """Why the time ratio is not the FLOP ratio, in the figures of this run."""
    rates = [p.flops / s for p, s in zip(compared.plans, compared.seconds, strict=True)]
    share = min(compared.call_seconds / compared.seconds[1], 1.0)
    fast, slow = (units.si(float(f"{rate:.2g}"), "FLOP/s") for rate in rates)
    return (
        "Why the two ratios differ: time is FLOPs divided by speed, and the speeds differ. "
        f"(AB)C ran at {fast}, A(BC) at {slow}. Calling a compiled program takes "
        f"{units.seconds(compared.call_seconds)} here before it computes anything worth mentioning "
        f"(measured by one that adds 1 to C), and that is {units.percent(share)} of A(BC)'s time: "
        "the less there is to compute, the more of the time is the call."
    )
