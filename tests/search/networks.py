"""Random networks, and an independent brute force over all trees and orders of small ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations

from einlab.contraction import Contraction

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def contraction_of(equation: str, sizes: dict[str, int], dtype: str = "float32") -> Contraction:
    """A contraction of an equation in letters."""
    inputs, output = equation.split("->")
    terms = tuple(tuple(term) for term in inputs.split(","))
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Contraction(terms, tuple(output), shapes, (dtype,) * len(terms))


def random_network(
    seed: int, most: int = 7, sizes: tuple[int, ...] = (1, 2, 3, 4, 5)
) -> Contraction:
    """A random hypergraph: repeats, scalars, size-1 indices, disconnected parts, equal terms."""
    draw = random.Random(seed)
    operands = draw.randint(1, most)
    indices = LETTERS[: draw.randint(1, 9)]
    length = {index: draw.choice(sizes) for index in indices}
    terms = [
        "".join(draw.choice(indices) for _ in range(draw.choice((0, 1, 2, 2, 3, 3, 4))))
        for _ in range(operands)
    ]
    if draw.random() < 0.3:
        terms[-1] = terms[0]
    held = sorted(set("".join(terms)))
    output = "".join(draw.sample(held, draw.randint(0, min(3, len(held)))))
    return contraction_of(f"{','.join(terms)}->{output}", length)


def all_orders(count: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every order of pairwise steps over `count` operands, in SSA form."""

    def extend(
        live: frozenset[int], done: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        if len(live) == 1:
            yield done
        for pair in combinations(sorted(live), 2):
            yield from extend(live - set(pair) | {count + len(done)}, (*done, pair))

    yield from extend(frozenset(range(count)), ())


def steps_of(
    contraction: Contraction, pairs: tuple[tuple[int, int], ...]
) -> list[tuple[int, int, int, int]]:
    """(left, right, result, product) volumes of each step, from index names alone."""
    kept = [
        {
            index
            for index in term
            if index in contraction.output
            or any(index in other for place, other in enumerate(contraction.terms) if place != mine)
        }
        for mine, term in enumerate(contraction.terms)
    ]
    live = dict(enumerate(kept))
    steps = []
    for left, right in pairs:
        a, b = live.pop(left), live.pop(right)
        needed = set(contraction.output).union(*live.values())
        result = (a | b) & needed
        volume = contraction.volume
        steps.append((volume(a), volume(b), volume(result), volume(a | b)))
        live[len(contraction.terms) + len(steps) - 1] = result
    return steps


def recount(contraction: Contraction, pairs: tuple[tuple[int, int], ...], objective: str) -> int:
    """The value of an order under an objective, from its definition."""
    steps = steps_of(contraction, pairs)
    flops = sum(2 * p if p > 1 * r else p for _, _, r, p in steps if p)
    if objective == "flops":
        return flops
    if objective == "multiplications":
        return sum(p for _, _, _, p in steps)
    if objective == "combo":
        return flops + 64 * sum(r for _, _, r, _ in steps)
    if objective == "bytes":
        return sum(a + b + r for a, b, r, _ in steps)
    if objective == "size":
        return max((r for _, _, r, _ in steps), default=0)
    return recount_peak(len(contraction.terms), pairs, [r for _, _, r, _ in steps])


def recount_peak(count: int, pairs: tuple[tuple[int, int], ...], results: list[int]) -> int:
    """The most elements of results alive at once."""
    alive: dict[int, int] = {}
    peak = 0
    for step, pair in enumerate(pairs):
        alive[count + step] = results[step]
        peak = max(peak, sum(alive.values()))
        for array in pair:
            alive.pop(array, None)
    return peak


def brute_force(contraction: Contraction, objective: str) -> int:
    """The least value over all orders, by a search over all sets of live arrays."""
    return _Brute(contraction, objective).best()


class _Brute:
    """Least values over partitions: independent of the search's own identities."""

    def __init__(self, contraction: Contraction, objective: str) -> None:
        self.contraction, self.objective = contraction, objective
        self.known: dict[frozenset[frozenset[int]], float] = {}

    def term(self, part: frozenset[int]) -> set[str]:
        terms = self.contraction.terms
        inside = {i for place in part for i in terms[place]}
        outside = {i for place, term in enumerate(terms) if place not in part for i in term}
        return inside & (outside | set(self.contraction.output))

    def best(self) -> int:
        start = frozenset(frozenset((place,)) for place in range(len(self.contraction.terms)))
        return int(self.least(start))

    def least(self, parts: frozenset[frozenset[int]]) -> float:
        """The least value of all steps that are still to do from here."""
        if len(parts) == 1:
            return 0
        if parts not in self.known:
            self.known[parts] = min(
                self.after(parts, a, b) for a, b in combinations(sorted(parts, key=sorted), 2)
            )
        return self.known[parts]

    def after(
        self, parts: frozenset[frozenset[int]], a: frozenset[int], b: frozenset[int]
    ) -> float:
        volume = self.contraction.volume
        left, right, result = self.term(a), self.term(b), self.term(a | b)
        rest = self.least(parts - {a, b} | {a | b})
        r, p = volume(result), volume(left | right)
        flops = 0 if not p else 2 * p if p > r else p
        match self.objective:
            case "flops":
                return rest + flops
            case "multiplications":
                return rest + p
            case "combo":
                return rest + flops + 64 * r
            case "bytes":
                return rest + volume(left) + volume(right) + r
            case "size":
                return max(rest, r)
        live = sum(volume(self.term(part)) for part in parts if len(part) > 1)
        return max(rest, live + r)
