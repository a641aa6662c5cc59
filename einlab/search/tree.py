"""`Tree`: which two arrays are contracted at each step, as a binary tree in SSA form.

Arrays are numbered: the operands 0 … n - 1, then the result of step s is n + s. A tree is a value;
its terms, costs and paths are derived from it and never stored.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from einlab.contraction import Contraction
from einlab.errors import PathError

__all__ = ["Groups", "Tree", "tree_from_path"]


@dataclass(frozen=True, slots=True)
class Groups:
    """The indices of a pairwise product by role, as numbers of the network."""

    batch: tuple[int, ...]
    """In both operands and in the result."""
    m: tuple[int, ...]
    """In the left operand and in the result."""
    k: tuple[int, ...]
    """In both operands, summed."""
    n: tuple[int, ...]
    """In the right operand and in the result."""


@dataclass(frozen=True)
class Tree:
    """A contraction and the pairs of arrays that its steps contract, in order.

    Raises PathError if a pair uses an array twice, or one that does not exist yet, or if more than
    one array is left.

    >>> terms, shapes = (("i", "j"), ("j", "k"), ("k",)), ((9, 8), (8, 7), (7,))
    >>> c = Contraction(terms, ("i",), shapes, ("float32",) * 3)
    >>> Tree(c, ((1, 2), (0, 3))).path
    ((1, 2), (0, 1))
    """

    contraction: Contraction
    pairs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        count = len(self.contraction.terms)
        live = set(range(count))
        for step, pair in enumerate(self.pairs):
            for array in pair:
                if array not in live:
                    raise PathError(
                        f"step {step} contracts arrays {pair[0]} and {pair[1]}, but array {array} "
                        "is not there: it is used up, or not made yet"
                    )
                live.discard(array)
            live.add(count + step)
        if len(live) != 1:
            raise PathError(f"{len(live)} arrays are left after the last step, not one")

    @cached_property
    def terms(self) -> tuple[frozenset[int], ...]:
        """The indices of every array, operands first, then results in order of the steps."""
        network = self.contraction.network
        terms = [frozenset(term) for term in network.terms]
        holders = [0] * len(network.sizes)
        for term in (*terms, network.output):
            for index in term:
                holders[index] += 1
        for left, right in self.pairs:
            shared = terms[left] & terms[right]
            for index in shared:
                holders[index] -= 1
            summed = {index for index in shared if holders[index] == 1}
            terms.append((terms[left] | terms[right]) - summed)
        return tuple(terms)

    @property
    def groups(self) -> Iterator[Groups]:
        """The roles of the indices at each step, in ascending order of their numbers."""
        count = len(self.contraction.terms)
        for step, (left, right) in enumerate(self.pairs):
            a, b, result = self.terms[left], self.terms[right], self.terms[count + step]
            shared = a & b
            yield Groups(
                batch=tuple(sorted(shared & result)),
                m=tuple(sorted(a - shared)),
                k=tuple(sorted(shared - result)),
                n=tuple(sorted(b - shared)),
            )

    def volume(self, array: int) -> int:
        """Number of elements of an array of the tree."""
        sizes = self.contraction.network.sizes
        return math.prod(sizes[index] for index in self.terms[array])

    @property
    def multiplications(self) -> int:
        """Scalar multiplications of all products: the sum of batch·m·k·n, dtype apart.

        >>> terms, shapes = (("i", "j"), ("j", "k"), ("k",)), ((9, 8), (8, 7), (7,))
        >>> tree = Tree(Contraction(terms, ("i",), shapes, ("float32",) * 3), ((1, 2), (0, 3)))
        >>> tree.multiplications, tree.volume(3), sorted(tree.terms[3]), next(tree.groups).k
        (128, 8, [1], (2,))
        """
        sizes = self.contraction.network.sizes
        return sum(
            math.prod(sizes[index] for index in self.terms[left] | self.terms[right])
            for left, right in self.pairs
        )

    @cached_property
    def path(self) -> tuple[tuple[int, int], ...]:
        """The path in opt_einsum's form: positions in a list that shrinks as it is contracted."""
        count = len(self.contraction.terms)
        live = list(range(count))  # ascending always, as each result has the highest number
        path = []
        for step, pair in enumerate(self.pairs):
            first, second = sorted(bisect_left(live, array) for array in pair)
            path.append((first, second))
            del live[second], live[first]
            live.append(count + step)
        return tuple(path)


def tree_from_path(contraction: Contraction, path: Sequence[Sequence[int]]) -> Tree:
    """The tree of a path in opt_einsum's form; a step over several operands is taken pairwise.

    A step over one operand alone moves it to the end, as opt_einsum does.

    Raises PathError if the path repeats, skips or invents an operand.

    >>> c = Contraction((("i",), ("i",), ("i",)), (), ((4,),) * 3, ("float32",) * 3)
    >>> tree_from_path(c, [(0, 1, 2)]).pairs
    ((0, 1), (2, 3))
    """
    count = len(contraction.terms)
    live = list(range(count))
    pairs: list[tuple[int, int]] = []
    for place, step in enumerate(path):
        positions = _positions(step, len(live), place)
        taken = [live[position] for position in positions]
        for position in reversed(positions):
            del live[position]
        while len(taken) > 1:
            left, right = taken.pop(0), taken.pop(0)
            pairs.append((min(left, right), max(left, right)))
            taken.append(count + len(pairs) - 1)
        live.append(taken[0])
    if len(live) > 1:
        raise PathError(
            f"the path {_shown(path)} leaves {len(live)} of {count} operands uncontracted"
        )
    return Tree(contraction, tuple(pairs))


def _positions(step: Sequence[int], live: int, place: int) -> list[int]:
    """The positions of a step, ascending and checked."""
    try:
        positions = [operator.index(position) for position in step]
    except TypeError:
        positions = []
    if not positions:
        raise PathError(f"step {place} of the path is {step!r}, not a tuple of operand numbers")
    for position in positions:
        if not -live <= position < live:
            raise PathError(
                f"step {place} of the path, {tuple(step)}, names operand {position}, but only "
                f"{'operand 0 is' if live == 1 else f'operands 0 to {live - 1} are'} left there"
            )
    wrapped = sorted(position % live for position in positions)
    if len(set(wrapped)) < len(wrapped):
        raise PathError(f"step {place} of the path, {tuple(step)}, repeats an operand")
    return wrapped


def _shown(path: Sequence[Sequence[int]]) -> str:
    text = str([tuple(step) for step in path])
    return text if len(text) <= 80 else f"{text[:77]}..."
