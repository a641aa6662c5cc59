"""The gradient of a program as one program: forward, then backward with what it needs again.

Going backwards a product needs what went forward into it. Where both run in loops over an axis,
what has that axis would have to be kept whole from the one loop to the other; made again within the
second one it takes no more than a block. No JAX here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from einlab.execute.tape_program import Output, Product, Program, View, transposed

__all__ = ["Source", "gradient_source"]


@dataclass(frozen=True, eq=False)
class Source:
    """A program, whose first steps are made again where axes that they have run in loops."""

    program: Program
    forward: int = 0
    """How many steps those are."""

    def under(self, labels: frozenset[str]) -> Program:
        """The program for loops over these axes."""
        return _doubled(self, labels) if self.forward and labels else self.program


@lru_cache(maxsize=1024)
def _doubled(source: Source, labels: frozenset[str]) -> Program:
    """The program with each forward step that has one of the axes a second time."""
    program, forward = source.program, source.forward
    first = len(program.inputs) + forward
    again: dict[int, int] = {}
    steps = list(program.steps[:forward])
    for place, step in enumerate(steps[:]):
        if any(labels.intersection(view.labels) for term in step.terms for view in term):
            steps.append(_renumbered(step, again))
            again[len(program.inputs) + place] = first + len(again)
    moved = {
        value: value + len(again) for value in range(first, first + len(program.steps) - forward)
    }
    steps += [_renumbered(step, again | moved) for step in program.steps[forward:]]
    outputs = tuple(
        Output(
            output.length,
            tuple(
                replace(piece, source=_at(piece.source, again | moved)) for piece in output.pieces
            ),
        )
        for output in program.outputs
    )
    return replace(program, steps=tuple(steps), outputs=outputs)


def _renumbered(step: Product, number: Mapping[int, int]) -> Product:
    terms = tuple((_at(left, number), _at(right, number)) for left, right in step.terms)
    return Product(step.labels, terms)


def _at(view: View, number: Mapping[int, int]) -> View:
    return replace(view, value=number.get(view.value, view.value))


@lru_cache(maxsize=256)
def gradient_source(program: Program, places: tuple[int, ...]) -> Source:
    """The gradient in the inputs at these places, of the inputs and the outputs' cotangents.

    >>> from einlab.execute.tape_program import Piece
    >>> one = View(0, 0, ("i",), (1,)), View(1, 0, ("i",), (1,))
    >>> dot = Program({"i": 3}, (3, 3), (Product((), (one,)),), (Output(1, (Piece(View(2, 0, (),
    ...     ()), 0, ()),)),))
    >>> found = gradient_source(dot, (0,))
    >>> found.program.inputs, len(found.program.steps), found.forward
    ((3, 3, 1), 2, 1)
    """
    count, more = len(program.inputs), len(places)
    number = {value: value + more for value in range(count, count + len(program.steps))}
    tangent_of = {place: count + at for at, place in enumerate(places)}
    steps = [_renumbered(step, number) for step in program.steps]
    for place, step in enumerate(program.steps):
        terms = list[tuple[View, View]]()
        for left, right in step.terms:
            if left.value in tangent_of:
                terms.append((_at(left, tangent_of), _at(right, number)))
            if right.value in tangent_of:
                terms.append((_at(left, number), _at(right, tangent_of)))
        if terms:
            steps.append(Product(step.labels, tuple(terms)))
            tangent_of[count + place] = count + more + len(steps) - 1
    outputs = tuple(
        Output(
            output.length,
            tuple(
                replace(piece, source=_at(piece.source, tangent_of))
                for piece in output.pieces
                if piece.source.value in tangent_of
            ),
        )
        for output in program.outputs
    )
    inputs = (*program.inputs, *(program.inputs[place] for place in places))
    moved = Program(program.sizes, inputs, tuple(steps), outputs)
    linear_in = (False,) * count + (True,) * more
    return Source(transposed(moved, linear_in, (True,) * len(outputs)), len(program.steps))
