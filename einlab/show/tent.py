"""Where the arrays of a contraction tree stand in a picture, and how thick and warm each branch is.

In the tent operands stand in a row at the bottom, every result above the middle of its own
operands, the result of the whole at the top. Coordinates run from 0 to 1, x to the right and y up;
bent to a circle they make the ring: x is the part of a turn, y the way from the rim to the middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from einlab.search.tree import Tree
from einlab.show import units
from einlab.show.subject import Subject, warmth
from einlab.show.text import abbreviated, spelled

__all__ = ["Node", "described", "pitch", "told"]


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
    """The part of the FLOPs that the step producing it takes; 0 for an operand."""
    warmth: int
    """The colour class of the step producing it, by its FLOPs a byte; 0 for an operand."""
    label: str
    """Its indices."""
    parent: int | None
    """The array it is contracted into."""


def pitch(subject: Subject) -> tuple[Node, ...]:
    """All arrays of the tree with their places, operands first, then results in order."""
    tree = subject.tree
    count = len(tree.contraction.terms)
    left_end, right_end = _spans(tree)
    levels = [0] * count
    for left, right in tree.pairs:
        levels.append(1 + max(levels[left], levels[right]))
    parents = {array: count + step for step, pair in enumerate(tree.pairs) for array in pair}
    logs = [math.log2(max(tree.volume(array), 1)) for array in range(len(tree.terms))]
    top, largest = max(levels[-1], 1), max(*logs, 1.0)
    return tuple(
        Node(
            array,
            x=(left_end[array] + right_end[array]) / (2 * count),
            y=levels[array] / top,
            level=levels[array],
            weight=logs[array] / largest,
            share=subject.shares[array - count] if array >= count else 0.0,
            warmth=warmth(subject.products[array - count]) if array >= count else 0,
            label=spelled(tree, array),
            parent=parents.get(array),
        )
        for array in range(len(tree.terms))
    )


def described(subject: Subject) -> tuple[str, str]:
    """A title for the picture of a tree, and a sentence that tells what there is to see."""
    tree = subject.tree
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
    return title, f"{sentence}; {told}{subject.slicing}."


def told(subject: Subject, node: Node) -> str:
    """What there is to say about an array of the tree."""
    tree = subject.tree
    count = len(tree.contraction.terms)
    if node.array < count:
        sizes = units.sizes(tree.contraction.shapes[node.array])
        return abbreviated(f"operand {node.array}: {node.label}, {sizes}", 120)
    left, right = tree.pairs[node.array - count]
    cost = subject.products[node.array - count]
    return (
        f"step {node.array - count}, arrays {left} and {right}: "
        f"{abbreviated(node.label, 40, middle=True)}, "
        f"{units.count(tree.volume(node.array))} elements, {units.si(cost.flops, 'FLOP')} "
        f"({units.percent(node.share)}), {units.number(cost.intensity)} FLOP/B"
    )


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
