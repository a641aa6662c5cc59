"""What a tree is worth: its exact value under an objective, its size and its peak.

Everything here is counted in whole numbers from the tree alone, apart from how a search found it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from einlab.contraction import Contraction
from einlab.dtypes import held_in, itemsize, promote
from einlab.objectives import Objective
from einlab.search.tree import Tree

__all__ = [
    "in_peak_order",
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


def _volume(term: Iterable[int], sizes: Sequence[int]) -> int:
    return math.prod([sizes[index] for index in term])


def in_peak_order(tree: Tree) -> Tree:
    """The same tree with the steps in the order of least peak among those that finish a branch.

    At each step the side goes first whose peak exceeds its result by more (Sethi and Ullman 1970).

    >>> from einlab.contraction import Contraction
    >>> c = Contraction((("i",), ("i",), ("j",), ("j",)), (), ((9,),) * 4, ("float32",) * 4)
    >>> in_peak_order(Tree(c, ((0, 1), (2, 3), (4, 5)))).pairs
    ((0, 1), (2, 3), (4, 5))
    """
    count = len(tree.contraction.terms)
    held = [0] * count + [tree.volume(count + step) for step in range(len(tree.pairs))]
    peak = [0] * count
    for step, (left, right) in enumerate(tree.pairs):
        sides = min(
            max(peak[left], held[left] + peak[right]), max(peak[right], held[right] + peak[left])
        )
        peak.append(max(sides, held[left] + held[right] + held[count + step]))
    order: list[int] = []
    stack = [count + len(tree.pairs) - 1] if tree.pairs else []
    while stack:
        array = stack.pop()
        order.append(array)
        # Taken from the end, the side that is pushed last is made last.
        sides_of = sorted(tree.pairs[array - count], key=lambda side: held[side] - peak[side])
        stack.extend(side for side in sides_of if side >= count)
    number = {array: count + step for step, array in enumerate(reversed(order))}
    number.update((operand, operand) for operand in range(count))
    made = (sorted(number[side] for side in tree.pairs[array - count]) for array in reversed(order))
    return Tree(tree.contraction, tuple((left, right) for left, right in made))


def peak_bytes(tree: Tree, sliced: Collection[int] = (), dtype: str | None = None) -> int:
    """Bytes alive at once, the arguments and the whole result included, in the order of the steps.

    It is what a plan of the tree reports as its peak: the arguments stay, each copy of an operand
    that is sliced, reduced to a diagonal or summed lives until it is used, and with slices the
    result is added up beside the slice at work. `dtype` is that of the result.

    >>> from einlab.contraction import Contraction
    >>> c = Contraction((("i", "i"), ("i", "j")), ("j",), ((3, 3), (3, 2)), ("float32",) * 2)
    >>> peak_bytes(Tree(c, ((0, 1),)))  # operands of 36 and 24 bytes, a diagonal of 12, 8 of result
    80
    """
    whole = tree.contraction
    dtype = promote(whole.dtypes) if dtype is None else dtype
    each, count = itemsize(held_in(whole.dtypes, dtype)), len(whole.terms)
    names = tuple(whole.sizes)
    one = whole.one_slice({names[index] for index in sliced})
    terms = Tree(one, tree.pairs).terms
    live = sum(
        math.prod(shape) * itemsize(given)
        for shape, given in zip(whole.shapes, whole.dtypes, strict=True)
    )
    if not tree.pairs and one.squeezed[0] == whole.output:  # nothing is computed
        return live + math.prod(whole.shape) * itemsize(dtype)
    live += math.prod(whole.shape) * each if sliced else 0
    peak, kept = live, [0] * count
    sizes = tuple(one.sizes.values())
    for step, pair in enumerate(tree.pairs):
        for array in pair:
            if array < count:
                most, kept[array] = _prepared(whole, one, array, each)
                peak = max(peak, live + most)
                live += kept[array]
        kept.append(_volume(terms[count + step], sizes) * each)
        live += kept[-1]
        peak = max(peak, live)
        live -= sum(kept[array] for array in pair)
    if not tree.pairs:
        most, now = _prepared(whole, one, 0, each)
        permuted = sorted(one.squeezed[0]) == sorted(whole.output)
        peak += now + math.prod(one.shape) * each if permuted else most
    return peak


def _prepared(whole: Contraction, one: Contraction, operand: int, each: int) -> tuple[int, int]:
    """Bytes that making an operand ready needs at most, and that what comes out of it takes."""
    term, leaf = one.squeezed[operand], one.leaves[operand]
    most = now = 0
    if one.shapes[operand] != whole.shapes[operand]:
        most = now = one.volume(term) * itemsize(whole.dtypes[operand])
    distinct = set(term)
    made = [distinct] if len(distinct) < len(term) else []
    if len(distinct) > len(leaf):
        made.append(set(leaf))
    for indices in made:
        written = one.volume(indices) * each
        most, now = max(most, now + written), written
    return most, now
