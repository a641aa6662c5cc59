"""`Contraction`: which axes of which arrays are summed together, and nothing about how.

A contraction is a hypergraph: operands are its nodes, indices its edges (an edge may join any
number of operands). It is a value: immutable, hashable, without arrays.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from einlab.errors import ShapeError

__all__ = ["Contraction", "Network", "SizeClash", "Term", "equation_of"]

Term = tuple[str, ...]
"""The indices of one array, one an axis, in order."""


class SizeClash(ShapeError):
    """Two axes of one index have different sizes; `axes` holds (operand, axis) of both."""

    def __init__(self, text: str, axes: tuple[tuple[int, int], tuple[int, int]]) -> None:
        super().__init__(text)
        self.axes = axes


@dataclass(frozen=True)
class Network:
    """The hypergraph that a search sees: sets of numbered indices, no names, no repeats.

    Indices that one operand alone holds and the output does not are summed beforehand and are
    absent from `terms`; so are axes of length 1 that are broadcast.
    """

    terms: tuple[tuple[int, ...], ...]
    """The distinct indices of each operand."""
    output: tuple[int, ...]
    """The indices of the result."""
    sizes: tuple[int, ...]
    """Length of each index; index number i has length `sizes[i]`."""


@dataclass(frozen=True)
class Contraction:
    """Terms of the operands and of the output, with shapes and dtypes.

    An axis of length 1 whose index is longer elsewhere is broadcast, as in NumPy.

    Raises ShapeError (SizeClash) if two axes of one index have different sizes, neither being 1.

    >>> c = Contraction((("i", "j"), ("j", "k")), ("i", "k"), ((2, 3), (3, 4)), ("float32",) * 2)
    >>> c.equation, c.sizes
    ('ij,jk->ik', {'i': 2, 'j': 3, 'k': 4})
    """

    terms: tuple[Term, ...]
    """The indices of each operand, one an axis; an index may repeat (a diagonal is taken)."""
    output: Term
    """The indices of the result, in order, each once."""
    shapes: tuple[tuple[int, ...], ...]
    """The shape of each operand."""
    dtypes: tuple[str, ...]
    """The dtype of each operand, by name."""

    def __post_init__(self) -> None:
        _ = self.sizes  # a contraction that exists is one whose sizes agree

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Length of each index, in order of first appearance."""
        return index_sizes(self.terms, self.shapes)

    @cached_property
    def equation(self) -> str:
        """The equation in letters, or in words if an index has a longer name."""
        return equation_of(self.terms, self.output)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return tuple(self.sizes[index] for index in self.output)

    def volume(self, indices: Iterable[str]) -> int:
        """Number of elements of an array over the distinct `indices`.

        >>> c = Contraction((("i", "j"), ("j",)), ("i",), ((2, 3), (3,)), ("float32",) * 2)
        >>> c.volume("ij"), c.shape
        (6, (2,))
        """
        return math.prod(self.sizes[index] for index in indices)

    def is_broadcast(self, operand: int, axis: int) -> bool:
        """Whether this axis has length 1 while its index is longer elsewhere.

        >>> c = Contraction((("i",), ("i",)), ("i",), ((1,), (3,)), ("float32",) * 2)
        >>> c.is_broadcast(0, 0), c.is_broadcast(1, 0), c.squeezed
        (True, False, ((), ('i',)))
        """
        return self.shapes[operand][axis] != self.sizes[self.terms[operand][axis]]

    def one_slice(self, sliced: Collection[str]) -> Contraction:
        """The contraction in which the indices of `sliced` have length 1.

        >>> c = Contraction((("i", "j"), ("j",)), ("i",), ((2, 3), (3,)), ("float32",) * 2)
        >>> c.one_slice({"j"}).shapes
        ((2, 1), (1,))
        """
        if not sliced:
            return self
        shapes = tuple(
            tuple(1 if index in sliced else n for index, n in zip(term, shape, strict=True))
            for term, shape in zip(self.terms, self.shapes, strict=True)
        )
        return Contraction(self.terms, self.output, shapes, self.dtypes)

    @cached_property
    def squeezed(self) -> tuple[Term, ...]:
        """The terms without broadcast axes and without lone axes of length 1: free to drop."""
        lone = self._lone
        return tuple(
            tuple(
                index
                for axis, index in enumerate(term)
                if not self.is_broadcast(operand, axis)
                and not (self.sizes[index] == 1 and index in lone)
            )
            for operand, term in enumerate(self.terms)
        )

    @cached_property
    def leaves(self) -> tuple[Term, ...]:
        """What each operand holds once diagonals are taken and lone indices summed."""
        lone = self._lone
        return tuple(
            tuple(index for index in dict.fromkeys(term) if index not in lone)
            for term in self.squeezed
        )

    @cached_property
    def network(self) -> Network:
        """The hypergraph over numbered indices; numbers follow the order of `sizes`.

        >>> c = Contraction((("i", "i", "j"), ("k",)), ("k",), ((2, 2, 3), (4,)), ("float32",) * 2)
        >>> c.leaves
        ((), ('k',))
        >>> c.network
        Network(terms=((), (2,)), output=(2,), sizes=(2, 3, 4))
        """
        number = {index: place for place, index in enumerate(self.sizes)}
        return Network(
            tuple(tuple(number[index] for index in leaf) for leaf in self.leaves),
            tuple(number[index] for index in self.output),
            tuple(self.sizes.values()),
        )

    @cached_property
    def _lone(self) -> frozenset[str]:
        """Indices that a single operand holds and the output does not."""
        held: Counter[str] = Counter()
        for operand, term in enumerate(self.terms):
            held.update(
                {index for axis, index in enumerate(term) if not self.is_broadcast(operand, axis)}
            )
        return frozenset(held) - {i for i, count in held.items() if count > 1} - set(self.output)


def index_sizes(terms: Sequence[Term], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """Length of each index over all operands; a length of 1 gives way to any other.

    Raises SizeClash naming the index, the operands and both sizes.

    >>> index_sizes([("i", "j"), ("j",)], [(2, 1), (3,)])
    {'i': 2, 'j': 3}
    """
    sizes: dict[str, int] = {}
    seen: dict[str, tuple[int, int]] = {}
    for operand, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for axis, (index, size) in enumerate(zip(term, shape, strict=True)):
            known = sizes.setdefault(index, size)
            if known == size or size == 1:
                seen.setdefault(index, (operand, axis))
            elif known == 1:
                sizes[index], seen[index] = size, (operand, axis)
            else:
                first = seen[index]
                text = f"has size {known} in operand {first[0]} and {size} in operand {operand}"
                if first[0] == operand:
                    text = f"stands for axes of sizes {known} and {size} in operand {operand}"
                raise SizeClash(f"index {index!r} {text}", (first, (operand, axis)))
    return sizes


def equation_of(terms: Iterable[Term], output: Term) -> str:
    """Terms as text: letters if every index is one character, else words between blanks.

    >>> equation_of([("i", "j"), ("j",)], ("i",))
    'ij,j->i'
    >>> equation_of([("batch", "key"), ("key",)], ("batch",))
    'batch key, key -> batch'
    """
    terms = list(terms)
    if all(len(index) == 1 for term in (*terms, output) for index in term):
        return f"{','.join(''.join(term) for term in terms)}->{''.join(output)}"
    return f"{', '.join(' '.join(term) for term in terms)} -> {' '.join(output)}".rstrip()
