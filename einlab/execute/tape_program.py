"""Programs of small products over flat arrays, and their derivatives, which are such programs too.

A `Program` takes flat arrays, multiplies parts of them step by step, and gives flat arrays. A step
is a sum of pairwise products over labelled axes; a permutation or a diagonal is only a way to look
at a value, so neither is a step. The derivative of such a program in its inputs, and the transpose
of a program that is linear in some of them, are built here, label by label, so that gradients of
any order stay of the one form that `tape` runs. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeVar

__all__ = [
    "ONE",
    "Linear",
    "Output",
    "Piece",
    "Product",
    "Program",
    "View",
    "linear",
    "pruned",
    "transposed",
]

Labels = tuple[str, ...]
T = TypeVar("T")

ONE = -1
"""The value that is the number one, whatever the axes it is looked at with."""


@dataclass(frozen=True, slots=True)
class View:
    """Entries of a value as an array over labelled axes; no axis has length 1.

    Inputs are looked at in any way, results of steps whole.
    """

    value: int
    """An input, numbered from 0, a result of a step, numbered after them, or `ONE`."""
    offset: int
    """Where in the value the first entry lies."""
    labels: Labels
    """The axes."""
    strides: tuple[int, ...]
    """How far neighbours along each axis lie apart."""


@dataclass(frozen=True, slots=True)
class Product:
    """One step: the sum of products of two views each, over axes that the result does not have.

    In every term an axis of the result is in the left view, in the right one or in both, the same
    in all terms; an axis that is summed is in both.
    """

    labels: Labels
    """The axes of the result, which lies row by row in this order."""
    terms: tuple[tuple[View, View], ...]
    """The left and right view of each product."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a view is put in an output: the same axes, other places."""

    source: View
    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """A flat array of some length made of pieces; it is 0 where there is none."""

    length: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """Steps over flat inputs, compared by identity: equal programs come from the caches below."""

    sizes: Mapping[str, int]
    """Length of each axis."""
    inputs: tuple[int, ...]
    """Length of each input."""
    steps: tuple[Product, ...]
    outputs: tuple[Output, ...]

    def __repr__(self) -> str:
        return f"<{len(self.steps)} steps>"

    def volume(self, labels: Iterable[str]) -> int:
        """Number of entries over these axes."""
        return math.prod(self.sizes[label] for label in labels)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Length of each value: inputs, then results."""
        return (*self.inputs, *(self.volume(step.labels) for step in self.steps))

    def whole(self, value: int) -> View:
        """A result as it lies."""
        labels = self.steps[value - len(self.inputs)].labels
        return View(value, 0, labels, row_major([self.sizes[label] for label in labels]))


def row_major(sizes: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array of these sizes that lies row by row.

    >>> row_major([2, 3, 4])
    (12, 4, 1)
    """
    strides, step = [], 1
    for size in reversed(sizes):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


@lru_cache(maxsize=64)
def pruned(program: Program, used: tuple[bool, ...]) -> Program:
    """The program of the outputs that are used, without steps that only the others need."""
    outputs = _chosen(program.outputs, used)
    count = len(program.inputs)
    needed = {piece.source.value for output in outputs for piece in output.pieces}
    for place in reversed(range(len(program.steps))):
        if count + place in needed:
            needed.update(view.value for term in program.steps[place].terms for view in term)
    number = {value: value for value in range(ONE, count)}
    steps: list[Product] = []
    for place, step in enumerate(program.steps):
        if count + place in needed:
            number[count + place] = count + len(steps)
            terms = tuple((_at(left, number), _at(right, number)) for left, right in step.terms)
            steps.append(Product(step.labels, terms))
    kept = tuple(
        Output(
            output.length,
            tuple(replace(piece, source=_at(piece.source, number)) for piece in output.pieces),
        )
        for output in outputs
    )
    return replace(program, steps=tuple(steps), outputs=kept)


@dataclass(frozen=True, slots=True)
class Linear:
    """A program beside its derivative.

    `forward` gives what the program gives and, last, the intermediates that `tangent` needs.
    `tangent` takes the inputs, those intermediates and the tangents of the inputs that vary; it
    gives the tangents of the outputs `varying`.
    """

    forward: Program
    tangent: Program
    varying: tuple[int, ...]


@lru_cache(maxsize=64)
def linear(program: Program, moved: tuple[bool, ...]) -> Linear:
    """The derivative of a program in the inputs that are `moved`.

    >>> one = View(0, 0, ("i",), (1,)), View(1, 0, ("i",), (1,))
    >>> dot = Program({"i": 3}, (3, 3), (Product((), (one,)),), (Output(1, (Piece(View(2, 0, (),
    ...     ()), 0, ()),)),))
    >>> linear(dot, (True, True)).tangent.steps[0].terms == (
    ...     (View(3, 0, ("i",), (1,)), one[1]), (one[0], View(4, 0, ("i",), (1,))))
    True
    """
    count = len(program.inputs)
    saved = _Saved(program)
    tangent_of: dict[int, int] = {}
    number = count + 1
    for value, moves in enumerate(moved):
        if moves:
            tangent_of[value] = number
            number += 1
    steps = []
    for place, step in enumerate(program.steps):
        terms = []
        for left, right in step.terms:
            if left.value in tangent_of:
                terms.append((_at(left, tangent_of), saved.kept(right)))
            if right.value in tangent_of:
                terms.append((saved.kept(left), _at(right, tangent_of)))
        if terms:
            tangent_of[count + place] = number
            number += 1
            steps.append(Product(step.labels, tuple(terms)))
    given = (*program.inputs, saved.length, *_chosen(program.inputs, moved))
    outputs, varying = [], []
    for place, output in enumerate(program.outputs):
        pieces = tuple(
            replace(piece, source=_at(piece.source, tangent_of))
            for piece in output.pieces
            if piece.source.value in tangent_of
        )
        if pieces:
            varying.append(place)
            outputs.append(Output(output.length, pieces))
    return Linear(
        replace(program, outputs=(*program.outputs, saved.output)),
        Program(program.sizes, given, tuple(steps), tuple(outputs)),
        tuple(varying),
    )


def _at(view: View, number: Mapping[int, int]) -> View:
    return View(number[view.value], view.offset, view.labels, view.strides)


def _chosen(given: Iterable[T], which: Iterable[bool]) -> tuple[T, ...]:
    return tuple(one for one, chosen in zip(given, which, strict=True) if chosen)


class _Saved:
    """The intermediates that a derivative needs, one after the other in one flat array."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.starts: dict[int, int] = {}
        self.length = 0

    def kept(self, view: View) -> View:
        """The view as one of the inputs of the derivative."""
        inputs = len(self.program.inputs)
        if view.value < inputs:
            return view
        if view.value not in self.starts:
            self.starts[view.value] = self.length
            self.length += self.program.lengths[view.value]
        start = self.starts[view.value]
        return View(inputs, start + view.offset, view.labels, view.strides)

    @property
    def output(self) -> Output:
        """What the program must give for it."""
        pieces = []
        for value, start in self.starts.items():
            whole = self.program.whole(value)
            pieces.append(Piece(whole, start, whole.strides))
        return Output(self.length, tuple(pieces))


@lru_cache(maxsize=64)
def transposed(program: Program, linear_in: tuple[bool, ...], sent: tuple[bool, ...]) -> Program:
    """The transpose of a program that is linear in some inputs.

    It takes the other inputs, then the cotangents of the outputs that are `sent`; it gives the
    cotangent of each input that the program is linear in.
    """
    return _Transposition(program, linear_in, sent).program()


class _Transposition:
    """Goes through a program backwards, collecting what is sent back to each value."""

    def __init__(
        self, program: Program, linear_in: tuple[bool, ...], sent: tuple[bool, ...]
    ) -> None:
        self.given = program
        self.linear_in = linear_in
        self.varies = set(_positions(linear_in))
        inputs = len(program.inputs)
        for place, step in enumerate(program.steps):
            if any(view.value in self.varies for term in step.terms for view in term):
                self.varies.add(inputs + place)
        self.number = {
            value: place for place, value in enumerate(_positions(not x for x in linear_in))
        }
        constants = tuple(program.inputs[value] for value in self.number)
        self.cotangents = {
            place: len(self.number) + number for number, place in enumerate(_positions(sent))
        }
        lengths = tuple(program.outputs[place].length for place in self.cotangents)
        self.inputs = (*constants, *lengths)
        self.steps: list[Product] = []
        self.back: dict[int, list[View]] = {}
        """What is sent back to each result, as views over its axes."""
        self.to_inputs: dict[tuple[int, int, frozenset[tuple[str, int]]], list[View]] = {}
        """What is sent back to each region of an input."""
        self.regions: list[tuple[tuple[int, int, frozenset[tuple[str, int]]], View]] = []

    def program(self) -> Program:
        """The transpose."""
        given, inputs = self.given, len(self.given.inputs)
        for place, step in enumerate(given.steps):
            if inputs + place not in self.varies:
                terms = tuple((self._known(left), self._known(right)) for left, right in step.terms)
                self.number[inputs + place] = self._add(Product(step.labels, terms))
        for place, value in self.cotangents.items():
            for piece in given.outputs[place].pieces:
                if piece.source.value in self.varies:
                    labels = piece.source.labels
                    self._send(piece.source, View(value, piece.offset, labels, piece.strides))
        for place in reversed(range(len(given.steps))):
            contributions = self.back.pop(inputs + place, None)
            if contributions is None:
                continue
            cotangent = self._sum(contributions)
            for left, right in given.steps[place].terms:
                if left.value in self.varies:
                    self._send(left, self._product(cotangent, self._known(right), left.labels))
                else:
                    self._send(right, self._product(cotangent, self._known(left), right.labels))
        return Program(given.sizes, self.inputs, tuple(self.steps), self._outputs())

    def _known(self, view: View) -> View:
        """A view of what does not vary, in the transpose."""
        return view if view.value == ONE else _at(view, self.number)

    def _add(self, step: Product) -> int:
        self.steps.append(step)
        return len(self.inputs) + len(self.steps) - 1

    def _whole(self, value: int) -> View:
        labels = self.steps[value - len(self.inputs)].labels
        return View(value, 0, labels, row_major([self.given.sizes[label] for label in labels]))

    def _product(self, cotangent: View, other: View, kept: Labels) -> View:
        return self._whole(self._add(Product(kept, ((cotangent, other),))))

    def _sum(self, views: list[View]) -> View:
        """The sum of views over the same axes."""
        if len(views) == 1:
            return views[0]
        one = View(ONE, 0, (), ())
        return self._whole(self._add(Product(views[0].labels, tuple((v, one) for v in views))))

    def _send(self, to: View, cotangent: View) -> None:
        """Note what is sent back to a view."""
        if to.value >= len(self.given.inputs):
            self.back.setdefault(to.value, []).append(cotangent)
            return
        region = (to.value, to.offset, frozenset(zip(to.labels, to.strides, strict=True)))
        if region not in self.to_inputs:
            self.regions.append((region, to))
        self.to_inputs.setdefault(region, []).append(cotangent)

    def _outputs(self) -> tuple[Output, ...]:
        """The cotangent of each input that varies."""
        pieces: dict[int, list[Piece]] = {}
        for region, to in self.regions:
            source = self._sum(self.to_inputs[region])
            stride = dict(zip(to.labels, to.strides, strict=True))
            strides = tuple(stride[label] for label in source.labels)
            pieces.setdefault(to.value, []).append(Piece(source, to.offset, strides))
        return tuple(
            Output(self.given.inputs[value], tuple(pieces.get(value, ())))
            for value in _positions(self.linear_in)
        )


def _positions(which: Iterable[bool]) -> list[int]:
    return [place for place, chosen in enumerate(which) if chosen]
