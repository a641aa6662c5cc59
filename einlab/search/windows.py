"""Windows: parts of a tree annealed on their own, and put back where that paid.

A window is what lies between one step and some twenty to a few hundred arrays below it, a network
of its own with few indices. Annealing it takes milliseconds, and whether it paid is told by its
price, so that a tree is led where annealing of the whole, which weighs cheap steps as well as
costly ones, does not find. Some windows are first cut anew where they are thinnest. Now and then
one is put back that is a little dearer.
"""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

import numpy as np

from einlab.objectives import Objective, objective_for
from einlab.search.anneal import better, cool
from einlab.search.bench import Bench, lay_out, searchable
from einlab.search.bits import WORD, Floats, Ints, Packed, Words
from einlab.search.dissection import Hypergraph, best_on_line, draw_line
from einlab.search.refine import refine_costliest
from einlab.search.tree import Tree

__all__ = ["Windows"]

COLDEST = 14.0  # last inverse temperature
STEPS = 30  # of a schedule
HALVED = 0.5  # power of a step's price that it is drawn by
ASCENT = 5.0  # mean number of steps from there up to the root of the window
BLUR = 1.0  # spread of the logarithm of prices, when the costliest results are opened
SMALLEST = 6  # operands of a window that is worth annealing
LARGE, CUT_ANEW = 40, 0.1  # operands of a window that is dissected anew, and how often it is
POLISH = 8  # operands of the subtrees solved in a window after it is annealed
POLISHED = 40  # steps below which they are


@dataclass(frozen=True, slots=True)
class Windows:
    """Annealing of windows of random place, width and heat, one after the other."""

    widths: tuple[int, int] = (20, 250)
    """The fewest and the most operands of a window."""
    hottest: tuple[float, float] = (2.0, 6.0)
    """The range of first inverse temperatures."""
    moves: int = 1000
    """Rotations for each operand of a window."""
    tolerance: float = 0.01
    """Part of the least price by which the tree may be dearer meanwhile, drawn anew each time."""
    seed: int = 0

    def improve(
        self,
        tree: Tree,
        objective: str | Objective = "flops",
        windows: int | None = None,
        deadline: float | None = None,
    ) -> Tree:
        """A tree of no more value, after so many windows or by `deadline` (perf_counter).

        With neither, there are as many windows as operands.

        >>> from einlab.contraction import Contraction
        >>> shapes = (2, 3), (3, 4), (4, 5), (5, 2), (2, 6), (6, 2)
        >>> terms = tuple(map(tuple, ("ij", "jk", "kl", "lm", "mn", "no")))
        >>> c = Contraction(terms, ("i", "o"), shapes, ("float32",) * 6)
        >>> worst = Tree(c, ((4, 5), (3, 6), (2, 7), (1, 8), (0, 9)))
        >>> worst.multiplications, Windows().improve(worst).multiplications
        (120, 108)
        """
        objective = objective_for(objective)
        if not searchable(tree.contraction):
            return tree
        if windows is None and deadline is None:
            windows = len(tree.contraction.terms)
        bench = lay_out(tree, objective, self.seed)
        self.run(bench, windows, deadline)
        return better(bench.tree(), tree, objective)

    def run(self, bench: Bench, windows: int | None, deadline: float | None = None) -> None:
        """Anneal windows of the tree on the bench until so many are done, or until `deadline`."""
        draw = Random(self.seed)
        best, least = bench.copy(), bench.total
        done = 0
        while windows is None or done < windows:
            if deadline is not None and time.perf_counter() > deadline:
                break
            done += 1
            most = least * (1.0 + self.tolerance * draw.expovariate(1.0))
            self._anneal(bench, draw, max(most - bench.total, 0.0))
            if bench.total < least * (1.0 - 1e-9):
                best.take(bench)
                least = bench.total
        bench.take(best)

    def _anneal(self, bench: Bench, draw: Random, allowed: float) -> None:
        """Anneal one window in place, and put it back if it is dearer by `allowed` at most."""
        low, high = (math.log(min(width, bench.count)) for width in self.widths)
        opened = _open(bench, _root(bench, draw), round(math.exp(draw.uniform(low, high))), draw)
        hottest = draw.uniform(*self.hottest)
        if len(opened.leaves) < SMALLEST:
            return
        pane = _Pane.of(bench, opened)
        before = pane.bench.total
        if len(opened.leaves) >= LARGE and draw.random() < CUT_ANEW:
            pane = pane.dissected(draw)
        part = pane.bench
        cool(part, hottest, COLDEST, self.moves * part.count, steps=STEPS)
        refine_costliest(part, POLISH, POLISHED)
        if part.total <= before + allowed:
            pane.put_back(bench)


class _Opened(NamedTuple):
    """A part of a tree: the steps of it, root first, and the arrays they start from."""

    leaves: list[int]
    steps: list[int]


def _root(bench: Bench, draw: Random) -> int:
    """A step drawn by its price, or one above it."""
    shares = np.cumsum(bench.arrays.costs[bench.count :] ** HALVED)
    node = bench.count + int(np.searchsorted(shares[:-1], draw.random() * shares[-1]))
    for _ in range(int(draw.expovariate(1 / ASCENT))):
        above = int(bench.arrays.parents[node])
        if above < 0:
            break
        node = above
    return node


def _open(bench: Bench, root: int, width: int, draw: Random) -> _Opened:
    """Open the costliest results below `root`, their prices blurred, to `width` arrays."""
    children, costs, count = bench.arrays.children, bench.arrays.costs, bench.count
    heap, leaves, steps = [(0.0, root)], list[int](), list[int]()
    while heap and len(heap) + len(leaves) < width:
        _, node = heapq.heappop(heap)
        steps.append(node)
        for child in children[node].tolist():
            if child < count:
                leaves.append(child)
            else:
                price = math.log(costs[child] + 1e-300)
                heapq.heappush(heap, (BLUR * draw.gauss(0.0, 1.0) - price, child))
    return _Opened(leaves + [node for _, node in heap], steps)


@dataclass(frozen=True, eq=False)
class _Pane:
    """A window as a bench of its own, with the few indices that its arrays have."""

    bench: Bench
    numbers: Ints
    """The array of the whole that each of its arrays is."""
    narrow: Ints
    """Which bits of its sets are used."""
    wide: Ints
    """Which bits of the sets of the whole they are."""

    @classmethod
    def of(cls, whole: Bench, opened: _Opened) -> _Pane:
        """The window on a bench."""
        numbers = np.array([*opened.leaves, *reversed(opened.steps)], np.int64)
        count = len(opened.leaves)
        bits = _unpacked(whole.arrays.sets[numbers[[*range(count), -1]]])
        wide = np.flatnonzero(bits[:count].any(axis=0))
        weights, narrow, words = _classes(whole.packed, wide)
        sets = _scattered(bits[:, wide], narrow, words)
        indices = np.full(words * WORD, -1, np.int64)
        indices[narrow] = whole.packed.indices[wide]
        packed = Packed(sets[:count], sets[count], *weights, indices)
        place = np.empty(len(whole.arrays.sets), np.int64)
        place[numbers] = np.arange(len(numbers))
        children = np.full((2 * count - 1, 2), -1, np.int64)
        children[count:] = place[whole.arrays.children[numbers[count:]]]
        return cls(whole.part(packed, children), numbers, narrow, wide)

    def dissected(self, draw: Random) -> _Pane:
        """The same window with the best tree along a line of its own."""
        packed = self.bench.packed
        bits = _unpacked(packed.leaves)[:, self.narrow]
        holders = np.ascontiguousarray(np.nonzero(bits.T)[1])
        graph = Hypergraph(
            len(bits),
            np.concatenate(([0], np.cumsum(bits.sum(axis=0, dtype=np.int64)))),
            holders,
            _unpacked(packed.output[None])[0, self.narrow].astype(bool),
            _logs(packed, self.narrow),
        )
        children = best_on_line(graph, draw_line(graph, draw), self.bench.prices)
        return replace(self, bench=self.bench.part(packed, children))

    def put_back(self, whole: Bench) -> None:
        """Rewrite the steps of the window in the whole."""
        count = self.bench.count
        mine, theirs = self.bench.arrays, whole.arrays
        steps = self.numbers[count:]
        theirs.children[steps] = self.numbers[mine.children[count:]]
        for side in (0, 1):
            theirs.parents[theirs.children[steps, side]] = steps
        theirs.costs[steps], theirs.held[steps] = mine.costs[count:], mine.held[count:]
        bits = _unpacked(mine.sets[count:])[:, self.narrow]
        theirs.sets[steps] = _scattered(bits, self.wide, theirs.sets.shape[1])


def _logs(packed: Packed, bits: Ints) -> Floats:
    """log2 of the size of some bits."""
    kind = np.searchsorted(packed.stops, bits // WORD, side="right")
    base = int(packed.stops[-1]) * WORD if len(packed.stops) else 0
    logs = np.append(packed.logs, 0.0)[kind]
    mixed = kind == len(packed.stops)
    logs[mixed] = packed.rest[bits[mixed] - base]
    return logs


def _classes(packed: Packed, wide: Ints) -> tuple[tuple[Ints, Floats, Floats], Ints, int]:
    """The weights of some of the bits, each class of sizes in words of its own as before.

    Returns what `Packed.weights` does, where each of these bits goes, and the number of words.
    """
    classes = len(packed.stops)
    kind = np.searchsorted(packed.stops, wide // WORD, side="right")
    held = np.bincount(kind, minlength=classes + 1)
    ends = np.cumsum(-(-held // WORD))
    begins = ends - -(-held // WORD)
    first = np.cumsum(held) - held
    narrow = np.arange(len(wide)) - first[kind] + begins[kind] * WORD
    rest = np.zeros(int(ends[classes] - begins[classes]) * WORD)
    base = int(packed.stops[-1]) * WORD if classes else 0
    rest[: held[classes]] = packed.rest[wide[kind == classes] - base]
    return (ends[:classes], packed.logs, rest), narrow, max(int(ends[classes]), 1)


def _unpacked(rows: Words) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Every bit of some sets, as 0 or 1."""
    return np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=1, bitorder="little")


def _scattered(
    bits: np.ndarray[tuple[int, int], np.dtype[np.uint8]], places: Ints, words: int
) -> Words:
    """Sets of so many words with these bits in these places."""
    spread = np.zeros((len(bits), words * WORD), np.uint8)
    spread[:, places] = bits
    return np.packbits(spread, axis=1, bitorder="little").view(np.uint64)
