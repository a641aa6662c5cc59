"""Small treewidth: elimination orders whose largest step is the smallest possible, with proof.

The indices of a network are the nodes of a graph in which the indices of every operand, and those
of the output, are joined to each other. The largest number of multiplications that a step of a
contraction tree takes, minimised over all trees, outer products included, is exactly the weighted
treewidth of this graph: the largest volume of a bag of a tree decomposition, minimised (Markov and
Shi 2008, proposition 4.2, for graphs; the sets of indices that the steps touch are the bags, also
where indices are held by many operands).

Indices are eliminated by rules that never raise this width (Bodlaender, Koster and Eijkhof 2005,
"Preprocessing rules for triangulation"; van den Eijkhof, Bodlaender and Koster 2007, "Safe
reduction rules for weighted treewidth"): an index whose neighbours are joined to each other; and
one whose neighbours would be but for one of them that is no longer than it, if its bag is no larger
than a lower bound. The bound is the largest operand, or what contracting the graph to its minors
shows (Bodlaender and Koster 2011, "Treewidth computations II", weighted). With bonds of one size
trees, ladders and series-parallel networks of degree up to 5 are solved by the rules alone (40 of
40 drawn ones of 60 operands each); with bonds of many sizes the bound mostly stays a little below.
Where the rules stop, the index of least bag goes next, and the order is proven only if the bound is
met.

What is guaranteed of a proven order: its largest step has as few multiplications as any tree's, and
since the best tree has such a step too and this one at most n - 1 of them, at most n - 1 times the
fewest multiplications altogether. Within a bag arrays are contracted as well as can be.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from einlab.contraction import Contraction, Network
from einlab.objectives import Objective
from einlab.search.exact import best_pairs
from einlab.search.tree import Tree

__all__ = ["EliminationOrder", "Treewidth", "eliminated"]

LOCAL = 7  # arrays of a bag that are contracted in the best order
CROWDED = 40  # neighbours from which an index is not looked at
SLACK = 1e-9

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class EliminationOrder:
    """The order in which indices are summed, and how large its largest bag is."""

    order: tuple[int, ...]
    """Numbers of the network; indices of the output and of size 1 are not among them."""
    width: float
    """log2 of the multiplications of the largest step."""
    bound: float
    """log2 of what the largest step of any tree has at least."""

    @property
    def proven(self) -> bool:
        """Whether no tree has a smaller largest step."""
        return self.width <= self.bound + SLACK


@dataclass(frozen=True, slots=True)
class Treewidth:
    """A tree whose largest step is the smallest, for networks of small treewidth.

    Networks of a few hundred indices take some milliseconds to a tenth of a second.
    """

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of the elimination order; `objective` decides within the bags."""
        order = eliminated(contraction.network).order
        return Tree(contraction, _Buckets(contraction.network, objective).pairs(order))


def eliminated(network: Network) -> EliminationOrder:
    """An elimination order of the indices of a network.

    >>> ring = Network(((0, 1), (1, 2), (2, 3), (3, 0)), (), (2, 2, 2, 2))
    >>> eliminated(ring).width, eliminated(ring).proven
    (3.0, True)
    """
    graph = _Graph(network)
    bound = max(graph.largest, graph.minor_bound())
    width, order, safe = graph.largest, list[int](), True
    changed = set(graph.free)
    while graph.free:
        index = None
        while changed and index is None:
            index = changed.pop()
            if index not in graph.free or not graph.is_safe(index, bound):
                index = None
        if index is None:
            raised = graph.minor_bound() if safe else bound
            if raised > bound + SLACK:
                bound, changed = raised, set(graph.free)
                continue
            safe = False
            index = min(graph.free, key=lambda i: (graph.bag(i), i))
        width = max(width, graph.bag(index))
        changed |= graph.eliminate(index)
        order.append(index)
    return EliminationOrder(tuple(order), width, bound)


class _Graph:
    """Which indices are joined, and log2 of their sizes."""

    def __init__(self, network: Network) -> None:
        long = {index for index, size in enumerate(network.sizes) if size > 1}
        cliques = [set(term) & long for term in (*network.terms, network.output)]
        self.weight = {index: math.log2(network.sizes[index]) for index in long}
        self.near: dict[int, set[int]] = {}
        for clique in cliques:
            for index in clique:
                self.near.setdefault(index, set()).update(clique - {index})
        self.free = self.near.keys() - set(network.output)
        """Indices to be eliminated."""
        self.largest = max(sum(self.weight[index] for index in clique) for clique in cliques)

    def bag(self, index: int) -> float:
        """log2 of the volume of an index and its neighbours."""
        return self.weight[index] + sum([self.weight[other] for other in self.near[index]])

    def is_safe(self, index: int, bound: float) -> bool:
        """Whether some best order begins with this index."""
        around = self.near[index]
        if len(around) > CROWDED:
            return False
        apart = {one: gone for one in around if len(gone := around - self.near[one]) > 1}
        if not apart:
            return True
        if self.bag(index) > bound + SLACK:
            return False
        return any(
            self.weight[special] <= self.weight[index] + SLACK
            and all(gone <= {one, special} for one, gone in apart.items() if one != special)
            for special in apart
        )

    def eliminate(self, index: int) -> set[int]:
        """Join the neighbours of an index and take it away; the indices that this may concern."""
        around = self.near.pop(index)
        self.free.discard(index)
        concerned = set(around)
        for one in around:
            self.near[one] |= around
            self.near[one] -= {one, index}
            concerned |= self.near[one]
        return concerned & self.free

    def minor_bound(self) -> float:
        """A width that every order has: the least bag of some minor of the graph.

        The index of least bag is joined with the neighbour that shares fewest neighbours with it,
        again and again; what two indices become is as short as the shorter of them.
        """
        near = {index: set(others) for index, others in self.near.items()}
        weight = dict(self.weight)

        def bag(index: int) -> float:
            return weight[index] + sum([weight[other] for other in near[index]])

        least = [(bag(index), index) for index in near]
        heapq.heapify(least)
        bound = 0.0
        while least:
            size, index = heapq.heappop(least)
            if index not in near or size != bag(index):
                continue
            bound = max(bound, size)
            around = near.pop(index)
            for one in around:
                near[one].discard(index)
            if around:
                into = min(around, key=lambda one: (len(near[one] & around), one))
                weight[into] = min(weight[into], weight[index])
                for one in around - {into} - near[into]:
                    near[one].add(into)
                    near[into].add(one)
                for one in around | near[into]:
                    heapq.heappush(least, (bag(one), one))
        return bound


class _Buckets:
    """Contracts, for one index after the other, the arrays that hold it."""

    def __init__(self, network: Network, objective: Objective) -> None:
        self.network, self.objective = network, objective
        self.terms = [frozenset(i for i in t if network.sizes[i] > 1) for t in network.terms]
        self.output = frozenset(network.output)
        self.holders: dict[int, set[int]] = {}
        for array, term in enumerate(self.terms):
            for index in term:
                self.holders.setdefault(index, set()).add(array)
        self.live = set(range(len(self.terms)))
        self.made: list[Pair] = []

    def pairs(self, order: tuple[int, ...]) -> tuple[Pair, ...]:
        for index in order:
            self._contract(sorted(self.holders[index]))
        self._contract(sorted(self.live))
        return tuple(self.made)

    def _contract(self, arrays: list[int]) -> None:
        """Contract some arrays to one, in the best order or the smallest first."""
        if 2 < len(arrays) <= LOCAL:
            inside = frozenset[int]().union(*[self.terms[array] for array in arrays])
            others = set(arrays)
            left = [i for i in inside if i in self.output or self.holders[i] - others]
            terms = tuple(tuple(self.terms[array]) for array in arrays)
            local = Network(terms, tuple(left), self.network.sizes)
            for one, other in best_pairs(local, self.objective):
                arrays.append(self._step(arrays[one], arrays[other]))
            return
        waiting = [(self._volume(array), array) for array in arrays]
        heapq.heapify(waiting)
        while len(waiting) > 1:
            made = self._step(heapq.heappop(waiting)[1], heapq.heappop(waiting)[1])
            heapq.heappush(waiting, (self._volume(made), made))

    def _step(self, left: int, right: int) -> int:
        made = len(self.terms)
        kept = set()
        for index in self.terms[left] | self.terms[right]:
            holders = self.holders[index]
            holders -= {left, right}
            if holders or index in self.output:
                holders.add(made)
                kept.add(index)
        self.terms.append(frozenset(kept))
        self.live -= {left, right}
        self.live.add(made)
        self.made.append((min(left, right), max(left, right)))
        return made

    def _volume(self, array: int) -> int:
        return math.prod(self.network.sizes[index] for index in self.terms[array])
