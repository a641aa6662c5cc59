"""In which order a tape computes its tiles, in chunks, and which region of the buffer each fills.

A chunk holds tiles of one kind that do not wait for each other. The next one is of the kind that
fills a chunk best; of two such, the one whose first step has most steps above it. A region is free
again once every value with entries in it was taken by all that take it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from einlab.compiling import CHUNK
from einlab.execute.tape_kinds import choose_sides
from einlab.execute.tape_patterns import Form, Sides
from einlab.execute.tape_program import Program

__all__ = ["Chunk", "Kind", "Schedule", "Stretch", "schedule"]


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Products of an m×k and a k×n matrix, `chunk` of them at a time."""

    m: int
    k: int
    n: int
    chunk: int

    @property
    def sides(self) -> Sides:
        """The sides of its tiles."""
        return self.m, self.k, self.n


@dataclass(frozen=True, slots=True)
class Chunk:
    """One turn of the tape."""

    kind: int
    number: int
    """Among the chunks of its kind."""
    region: int
    """Which part of the buffer its results fill."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Tiles of one step that lie one after the other in one chunk."""

    slot: int
    """Place of the first among all tiles of its kind."""
    tiles: int
    start: int
    """Where the results of the first begin, counted from the start of the first region."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """All chunks in order, and where the tiles of each step are."""

    kinds: tuple[Kind, ...]
    kind_of: tuple[int, ...]
    """The kind of each step."""
    chunks: tuple[Chunk, ...]
    stretches: tuple[tuple[Stretch, ...], ...]
    """For each step."""
    regions: int
    """Regions needed at once."""

    def made(self, kind: int) -> int:
        """How many chunks there are of a kind."""
        return sum(chunk.kind == kind for chunk in self.chunks)


def schedule(program: Program, forms: Sequence[Form], region: int) -> Schedule:
    """A schedule of the steps of a program, of these forms, in regions of this length."""
    return _Scheduler(program, forms, region).schedule()


def chunk_of(sides: Sides, region: int) -> int:
    """Tiles that a chunk has: as many as fill a region; of rows, not too many products."""
    m, k, n = sides
    most = max(region // (m * n), 1)
    return min(most, max(CHUNK // k, 1)) if m == n == 1 else most


class _Scheduler:
    """Goes through a program as a tape would, knowing what is ready and what is still needed."""

    def __init__(self, program: Program, forms: Sequence[Form], region: int) -> None:
        chosen = choose_sides(forms)
        distinct = sorted(set(chosen.values()))
        self.kinds = tuple(Kind(*sides, chunk_of(sides, region)) for sides in distinct)
        number = {sides: place for place, sides in enumerate(distinct)}
        self.kind_of = tuple(number[chosen[form]] for form in forms)
        self.tiles = [form.tiles(chosen[form]) for form in forms]
        self.region = region
        self._read(program)
        self.left = list(self.tiles)  # tiles of each step that are still to do
        self.ready: list[list[tuple[int, int]]] = [[] for _ in self.kinds]
        self.waiting = [0] * len(self.kinds)  # ready tiles, by kind
        self.free: list[int] = []
        self.regions = 0
        self.held: dict[int, set[int]] = {}  # values with entries in each region
        self.regions_of: list[list[int]] = [[] for _ in forms]
        self.stretches: list[list[Stretch]] = [[] for _ in forms]

    def _read(self, program: Program) -> None:
        """Who takes what, and how many steps stand above each."""
        count, steps = len(program.inputs), program.steps
        self.takes = [
            sorted({v.value - count for term in step.terms for v in term if v.value >= count})
            for step in steps
        ]
        self.taken_by: dict[int, list[int]] = defaultdict(list)
        for place, values in enumerate(self.takes):
            for value in values:
                self.taken_by[value].append(place)
        self.waits = [len(values) for values in self.takes]
        given = {piece.source.value - count for out in program.outputs for piece in out.pieces}
        # What is given is never free: the outputs take it, in the end.
        self.uses = [len(self.taken_by[p]) + (p in given) for p in range(len(steps))]
        self.height = [0] * len(steps)
        for place in reversed(range(len(steps))):
            above = (self.height[user] for user in self.taken_by[place])
            self.height[place] = 1 + max(above, default=0)

    def schedule(self) -> Schedule:
        """The schedule of all steps."""
        for place, waits in enumerate(self.waits):
            if not waits:
                self._make_ready(place)
        chunks: list[Chunk] = []
        made = [0] * len(self.kinds)
        while any(self.waiting):
            kind = max(filter(self.waiting.__getitem__, range(len(self.kinds))), key=self._worth)
            chunks.append(Chunk(kind, made[kind], self._region()))
            for place in self._fill(chunks[-1]):
                self._finish(place)
            made[kind] += 1
        return Schedule(
            self.kinds,
            self.kind_of,
            tuple(chunks),
            tuple(map(tuple, self.stretches)),
            self.regions,
        )

    def _worth(self, kind: int) -> tuple[float, int]:
        """How well a chunk would be filled, and how much waits for its first tile."""
        return min(self.waiting[kind] / self.kinds[kind].chunk, 1.0), -self.ready[kind][0][0]

    def _make_ready(self, place: int) -> None:
        kind = self.kind_of[place]
        heapq.heappush(self.ready[kind], (-self.height[place], place))
        self.waiting[kind] += self.tiles[place]

    def _region(self) -> int:
        """A region that nobody needs."""
        if self.free:
            return heapq.heappop(self.free)
        self.regions += 1
        return self.regions - 1

    def _fill(self, chunk: Chunk) -> list[int]:
        """Put ready tiles into a chunk; the steps that this finishes."""
        kind, ready = self.kinds[chunk.kind], self.ready[chunk.kind]
        held = self.held[chunk.region] = set()
        finished, slot = [], 0
        while slot < kind.chunk and ready:
            place = ready[0][1]
            taken = min(self.left[place], kind.chunk - slot)
            first = chunk.number * kind.chunk + slot
            start = chunk.region * self.region + slot * kind.m * kind.n
            self.stretches[place].append(Stretch(first, taken, start))
            held.add(place)
            self.regions_of[place].append(chunk.region)
            slot += taken
            self.left[place] -= taken
            if not self.left[place]:
                heapq.heappop(ready)
                finished.append(place)
        self.waiting[chunk.kind] -= slot
        return finished

    def _finish(self, place: int) -> None:
        """What waited for a step may be ready, and what it took may be free."""
        for user in self.taken_by[place]:
            self.waits[user] -= 1
            if not self.waits[user]:
                self._make_ready(user)
        for value in self.takes[place]:
            self.uses[value] -= 1
            if self.uses[value]:
                continue
            for region in self.regions_of[value]:
                self.held[region].discard(value)
                if not self.held[region]:
                    heapq.heappush(self.free, region)
