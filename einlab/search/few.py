"""A budget for a few dozen operands, without compiled code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.budget import Budget
from einlab.search.connected import CONNECTED_PAYS, Connected, sets_within
from einlab.search.greedy import Greedy
from einlab.search.subtrees import Subtrees
from einlab.search.sweeps import Sweep, sweep_seconds
from einlab.search.tree import Tree
from einlab.search.value import tree_value

__all__ = ["Few"]

CONNECTED_SHARE = 0.3  # of a budget
SWEEP_SHARE = 0.5
LONGEST = 1.0  # seconds of which that is a part, at the most

Drawn = tuple[Tree, str]  # a tree, and the search that found it


@dataclass(frozen=True, slots=True)
class Few:
    """Sweeps and greedy trials in turn, the cheaper first, subtrees of each solved exactly."""

    seed: int = 0

    def search(
        self,
        contraction: Contraction,
        objective: Objective,
        budget: Budget,
        report: Callable[[float], object] = float,
    ) -> tuple[Tree, str]:
        """The best tree within a budget and how it was found; `report` hears of better values."""
        end, seen = budget.end, _Best(objective, report)
        trials = budget.rounds or 10**9
        drawn = ((tree, "greedy") for tree in Greedy(trials, self.seed).each(contraction))
        swept = iter(self._swept(contraction, budget))
        firsts = [seen.look(*each) for each in (next(drawn), *islice(swept, 1))]
        connected = self._connected(contraction, objective, budget, seen.tree)
        if connected is not None:
            seen.look(connected, "connected")
        firsts.sort(key=lambda first: first[0])  # the order that is better as it is, first
        found = ((tree, kind) for _, tree, kind in firsts)
        for trial, (tree, kind) in enumerate(chain(found, _in_turn(swept, drawn))):
            if budget.left <= 0 or trial > trials:
                break
            seen.look(Subtrees(8).improve(tree, objective, end), kind)
        return Subtrees(11).improve(seen.tree, objective, end), f"{seen.name} and subtrees"

    def _swept(self, contraction: Contraction, budget: Budget) -> list[Drawn]:
        """The sweeps, the cheapest first; none where they would take much of the budget."""
        if sweep_seconds(len(contraction.terms)) > SWEEP_SHARE * budget.seconds:
            return []
        return [(tree, "sweep") for tree in Sweep().each(contraction)]

    def _connected(
        self, contraction: Contraction, objective: Objective, budget: Budget, start: Tree
    ) -> Tree | None:
        """The best tree without outer products, if there is time for it."""
        seconds = CONNECTED_SHARE * min(budget.seconds, LONGEST)
        if seconds < CONNECTED_PAYS:
            return None
        deadline = None if budget.end is None else time.perf_counter() + seconds
        search = Connected(sets_within(seconds))
        return search.attempt(contraction, objective, start, deadline)


class _Best:
    """The best tree that was looked at, and the search that found it."""

    def __init__(self, objective: Objective, report: Callable[[float], object]) -> None:
        self.objective, self.report = objective, report
        self.found: tuple[int, Tree, str] | None = None

    def look(self, tree: Tree, name: str) -> tuple[int, Tree, str]:
        """The tree with its value, which is kept and reported if it is the best so far."""
        looked = tree_value(tree, self.objective), tree, name
        if self.found is None or looked[0] < self.found[0]:
            self.found = looked
            self.report(float(looked[0]))
        return looked

    @property
    def tree(self) -> Tree:
        assert self.found is not None
        return self.found[1]

    @property
    def name(self) -> str:
        assert self.found is not None
        return self.found[2]


def _in_turn(first: Iterator[Drawn], second: Iterator[Drawn]) -> Iterator[Drawn]:
    """One of each in turn, until both have ended."""
    for pair in zip_longest(first, second):
        yield from (each for each in pair if each is not None)
