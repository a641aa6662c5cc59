"""A nest of loops as words for the interpreter of `einlab.native`.

A part of an operand is the operand with another beginning, so nothing is copied; results are
written to their places in the outputs, or added up there, and what lies between has a place in the
arena for as many entries of each axis as run at a time. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache

from einlab.execute.arena import Arena
from einlab.execute.nesting import Cuts, Event, Loop, Nest
from einlab.execute.tape_program import ONE, Program, View, row_major
from einlab.execute.tape_words import Encoded, Home, one_step
from einlab.native.words import Part, Step, assembled, begin, end, fill

__all__ = ["in_loops"]


@lru_cache(maxsize=64)
def in_loops(program: Program, dtype: str, cuts: Cuts) -> Encoded:
    """The words of a program that runs in loops over some axes."""
    writer = _NestWriter(Nest(program, cuts))
    steps = [*writer.zeros(), *writer.steps(), *writer.copies()]
    lengths = (*program.inputs, *(output.length for output in program.outputs))
    return Encoded(assembled(dtype, steps, (*lengths, 0)), writer.arena.length)


class _NestWriter:
    """Writes the steps of a nest, in its order."""

    def __init__(self, nest: Nest) -> None:
        self.nest, self.program, self.count = nest, nest.program, nest.count
        self.arena = Arena()
        self.sizes = dict(nest.program.sizes)
        """Entries of each axis that run at a time."""
        self.loops: list[tuple[Loop, bool]] = []
        """The loops around, and whether each has more than one iteration."""
        self.starts: dict[str, int] = {}
        """The entry of each looped axis at which the first iteration begins."""
        self.places: dict[int, int] = {}
        """Where results lie in the arena."""
        self.strides: dict[int, Mapping[str, int]] = {}
        for value, (_, piece) in nest.homes.items():
            self.strides[value] = dict(zip(piece.source.labels, piece.strides, strict=True))

    def zeros(self) -> Iterator[Step]:
        """Zeros in each output that no pieces cover, or that is added up."""
        added = {
            number for value, (number, _) in self.nest.homes.items() if self.nest.is_added_up(value)
        }
        for number, output in enumerate(self.program.outputs):
            covered = sum(self.program.volume(piece.source.labels) for piece in output.pieces)
            if covered < output.length or number in added:
                yield fill(Part(self.count + number, 0), output.length)

    def steps(self) -> Iterator[Step]:
        """All steps and loops."""
        for event in self.nest.events():
            if event.kind == "take":
                self.places[event.number] = self.arena.take(self._length(event.number))
            elif event.kind == "give":
                self.arena.give(self.places[event.number])
            elif event.kind == "zero":
                yield self._zero(event.number)
            elif event.kind == "step":
                yield from self._products(event.number)
            elif event.kind == "enter":
                yield from self._enter(event)
            else:
                yield from self._leave()

    def copies(self) -> Iterator[Step]:
        """What outputs hold that is an input, or that another place holds too."""
        for number, piece in self.nest.copied:
            strides = dict(zip(piece.source.labels, piece.strides, strict=True))
            home = Part(self.count + number, piece.offset), strides
            yield one_step(self.sizes, [self._lies(piece.source)], home, add=False)

    def _enter(self, event: Event) -> Iterator[Step]:
        loop = event.loop
        assert loop is not None
        self.sizes[loop.label], self.starts[loop.label] = event.width, event.start
        self.loops.append((loop, event.iterations > 1))
        if event.iterations > 1:
            yield begin(event.iterations)

    def _leave(self) -> Iterator[Step]:
        loop, runs = self.loops.pop()
        self.sizes[loop.label] = self.program.sizes[loop.label]
        del self.starts[loop.label]
        if runs:
            yield end()

    def _length(self, value: int) -> int:
        return math.prod(self.nest.extents(value).values())

    def _zero(self, value: int) -> Step:
        buffer = self.count + len(self.program.outputs)
        step = fill(Part(buffer, self.places[value]), self._length(value))
        return step._replace(advances=((0, 0, 0),) * sum(runs for _, runs in self.loops))

    def _products(self, place: int) -> Iterator[Step]:
        """The products of a step, each moving on with the loops around it."""
        value = self.count + place
        if value not in self.strides:
            self._settle(value)
        added, home = self.nest.is_added_up(value), self._home(value)
        for number, term in enumerate(self.program.steps[place].terms):
            views = [view for view in term if view.value != ONE]
            homes = [self._lies(view) for view in views]
            moves = [
                self._moves(which, strides)
                for which, (_, strides) in zip(
                    (*(view.value for view in views), value), (*homes, home), strict=True
                )
            ]
            yield one_step(self.sizes, homes, home, add=added or number > 0, moves=moves)

    def _moves(self, value: int, strides: Mapping[str, int]) -> list[int]:
        """How far a value is looked at further on in each iteration of each loop that runs."""
        return [
            strides.get(loop.label, 0) * loop.block if self._is_whole(value, loop) else 0
            for loop, runs in self.loops
            if runs
        ]

    def _is_whole(self, value: int, loop: Loop) -> bool:
        """Whether all entries of a looped axis have a place of their own in a value."""
        return value < self.count or loop not in self.nest.scopes[value]

    def _lies(self, view: View) -> Home:
        """Where the entries of a view begin that run first."""
        if view.value >= self.count:
            return self._home(view.value)
        strides = dict(zip(view.labels, view.strides, strict=True))
        offset = sum(start * strides.get(label, 0) for label, start in self.starts.items())
        return Part(view.value, view.offset + offset), strides

    def _home(self, value: int) -> Home:
        """Where a result begins, and its strides."""
        strides = self.strides[value]
        if value in self.nest.homes:
            number, piece = self.nest.homes[value]
            buffer, offset = self.count + number, piece.offset
        else:
            buffer, offset = self.count + len(self.program.outputs), self.places[value]
        for loop, _ in self.loops:
            if self._is_whole(value, loop):
                offset += self.starts[loop.label] * strides.get(loop.label, 0)
        return Part(buffer, offset), strides

    def _settle(self, value: int) -> None:
        """Choose how a result lies: looped axes outermost, the others as in the larger operand."""
        step = self.program.steps[value - self.count]
        extents = self.nest.extents(value)
        order = [label for label in step.labels if extents[label] != self.sizes[label]]
        views = sorted(step.terms[0], key=lambda view: self.program.volume(view.labels))
        small, large = map(self._strides_of, views)
        for strides in ({i: x for i, x in small.items() if i not in large}, large):
            longest = sorted(strides, key=strides.__getitem__, reverse=True)
            order += [label for label in longest if label in extents and label not in order]
        order += [label for label in step.labels if label not in order]
        made = row_major([extents[label] for label in order])
        self.strides[value] = dict(zip(order, made, strict=True))

    def _strides_of(self, view: View) -> Mapping[str, int]:
        if view.value >= self.count:
            return self.strides[view.value]
        return dict(zip(view.labels, view.strides, strict=True))
