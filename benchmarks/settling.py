"""Pairs of orders run again in turns, until it is settled which one is faster.

On a shared machine the same program is up to a fifth slower a moment later, so that of sixty equal
pairs several look slower than they are. A pair that is in doubt is run again by itself, one order
twice, all in turns; the confidence interval of the median of the rounds' ratios decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from einlab.calibration.timing import arrays_for, timed
from einlab.planning import Plan
from einlab.show.text import render
from einlab.table import Column, Table, Value

SLOWER = math.log(1.05)
DOUBTFUL = 1.02
"""Times as fast as the order of fewest FLOPs, below which a pair is run again."""
SETTLING_ROUNDS, MOST_SETTLING = 24, 8
"""Of a pair that is run again: rounds at a time, and how many times at most."""


class Verdict(NamedTuple):
    """Of a pair run again: how much slower the order by seconds is, in logarithms."""

    median: float
    low: float
    high: float
    itself: float
    """The same of the order by seconds beside itself."""
    rounds: int

    @property
    def is_slower(self) -> bool | None:
        """Whether it is more than 5 % slower; None if that is not settled."""
        return None if self.low <= SLOWER < self.high else self.median > SLOWER


def settled(by_seconds: Plan, by_flops: Plan) -> Verdict:
    """Run both orders, and the first once more, in turns until it is settled which is slower."""
    plans, arrays = [by_seconds, by_flops, by_seconds], arrays_for(by_seconds)
    slower: list[float] = []
    itself: list[float] = []
    while True:
        times = timed(
            plans, [arrays] * 3, rounds=SETTLING_ROUNDS, seconds=4.0, tell=lambda what, part: None
        )
        first, other, again = np.log(np.array(times.rounds))
        slower += ((first + again) / 2 - other).tolist()
        itself += (again - first).tolist()
        low, high = _interval(slower)
        middle, beside = float(np.median(slower)), float(np.median(itself))
        found = Verdict(middle, low, high, beside, len(slower))
        if found.is_slower is not None or len(itself) >= MOST_SETTLING * SETTLING_ROUNDS:
            return found


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the median of the values lies, 95 times of 100, by its order statistics."""
    ordered = sorted(values)
    reach = math.ceil(0.98 * math.sqrt(len(ordered)))
    middle = len(ordered) // 2
    return ordered[max(middle - reach, 0)], ordered[min(middle + reach, len(ordered) - 1)]


def print_settled(
    chosen: Sequence[Sequence[Plan]], measured: np.ndarray, verdicts: Mapping[int, Verdict]
) -> None:
    """What came of the pairs that were run again."""
    said = {True: "slower", False: "no", None: "not settled"}
    rows: list[tuple[Value, ...]] = [
        (
            chosen[place][0].eq,
            float(measured[place, 1] / measured[place, 0]),
            math.exp(-one.median),
            f"{math.exp(-one.high):.2f} to {math.exp(-one.low):.2f}",
            math.exp(one.itself),
            one.rounds,
            said[one.is_slower],
        )
        for place, one in verdicts.items()
    ]
    columns = (
        Column("pair", "code"),
        Column("faster at first", "ratio"),
        Column("settled", "ratio"),
        Column("95 %"),
        Column("beside itself", "ratio"),
        Column("rounds", "count"),
        Column("over 5 % slower"),
    )
    print(render(Table("pairs run again", columns, rows), width=150))
    before = int((measured[:, 1] / measured[:, 0] < math.exp(-SLOWER)).sum())
    verdict = [one.is_slower for one in verdicts.values()]
    ratios = measured[:, 1] / measured[:, 0]
    for place, one in verdicts.items():
        ratios[place] = math.exp(-one.median)
    print(
        f"over 5 % slower: {before} of {len(measured)} at first; run again "
        f"{verdict.count(True)} are, {verdict.count(None)} are not settled; with these medians "
        f"{np.exp(np.log(ratios).mean()):.3f} times as fast in geometric mean, "
        f"{ratios.min():.3f} at least"
    )
