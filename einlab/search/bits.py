"""Networks as arrays of 64-bit words: what the compiled searches work on.

A set of indices is a row of words, one bit an index. Indices of one size have words of their own,
so that the volume of a set is a count of bits times the log2 of a size for each size class; indices
whose size is rare share the last words, whose bits are weighed one by one. Indices of size 1 or 0
weigh nothing in a search and have no bit. Nothing here imports Numba.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from einlab.contraction import Network

__all__ = ["Floats", "Ints", "Packed", "Words", "pack", "pairs_of"]

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WORD = 64
COMMON = 16  # a size held by this many indices gets words of its own


@dataclass(frozen=True, eq=False)
class Packed:
    """The index sets of a network as bits."""

    leaves: Words
    """(operands, words): the indices of each operand."""
    output: Words
    """(words,): the indices of the result."""
    stops: Ints
    """(classes,): one past the last word of each size class."""
    logs: Floats
    """(classes,): log2 of the size of each class."""
    rest: Floats
    """(64 · mixed words,): log2 of the size of every bit of the words after the last class."""
    indices: Ints
    """(64 · words,): the number of the index that each bit stands for, -1 for none."""

    @property
    def weights(self) -> tuple[Ints, Floats, Floats]:
        """What the volume of a set is worked out from."""
        return self.stops, self.logs, self.rest


def pack(network: Network) -> Packed:
    """The bit sets of `network`, indices ordered by size class and then by first appearance.

    >>> packed = pack(Network(((0, 1), (1, 2)), (0,), (2, 4, 1)))
    >>> packed.leaves.tolist(), packed.output.tolist(), packed.rest[:2].tolist()
    ([[3], [2]], [1], [1.0, 2.0])
    """
    seen = dict.fromkeys(index for term in network.terms for index in term)
    long = [index for index in seen if network.sizes[index] > 1]
    held = Counter(network.sizes[index] for index in long)
    common = sorted(size for size, count in held.items() if count >= COMMON)
    place: dict[int, int] = {}
    stops, words = [], 0
    for size in common:
        place.update(
            (index, words * WORD + bit)
            for bit, index in enumerate(i for i in long if network.sizes[i] == size)
        )
        words += -(-held[size] // WORD)
        stops.append(words)
    others = [index for index in long if index not in place]
    place.update((index, words * WORD + bit) for bit, index in enumerate(others))
    mixed = -(-len(others) // WORD)
    rest = np.zeros(mixed * WORD)
    rest[: len(others)] = [math.log2(network.sizes[index]) for index in others]
    indices = np.full((words + mixed) * WORD, -1, np.int64)
    indices[list(place.values())] = list(place)
    return Packed(
        _rows(network.terms, place, words + mixed),
        _rows((network.output,), place, words + mixed)[0],
        np.array(stops, np.int64),
        np.array([math.log2(size) for size in common], np.float64),
        rest,
        indices,
    )


def _rows(terms: tuple[tuple[int, ...], ...], place: dict[int, int], words: int) -> Words:
    entries = [(row, place[i]) for row, term in enumerate(terms) for i in term if i in place]
    rows = np.zeros((len(terms), words), np.uint64)
    if entries:
        row, bit = np.array(entries, np.int64).T
        shifted = np.left_shift(np.uint64(1), (bit % WORD).astype(np.uint64))
        np.bitwise_or.at(rows, (row, bit // WORD), shifted)
    return rows


def pairs_of(children: Ints) -> tuple[tuple[int, int], ...]:
    """The steps of a tree in SSA form, each as soon as both its arrays exist, deepest first.

    >>> pairs_of(np.array([[-1, -1], [-1, -1], [-1, -1], [1, 4], [0, 2]]))
    ((0, 2), (1, 3))
    """
    table = children.tolist()
    count = (len(table) + 1) // 2
    roots = set(range(count, len(table))).difference(*(pair for pair in table[count:]))
    order: list[int] = []
    stack = list(roots)
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(child for child in table[node] if child >= count)
    number = {node: count + step for step, node in enumerate(reversed(order))}
    number.update((leaf, leaf) for leaf in range(count))
    return tuple(
        (min(pair), max(pair))
        for pair in ([number[child] for child in table[node]] for node in reversed(order))
    )
