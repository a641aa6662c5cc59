"""Greedy search: contract the pair that shrinks the network most, again and again.

The price of a pair is volume(result)/a - a·(volume(left) + volume(right)); among equals the pair
that was seen first comes first, which keeps trees balanced. With a temperature the logarithm of the
price is blurred by Gumbel noise, which draws pairs with Boltzmann probabilities. That is good only
with parameters drawn afresh each trial; half of the draws are made near the best so far. On
lattices, circuits and random graphs of 200 to 900 operands modifiers above 1.4 and temperatures
below 0.1 gave nearly all of the best trees. Source of the scheme: Gray and Kourtis 2021
(Quantum 5, 410), section 4, and its open implementation.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from einlab.contraction import Contraction, Network
from einlab.objectives import Objective
from einlab.search.tree import Tree
from einlab.search.value import tree_value

__all__ = ["Greedy", "draw_parameters", "greedy_trials"]

Parameters = tuple[float, float]

PLAIN: Parameters = 1.0, 0.0
PROMISING: Parameters = 2.5, 0.004
MODIFIERS = 0.5, 4.0
TEMPERATURES = 0.001, 0.3
LARGEST_EXPONENT = 1000.0  # of two, within the range of a float


@dataclass(frozen=True, slots=True)
class Greedy:
    """The best of some greedy trials: the first without noise, the others with drawn parameters."""

    trials: int = 1
    seed: int = 0

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of least value among all trials; the earliest wins ties."""
        best: tuple[int, Tree] | None = None
        parameters, chosen = PLAIN, PLAIN
        draw = random.Random(self.seed)
        for trial in range(self.trials):
            parameters = draw_parameters(draw, trial, chosen)
            run = _Run(contraction.network, *parameters, draw)
            tree = Tree(contraction, tuple(run.pairs()))
            value = tree_value(tree, objective)
            if best is None or value < best[0]:
                best, chosen = (value, tree), parameters
        assert best is not None
        return best[1]

    def each(self, contraction: Contraction) -> Iterator[Tree]:
        """The trees of the trials, one after the other, nothing learned from one for the next."""
        draw = random.Random(self.seed)
        for pairs in greedy_trials(contraction.network, self.trials, draw):
            yield Tree(contraction, tuple(pairs))


def greedy_trials(
    network: Network, trials: int, draw: random.Random
) -> Iterator[list[tuple[int, int]]]:
    """The steps of the trees of some trials, nothing learned from one for the next."""
    for trial in range(trials):
        yield _Run(network, *draw_parameters(draw, trial, PLAIN), draw).pairs()


def draw_parameters(draw: random.Random, trial: int, best: Parameters) -> Parameters:
    """Cost modifier and temperature of a trial, given those of the best trial so far.

    >>> draw_parameters(random.Random(0), 0, PLAIN)
    (1.0, 0.0)
    """
    if trial < 2:
        return (PLAIN, PROMISING)[trial]
    if best[1] and draw.random() < 0.5:
        return best[0] * math.exp(draw.gauss(0, 0.15)), best[1] * math.exp(draw.gauss(0, 0.7))
    low, high = map(math.log, TEMPERATURES)
    return draw.uniform(*MODIFIERS), math.exp(draw.uniform(low, high))


class _Run:
    """The state of one trial: live terms, who holds each index, and a heap of priced pairs."""

    def __init__(
        self, network: Network, modifier: float, temperature: float, draw: random.Random
    ) -> None:
        self.logs = [math.log2(size) if size else 0.0 for size in network.sizes]
        self.modifier = modifier
        self.temperature = temperature
        self.draw = draw
        self.live = {place: frozenset(term) for place, term in enumerate(network.terms)}
        self.volume = {place: self.volume_of(term) for place, term in self.live.items()}
        self.holders: list[set[int]] = [set() for _ in network.sizes]
        for place, term in self.live.items():
            for index in term:
                self.holders[index].add(place)
        self.output = frozenset(network.output)
        self.heap: list[tuple[float, int, int, int]] = []
        self.done: list[tuple[int, int]] = []
        self.offers = 0
        self.next = len(network.terms)

    def pairs(self) -> list[tuple[int, int]]:
        """All steps: equal terms first, then neighbours, then what is left, smallest first."""
        self.merge_equal()
        for place in self.live:
            self.push_pairs(place, {other for other in self.neighbours(place) if other > place})
        while self.heap:
            _, _, left, right = heapq.heappop(self.heap)
            if left in self.live and right in self.live:
                merged = self.contract(left, right)
                self.push_pairs(merged, self.neighbours(merged))
        rest = [(self.volume[place], place) for place in self.live]
        heapq.heapify(rest)
        while len(rest) > 1:
            merged = self.contract(heapq.heappop(rest)[1], heapq.heappop(rest)[1])
            heapq.heappush(rest, (self.volume[merged], merged))
        return self.done

    def merge_equal(self) -> None:
        """Multiply operands over the same indices: it makes nothing larger."""
        first: dict[frozenset[int], int] = {}
        for place, term in list(self.live.items()):
            if term in first:
                merged = self.contract(first.pop(term), place)
                first.setdefault(self.live[merged], merged)
            else:
                first[term] = place

    def neighbours(self, place: int) -> set[int]:
        """Live arrays that share an index with this one."""
        near: set[int] = set()
        return near.union(*[self.holders[index] for index in self.live[place]]) - {place}

    def push_pairs(self, place: int, others: set[int]) -> None:
        for other in sorted(others):
            self.offers += 1
            offer = self.price(place, other), self.offers, place, other
            heapq.heappush(self.heap, offer)

    def price(self, left: int, right: int) -> float:
        result = self.volume_of(self.merged_term(left, right))
        held = self.volume[left] + self.volume[right]
        price = result / self.modifier - self.modifier * held
        if not self.temperature:
            return price
        if price:
            price = math.copysign(math.log(abs(price)), price)
        return price + self.temperature * math.log(-math.log(self.draw.random() or 0.5))

    def merged_term(self, left: int, right: int) -> frozenset[int]:
        """What a step leaves: an index goes when these two alone hold it, outside the output."""
        a, b = self.live[left], self.live[right]
        gone = {
            index for index in a & b if len(self.holders[index]) == 2 and index not in self.output
        }
        return (a | b) - gone

    def contract(self, left: int, right: int) -> int:
        """Do a step and give the number of its result."""
        term = self.merged_term(left, right)
        for index in self.live[left]:
            self.holders[index].discard(left)
        for index in self.live[right]:
            self.holders[index].discard(right)
        del self.live[left], self.live[right]
        merged = self.next
        self.next += 1
        self.live[merged] = term
        self.volume[merged] = self.volume_of(term)
        for index in term:
            self.holders[index].add(merged)
        self.done.append((min(left, right), max(left, right)))
        return merged

    def volume_of(self, term: frozenset[int]) -> float:
        exponent = sum([self.logs[index] for index in term])
        return 2.0 ** min(exponent, LARGEST_EXPONENT)
