"""Tree networks: messages from the leaves to a root, as in belief propagation.

The graph of a tree network has the operands as nodes and no cycle: every index is held by two
operands at most, and open indices (of the output) may hang anywhere. From a root each node absorbs
the messages of its other neighbours and sends on what is left. A node of volume V that absorbs a
message of o open elements over a bond of w multiplies V·o and leaves V·o/w, so that by exchange of
neighbours (Smith 1956; Ibaraki and Kameda 1984) absorbing by ascending 1/w - 1/o is best. Every
root is tried.

What is exact, among orders that make no outer product and for objectives that price
multiplications alone:

- a star, of any number of leaves with or without open indices, because every step absorbs a leaf;
- a tree without open indices, of any size. Proof: in an order that is not of messages take the last
  step that joins two arrays A and B over a bond w while both have other bonds, of volumes a ≥ 2 and
  b ≥ 2. From then on everything that arrives is a message, and all of A's side or all of B's
  receives; say A's k bonds. Let A absorb them before: that costs at most
  a·w·(2 - 2^(1-k)) ≤ 2·a·w - 2·w, and B then absorbs A for b·w; later steps get no dearer. What is
  saved is a·b·w, which is no less because (a - 1)·(b - 2) ≥ 0. So joins go one after the other.

The problem of trees with open indices in general is treated by Xu, Liang and Deng 2023
(arXiv:2310.06140) and, for orders that grow one array, by Stoian, Milbradt and Mendl 2024
(arXiv:2209.12332); here the best root is a good start. Outer products of messages can pay: where a
node has few neighbours they are tried too, and the tree is then at least as good as said above.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from einlab.contraction import Contraction, Network
from einlab.errors import ArgumentError
from einlab.objectives import Objective
from einlab.search.exact import best_pairs
from einlab.search.tree import Tree

__all__ = ["TreeNetwork", "is_closed", "is_star", "tree_graph"]

LOCAL = 8  # a node and its messages: solved exactly, half a millisecond
MOST_TRIED = 10**6  # sum of squared degrees: beyond, the node of most neighbours is the root
LARGEST = 1e300

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Message:
    """What one side of a bond is contracted to."""

    volume: float
    """Elements beside those of the bond: the open indices behind it."""
    cost: float
    """Multiplications that making it takes."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A tree network: the volume of each node and the bonds to its neighbours."""

    volumes: tuple[float, ...]
    bonds: tuple[dict[int, float], ...]
    """By node: the volume of what it shares with each neighbour."""

    def rooted(self, root: int) -> list[tuple[int, int]]:
        """(node, its neighbour towards the root or -1), each after its own towards the root."""
        found = [(root, -1)]
        for node, above in found:
            found += [(near, node) for near in self.bonds[node] if near != above]
        return found

    def absorbed(self, node: int, messages: dict[int, Message]) -> tuple[list[int], Message]:
        """The best order of messages, and what is left, of the volume of all open bonds."""
        bonds = self.bonds[node]
        order = sorted(messages, key=lambda near: 1 / bonds[near] - 1 / messages[near].volume)
        volume, cost = self.volumes[node], sum(message.cost for message in messages.values())
        for near in order:
            product = min(volume * messages[near].volume, LARGEST)
            volume, cost = product / bonds[near], cost + product
        return order, Message(volume, cost)

    def sent(self, node: int, above: int, messages: dict[int, Message]) -> Message:
        """The message from a node to its neighbour `above`, which is not among `messages`."""
        _, left = self.absorbed(node, messages)
        return Message(left.volume / self.bonds[node][above], left.cost)

    def best_root(self) -> int:
        """The root of the cheapest order."""
        degrees = [len(near) for near in self.bonds]
        if sum(degree * degree for degree in degrees) > MOST_TRIED:
            return degrees.index(max(degrees))
        inbox: list[dict[int, Message]] = [{} for _ in degrees]
        downward = self.rooted(0)
        for node, above in reversed(downward):
            if above >= 0:
                inbox[above][node] = self.sent(node, above, inbox[node])
        for node, above in downward:
            for near in self.bonds[node]:
                if near != above:
                    others = {place: sent for place, sent in inbox[node].items() if place != near}
                    inbox[near][node] = self.sent(node, near, others)
        costs = [self.absorbed(node, inbox[node])[1].cost for node in range(len(degrees))]
        return costs.index(min(costs))


def tree_graph(network: Network) -> Graph | None:
    """The graph of a tree network; None if the network is none.

    >>> tree_graph(Network(((0, 1), (0,), (1, 2)), (2,), (2, 3, 4))).bonds
    ({1: 2.0, 2: 3.0}, {0: 2.0}, {0: 3.0})
    >>> tree_graph(Network(((0, 1), (1, 2), (2, 0)), (), (2, 2, 2))) is None
    True
    """
    held: dict[int, list[int]] = {}
    for operand, term in enumerate(network.terms):
        for index in term:
            held.setdefault(index, []).append(operand)
    bonds: list[dict[int, float]] = [{} for _ in network.terms]
    output = set(network.output)
    for index, holders in held.items():
        size = network.sizes[index]
        if size == 0 or (len(holders) > 1 and size > 1 and (len(holders) > 2 or index in output)):
            return None
        if len(holders) == 2 and size > 1:
            one, other = holders
            bonds[one][other] = bonds[other][one] = bonds[one].get(other, 1.0) * size
    volumes = tuple(
        min(math.prod(float(network.sizes[index]) for index in term), LARGEST)
        for term in network.terms
    )
    graph = Graph(volumes, tuple(bonds))
    if sum(map(len, bonds)) != 2 * len(bonds) - 2:
        return None
    reached, waiting = {0}, [0]
    while waiting:
        fresh = bonds[waiting.pop()].keys() - reached
        reached |= fresh
        waiting += fresh
    return graph if len(reached) == len(bonds) else None


def is_star(graph: Graph) -> bool:
    """Whether one node is the neighbour of all others.

    >>> is_star(tree_graph(Network(((0, 1), (0,), (1, 2)), (2,), (2, 3, 4))))
    True
    """
    return max(map(len, graph.bonds)) == len(graph.bonds) - 1


def is_closed(graph: Graph) -> bool:
    """Whether a tree network has no open indices.

    >>> is_closed(tree_graph(Network(((0, 1), (0,), (1, 2)), (2,), (2, 3, 4))))
    False
    """
    together = zip(graph.volumes, graph.bonds, strict=True)
    return all(math.isclose(volume, math.prod(bonds.values())) for volume, bonds in together)


@dataclass(frozen=True, slots=True)
class TreeNetwork:
    """Messages to the best root of a tree network of any size; a thousand nodes take some 50 ms."""

    def search(self, contraction: Contraction, objective: Objective) -> Tree:
        """The tree of messages. Raises ArgumentError without a tree network: see `tree_graph`."""
        graph = tree_graph(contraction.network)
        if graph is None:
            raise ArgumentError("the operands form no tree network: use optimize='auto'")
        return Tree(contraction, _Messages(contraction.network, graph, objective).pairs())


class _Messages:
    """The steps of all nodes, from the leaves to the root."""

    def __init__(self, network: Network, graph: Graph, objective: Objective) -> None:
        self.network, self.graph, self.objective = network, graph, objective
        self.made: list[Pair] = []
        self.array = list(range(len(network.terms)))
        """The array that each node has become."""
        self.terms = [frozenset(term) for term in network.terms]

    def pairs(self) -> tuple[Pair, ...]:
        rooted = self.graph.rooted(self.graph.best_root())
        inbox: list[dict[int, Message]] = [{} for _ in self.terms]
        for node, above in reversed(rooted):
            order, left = self.graph.absorbed(node, inbox[node])
            self._absorb(node, order)
            if above >= 0:
                volume = left.volume / self.graph.bonds[node][above]
                inbox[above][node] = Message(volume, left.cost)
        return tuple(self.made)

    def _absorb(self, node: int, order: list[int]) -> None:
        """Contract a node with its messages, in that order or in a better one."""
        if not order:
            return
        members = [node, *order]
        arrays = [self.array[member] for member in members]
        open_indices = self._left(members)
        steps: Iterable[Pair] = [(0, 1), *((n, len(order) + n - 1) for n in range(2, len(arrays)))]
        if 2 < len(arrays) <= LOCAL:
            terms = tuple(tuple(self.terms[member]) for member in members)
            local = Network(terms, tuple(open_indices), self.network.sizes)
            steps = best_pairs(local, self.objective)
        for left, right in steps:
            pair = arrays[left], arrays[right]
            self.made.append((min(pair), max(pair)))
            arrays.append(len(self.terms) + len(self.made) - 1)
        self.array[node], self.terms[node] = arrays[-1], open_indices

    def _left(self, members: list[int]) -> frozenset[int]:
        """The indices that one member alone holds, apart from those of size 1 in several."""
        once: frozenset[int] = frozenset()
        for member in members:
            once ^= self.terms[member]
        return once
