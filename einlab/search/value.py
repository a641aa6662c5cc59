"""What a tree is worth: its exact value under an objective, its size and its peak.

Everything here is counted in whole numbers from the tree alone, apart from how a search found it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from einlab.dtypes import itemsize, promote, working
from einlab.objectives import Objective
from einlab.search.tree import Tree

__all__ = [
    "largest_before_last",
    "largest_intermediate",
    "peak_bytes",
    "peak_elements",
    "tree_value",
]


def tree_value(tree: Tree, objective: Objective, sliced: Collection[int] = ()) -> int:
    """The value of a tree under an objective, over all slices if indices are sliced.

    `sliced` are numbers of the network; `size` and `peak` are those of one slice.

    >>> from einlab.contraction import Contraction
    >>> from einlab.objectives import OBJECTIVES
    >>> c = Contraction((("i", "j"), ("j", "k")), ("i", "k"), ((2, 3), (3, 4)), ("f4",) * 2)
    >>> tree_value(Tree(c, ((0, 1),)), OBJECTIVES["flops"])
    48
    """
    if objective.combine == "peak":
        return peak_elements(tree, sliced)
    if objective.combine == "max":
        return largest_intermediate(tree, sliced)
    sizes = sizes_without(tree, sliced)
    volumes = [_volume(term, sizes) for term in tree.terms]
    count = len(tree.contraction.terms)
    total = 0
    for step, (left, right) in enumerate(tree.pairs):
        total += objective.price(
            volumes[left],
            volumes[right],
            volumes[count + step],
            _volume(tree.terms[left] | tree.terms[right], sizes),
        )
    return total * math.prod(tree.contraction.network.sizes[index] for index in sliced)


def largest_intermediate(tree: Tree, sliced: Collection[int] = ()) -> int:
    """Elements of the largest result of a step, of one slice; 0 where there is no step."""
    sizes = sizes_without(tree, sliced)
    count = len(tree.contraction.terms)
    return max((_volume(term, sizes) for term in tree.terms[count:]), default=0)


def largest_before_last(tree: Tree, sliced: Collection[int] = ()) -> int:
    """Elements of the largest intermediate of one slice, the last step's result apart."""
    sizes = sizes_without(tree, sliced)
    count = len(tree.contraction.terms)
    return max((_volume(term, sizes) for term in tree.terms[count:-1]), default=0)


def peak_elements(tree: Tree, sliced: Collection[int] = ()) -> int:
    """Elements of results of steps alive at once, of one slice, in the order of the steps.

    While a step runs its operands and its result are alive, and every result not yet used;
    operands of the contraction itself are not counted.
    """
    sizes = sizes_without(tree, sliced)
    count = len(tree.contraction.terms)
    live = peak = 0
    volumes = [0] * count
    for step, (left, right) in enumerate(tree.pairs):
        volumes.append(_volume(tree.terms[count + step], sizes))
        live += volumes[-1]
        peak = max(peak, live)
        live -= volumes[left] + volumes[right]
    return peak


def sizes_without(tree: Tree, sliced: Collection[int]) -> list[int]:
    """Sizes of the indices of a tree's network, 1 for those that are sliced."""
    sizes = list(tree.contraction.network.sizes)
    for index in sliced:
        sizes[index] = 1
    return sizes


def _volume(term: Iterable[int], sizes: list[int]) -> int:
    return math.prod([sizes[index] for index in term])


def peak_bytes(tree: Tree, sliced: Collection[int] = ()) -> int:
    """Bytes alive at once, the arguments and the whole result included, in the order of the steps.

    The arguments stay. An operand whose axes are summed, or sliced, beforehand is a copy that lives
    while the step that uses it runs. With slices the result is added up beside the slice at work.
    """
    contraction = tree.contraction
    each = itemsize(working(promote(contraction.dtypes)))
    arguments = sum(
        math.prod(shape) * itemsize(promote((dtype,)))
        for shape, dtype in zip(contraction.shapes, contraction.dtypes, strict=True)
    )
    sizes = sizes_without(tree, sliced)
    count = len(contraction.terms)
    copies = [
        _volume(leaf, sizes) if math.prod(shape) != _volume(leaf, sizes) else 0
        for leaf, shape in zip(tree.terms[:count], contraction.shapes, strict=True)
    ]
    live, volumes, peak = 0, [0] * count, sum(copies) if count == 1 else 0
    for step, (left, right) in enumerate(tree.pairs):
        volumes.append(_volume(tree.terms[count + step], sizes))
        live += volumes[-1]
        beside = sum(copies[array] for array in (left, right) if array < count)
        peak = max(peak, live + beside)
        live -= volumes[left] + volumes[right]
    whole = math.prod(contraction.shape) if sliced else 0
    return arguments + each * (peak + whole)
