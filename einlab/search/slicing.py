"""Slicing: fix some indices, contract once for each of their values, and add the results up.

A sliced index leaves every array that holds it smaller; the steps that do not hold it are
repeated. With P the price of all steps and P_i that of the steps which hold index i, slicing i of
size s costs P_i + s·(P - P_i) in all, so the best index is the one that raises the price least for
each bit saved.
Source: Gray and Kourtis 2021 (Quantum 5, 410), section 5; Chen et al. 2018 (arXiv:1805.01450).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np

from einlab.objectives import Objective
from einlab.search.tree import Tree
from einlab.search.value import sizes_without

__all__ = ["cheapest_index", "slice_indices"]

Fits = Callable[[Tree, Collection[int]], bool]
LARGEST_EXPONENT = 1000.0  # of two, within the range of a float


def slice_indices(
    tree: Tree, objective: Objective, fits: Fits, chosen: Collection[int] = ()
) -> tuple[int, ...] | None:
    """Indices whose slicing makes the tree fit, few and cheap; None if no slicing does.

    Indices are numbers of the network, in ascending order; those of `chosen` are sliced already,
    but given up where they are not needed.
    """
    chosen = list(chosen)
    while not fits(tree, chosen):
        index = cheapest_index(tree, objective, chosen)
        if index is None:
            return None
        chosen.append(index)
    for index in list(chosen):
        rest = [other for other in chosen if other != index]
        if fits(tree, rest):
            chosen = rest
    return tuple(sorted(chosen))


def cheapest_index(tree: Tree, objective: Objective, chosen: list[int]) -> int | None:
    """The index of a largest array whose slicing raises the price least for each bit saved."""
    sizes = sizes_without(tree, chosen)
    logs = [math.log2(size) if size else 0.0 for size in sizes]
    count = len(tree.contraction.terms)

    def volume(term: frozenset[int]) -> float:
        return 2.0 ** min(sum([logs[index] for index in term]), LARGEST_EXPONENT)

    volumes = [volume(term) for term in tree.terms]
    inner = range(count, len(tree.terms) - 1)
    order = sorted(inner, key=lambda array: -volumes[array])
    order += [*range(count), len(tree.terms) - 1]
    largest = next((a for a in order if any(sizes[i] > 1 for i in tree.terms[a])), None)
    if largest is None:
        return None
    candidates = sorted(index for index in tree.terms[largest] if sizes[index] > 1)
    column = {index: place for place, index in enumerate(candidates)}
    held = np.zeros(len(candidates))
    total = 0.0
    for step, (left, right) in enumerate(tree.pairs):
        product = tree.terms[left] | tree.terms[right]
        price = _price(objective, volumes, left, right, count + step, volume(product))
        total += price
        for index in product & column.keys():
            held[column[index]] += price
    overhead = [
        math.log2((held[place] + sizes[index] * (total - held[place])) / total) / logs[index]
        if total
        else 0.0
        for index, place in column.items()
    ]
    return candidates[overhead.index(min(overhead))]


def _price(
    objective: Objective, volumes: list[float], left: int, right: int, result: int, product: float
) -> float:
    """A step's price in floats; objectives that do not add are sliced by multiplications."""
    if not objective.adds:
        return product
    each = objective.multiply if 2 * product > 3 * volumes[result] else objective.outer
    return (
        each * product
        + objective.read * (volumes[left] + volumes[right])
        + objective.write * volumes[result]
    )
