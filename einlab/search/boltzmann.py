"""Greedy trials in compiled code, each with a cost modifier and a temperature of its own."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from einlab.contraction import Contraction, Network
from einlab.objectives import Objective
from einlab.search.budget import Budget
from einlab.search.greedy import draw_parameters
from einlab.search.halting import call
from einlab.search.tree import Tree

__all__ = ["Boltzmann", "Runs", "runs_of", "shrink"]

Pairs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """The terms of a network as runs of one array."""

    starts: NDArray[np.int64]
    items: NDArray[np.int64]
    """Index numbers, ascending within a run."""
    logs: NDArray[np.float64]
    """log2 of the size of each index; 0 where the size is 0."""
    output: NDArray[np.uint8]


def runs_of(network: Network) -> Runs:
    """The arrays of a network.

    >>> runs_of(Network(((1, 0), (1,)), (0,), (2, 8))).items.tolist()
    [0, 1, 1]
    """
    lengths = np.array([len(term) for term in network.terms], np.int64)
    starts = np.append(np.int64(0), np.cumsum(lengths))
    items = np.fromiter(chain.from_iterable(network.terms), np.int64, int(starts[-1]))
    items = items[np.lexsort((items, np.repeat(np.arange(len(lengths)), lengths)))]
    logs = np.array([math.log2(size) if size else 0.0 for size in network.sizes])
    output = np.zeros(len(logs), np.uint8)
    output[list(network.output)] = 1
    return Runs(starts, items, logs.astype(np.float64), output)


@dataclass(frozen=True, slots=True)
class Boltzmann:
    """The best of many greedy trials by multiplications; source as in `einlab.search.greedy`."""

    trials: int = 32
    seed: int = 0
    needed: int = 1
    """Trials that are made however long they take."""

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of fewest multiplications; other objectives are left to refinement."""
        budget = Budget(0.0, rounds=self.trials)
        *_, (_, pairs) = self.improvements(runs_of(contraction.network), budget)
        return Tree(contraction, pairs_from(pairs))

    def improvements(self, runs: Runs, budget: Budget) -> Iterator[tuple[float, Pairs]]:
        """(log2 of multiplications, pairs) whenever a trial is better than all before it."""
        from einlab.search.greedy_kernels import greedy

        draw = random.Random(self.seed)
        state = np.array([self.seed], np.uint64)
        pairs = np.zeros((max(len(runs.starts) - 2, 0), 2), np.int64)
        totals = np.zeros(2)
        best, chosen = math.inf, (1.0, 0.0)
        for trial in range(self.trials):
            modifier, temperature = draw_parameters(draw, trial, chosen)
            try:
                done = call(
                    greedy, len(pairs), runs.starts, runs.items, runs.logs, runs.output,
                    modifier, temperature, best, False, state, pairs, totals,
                    deadline=None if trial < self.needed else budget.end,
                )  # fmt: skip
            except TimeoutError:
                break
            if done == len(pairs) and totals[0] < best:
                best, chosen = float(totals[0]), (modifier, temperature)
                yield best, pairs.copy()
            if budget.left <= 0:
                break


def shrink(runs: Runs) -> Pairs:
    """Steps whose result is no larger than the larger operand, until there is none."""
    from einlab.search.greedy_kernels import greedy

    pairs = np.zeros((max(len(runs.starts) - 2, 0), 2), np.int64)
    state = np.zeros(1, np.uint64)
    done = call(
        greedy, len(pairs), runs.starts, runs.items, runs.logs, runs.output,
        1.0, 0.0, math.inf, True, state, pairs, np.zeros(2),
    )  # fmt: skip
    return pairs[:done]


def pairs_from(pairs: Pairs) -> tuple[tuple[int, int], ...]:
    """Pairs as the tuples of a tree."""
    return tuple(map(tuple, pairs.tolist()))
