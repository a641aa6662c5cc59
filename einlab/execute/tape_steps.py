"""Steps of a plan as the program of a tape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from einlab.contraction import Term
from einlab.execute.tape_program import ONE, Output, Piece, Product, Program, View, row_major
from einlab.steps import Step

__all__ = ["Run", "packed_run", "run_of", "view_of"]


@dataclass(frozen=True, slots=True)
class Run:
    """Steps on one tape: its program, which values it takes and which it makes for others."""

    steps: tuple[Step, ...]
    program: Program
    taken: tuple[int, ...]
    """Numbers of the values that are inputs, in their order, after those that are packed."""
    given: tuple[tuple[int, tuple[int, ...]], ...]
    """Number and shape of the value that each output is."""


@lru_cache(maxsize=1024)
def run_of(steps: tuple[Step, ...]) -> Run:
    """Steps on a tape of their own, to which every value they take is an input.

    >>> from einlab.planning import plan
    >>> run = run_of(plan("ij,jk->ik", (2, 3), (3, 4)).steps)
    >>> run.program, run.taken, run.given
    (<1 steps>, (0, 1), ((2, (2, 4)),))
    """
    return packed_run(steps, {}, ())


def packed_run(steps: Sequence[Step], packed: Mapping[int, View], lengths: Sequence[int]) -> Run:
    """Steps on a tape that finds some values in inputs before all others, which have lengths."""
    return _Builder(steps, packed, lengths).run()


def view_of(value: int, offset: int, term: Term, shape: Sequence[int]) -> View:
    """An array in a value; a repeated index moves along all its axes at once.

    >>> view_of(0, 0, ("i", "j", "i"), (2, 3, 2))
    View(value=0, offset=0, labels=('i', 'j'), strides=(7, 2))
    """
    moves: dict[str, int] = {}
    for index, size, stride in zip(term, shape, row_major(shape), strict=True):
        if size != 1:
            moves[index] = moves.get(index, 0) + stride
    return View(value, offset, tuple(moves), tuple(moves.values()))


class _Builder:
    """Goes through steps, keeping how each value is looked at."""

    def __init__(
        self, steps: Sequence[Step], packed: Mapping[int, View], lengths: Sequence[int]
    ) -> None:
        self.steps = steps
        self.sizes: dict[str, int] = {}
        made = {step.result for step in steps}
        taken: dict[int, tuple[Term, tuple[int, ...]]] = {}
        for step in steps:
            for value, term, shape in zip(step.operands, step.terms, step.shapes, strict=True):
                self.sizes.update(zip(term, shape, strict=True))
                if value not in made and value not in packed:
                    taken[value] = term, shape
        self.sizes = {index: size for index, size in self.sizes.items() if size != 1}
        self.taken = tuple(taken)
        self.inputs = (*lengths, *(math.prod(shape) for _, shape in taken.values()))
        self.views = dict(packed)
        for number, (value, (term, shape)) in enumerate(taken.items(), len(lengths)):
            self.views[value] = view_of(number, 0, term, shape)
        self.products: list[Product] = []

    def run(self) -> Run:
        """The program of the steps."""
        given: dict[int, Step] = {}
        for step in self.steps:
            self.views[step.result] = self._result(step)
            for value in step.operands:
                given.pop(value, None)
            given[step.result] = step
        outputs = tuple(self._output(step) for step in given.values())
        program = Program(self.sizes, self.inputs, tuple(self.products), outputs)
        shapes = tuple((value, step.shape) for value, step in given.items())
        return Run(tuple(self.steps), program, self.taken, shapes)

    def _result(self, step: Step) -> View:
        """Where the result of a step lies; a diagonal or permutation is a view of its operand."""
        sources = [self.views[value] for value in step.operands]
        if step.kind in ("diagonal", "permute"):
            return sources[0]
        labels = tuple(index for index in step.output if index in self.sizes)
        if step.kind == "sum":
            summed = tuple(index for index in sources[0].labels if index not in labels)
            sources = [sources[0], View(ONE, 0, summed, (0,) * len(summed))]
        left, right = sources
        self.products.append(Product(labels, ((left, right),)))
        strides = row_major([self.sizes[label] for label in labels])
        return View(len(self.inputs) + len(self.products) - 1, 0, labels, strides)

    def _output(self, step: Step) -> Output:
        """The result of a step, row by row in its order."""
        view = self.views[step.result]
        place = dict(zip(step.output, row_major(step.shape), strict=True))
        strides = tuple(place[label] for label in view.labels)
        return Output(math.prod(step.shape), (Piece(view, 0, strides),))
