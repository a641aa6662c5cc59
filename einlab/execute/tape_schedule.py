"""A program of small products as a tape: chunks of products of one padded size, and index arrays.

Every product is cut into tiles; a tile belongs to a kind, whose m, k and n are powers of 4, the
larger free side first. Chunks hold tiles of one kind that do not wait for each other. A chunk
fetches its operands from one flat buffer by index arrays made here, so permutations and diagonals
cost nothing, and its results lie in one region of the buffer, which is used again once nobody needs
them. No JAX here.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from einlab.execute.tape_program import ONE, Output, Product, Program, View

__all__ = ["Kind", "Tape", "tape_of"]

Indices = np.ndarray[Any, np.dtype[np.int32]]

ZERO_AT, ONE_AT, FIRST = 0, 1, 2
"""Where in the buffer 0 and 1 lie, and where the inputs begin."""
LONGEST_SIDE = 64
WIDEST_SIDE = 16
"""Largest m and n of a kind: longer sides are cut into tiles."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Products of an m×k and a k×n matrix, `chunk` of them at a time."""

    m: int
    k: int
    n: int
    chunk: int


@dataclass(frozen=True, eq=False)
class Tape:
    """What `tape` runs: the order of the chunks, and where each finds and leaves its numbers."""

    kinds: tuple[Kind, ...]
    left: tuple[Indices, ...]
    """For each kind, where the left operands lie: (chunks, chunk, m, k)."""
    right: tuple[Indices, ...]
    """For each kind, where the right operands lie: (chunks, chunk, k, n)."""
    order: Indices
    """For each chunk in turn its kind, its number within the kind, and where its results begin."""
    region: int
    """Entries that a chunk writes."""
    regions: int
    """Regions of the buffer that are needed at once."""
    outputs: tuple[Indices, ...]
    """Where the entries of each output lie."""

    @property
    def index_bytes(self) -> int:
        """Bytes of all index arrays."""
        return sum(array.nbytes for array in (*self.left, *self.right, self.order, *self.outputs))


@dataclass(slots=True)
class _Form:
    """A step as a product of matrices: sizes by role, and strides of its views by role."""

    key: tuple[Any, ...]
    """What steps share whose index arrays differ by where their values begin, and by no more."""
    kind: tuple[int, int, int]
    tiles: int


@lru_cache(maxsize=64)
def tape_of(program: Program, region: int = 256) -> Tape:
    """The tape of a program; a chunk writes `region` entries."""
    return _Scheduler(program, region).tape()


def power_of_4(size: int) -> int:
    """The least power of 4 that is at least `size`.

    >>> [power_of_4(size) for size in (1, 2, 4, 5)]
    [1, 4, 4, 16]
    """
    return int(4 ** math.ceil(math.log(size, 4) - 1e-9)) if size > 1 else 1


class _Scheduler:
    """Orders tiles into chunks, then writes the index arrays."""

    def __init__(self, program: Program, region: int) -> None:
        self.program = program
        self.region = region
        self.count = len(program.inputs)
        lengths = np.array(program.lengths, np.int64)
        self.starts = FIRST + np.concatenate([[0], np.cumsum(lengths)])
        self.results_at = int(self.starts[self.count])
        self.forms = [self._form(step) for step in program.steps]

    # How a step is a product of matrices.

    def _form(self, step: Product) -> _Form:
        sizes = self.program.sizes
        left, right = step.terms[0]
        in_left, in_right = set(left.labels), set(right.labels)
        batch = [i for i in step.labels if i in in_left and i in in_right]
        m = [i for i in step.labels if i not in in_right]
        n = [i for i in step.labels if i not in in_left]
        volume = self.program.volume
        swap = volume(n) > volume(m)
        if swap:
            m, n = n, m
        kept = set(step.labels)
        terms, depth = [], 0
        for first, second in step.terms:
            k = [i for i in first.labels if i not in kept]
            depth += volume(k)
            one, other = (second, first) if swap else (first, second)
            terms.append(
                (
                    tuple(sizes[i] for i in k),
                    _strides(one, batch, m, k),
                    _strides(other, batch, k, n),
                )
            )
        place = dict(zip(step.labels, self._row_major(step.labels), strict=True))
        out = tuple(tuple(place[i] for i in group) for group in (batch, m, n))
        extents = tuple(tuple(sizes[i] for i in group) for group in (batch, m, n))
        rows, columns = volume(m), volume(n)
        kind = (
            min(LONGEST_SIDE, power_of_4(rows)),
            power_of_4(depth),
            min(WIDEST_SIDE, power_of_4(columns)),
        )
        tiles = volume(batch) * -(-rows // kind[0]) * -(-columns // kind[2])
        return _Form((extents, out, tuple(terms), swap), kind, tiles)

    def _row_major(self, labels: Sequence[str]) -> list[int]:
        strides, step = [], 1
        for label in reversed(labels):
            strides.append(step)
            step *= self.program.sizes[label]
        return strides[::-1]

    # Which tiles form a chunk, and when.

    def tape(self) -> Tape:
        """The tape of the program."""
        kinds = sorted({form.kind for form in self.forms})
        self.kinds = [Kind(m, k, n, max(self.region // (m * n), 1)) for m, k, n in kinds]
        self.kind_number = {kind: number for number, kind in enumerate(kinds)}
        self.slots: list[list[tuple[int, int, int]]] = [[] for _ in self.forms]
        chunks = self._schedule()
        return self._written(chunks)

    def _schedule(self) -> list[tuple[int, int, int]]:
        """(kind, number within the kind, region) of each chunk; notes the slots of each tile."""
        steps, count = self.program.steps, self.count
        users: dict[int, list[int]] = defaultdict(list)
        waits = [0] * len(steps)
        for place, step in enumerate(steps):
            needed = {
                view.value - count for term in step.terms for view in term if view.value >= count
            }
            waits[place] = len(needed)
            for value in sorted(needed):
                users[value].append(place)
        kept = {piece.source.value - count for out in self.program.outputs for piece in out.pieces}
        left_users = [len(users[place]) + (place in kept) for place in range(len(steps))]
        height = [0] * len(steps)
        for place in reversed(range(len(steps))):
            height[place] = 1 + max((height[user] for user in users[place]), default=0)
        needs: list[list[int]] = [[] for _ in steps]
        for value, takers in users.items():
            for place in takers:
                needs[place].append(value)

        ready: list[list[tuple[int, int]]] = [[] for _ in self.kinds]
        waiting = [0] * len(self.kinds)  # tiles that are ready, by kind

        def enqueue(place: int) -> None:
            number = self.kind_number[self.forms[place].kind]
            heapq.heappush(ready[number], (-height[place], place))
            waiting[number] += self.forms[place].tiles

        for place in range(len(steps)):
            if waits[place] == 0:
                enqueue(place)
        done_tiles = [0] * len(steps)
        made = [0] * len(self.kinds)
        free: list[int] = []
        self.regions = 0
        holders: dict[int, set[int]] = {}  # values with entries in a region
        regions_of: list[list[int]] = [[] for _ in steps]
        chunks = []
        while any(waiting):
            number = max(
                (n for n in range(len(self.kinds)) if waiting[n]),
                key=lambda n: (
                    min(waiting[n] / self.kinds[n].chunk, 1.0),
                    -ready[n][0][0],
                ),
            )
            kind = self.kinds[number]
            if free:
                region = heapq.heappop(free)
            else:
                region = self.regions
                self.regions += 1
            slot, finished = 0, []
            holders[region] = set()
            while slot < kind.chunk and ready[number]:
                place = ready[number][0][1]
                taken = min(self.forms[place].tiles - done_tiles[place], kind.chunk - slot)
                self.slots[place].append(
                    (
                        made[number] * kind.chunk + slot,
                        taken,
                        region * self.region + slot * kind.m * kind.n,
                    )
                )
                holders[region].add(place)
                regions_of[place].append(region)
                slot += taken
                done_tiles[place] += taken
                waiting[number] -= taken
                if done_tiles[place] == self.forms[place].tiles:
                    heapq.heappop(ready[number])
                    finished.append(place)
            chunks.append((number, made[number], region))
            made[number] += 1
            for place in finished:
                for user in users[place]:
                    waits[user] -= 1
                    if waits[user] == 0:
                        enqueue(user)
                for value in needs[place]:
                    left_users[value] -= 1
                    if left_users[value] == 0:
                        for held in regions_of[value]:
                            holders[held].discard(value)
                            if not holders[held]:
                                heapq.heappush(free, held)
        self.made = made
        return chunks

    # The index arrays.

    def _written(self, chunks: list[tuple[int, int, int]]) -> Tape:
        where = np.zeros(int(self.starts[-1]), np.int32)
        where[: self.results_at] = np.arange(self.results_at)
        left = [
            np.zeros((made * k.chunk, k.m, k.k), np.int32)
            for made, k in zip(self.made, self.kinds, strict=True)
        ]
        right = [
            np.zeros((made * k.chunk, k.k, k.n), np.int32)
            for made, k in zip(self.made, self.kinds, strict=True)
        ]
        groups: dict[Any, list[int]] = defaultdict(list)
        for place, form in enumerate(self.forms):
            groups[form.key].append(place)
        for key, places in groups.items():
            form = self.forms[places[0]]
            number = self.kind_number[form.kind]
            kind = self.kinds[number]
            pattern = _pattern(key, form.kind)
            swap = key[3]
            bases = np.array(
                [
                    [
                        [self._base(t[swap]), self._base(t[not swap])]
                        for t in self.program.steps[p].terms
                    ]
                    for p in places
                ]
            )  # (steps, terms, 2)
            slot, at = self._places(places, form.tiles, kind)
            columns = pattern.term_of
            left[number][slot] = _based(pattern.left, bases[:, columns, 0][:, None, None, :])
            right[number][slot] = _based(pattern.right, bases[:, columns, 1][:, None, :, None])
            starts = self.starts[[self.count + p for p in places]]
            virtual = pattern.out + starts[:, None, None, None]
            physical = (
                self.results_at
                + at[:, :, None, None]
                + np.arange(kind.m * kind.n).reshape(kind.m, kind.n)
            )
            inside = np.broadcast_to(pattern.out >= 0, virtual.shape)
            where[virtual[inside]] = physical[inside]
        return Tape(
            tuple(self.kinds),
            tuple(
                where[a].reshape(made, k.chunk, k.m, k.k)
                for a, made, k in zip(left, self.made, self.kinds, strict=True)
            ),
            tuple(
                where[a].reshape(made, k.chunk, k.k, k.n)
                for a, made, k in zip(right, self.made, self.kinds, strict=True)
            ),
            np.array(
                [(n, a, self.results_at + r * self.region) for n, a, r in chunks], np.int32
            ).reshape(-1, 3),
            self.region,
            self.regions,
            tuple(self._output(output, where) for output in self.program.outputs),
        )

    def _places(self, places: list[int], tiles: int, kind: Kind) -> tuple[Any, Any]:
        """(steps, tiles): the slot of each tile within its kind, and where its results lie."""
        slots, ats = [], []
        size = kind.m * kind.n
        for place in places:
            runs = self.slots[place]
            if len(runs) == 1 and tiles == 1:
                slots.append([runs[0][0]])
                ats.append([runs[0][2]])
                continue
            slots.append([first + i for first, taken, _ in runs for i in range(taken)])
            ats.append([at + i * size for _, taken, at in runs for i in range(taken)])
        return np.array(slots), np.array(ats)

    def _base(self, view: View) -> int:
        """Where a view begins before values are put in their places."""
        return ONE_AT if view.value == ONE else int(self.starts[view.value]) + view.offset

    def _output(self, output: Output, where: Indices) -> Indices:
        at = np.zeros(output.length, np.int64)
        for piece in output.pieces:
            sizes = [self.program.sizes[label] for label in piece.source.labels]
            target = _grid(sizes, piece.strides) + piece.offset
            at[target] = _grid(sizes, piece.source.strides) + self._base(piece.source)
        return where[at]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Index arrays of a step from where its values begin; -1 is nowhere."""

    left: Any
    """(tiles, m, k)"""
    right: Any
    """(tiles, k, n)"""
    out: Any
    """(tiles, m, n)"""
    term_of: Any
    """The term to which each k belongs."""


@lru_cache(maxsize=4096)
def _pattern(key: tuple[Any, ...], kind: tuple[int, int, int]) -> _Pattern:
    (batch, rows, columns), out, terms, _ = key
    m, k, n = kind
    depth = [math.prod(sizes) for sizes, _, _ in terms]
    lefts, rights = [], []
    for sizes, one, other in terms:
        lefts.append(_cube((batch, rows, sizes), one))
        rights.append(_cube((batch, sizes, columns), other))
    left = _tiled(np.concatenate(lefts, 2), (m, k))
    right = _tiled(np.concatenate(rights, 1), (k, n))
    results = _tiled(_cube((batch, rows, columns), out), (m, n))
    count, tall, wide = results.shape[:3]
    left = np.broadcast_to(left[:, :, :1], (count, tall, wide, m, k)).reshape(-1, m, k)
    right = np.broadcast_to(right[:, :1], (count, tall, wide, k, n)).reshape(-1, k, n)
    term_of = np.repeat(np.arange(len(terms)), depth)
    term_of = np.concatenate([term_of, np.zeros(k - len(term_of), np.int64)])
    return _Pattern(left, right, results.reshape(-1, m, n), term_of)


def _cube(sizes: tuple[Any, ...], strides: tuple[Any, ...]) -> Any:
    """Places of the entries of an array of three fused axes."""
    parts = [_grid(size, stride) for size, stride in zip(sizes, strides, strict=True)]
    return parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None, :]


def _grid(sizes: Sequence[int], strides: Sequence[int]) -> Any:
    """Places of the entries over these axes, row by row."""
    places = np.zeros(1, np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        places = (places[:, None] + np.arange(size) * stride).reshape(-1)
    return places


def _tiled(cube: Any, tile: tuple[int, int]) -> Any:
    """(batch, rows, columns) cut into tiles: (batch, tiles down, tiles across, *tile)."""
    batch, rows, columns = cube.shape
    down, across = -(-rows // tile[0]), -(-columns // tile[1])
    padded = np.full((batch, down * tile[0], across * tile[1]), -1, np.int64)
    padded[:, :rows, :columns] = cube
    return padded.reshape(batch, down, tile[0], across, tile[1]).transpose(0, 1, 3, 2, 4)


def _based(pattern: Any, bases: Any) -> Any:
    """Patterns moved to where their values begin: (steps, tiles, …)."""
    return np.where(pattern >= 0, pattern + bases, ZERO_AT)


def _strides(view: View, *groups: list[str]) -> tuple[tuple[int, ...], ...]:
    stride = dict(zip(view.labels, view.strides, strict=True))
    return tuple(tuple(stride[i] for i in group) for group in groups)
