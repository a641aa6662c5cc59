"""Chains: the matrix-chain dynamic programme, exact for chains of matrices.

Every operand shares indices with its two neighbours at most; open indices may hang anywhere. Runs
of neighbours are contracted as in the matrix-chain problem (Godbole 1973): a run from i to j that
is split after k costs w(i, j)·b(k), with b the volume of the bond that is summed and w that of the
result. All splits of all runs of one length are tried at once. Where elements have a price, or
where an operand between two others has an open index, an outer product of strangers may pay: this
is for objectives that price multiplications alone, and exact where `of_matrices`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from einlab.contraction import Contraction, Network
from einlab.errors import ArgumentError
from einlab.objectives import Objective
from einlab.search.tree import Tree

__all__ = ["Chain", "counts_multiplications", "line_of", "of_matrices"]

Floats = NDArray[np.float64]
SMALLEST = 2.0**-80  # stands for a size of 0: vanishes in sums, and division by it stays exact


@dataclass(frozen=True, slots=True)
class Chain:
    """The best order of neighbours of a chain; a thousand matrices take about half a second.

    For objectives that price multiplications alone: see `counts_multiplications`.
    """

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of least price. Raises ArgumentError if there is no chain: see `line_of`."""
        line = line_of(contraction.network)
        if line is None:
            raise ArgumentError("the operands form no chain: use optimize='auto'")
        return Tree(contraction, _pairs(line, *_volumes(contraction.network, line), objective))


def counts_multiplications(objective: Objective) -> bool:
    """Whether an objective is the sum of prices of multiplications and of nothing else."""
    return objective.adds and not (objective.read or objective.write or objective.step)


def line_of(network: Network) -> list[int] | None:
    """The operands from one end of the chain to the other; None if they form none.

    >>> line_of(Network(((0, 1), (2, 3), (1, 2)), (0, 3), (2, 3, 4, 5)))
    [0, 2, 1]
    """
    holders: dict[int, list[int]] = {}
    for operand, term in enumerate(network.terms):
        for index in term:
            holders.setdefault(index, []).append(operand)
    near: list[set[int]] = [set() for _ in network.terms]
    output = set(network.output)
    for index, held in holders.items():
        if len(held) > 2 or (len(held) == 2 and index in output):
            return None
        if len(held) == 2:
            near[held[0]].add(held[1])
            near[held[1]].add(held[0])
            if max(len(near[held[0]]), len(near[held[1]])) > 2:
                return None
    ends = [operand for operand, others in enumerate(near) if len(others) == 1]
    if len(ends) != 2:
        return None
    line, last = [ends[0]], -1
    while onward := near[line[-1]] - {last}:
        last = line[-1]
        line.append(onward.pop())
    return line if len(line) == len(network.terms) else None


def of_matrices(network: Network, line: list[int]) -> bool:
    """Whether only the ends of a chain have open indices, so that no outer product pays.

    In `a,abc,b->c` it does: a times b first leaves one product over both bonds.

    >>> of_matrices(Network(((0,), (0, 1, 2), (1,)), (2,), (2, 2, 9)), [0, 1, 2])
    False
    """
    holders = Counter(index for term in network.terms for index in term)
    return not any(
        holders[index] == 1 and network.sizes[index] > 1
        for operand in line[1:-1]
        for index in network.terms[operand]
    )


def _volumes(network: Network, line: list[int]) -> tuple[Floats, Floats]:
    """Volumes of the bond after each operand but the last, and of the open indices of each."""
    terms = [set(network.terms[operand]) for operand in line]
    shared = [left & right for left, right in pairwise(terms)]
    around = zip([set[int](), *shared], terms, [*shared, set[int]()], strict=True)

    def volume(term: set[int]) -> float:
        return min(math.prod(float(network.sizes[index]) or SMALLEST for index in term), 1e300)

    bonds = [volume(term) for term in shared]
    opened = [volume(term - before - after) for before, term, after in around]
    return np.array(bonds), np.array(opened)


def _pairs(
    line: list[int], bonds: Floats, opened: Floats, objective: Objective
) -> tuple[tuple[int, int], ...]:
    """The steps of the best order, found by the length of the runs."""
    count = len(line)
    before, after = np.append(1.0, bonds), np.append(bonds, 1.0)
    each = np.where(bonds > 1.5, objective.multiply, objective.outer) * bonds
    starting = np.zeros((count, count))  # by first operand and length - 1
    ending = np.zeros((count, count))  # by last operand and length - 1
    splits = np.zeros((count, count), np.int64)
    results = opened.copy()
    with np.errstate(over="ignore"):
        for length in range(2, count + 1):
            runs = count - length + 1
            results = results[:-1] * opened[length - 1 :]
            volumes = results * before[:runs] * after[length - 1 :]
            costs = sliding_window_view(each, length - 1)[:runs] * volumes[:, None]
            costs += starting[:runs, : length - 1]
            costs += ending[length - 1 :, length - 2 :: -1]
            best = costs.argmin(axis=1)
            least = costs[np.arange(runs), best]
            starting[:runs, length - 1] = ending[length - 1 :, length - 1] = least
            splits[:runs, length - 1] = best + 1
    return tuple(_steps(line, splits))


def _steps(line: list[int], splits: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The steps of the splits in SSA form, without recursion: a chain may be thousands long."""
    count = len(line)
    stack, order = [(0, count)], []
    while stack:
        first, length = stack.pop()
        if length > 1:
            cut = int(splits[first, length - 1])
            order.append((first, length, cut))
            stack += [(first, cut), (first + cut, length - cut)]
    made = {(place, 1): operand for place, operand in enumerate(line)}
    for step, (first, length, cut) in enumerate(reversed(order)):
        left, right = made[first, cut], made[first + cut, length - cut]
        made[first, length] = count + step
        yield min(left, right), max(left, right)
