"""Where the arrays of a contraction tree stand in a picture, and how thick and hot each branch is.

The form is a tent: operands in a row at the bottom, every result above the middle of its own
operands, the result of the whole at the top. Coordinates run from 0 to 1, x to the right and y up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from einlab.search.tree import Tree
from einlab.show import units
from einlab.show.text import abbreviated, spelled

__all__ = ["HEAT", "Node", "described", "heat", "pitch"]

HEAT = (0.01, 0.05, 0.2, 0.5)
"""Shares of the cost at which the colour of a branch changes."""

HEAT_NAMES = ("< 1 %", "1–5 %", "5–20 %", "20–50 %", "≥ 50 %")


@dataclass(frozen=True, slots=True)
class Node:
    """One array of the tree: an operand, or the result of a step."""

    array: int
    """Its number in the tree."""
    x: float
    y: float
    level: int
    """0 for an operand, else one more than its higher operand."""
    weight: float
    """Logarithm of its number of elements over the largest such logarithm, 0 to 1."""
    share: float
    """The part of all multiplications that the step producing it takes; 0 for an operand."""
    label: str
    """Its indices."""
    parent: int | None
    """The array it is contracted into."""


def pitch(tree: Tree) -> tuple[Node, ...]:
    """All arrays of the tree with their places, operands first, then results in order.

    >>> from einlab.contraction import Contraction
    >>> c = Contraction((("i", "j"), ("j", "k")), ("i", "k"), ((2, 3), (3, 4)), ("float32",) * 2)
    >>> [(node.label, node.x, node.y) for node in pitch(Tree(c, ((0, 1),)))]
    [('ij', 0.25, 0.0), ('jk', 0.75, 0.0), ('ik', 0.5, 1.0)]
    """
    count = len(tree.contraction.terms)
    left_end, right_end = _spans(tree)
    levels = [0] * count
    for left, right in tree.pairs:
        levels.append(1 + max(levels[left], levels[right]))
    parents = {array: count + step for step, pair in enumerate(tree.pairs) for array in pair}
    shares = _shares(tree)
    logs = [math.log2(max(tree.volume(array), 1)) for array in range(len(tree.terms))]
    top, largest = max(levels[-1], 1), max(*logs, 1.0)
    return tuple(
        Node(
            array,
            x=(left_end[array] + right_end[array]) / (2 * count),
            y=levels[array] / top,
            level=levels[array],
            weight=logs[array] / largest,
            share=shares[array - count] if array >= count else 0.0,
            label=spelled(tree, array),
            parent=parents.get(array),
        )
        for array in range(len(tree.terms))
    )


def heat(share: float) -> int:
    """The colour class of a share of the cost, 0 for the least.

    >>> [heat(share) for share in (0.001, 0.03, 0.9)]
    [0, 1, 4]
    """
    return sum(share >= limit for limit in HEAT)


def described(tree: Tree) -> tuple[str, str]:
    """A title for the picture of a tree, and a sentence that tells what there is to see.

    >>> from einlab.contraction import Contraction
    >>> c = Contraction((("i", "j"), ("j", "k")), ("i", "k"), ((2, 3), (3, 4)), ("float32",) * 2)
    >>> described(Tree(c, ((0, 1),)))[1]
    '2 operands are contracted in 1 step; the result has 8 elements.'
    """
    count, steps = len(tree.contraction.terms), len(tree.pairs)
    title = f"Contraction tree of {abbreviated(tree.contraction.equation, 60, middle=True)}"
    operands = "1 operand is" if count == 1 else f"{units.count(count)} operands are"
    sentence = f"{operands} contracted in {units.count(steps)} step{'s' * (steps != 1)}"
    result = units.count(tree.volume(len(tree.terms) - 1))
    if steps > 1:
        largest = max(tree.volume(array) for array in range(count, len(tree.terms) - 1))
        told = f"the largest intermediate has {units.count(largest)} elements, the result {result}"
    else:
        told = f"the result has {result} elements"
    return title, f"{sentence}; {told}."


def _spans(tree: Tree) -> tuple[list[int], list[int]]:
    """For every array the range of places that its operands take in the bottom row.

    The operands of every subtree stand side by side; without recursion, since trees may be deep.
    """
    count = len(tree.contraction.terms)
    left_end, right_end = [0] * len(tree.terms), [0] * len(tree.terms)
    place, stack = 0, [len(tree.terms) - 1]
    while stack:
        array = stack.pop()
        if array < count:
            left_end[array], place = place, place + 1
            right_end[array] = place
        else:
            stack.extend(reversed(tree.pairs[array - count]))
    for step, (left, right) in enumerate(tree.pairs):
        left_end[count + step] = left_end[left]
        right_end[count + step] = right_end[right]
    return left_end, right_end


def _shares(tree: Tree) -> Sequence[float]:
    """The part of all multiplications that each step takes."""
    sizes = tree.contraction.network.sizes
    work = [
        math.prod(sizes[index] for index in tree.terms[left] | tree.terms[right])
        for left, right in tree.pairs
    ]
    total = sum(work)
    return [step / total if total else 0.0 for step in work]
