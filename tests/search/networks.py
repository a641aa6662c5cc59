"""Random networks, and an independent brute force over all trees and orders of small ones."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import combinations

from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES, Objective, seconds_by
from einlab.stepmodel import Constants, product_seconds

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


def held(contraction: Contraction) -> list[set[str]]:
    """The indices that each operand holds: an axis that is broadcast holds none."""
    return [
        {index for index, size in zip(term, shape, strict=True) if size == contraction.sizes[index]}
        for term, shape in zip(contraction.terms, contraction.shapes, strict=True)
    ]


def broadcast(contraction: Contraction, seed: int) -> Contraction:
    """The contraction with some axes of length 1."""
    draw = random.Random(seed)
    shapes = tuple(
        tuple(1 if draw.random() < 0.15 else size for size in shape) for shape in contraction.shapes
    )
    return Contraction(contraction.terms, contraction.output, shapes, contraction.dtypes)


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
    terms = held(contraction)
    kept = [
        {
            index
            for index in term
            if index in contraction.output
            or any(index in other for place, other in enumerate(terms) if place != mine)
        }
        for mine, term in enumerate(terms)
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


DEVICE = Constants(
    itemsize=4.0, rate=2e10, half_m=3.0, half_k=5.0, half_n=2.0, matrix=1e-10, loop_rate=4e9,
    vector_bandwidth=3e9, bandwidth=2e9, cache=64.0, cache_bandwidth=8e9, launch=2e-9,
    product_launch=1e-9, allocation=1e-10, allocation_from=200.0,
)  # fmt: skip
"""Constants with which small steps meet every branch of the step model."""

PRICED = (*OBJECTIVES, "seconds")
"""The names of all objectives."""


def objective_named(name: str) -> Objective:
    """The objective of a name; seconds are those of `DEVICE`."""
    return seconds_by(DEVICE) if name == "seconds" else OBJECTIVES[name]


def price_of(objective: str, left: int, right: int, result: int, product: int) -> int:
    """What a step costs under an objective, from its definition; `size` and `peak` apart."""
    flops = 2 * product if product > result else product
    match objective:
        case "flops":
            return flops
        case "multiplications":
            return product
        case "combo":
            return flops + 64 * result
        case "bytes":
            return left + right + result
    if not product:
        return round(product_seconds(DEVICE, 1.0, 0.0, 1.0, left + right + result) * 1e12)
    batch = left * right * result / product**2
    m, k, n = product / right, product / result, product / left
    return round(product_seconds(DEVICE, batch, m, k, n) * 1e12)


def recount(contraction: Contraction, pairs: tuple[tuple[int, int], ...], objective: str) -> int:
    """The value of an order under an objective, from its definition."""
    steps = steps_of(contraction, pairs)
    if objective == "size":
        return max((r for _, _, r, _ in steps), default=0)
    if objective == "peak":
        return recount_peak(len(contraction.terms), pairs, [r for _, _, r, _ in steps])
    return sum(price_of(objective, *step) for step in steps)


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
    """Least values over partitions of the operands: independent of the search's own identities."""

    def __init__(self, contraction: Contraction, objective: str) -> None:
        self.objective = objective
        self.volumes = Volumes(contraction)
        self.known: dict[tuple[int, ...], int] = {}
        self.prices: dict[tuple[int, int], int] = {}

    def best(self) -> int:
        return self.least(tuple(1 << place for place in range(self.volumes.count)))

    def least(self, parts: tuple[int, ...]) -> int:
        """The least value of all steps that are still to do from here."""
        if len(parts) == 1:
            return 0
        if parts not in self.known:
            self.known[parts] = min(self.after(parts, a, b) for a, b in combinations(parts, 2))
        return self.known[parts]

    def after(self, parts: tuple[int, ...], a: int, b: int) -> int:
        rest = self.least(tuple(sorted([part for part in parts if part not in (a, b)] + [a | b])))
        if self.objective == "size":
            return max(rest, self.volumes.of(a | b))
        if self.objective == "peak":
            live = sum(self.volumes.of(part) for part in parts if part & (part - 1))
            return max(rest, live + self.volumes.of(a | b))
        if (a, b) not in self.prices:
            self.prices[a, b] = price_of(self.objective, *self.volumes.step(a, b))
        return rest + self.prices[a, b]


class Volumes:
    """Volumes of sets of operands, each a bit mask, from which operands hold which index."""

    def __init__(self, contraction: Contraction) -> None:
        terms = held(contraction)
        self.count = len(terms)
        self.names = sorted(set(contraction.output).union(*terms))
        self.sizes = [contraction.sizes[name] for name in self.names]
        self.terms = [self.mask(term) for term in terms]
        self.output = self.mask(set(contraction.output))
        self.known: dict[int, int] = {}
        self.products: dict[int, int] = {}

    def mask(self, term: set[str]) -> int:
        """A set of indices as a bit mask."""
        return sum(1 << place for place, name in enumerate(self.names) if name in term)

    def term(self, part: int) -> int:
        """The indices of the result of some operands."""
        if part not in self.known:
            inside, outside = 0, self.output
            for place, term in enumerate(self.terms):
                if part >> place & 1:
                    inside |= term
                else:
                    outside |= term
            self.known[part] = inside & outside
        return self.known[part]

    def volume(self, indices: int) -> int:
        """The product of the sizes of some indices."""
        if indices not in self.products:
            sizes = [size for place, size in enumerate(self.sizes) if indices >> place & 1]
            self.products[indices] = math.prod(sizes)
        return self.products[indices]

    def of(self, part: int) -> int:
        """Elements of the result of some operands."""
        return self.volume(self.term(part))

    def step(self, a: int, b: int) -> tuple[int, int, int, int]:
        """Volumes of left, right, result and product of a step."""
        product = self.volume(self.term(a) | self.term(b))
        return self.of(a), self.of(b), self.of(a | b), product


def programme(contraction: Contraction, objective: str, outer: bool = True) -> int:
    """The least value over all trees, by a dynamic programme over subsets in plain Python.

    Without `outer` products, both operands of every step share an index of size 2 or more.
    """
    volumes = Volumes(contraction)
    full = (1 << volumes.count) - 1
    size = [volumes.of(part) if part else 0 for part in range(full + 1)]
    waits = [volume if part & (part - 1) else 0 for part, volume in enumerate(size)]
    best: list[float] = [0] * (full + 1)
    for whole in range(1, full + 1):
        if whole & (whole - 1) == 0:
            continue
        values, half = [], (whole - 1) & whole
        while half > whole ^ half:
            a, b = half, whole ^ half
            half = (half - 1) & whole
            if not outer and volumes.volume(volumes.term(a) & volumes.term(b)) < 2:
                continue
            if objective == "size":
                values.append(max(best[a], best[b], size[whole]))
            elif objective == "peak":
                first = max(best[a], waits[a] + best[b], waits[a] + waits[b] + size[whole])
                other = max(best[b], waits[b] + best[a], waits[a] + waits[b] + size[whole])
                values.append(min(first, other))
            else:
                price = price_of(objective, *volumes.step(a, b))
                values.append(best[a] + best[b] + price)
        best[whole] = min(values, default=math.inf)
    return int(best[full])
