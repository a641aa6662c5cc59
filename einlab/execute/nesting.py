"""Programs in loops: the steps that have an axis run for a few of its entries at a time.

What lies between such steps then takes a part of its place. A loop goes round those steps alone
that have its axis: what they read of other steps is made before it, and a sum over the axis is
added up in place and read after it, so that nothing is computed twice. Or it reaches further: to
the end, so that all steps which depend on the axis run again for each block, or round all steps.
Then what they give in the end is added up, which is right where that is linear in what has the
axis. No JAX here.
Source of the idea: Lam, Cociorva, Baumgartner and Sadayappan 1999 (LCPC), fusion of loops for
memory in sums of products of many arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Literal, NamedTuple

from einlab.execute.tape_program import Piece, Program, View

__all__ = ["Cut", "Cuts", "Event", "Loop", "Nest"]


class Cut(NamedTuple):
    """An axis over which loops run."""

    label: str
    block: int
    """How many of its entries are taken at a time."""
    reach: Literal["own", "end", "all"] = "own"
    """Which steps are in a loop: those with the axis, those that depend on them too, or all."""


Cuts = tuple[Cut, ...]
"""Axes over which loops run, outermost first."""


@dataclass(frozen=True, eq=False)
class Loop:
    """Steps, and loops, that run once for each block of entries of an axis."""

    label: str
    block: int
    body: tuple[int | Loop, ...]

    @cached_property
    def steps(self) -> frozenset[int]:
        """All steps in it."""
        return frozenset(_steps(self.body))


class Event(NamedTuple):
    """What happens next as a nest runs."""

    kind: Literal["take", "give", "zero", "step", "enter", "leave"]
    number: int = 0
    """A value that gets its place, gives it up, or is filled with zeros; a step that runs."""
    loop: Loop | None = None
    start: int = 0
    """Of a loop: the first entry of its axis."""
    iterations: int = 0
    """Of a loop: how many there are."""
    width: int = 0
    """Entries of the axis in each iteration."""


def _steps(items: Iterable[int | Loop]) -> Iterator[int]:
    for item in items:
        if isinstance(item, Loop):
            yield from _steps(item.body)
        else:
            yield item


class Nest:
    """A program whose steps run in loops over some axes."""

    def __init__(self, program: Program, cuts: Cuts = ()) -> None:
        self.program, self.cuts = program, cuts
        self.count = len(program.inputs)
        self.homes: dict[int, tuple[int, Piece]] = {}
        """Results that lie in an output: in which, and as which piece of it."""
        self.copied: list[tuple[int, Piece]] = []
        """Pieces of outputs that are copied at the end."""
        for number, output in enumerate(program.outputs):
            for piece in output.pieces:
                value = piece.source.value
                if value < self.count or value in self.homes:
                    self.copied.append((number, piece))
                else:
                    self.homes[value] = number, piece
        self.varying: dict[Loop, set[int]] = {}
        self.needed = self._needed()
        self.items = self._around(self.needed, cuts)
        self.around: dict[int, tuple[Loop, ...]] = {}
        """The loops around each step, the outermost first."""
        self._note(self.items, ())
        self.scopes = self._scopes()

    def _needed(self) -> list[int]:
        """The steps whose results are read or given."""
        read = {piece.source.value for output in self.program.outputs for piece in output.pieces}
        places = []
        for place in reversed(range(len(self.program.steps))):
            if self.count + place in read:
                places.append(place)
                read.update(view.value for view in self._views(place))
        return places[::-1]

    def _views(self, place: int) -> list[View]:
        return [view for term in self.program.steps[place].terms for view in term]

    @cached_property
    def labels(self) -> list[frozenset[str]]:
        """The axes of each step."""
        return [
            frozenset(step.labels).union(*(view.labels for view in self._views(place)))
            for place, step in enumerate(self.program.steps)
        ]

    def _around(self, steps: Sequence[int], cuts: Cuts) -> tuple[int | Loop, ...]:
        """Steps with a loop round those that have the first axis, and so on within and beside it.

        Where such steps wait for others that wait for such steps, each group has its own loop.
        """
        for number, cut in enumerate(cuts):
            inside = self._inside(steps, cut)
            if inside:
                rest, items = cuts[number + 1 :], list[int | Loop]()
                turns = self._turns(steps, inside)
                for which in range(max(turns.values()) + 1):
                    own = self._around([place for place in steps if turns[place] == which], rest)
                    items += [Loop(cut.label, cut.block, own)] if which % 2 and own else own
                return tuple(items)
        return tuple(steps)

    def _inside(self, steps: Sequence[int], cut: Cut) -> set[int]:
        """The steps that run in the loop over an axis."""
        inside = {place for place in steps if cut.label in self.labels[place]}
        if cut.reach == "all":
            return set(steps) if inside else inside
        if cut.reach == "end":
            for place in steps:
                if any(view.value - self.count in inside for view in self._views(place)):
                    inside.add(place)
        return inside

    def _varies(self, place: int, loop: Loop) -> bool:
        """Whether a step in a loop makes something else in each iteration."""
        if loop not in self.varying:
            found = self.varying[loop] = set[int]()
            for one in sorted(loop.steps):
                below = {view.value - self.count for view in self._views(one)}
                if loop.label in self.labels[one] or below & found:
                    found.add(one)
        return place in self.varying[loop]

    def _turns(self, steps: Sequence[int], inside: set[int]) -> dict[int, int]:
        """When each step runs: as late as it can, one in the loop in an odd turn with others."""
        turns: dict[int, int] = {}
        for place in steps:
            least = max(turns.get(view.value - self.count, 0) for view in self._views(place))
            turns[place] = least + (least % 2 != (place in inside))
        end = max(turns.values())
        latest = dict.fromkeys(steps, end + end % 2)
        for place in reversed(steps):
            turns[place] = latest[place] - (latest[place] % 2 != (place in inside))
            for view in self._views(place):
                before = view.value - self.count
                if before in latest:
                    latest[before] = min(latest[before], turns[place])
        return turns

    def _note(self, items: Iterable[int | Loop], around: tuple[Loop, ...]) -> None:
        for item in items:
            if isinstance(item, Loop):
                self._note(item.body, (*around, item))
            else:
                self.around[item] = around

    def _scopes(self) -> dict[int, tuple[Loop, ...]]:
        """The loops round the step that makes a value and round all that read it."""
        scopes = {
            value: () if value in self.homes else self.around[value - self.count]
            for value in (self.count + place for place in self.needed)
        }
        for place in self.needed:
            for view in self._views(place):
                if view.value >= self.count:
                    both = zip(scopes[view.value], self.around[place], strict=False)
                    same = takewhile(lambda pair: pair[0] is pair[1], both)
                    scopes[view.value] = tuple(loop for loop, _ in same)
        for _, piece in self.copied:
            if piece.source.value >= self.count:
                scopes[piece.source.value] = ()
        return scopes

    def extents(self, value: int) -> dict[str, int]:
        """How many entries of each axis of a result have a place."""
        sizes = self.program.sizes
        inner = {loop.label: loop.block for loop in self.scopes[value]}
        labels = self.program.steps[value - self.count].labels
        return {label: inner.get(label, sizes[label]) for label in labels}

    def is_added_up(self, value: int) -> bool:
        """Whether a result is the sum of what the iterations of a loop make."""
        return bool(self._adding(value))

    def _adding(self, value: int) -> list[Loop]:
        """The loops whose iterations add to a result."""
        place = value - self.count
        own = self.program.steps[place].labels
        beyond = self.around[place][len(self.scopes[value]) :]
        return [loop for loop in beyond if loop.label not in own and self._varies(place, loop)]

    @cached_property
    def is_right(self) -> bool:
        """Whether each sum is made once, and not read before all of it is there.

        That may be otherwise where loops reach further than their axes.
        """
        for place in self.needed:
            beyond = self.around[place][len(self.scopes[self.count + place]) :]
            again = any(not self._varies(place, loop) for loop in beyond)
            if again and self.is_added_up(self.count + place):
                return False
            for view in self._views(place):
                value = view.value
                if value >= self.count and set(self._adding(value)) & set(self.around[place]):
                    return False
        return True

    def additions(self, value: int) -> int:
        """How many iterations add to the same entries of a result."""
        sizes = self.program.sizes
        return math.prod(-(-sizes[loop.label] // loop.block) for loop in self._adding(value))

    def events(self) -> Iterator[Event]:
        """All that happens, in its order; a loop that does not come out even runs in two parts."""
        yield from self._events(self.items, ())

    @cached_property
    def _last(self) -> dict[int, int]:
        """The step after which a result is given up, where nobody else reads it."""
        order = {place: turn for turn, place in enumerate(_steps(self.items))}
        last = {self.count + place: place for place in self.needed}
        for place in self.needed:
            for view in self._views(place):
                if view.value >= self.count:
                    last[view.value] = max(last[view.value], place, key=order.__getitem__)
        kept = {piece.source.value for _, piece in self.copied}
        return {value: place for value, place in last.items() if value not in kept}

    def _events(self, items: Iterable[int | Loop], within: tuple[Loop, ...]) -> Iterator[Event]:
        sizes = self.program.sizes
        for item in items:
            inside = item.steps if isinstance(item, Loop) else (item,)
            made = [self.count + place for place in sorted(inside)]
            made = [value for value in made if len(self.scopes[value]) == len(within)]
            for value in made:
                if value not in self.homes:
                    yield Event("take", value)
                    if self.is_added_up(value):
                        yield Event("zero", value)
            if isinstance(item, Loop):
                whole, rest = divmod(sizes[item.label], item.block)
                for start, count, width in ((0, whole, item.block), (whole * item.block, 1, rest)):
                    if width and count:
                        yield Event("enter", 0, item, start, count, width)
                        yield from self._events(item.body, (*within, item))
                        yield Event("leave", 0, item)
            else:
                yield Event("step", item)
            for value in self._given_up(inside, within):
                yield Event("give", value)

    def _given_up(self, inside: Iterable[int], within: tuple[Loop, ...]) -> list[int]:
        """The values of this scope that are read for the last time by one of these steps."""
        return [
            value
            for place in sorted(inside)
            for value in self._ending.get(place, ())
            if len(self.scopes[value]) == len(within)
        ]

    @cached_property
    def _ending(self) -> dict[int, list[int]]:
        ending: dict[int, list[int]] = {}
        for value, place in self._last.items():
            if value not in self.homes:
                ending.setdefault(place, []).append(value)
        return ending
