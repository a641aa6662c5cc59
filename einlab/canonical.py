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
import math
from dataclasses import dataclass

from einlab import dtypes
from einlab.contraction import Contraction

__all__ = ["Canonical", "canonical"]

MOST_WORK = 500_000
"""Neighbours visited before what still looks alike is left in the order in which it was written."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A key, and how a contraction is numbered in the form that the key describes."""

    key: str
    """Equal for twins, and for no others: 64 hexadecimal digits."""
    operands: tuple[int, ...]
    """The operand that stands at each place of the canonical form."""
    indices: tuple[int, ...]
    """The index of the network that stands at each place of the canonical form."""

    def pairs_here(self, pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        """Steps over the canonical operands as steps over those of this contraction."""
        return _renumbered(pairs, dict(enumerate(self.operands)))

    def pairs_there(self, pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        """Steps over the operands of this contraction as steps over the canonical ones."""
        return _renumbered(pairs, {own: place for place, own in enumerate(self.operands)})


def _renumbered(
    pairs: tuple[tuple[int, int], ...], number: dict[int, int]
) -> tuple[tuple[int, int], ...]:
    made = []
    for left, right in pairs:
        one, two = number.get(left, left), number.get(right, right)
        made.append((min(one, two), max(one, two)))
    return tuple(made)


def canonical(contraction: Contraction) -> Canonical:
    """The canonical form of a contraction: its network, and the bytes of each operand.

    >>> from einlab.notation import parse
    >>> one = parse("ij,jk->ik", ((2, 3), (3, 4)), ("float32",) * 2)
    >>> twin = parse("bc,ba->ca", ((3, 4), (3, 2)), ("float32",) * 2)
    >>> canonical(one).key == canonical(twin).key
    True
    """
    network = contraction.network
    graph = _Graph(contraction)
    graph.refine()
    graph.single_out()
    count = len(network.terms)
    order = sorted(range(count + len(network.sizes)), key=lambda node: (graph.colours[node], node))
    operands = tuple(node for node in order if node < count)
    indices = tuple(node - count for node in order if node >= count)
    place = {index: number for number, index in enumerate(indices)}
    form = {
        "terms": [sorted(place[index] for index in network.terms[own]) for own in operands],
        "bytes": [graph.bytes[own] for own in operands],
        "output": sorted(place[index] for index in network.output),
        "sizes": [network.sizes[index] for index in indices],
        "dtype": dtypes.promote(contraction.dtypes),
    }
    key = hashlib.sha256(json.dumps(form, separators=(",", ":")).encode()).hexdigest()
    return Canonical(key, operands, indices)


class _Graph:
    """Operands and indices as nodes, the axes between them as edges, and a colour for each."""

    def __init__(self, contraction: Contraction) -> None:
        network = contraction.network
        count = len(network.terms)
        self.bytes = [
            dtypes.itemsize(dtype) * math.prod(shape)
            for shape, dtype in zip(contraction.shapes, contraction.dtypes, strict=True)
        ]
        self.neighbours: list[list[int]] = [[count + index for index in t] for t in network.terms]
        self.neighbours += [[] for _ in network.sizes]
        for operand, term in enumerate(network.terms):
            for index in term:
                self.neighbours[count + index].append(operand)
        output = set(network.output)
        self.colours = [hash((0, self.bytes[operand])) for operand in range(count)]
        self.colours += [hash((1, size, i in output)) for i, size in enumerate(network.sizes)]
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
