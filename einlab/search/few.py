"""A budget for a few dozen operands, without compiled code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from einlab.contraction import Contraction
from einlab.objectives import Objective
from einlab.search.budget import Budget
from einlab.search.connected import CONNECTED_PAYS, Connected, sets_within
from einlab.search.greedy import Greedy
from einlab.search.subtrees import Subtrees
from einlab.search.sweeps import Sweep
from einlab.search.tree import Tree
from einlab.search.value import tree_value

__all__ = ["Few"]

CONNECTED_SHARE = 0.3  # of a budget
LONGEST = 1.0  # seconds of which that is a part, at the most

Drawn = tuple[Tree, str]  # a tree, and the search that found it


@dataclass(frozen=True, slots=True)
class Few:
    """Sweeps and greedy trials in turn, the best sweep first, subtrees of each solved exactly."""

    seed: int = 0

    def search(
        self,
        contraction: Contraction,
        objective: Objective,
        budget: Budget,
        report: Callable[[float], object] = float,
    ) -> tuple[Tree, str]:
        """The best tree within a budget and how it was found; `report` hears of better values."""
        end = budget.end
        best, name = self._connected(contraction, objective, budget, report), "connected"
        trials = budget.rounds or 10**9
        drawn = ((tree, "greedy") for tree in Greedy(trials, self.seed).each(contraction))
        swept = ((tree, "sweep") for tree in Sweep().each(contraction))
        for trial, (tree, kind) in enumerate(_in_turn(swept, drawn)):
            tree = Subtrees(8).improve(tree, objective, end)
            value = tree_value(tree, objective)
            if best is None or value < best[0]:
                best, name = (value, tree), kind
                report(float(value))
            if budget.left <= 0 or trial > trials:
                break
        assert best is not None
        return Subtrees(11).improve(best[1], objective, end), f"{name} and subtrees"

    def _connected(
        self,
        contraction: Contraction,
        objective: Objective,
        budget: Budget,
        report: Callable[[float], object],
    ) -> tuple[int, Tree] | None:
        """The best tree without outer products and its value, if there is time for it."""
        seconds = min(budget.seconds, LONGEST)
        if seconds < CONNECTED_PAYS:
            return None
        start = Greedy(4, self.seed).search(contraction, objective)
        search = Connected(sets_within(CONNECTED_SHARE * seconds))
        tree = search.attempt(contraction, objective, start)
        if tree is None:
            return None
        value = tree_value(tree, objective)
        report(float(value))
        return value, tree


def _in_turn(first: Iterator[Drawn], second: Iterator[Drawn]) -> Iterator[Drawn]:
    """One of each in turn, until both have ended."""
    for pair in zip_longest(first, second):
        yield from (each for each in pair if each is not None)
