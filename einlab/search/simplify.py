"""Simplification: the steps that any good order takes, and the parts that have nothing in common.

A step whose result is no larger than its larger operand is taken at once: scalars, vectors and
matrices are absorbed, equal and subset terms multiplied, chains of small tensors closed, until no
two arrays that share an index are left for it. What is left falls into connected parts, each
searched alone; their results are multiplied in the end, smallest first. Indices of size 1 join
nothing and are left out; indices that one operand alone holds the network has not. Refinement of
the whole tree may undo a step that was taken too early.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from einlab.contraction import Contraction, Network
from einlab.search.boltzmann import runs_of, shrink
from einlab.search.tree import Tree

__all__ = ["Part", "Simplified", "simplify"]

Pair = tuple[int, int]

FEW = 200  # a round that takes less than one step for so many operands is not worth its time


@dataclass(frozen=True)
class Part:
    """A connected contraction among the arrays that are left."""

    contraction: Contraction
    arrays: tuple[int, ...]
    """The number in the whole of each of its operands."""


@dataclass(frozen=True)
class Simplified:
    """A contraction, the steps already taken, and what is left of it."""

    contraction: Contraction
    pairs: tuple[Pair, ...]
    parts: tuple[Part, ...]

    def join(self, pairs: Sequence[Sequence[Pair]]) -> Tree:
        """The tree of the whole, from the steps of each part."""
        count = len(self.contraction.terms)
        steps = list(self.pairs)
        roots: list[tuple[int, int]] = []
        for part, inner in zip(self.parts, pairs, strict=True):
            number = list(part.arrays)
            for left, right in inner:
                pair = number[left], number[right]
                steps.append((min(pair), max(pair)))
                number.append(count + len(steps) - 1)
            roots.append((part.contraction.volume(part.contraction.output), number[-1]))
        heapq.heapify(roots)
        while len(roots) > 1:
            (small, left), (large, right) = heapq.heappop(roots), heapq.heappop(roots)
            steps.append((min(left, right), max(left, right)))
            heapq.heappush(roots, (small * large, count + len(steps) - 1))
        return Tree(self.contraction, tuple(steps))


def simplify(contraction: Contraction) -> Simplified:
    """Take every step that makes nothing larger, and part what is left.

    >>> chain = (("i",), ("i", "j"), ("j", "k"), ("k",))
    >>> c = Contraction(chain, (), ((2,), (2, 3), (3, 4), (4,)), ("float32",) * 4)
    >>> len(simplify(c).pairs), len(simplify(c).parts)
    (3, 1)
    """
    network = contraction.network
    live: dict[int, frozenset[int]] = {
        place: frozenset(index for index in term if network.sizes[index] != 1)
        for place, term in enumerate(network.terms)
    }
    steps: list[Pair] = []
    while True:
        numbers = list(live)
        terms = tuple(tuple(live[array]) for array in numbers)
        pairs = shrink(runs_of(Network(terms, network.output, network.sizes))).tolist()
        if len(pairs) * FEW < len(numbers):
            break
        _take(network, live, numbers, pairs, steps)
    return Simplified(contraction, tuple(steps), _parts(contraction, live))


def _take(
    network: Network,
    live: dict[int, frozenset[int]],
    numbers: list[int],
    pairs: list[list[int]],
    steps: list[Pair],
) -> None:
    """Carry steps among `numbers` out on the whole."""
    holders = [0] * len(network.sizes)
    for term in (*live.values(), network.output):
        for index in term:
            holders[index] += 1
    for pair in pairs:
        left, right = (numbers[place] for place in pair)
        a, b = live.pop(left), live.pop(right)
        for index in a & b:
            holders[index] -= 1
        made = len(network.terms) + len(steps)
        live[made] = (a | b) - {index for index in a & b if holders[index] == 1}
        numbers.append(made)
        steps.append((min(left, right), max(left, right)))


def _parts(contraction: Contraction, live: dict[int, frozenset[int]]) -> tuple[Part, ...]:
    """The connected parts, by the lowest array of each."""
    names = tuple(contraction.sizes)
    held: dict[int, list[int]] = {}
    for array, term in live.items():
        for index in term:
            held.setdefault(index, []).append(array)
    parts = []
    left = dict.fromkeys(live)
    while left:
        first = next(iter(left))
        found, stack = {first}, [first]
        while stack:
            for index in live[stack.pop()]:
                fresh = [array for array in held.pop(index, ()) if array not in found]
                found.update(fresh)
                stack.extend(fresh)
        members = sorted(found)
        for array in members:
            del left[array]
        if len(members) == len(contraction.terms):
            return (Part(contraction, tuple(members)),)
        parts.append(_part(contraction, names, live, tuple(members)))
    return tuple(parts)


def _part(
    contraction: Contraction,
    names: tuple[str, ...],
    live: dict[int, frozenset[int]],
    members: tuple[int, ...],
) -> Part:
    """The contraction of some of the arrays that are left."""
    sizes = contraction.network.sizes
    terms = [sorted(live[array]) for array in members]
    inside = {index for term in terms for index in term}
    output = [index for index in contraction.network.output if index in inside]
    return Part(
        Contraction(
            tuple(tuple(names[index] for index in term) for term in terms),
            tuple(names[index] for index in output),
            tuple(tuple(sizes[index] for index in term) for term in terms),
            ("float32",) * len(members),
        ),
        members,
    )
