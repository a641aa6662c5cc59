"""Which axes a program runs over in loops so that its results fit into some room.

Axes are cut one by one: each time the one that saves most for what it makes the program slower, in
blocks that are as large as can be. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache

from einlab.execute.arena import Arena
from einlab.execute.doubling import Source
from einlab.execute.nesting import Cuts, Nest
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
ADDED = 1024
"""Iterations that may add to the same entries: what more of them round off would be felt."""


class Played:
    """A nest gone through once: the length of its arena, what is alive in it, predicted seconds."""

    def __init__(self, program: Program, dtype: str, cuts: Cuts) -> None:
        self.nest = nest = Nest(program, cuts)
        self.costs = costs = NATIVE_COSTS[dtype]
        self.alive: list[tuple[int, frozenset[int]]] = []
        """Entries, and the values they are of, each time one more gets a place."""
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
                self.alive.append((live, frozenset(places)))
            elif event.kind == "give":
                arena.give(places.pop(value))
                live -= lengths[value]
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

    @property
    def rounds_much(self) -> bool:
        """Whether so many iterations are added that small ones would be lost beside the sum."""
        return any(self.nest.additions(value) > ADDED for value in self.nest.scopes)

    def excess(self, room: int) -> int:
        """Entries above those that there is room for, of all moments together."""
        return sum(max(0, live - room) for live, _ in self.alive)

    def labels_above(self, room: int) -> list[str]:
        """The axes of what is alive when there is no room for it."""
        count, steps = self.nest.count, self.nest.program.steps
        values = {value for live, values in self.alive if live > room for value in values}
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
    """The program in loops whose arena has at most so many entries; None if none is found."""
    best = _played(source, dtype, ())
    aimed = room
    while best.length > room:
        if best.excess(aimed) == 0:  # all but for gaps
            aimed = int(0.9 * aimed)
            continue
        before = best.excess(aimed)
        tried = [_played(source, dtype, cuts) for cuts in _finer(best, aimed)]
        found = [one for one in tried if one.excess(aimed) < before and not one.rounds_much]
        if not found:
            return None
        fits = [one for one in found if one.length <= room]
        if fits:
            best = min(fits, key=lambda one: one.seconds)
        else:
            best = max(found, key=lambda one, last=best: _worth(last, one, aimed))  # type: ignore[misc]
    return _coarser(source, best, dtype, room)


def _played(source: Source, dtype: str, cuts: Cuts) -> Played:
    return Played(source.under(frozenset(label for label, _ in cuts)), dtype, cuts)


def _worth(before: Played, after: Played, room: int) -> float:
    """How much closer to the room a cut comes, for what it makes slower."""
    saved = math.log((before.excess(room) + room) / (after.excess(room) + room))
    return saved / (max(0.0, math.log(after.seconds / before.seconds)) + SLIGHT)


def _finer(played: Played, room: int) -> Iterator[Cuts]:
    """The cuts with one more axis, outside or inside all others, or with smaller blocks of one."""
    cuts, sizes = played.nest.cuts, played.nest.program.sizes
    known = dict(cuts)
    for label in played.labels_above(room):
        blocks = _blocks(known.get(label, sizes[label]))
        if label in known:
            for block in blocks:
                yield tuple((i, block if i == label else b) for i, b in cuts)
        elif len(cuts) < MOST_CUTS:
            for block in blocks:
                yield ((label, block), *cuts)
                if cuts:
                    yield (*cuts, (label, block))


def _blocks(size: int) -> list[int]:
    """Smaller blocks: halves of halves, and single entries."""
    found = {-(-size // 2**power) for power in range(1, FINEST + 1)} | {1}
    return sorted((block for block in found if block < size), reverse=True)


def _coarser(source: Source, played: Played, dtype: str, room: int) -> Played:
    """The same with fewer cuts or larger blocks, where they fit too and are faster."""
    best = played
    for label, _ in played.nest.cuts:
        cuts, sizes = best.nest.cuts, best.nest.program.sizes
        others = [tuple(cut for cut in cuts if cut[0] != label)]
        block = dict(cuts)[label]
        larger = {min(sizes[label], block * factor // 4) for factor in (5, 6, 7, 8)} - {block}
        others += [
            tuple((i, wide if i == label else b) for i, b in cuts)
            for wide in larger if wide < sizes[label]
        ]  # fmt: skip
        tried = [_played(source, dtype, one) for one in others]
        fits = [one for one in tried if one.length <= room and not one.rounds_much]
        best = min([best, *fits], key=lambda one: one.seconds)
    return best
