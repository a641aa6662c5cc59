"""The canonical form of a contraction, whose key renamed, reordered and transposed twins share.

Operands and indices are coloured by what they are (bytes; size and whether the output has them),
the colours are refined by those of their neighbours until nothing changes, and where several still
look alike one is singled out and the refinement repeated. Source of the method: McKay and Piperno
2014 (J. Symb. Comput. 60), without their search through automorphisms: twins that differ by a
symmetry which this misses get two keys, but two networks never get one, because the key is the
whole network.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import opt_einsum

from einlab import dtypes
from einlab.contraction import Contraction

__all__ = ["Canonical", "canonical"]

MOST_WORK = 500_000
"""Neighbours visited before what still looks alike is left in the order in which it was written."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A contraction in canonical form, and what of the given one stands where in it."""

    contraction: Contraction
    """The form: twins have equal ones, and no others have."""
    operands: tuple[int, ...]
    """The operand of the given contraction at each place of the form."""
    indices: tuple[str, ...]
    """The index of the given contraction at each place of the form's sizes."""

    @property
    def key(self) -> str:
        """64 hexadecimal digits that stand for the form."""
        form = self.contraction
        numbers = {index: number for number, index in enumerate(form.sizes)}
        text = json.dumps(
            (
                [[numbers[index] for index in term] for term in form.terms],
                [numbers[index] for index in form.output],
                form.shapes,
                form.dtypes,
            ),
            separators=(",", ":"),
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def pairs_here(self, pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        """Steps over the operands of the form as steps over those of the given contraction."""
        return _renumbered(pairs, dict(enumerate(self.operands)))

    def pairs_there(self, pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        """Steps over the operands of the given contraction as steps over those of the form."""
        return _renumbered(pairs, {own: place for place, own in enumerate(self.operands)})

    def names_here(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Indices of the form as indices of the given contraction."""
        own = dict(zip(self.contraction.sizes, self.indices, strict=True))
        return tuple(own[name] for name in names)

    def names_there(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Indices of the given contraction as indices of the form."""
        form = dict(zip(self.indices, self.contraction.sizes, strict=True))
        return tuple(form[name] for name in names)


def _renumbered(
    pairs: tuple[tuple[int, int], ...], number: dict[int, int]
) -> tuple[tuple[int, int], ...]:
    made = []
    for left, right in pairs:
        one, two = number.get(left, left), number.get(right, right)
        made.append((min(one, two), max(one, two)))
    return tuple(made)


def canonical(contraction: Contraction) -> Canonical:
    """The canonical form of a contraction: operands, axes and names in an order of their own.

    >>> from einlab.notation import parse
    >>> one = parse("ij,jk->ik", ((2, 3), (3, 4)), ("float32",) * 2)
    >>> twin = parse("bc,ba->ca", ((3, 4), (3, 2)), ("float32",) * 2)
    >>> canonical(one).key == canonical(twin).key
    True
    """
    names = tuple(contraction.sizes)
    graph = _Graph(contraction)
    graph.refine()
    graph.single_out()
    count = len(contraction.terms)
    order = sorted(range(count + len(names)), key=lambda node: (graph.colours[node], node))
    operands = tuple(node for node in order if node < count)
    number = {
        names[node - count]: place for place, node in enumerate(n for n in order if n >= count)
    }
    terms, shapes = [], []
    for own in operands:
        axes = sorted(
            (number[index], size)
            for index, size in zip(contraction.terms[own], contraction.shapes[own], strict=True)
        )
        terms.append(tuple(opt_einsum.get_symbol(place) for place, _ in axes))
        shapes.append(tuple(size for _, size in axes))
    form = Contraction(
        tuple(terms),
        tuple(
            opt_einsum.get_symbol(place)
            for place in sorted(number[index] for index in contraction.output)
        ),
        tuple(shapes),
        tuple(contraction.dtypes[own] for own in operands),
    )
    own_names = {opt_einsum.get_symbol(place): name for name, place in number.items()}
    return Canonical(form, operands, tuple(own_names[index] for index in form.sizes))


class _Graph:
    """Operands and indices as nodes, the axes between them as edges, and a colour for each."""

    def __init__(self, contraction: Contraction) -> None:
        count = len(contraction.terms)
        node = {index: count + place for place, index in enumerate(contraction.sizes)}
        self.neighbours: list[list[int]] = [[node[i] for i in term] for term in contraction.terms]
        self.neighbours += [[] for _ in node]
        for operand, term in enumerate(contraction.terms):
            for index in term:
                self.neighbours[node[index]].append(operand)
        output = set(contraction.output)
        self.colours = [
            hash((0, dtypes.itemsize(dtype), *sorted(shape)))
            for dtype, shape in zip(contraction.dtypes, contraction.shapes, strict=True)
        ]
        self.colours += [hash((1, size, i in output)) for i, size in contraction.sizes.items()]
        self.work = 0

    def refine(self) -> None:
        """Colour each node by its neighbours' colours until no class is split any more."""
        classes = len(set(self.colours))
        while self.work < MOST_WORK:
            colours = self.colours
            self.colours = [
                hash((colours[node], *sorted([colours[other] for other in neighbours])))
                for node, neighbours in enumerate(self.neighbours)
            ]
            self.work += sum(map(len, self.neighbours)) + len(colours)
            before, classes = classes, len(set(self.colours))
            if classes == before:
                return

    def single_out(self) -> None:
        """Tell nodes apart that look alike, one at a time, from the smallest class onwards."""
        while self.work < MOST_WORK:
            members: dict[int, list[int]] = {}
            for node, colour in enumerate(self.colours):
                members.setdefault(colour, []).append(node)
            alike = [(len(nodes), colour) for colour, nodes in members.items() if len(nodes) > 1]
            if not alike:
                return
            _, colour = min(alike)
            self.colours[members[colour][0]] = hash((2, colour))
            self.refine()
