"""Which axes a program runs over in loops so that its results fit into some room.

Axes are cut one by one: each time the one that saves most for what it makes the program slower, in
blocks that are as large as can be. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Literal

from einlab.execute.arena import Arena
from einlab.execute.doubling import Source
from einlab.execute.nesting import Cut, Cuts, Nest
from einlab.execute.tape_program import ONE, Program, View
from einlab.native.words import MOST_DEPTH
from einlab.nativemodel import NATIVE_COSTS, NativeCosts, native_seconds

__all__ = ["Played", "fitted"]

MOST_CUTS = min(10, MOST_DEPTH)
"""Axes that are cut at most."""
FINEST = 3
"""Halvings of an axis that are tried at once, beside entries one by one."""
SLIGHT = 0.03
"""Of a program's seconds, by which every cut counts as slower at least."""
MOST_WORK = 60_000
"""Steps gone through in a search, which takes about a second."""
REACHES: tuple[Literal["own", "end", "all"], ...] = ("own", "end", "all")
SLOW = 2.0
"""Times the seconds without a limit from which on more is tried."""
WIDTH = 3
"""Beginnings that are pursued at once then."""
ADDED = 1024
"""Iterations that may add to the same entries: what more of them round off would be felt."""


class Played:
    """A nest gone through once: the length of its arena, what is alive in it, predicted seconds."""

    def __init__(self, program: Program, dtype: str, cuts: Cuts) -> None:
        nest, self.dtype = Nest(program, cuts), dtype
        self.nest = nest
        self.costs = costs = NATIVE_COSTS[dtype]
        self.moments: list[tuple[int, int, bool]] = []
        """Entries that are alive, each time a value gets its place or gives it up, and which."""
        self.seconds = costs.call
        arena, places, live = Arena(), dict[int, int](), 0
        lengths: dict[int, int] = {}
        widths, times = dict(program.sizes), [1]
        for event in nest.events():
            value = event.number
            if event.kind == "take":
                lengths[value] = math.prod(nest.extents(value).values())
                places[value] = arena.take(lengths[value])
                live += lengths[value]
                self.moments.append((live, value, True))
            elif event.kind == "give":
                arena.give(places.pop(value))
                live -= lengths[value]
                self.moments.append((live, value, False))
            elif event.kind == "enter" and event.loop:
                times.append(times[-1] * event.iterations)
                widths[event.loop.label] = event.width
            elif event.kind == "leave" and event.loop:
                times.pop()
                widths[event.loop.label] = program.sizes[event.loop.label]
            elif event.kind == "step":
                self.seconds += times[-1] * _seconds(nest, value, widths, costs)
            else:
                self.seconds += times[-1] * lengths[value] * costs.itemsize / costs.bandwidth
        self.length = arena.length

    @cached_property
    def will_do(self) -> bool:
        """Whether no sum is read early, and none has so many parts that small ones are lost."""
        few = all(self.nest.additions(value) <= ADDED for value in self.nest.scopes)
        return few and self.nest.is_right

    def excess(self, room: int) -> int:
        """Entries above those that there is room for, of all moments together."""
        return sum(max(0, live - room) for live, _, taken in self.moments if taken)

    def labels_above(self, room: int) -> list[str]:
        """The axes of what is alive when there is no room for it."""
        count, steps = self.nest.count, self.nest.program.steps
        alive, values = set[int](), set[int]()
        for live, value, taken in self.moments:
            (alive.add if taken else alive.discard)(value)
            if taken and live > room:
                values |= alive
        found = (label for value in sorted(values) for label in steps[value - count].labels)
        return list(dict.fromkeys(found))


def _seconds(nest: Nest, place: int, widths: Mapping[str, int], costs: NativeCosts) -> float:
    """Predicted seconds of one execution of a step whose axes have these widths."""
    step = nest.program.steps[place]
    kept, seconds = set(step.labels), 0.0
    for left, right in step.terms:
        roles = [1, 1, 1, 1]
        for label in {*left.labels, *right.labels}:
            both = label in left.labels and label in right.labels
            role = 2 if label not in kept else 0 if both else 1 if label in left.labels else 3
            roles[role] *= widths[label]
        arrays = [_lies(nest, view, widths) for view in (left, right) if view.value != ONE]
        written = math.prod(widths[label] for label in kept)
        seconds += native_seconds(costs, roles, [*arrays, (written, written)])
    return seconds


def _lies(nest: Nest, view: View, widths: Mapping[str, int]) -> tuple[int, int]:
    """Entries of a view, and how many of them lie side by side."""
    entries = math.prod(widths[label] for label in view.labels)
    if view.value >= nest.count:
        return entries, entries
    run = 1
    for stride, label in sorted(zip(view.strides, view.labels, strict=True)):
        if stride != run:
            break
        run *= widths[label]
        if widths[label] < nest.program.sizes[label]:
            break
    return entries, run


@lru_cache(maxsize=256)
def fitted(source: Source, dtype: str, room: int) -> Played | None:
    """The program in loops whose arena has at most so many entries; None if none is found.

    First by loops that compute nothing twice, one cut at a time; where that leads nowhere, or to
    something slow, with several beginnings at once, and loops that reach further.
    """
    free = _played(source, dtype, ())
    if free.length <= room:
        return free
    found = _searched(source, free, room, 1)
    if found is None or found.seconds > SLOW * free.seconds:
        other = _searched(source, free, room, WIDTH)
        both = [one for one in (found, other) if one is not None]
        found = min(both, key=lambda one: one.seconds, default=None)
    return found and _coarser(source, found, room)


def _searched(source: Source, free: Played, room: int, width: int) -> Played | None:
    """A program that fits, found by cutting the most worthwhile so many programs further."""
    kept, aimed, seen = [free], room, set[frozenset[Cut]]()
    left = MOST_WORK // max(1, len(source.program.steps))
    for _ in range(MOST_CUTS):
        while all(one.excess(aimed) == 0 for one in kept):  # all but for gaps
            aimed = int(0.9 * aimed)
        found: list[Played] = []
        for one in kept:
            for cuts in _finer(one, aimed, width > 1):
                if left > 0 and (width == 1 or frozenset(cuts) not in seen):
                    seen.add(frozenset(cuts))
                    left -= 1
                    tried = _played(source, free.dtype, cuts)
                    if tried.excess(aimed) < one.excess(aimed) and tried.will_do:
                        found.append(tried)
        fits = [one for one in found if one.length <= room]
        if fits:
            return min(fits, key=lambda one: one.seconds)
        if not found:
            return None
        found.sort(key=lambda one: _worth(free if width > 1 else kept[0], one, aimed))
        kept = found[-width:]
    return None


def _played(source: Source, dtype: str, cuts: Cuts) -> Played:
    again = frozenset(cut.label for cut in cuts if cut.reach == "own")
    return Played(source.under(again), dtype, cuts)


def _worth(before: Played, after: Played, room: int) -> float:
    """How much closer to the room a program comes, for what it is slower."""
    saved = math.log((before.excess(room) + room) / (after.excess(room) + room))
    return saved / (max(0.0, math.log(after.seconds / before.seconds)) + SLIGHT)


def _finer(played: Played, room: int, every: bool) -> Iterator[Cuts]:
    """The cuts with one more axis, outside or inside all others, or with smaller blocks of one.

    `every` one: at all places, and in loops that reach further too.
    """
    cuts, sizes = played.nest.cuts, played.nest.program.sizes
    known = {cut.label: cut.block for cut in cuts}
    places = range(len(cuts) + 1) if every else sorted({0, len(cuts)})
    for label in played.labels_above(room):
        for block in _blocks(known.get(label, sizes[label])):
            if label in known:
                yield tuple(c._replace(block=block) if c.label == label else c for c in cuts)
            elif len(cuts) < MOST_CUTS:
                for place in places:
                    for reach in REACHES if every else REACHES[:1]:
                        yield (*cuts[:place], Cut(label, block, reach), *cuts[place:])


def _blocks(size: int) -> list[int]:
    """Smaller blocks: halves of halves, and single entries."""
    found = {-(-size // 2**power) for power in range(1, FINEST + 1)} | {1}
    return sorted((block for block in found if block < size), reverse=True)


def _coarser(source: Source, played: Played, room: int) -> Played:
    """The same with fewer cuts or larger blocks, where they fit too and are faster."""
    best = played
    for label in [cut.label for cut in played.nest.cuts]:
        cuts, size = best.nest.cuts, best.nest.program.sizes[label]
        others = [tuple(cut for cut in cuts if cut.label != label)]
        (block,) = (cut.block for cut in cuts if cut.label == label)
        larger = {block * factor // 4 for factor in (5, 6, 7, 8)} - {block}
        others += [
            tuple(cut._replace(block=wide) if cut.label == label else cut for cut in cuts)
            for wide in larger if wide < size
        ]  # fmt: skip
        tried = [_played(source, played.dtype, one) for one in others]
        fits = [one for one in tried if one.length <= room and one.will_do]
        best = min([best, *fits], key=lambda one: one.seconds)
    return best
