"""A program of small products as words for the interpreter of `einlab.native`.

Nothing is packed or copied on the way: operands are read where they lie. A result that an output
holds is written straight to its places there, and read there by later steps; the others share one
arena, in which a place is used again as soon as its last reader has run. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from einlab.execute.arena import Arena
from einlab.execute.summing import in_two
from einlab.execute.tape_program import ONE, Piece, Product, Program, View, row_major
from einlab.native.borders import is_strided
from einlab.native.interleaving import interleaved
from einlab.native.words import Axis, Part, Step, Words, assembled, fill, product, strided
from einlab.nativeorders import settled

__all__ = ["Encoded", "Home", "encoded", "one_step"]

APART, MUCH, LEAST = 2**16, 6, 8
"""Entries of a result from which on it may be made in another order than it is wanted in; times as
many that its operand has; entries that lie between neighbours in that operand."""
READ = 2**14
"""Entries of an operand from which on the order in which they are read matters more than that in
which a much smaller result is written."""

ONCE = Axis(1, 0, 0, 0)
"""An axis that arrays do not have."""

Home = tuple[Part, Mapping[str, int]]
"""Where a result begins, and how far neighbours along each of its axes lie apart."""
Strides = tuple[int, int, int, int]
"""Of an axis: how far neighbours lie apart in the result, left and right, and its length."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Words, whose buffers are the inputs, the outputs and the arena."""

    words: Words
    arena: int
    """Entries of the arena."""


@lru_cache(maxsize=64)
def encoded(program: Program, dtype: str, batch: int = 1) -> Encoded:
    """The words of a program for so many sets of inputs, which lie one behind the other.

    >>> one = View(0, 0, ("i",), (1,)), View(1, 0, ("i",), (1,))
    >>> dot = Product((), (one,))
    >>> whole = Piece(View(2, 0, (), ()), 0, ())
    >>> from einlab.execute.tape_program import Output
    >>> encoded(Program({"i": 3}, (3, 3), (dot,), (Output(1, (whole,)),)), "float32").arena
    0
    """
    writer = _Writer(program)
    steps = [*writer.zeros(), *writer.products(), *writer.copies()]
    lengths = (*program.inputs, *(output.length for output in program.outputs))
    return Encoded(assembled(dtype, steps, (*lengths, 0), batch=batch), writer.arena.length)


class _Writer:
    """Writes the steps of a program, in its order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.count = len(program.inputs)
        self.arena = Arena()
        self.homes: dict[int, Home] = {}
        """Where results lie, once they have a place."""
        self.others: list[tuple[int, Piece]] = []
        """Pieces of outputs that must be copied, and the output that each is for."""
        for buffer, output in enumerate(program.outputs, self.count):
            for piece in output.pieces:
                value = piece.source.value
                strides = dict(zip(piece.source.labels, piece.strides, strict=True))
                if value < self.count or value in self.homes or self._is_apart(value, strides):
                    self.others.append((buffer, piece))
                else:
                    self.homes[value] = Part(buffer, piece.offset), strides

    def _is_apart(self, value: int, strides: Mapping[str, int]) -> bool:
        """Whether a result is made as a far larger input lies, and put in its order at the end.

        So that input is read in runs, and only the result, a small part of it, is permuted.
        """
        step, entries = self.program.steps[value - self.count], self.program.lengths[value]
        large = self._by_size(step.terms[0])[-1]
        if entries < APART or self.program.volume(large.labels) < MUCH * entries:
            return False
        if large.value >= self.count or len(step.terms) > 1:
            return False
        own = {i: x for i, x in zip(large.labels, large.strides, strict=True) if i in strides}
        last = min(strides, key=strides.__getitem__)
        return last in own and own[last] >= LEAST * min(own.values())

    def zeros(self) -> Iterator[Step]:
        """Zeros in each output that no pieces cover."""
        for buffer, output in enumerate(self.program.outputs, self.count):
            covered = sum(self.program.volume(piece.source.labels) for piece in output.pieces)
            if covered < output.length:
                yield fill(Part(buffer, 0), output.length)

    def products(self) -> Iterator[Step]:
        """The products, each with the home of its result."""
        last = self._last_readers()
        ends: dict[int, list[int]] = {}
        for value, place in last.items():
            ends.setdefault(place, []).append(value)
        for place, step in enumerate(self.program.steps):
            value = self.count + place
            taken = 0
            if value not in self.homes:
                if value not in last:
                    continue  # nobody reads it
                self._settle(value, step)
            for taken, (left, right) in enumerate(step.terms):
                yield from self._terms(left, right, self.homes[value], add=taken > 0)
            for read in ends.get(place, ()):
                self.arena.give(self.homes[read][0].offset)

    def copies(self) -> Iterator[Step]:
        """What outputs hold that is an input, or that another place holds too."""
        for buffer, piece in self.others:
            strides = dict(zip(piece.source.labels, piece.strides, strict=True))
            one = View(ONE, 0, (), ())
            yield self._term(piece.source, one, (Part(buffer, piece.offset), strides), add=False)

    def _last_readers(self) -> dict[int, int]:
        """For each result in the arena, the last step that reads it and is itself of use."""
        last = {
            piece.source.value: len(self.program.steps)
            for _, piece in self.others
            if piece.source.value >= self.count and piece.source.value not in self.homes
        }
        for place in reversed(range(len(self.program.steps))):
            value = self.count + place
            if value in self.homes or value in last:
                for term in self.program.steps[place].terms:
                    for view in term:
                        if view.value >= self.count and view.value not in self.homes:
                            last.setdefault(view.value, place)
        return last

    def _settle(self, value: int, step: Product) -> None:
        """Give a result a place in the arena, in the order that time is predicted for."""
        small, large = (self._lies(view)[1] for view in self._by_size(step.terms[0]))
        order = settled(step.labels, _longest_first(small), _longest_first(large))
        sizes = [self.program.sizes[label] for label in order]
        offset = self.arena.take(self.program.lengths[value])
        part = Part(self.count + len(self.program.outputs), offset)
        self.homes[value] = part, dict(zip(order, row_major(sizes), strict=True))

    def _by_size(self, views: Iterable[View]) -> list[View]:
        """Views, the smallest first."""
        return sorted(views, key=lambda view: self.program.volume(view.labels))

    def _lies(self, view: View) -> Home:
        if view.value >= self.count:  # a result is looked at whole
            return self.homes[view.value]
        return Part(view.value, view.offset), dict(zip(view.labels, view.strides, strict=True))

    def _terms(self, left: View, right: View, home: Home, *, add: bool) -> Iterator[Step]:
        """One product of two views, or a sum of one, in two steps where that is faster."""
        views = [self._lies(view) for view in (left, right) if view.value != ONE]
        halves = in_two(views[0][1], home[1], self.program.sizes) if len(views) == 1 else None
        if halves is None:
            yield self._term(left, right, home, add=add)
            return
        sizes = [halves.sizes[label] for label in halves.stretch]
        offset = self.arena.take(math.prod(sizes))
        place = Part(self.count + len(self.program.outputs), offset)
        between = place, dict(zip(halves.stretch, row_major(sizes), strict=True))
        yield one_step(halves.sizes, [(views[0][0], halves.strides)], between, add=False)
        yield one_step(halves.sizes, [between], home, add=add)
        self.arena.give(offset)

    def _term(self, left: View, right: View, home: Home, *, add: bool) -> Step:
        """One product of two views, or one view alone."""
        views = [self._lies(view) for view in (left, right) if view.value != ONE]
        return one_step(self.program.sizes, views, home, add=add)


def one_step(
    sizes: Mapping[str, int],
    views: Sequence[Home],
    home: Home,
    *,
    add: bool,
    moves: Sequence[Sequence[int]] = (),
) -> Step:
    """The step that multiplies two views, or takes one alone, into the home of its result.

    Axes have these sizes, and are summed where the result lacks them. `moves` are how far each view
    and the result move on in the loops around.
    """
    first, a = views[0]
    second, b = views[1] if len(views) > 1 else (None, {})
    result, c = home
    of_first, of_result = (moves[0], moves[-1]) if moves else ((), ())
    of_second = moves[1] if len(moves) > 2 else [0] * len(of_first)
    labels = dict.fromkeys((*c, *a, *b))
    found = [(c.get(i, 0), a.get(i, 0), b.get(i, 0), sizes[i]) for i in labels]
    if len(found) > 1:
        found = _merged(found)
    axes = [Axis(size, a, b, c) for c, a, b, size in found]
    if second is not None:
        roles = _roles(found)
        if roles[2] and not is_strided(axes):
            made, swapped = _matrices(first, second, result, roles, add)
            if swapped:
                of_first, of_second = of_second, of_first
            return made._replace(advances=tuple(zip(of_first, of_second, of_result, strict=True)))
    advances = tuple(zip(of_first, of_second, of_result, strict=True))
    return strided(first, second, result, axes, add=add)._replace(advances=advances)


def _longest_first(strides: Mapping[str, int]) -> list[str]:
    return sorted(strides, key=strides.__getitem__, reverse=True)


def _merged(axes: list[Strides]) -> list[Strides]:
    """Axes by their strides in the result, the longest first; those that lie as one are one."""
    axes.sort(reverse=True)
    made = [axes[0]]
    for axis in axes[1:]:
        c, a, b, size = axis
        *outer, count = made[-1]
        if outer == [c * size, a * size, b * size]:
            made[-1] = (c, a, b, size * count)
        else:
            made.append(axis)
    return made


def _roles(axes: list[Strides]) -> tuple[list[Axis], list[Axis], list[Axis], list[Axis]]:
    """The axes of batch, m, k and n."""
    roles: tuple[list[Axis], list[Axis], list[Axis], list[Axis]] = [], [], [], []
    for c, a, b, size in axes:
        role = 2 if not c else 0 if a and b else 1 if a else 3
        roles[role].append(Axis(size, a, b, c))
    return roles


def _matrices(
    left: Part,
    right: Part,
    result: Part,
    roles: tuple[list[Axis], list[Axis], list[Axis], list[Axis]],
    add: bool,
) -> tuple[Step, bool]:
    """A product of matrices, the sides such that neighbours in the result are columns.

    Or of a matrix and a vector, which gives the only row.
    Where an operand has many times the entries of the result, its neighbours are: columns if they
    are kept, places of a row if they are summed over. Beside it whether the sides are swapped.
    """
    batch, m, k, n = roles
    vector = not (m and n)
    m, n = m or [ONCE], n or [ONCE]
    rows, summed, columns = (math.prod(axis.extent for axis in axes) for axes in (m, k, n))
    swapped = rows > columns if vector else m[-1].result < n[-1].result
    if not vector and summed >= MUCH * min(rows, columns) and summed * max(rows, columns) >= READ:
        large, own = (m, 1) if rows > columns else (n, 2)
        near = min(axis[own] for axis in large) < min(axis[own] for axis in k)
        swapped = near == (own == 1)
        k = sorted(k, key=lambda axis: -axis[own])
    if swapped:
        left, right, m, n, rows, columns = right, left, n, m, columns, rows
        batch, m, k, n = (
            [Axis(size, b, a, c) for size, a, b, c in axes] for axes in (batch, m, k, n)
        )
    m, n = interleaved(m, 1, summed / columns), interleaved(n, 2, summed / rows)
    return product(left, right, result, (batch, m, k, n), add=add), swapped
