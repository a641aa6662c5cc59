"""Networks for `benchmarks.search`: generated families, and files of real ones.

A file is JSON, gzipped or not: {"networks": [{"name", "inputs": lists of index numbers, "output",
"sizes", "best_log10_mults"}]}.
"""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from einlab.contraction import Contraction

__all__ = ["Instance", "generated", "read_networks"]

Terms = list[list[str]]


@dataclass(frozen=True)
class Instance:
    """A network, and the best cost known of it."""

    name: str
    contraction: Contraction
    best: float | None = None
    """log10 of the multiplications of the best order known."""


def read_networks(path: Path) -> list[Instance]:
    """The networks of a file."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return [
        Instance(
            found["name"],
            _contraction(
                [[str(index) for index in term] for term in found["inputs"]],
                [str(index) for index in found["output"]],
                {str(index): size for index, size in enumerate(found["sizes"])},
            ),
            found.get("best_log10_mults"),
        )
        for found in json.loads(text)["networks"]
    ]


def generated(seed: int) -> list[Instance]:
    """One network of every family, drawn from a seed."""
    draw = random.Random(seed)
    families = {
        "square 14×14": _lattice((14, 14), 2),
        "cube 5×5×5": _lattice((5, 5, 5), 2),
        "square 8×8, size 4, two layers": _layers((8, 8), 4),
        "states of 300 sites, bond 8": _overlap(300, 8),
        "random 3-regular, 120": _regular(draw, 120, 3),
        "random 5-regular, 60": _regular(draw, 60, 5),
        "spins 12×12 with diagonals": _spins(12),
        "clauses, 100 variables": _clauses(draw, 100, 180),
        "circuit, 24 qubits": _circuit(draw, 24, 12),
        "open tree, 200": _tree(draw, 200),
        "sparse, 1000": _sparse(draw, 1000, 1100),
        "chain of 400": _chain(draw, 400),
    }
    return [Instance(name, contraction) for name, contraction in families.items()]


def _contraction(terms: Terms, output: list[str], sizes: dict[str, int]) -> Contraction:
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    inputs = tuple(tuple(term) for term in terms)
    return Contraction(inputs, tuple(output), shapes, ("float32",) * len(terms))


def _graph(nodes: int, edges: list[tuple[int, int]], size: int) -> Contraction:
    """A tensor at each node, an index on each edge."""
    terms: Terms = [[] for _ in range(nodes)]
    for number, (left, right) in enumerate(edges):
        terms[left].append(f"e{number}")
        terms[right].append(f"e{number}")
    return _contraction(terms, [], {f"e{number}": size for number in range(len(edges))})


def _lattice(lengths: tuple[int, ...], size: int) -> Contraction:
    places = {place: number for number, place in enumerate(product(*map(range, lengths)))}
    edges = []
    for place, number in places.items():
        for axis in range(len(lengths)):
            after = tuple(x + (at == axis) for at, x in enumerate(place))
            if after in places:
                edges.append((number, places[after]))
    return _graph(len(places), edges, size)


def _layers(lengths: tuple[int, ...], size: int) -> Contraction:
    """Two copies of a lattice, joined at every site: the norm of a lattice state."""
    one = _lattice(lengths, size)
    terms = [
        [f"{layer}{index}" for index in term] + [f"p{site}"]
        for layer in "ab"
        for site, term in enumerate(one.terms)
    ]
    sizes = {index: 2 if index.startswith("p") else size for term in terms for index in term}
    return _contraction(terms, [], sizes)


def _overlap(sites: int, bond: int) -> Contraction:
    """The overlap of two matrix-product states, listed layer by layer."""
    terms = [
        [f"{layer}{site + end}" for end in (0, 1) if 0 < site + end < sites] + [f"p{site}"]
        for layer in "ab"
        for site in range(sites)
    ]
    sizes = {index: 2 if index.startswith("p") else bond for term in terms for index in term}
    return _contraction(terms, [], sizes)


def _regular(draw: random.Random, nodes: int, degree: int) -> Contraction:
    """A random regular graph by pairing; loops and double edges are drawn again."""
    while True:
        ends = [node for node in range(nodes) for _ in range(degree)]
        draw.shuffle(ends)
        edges = list(zip(ends[::2], ends[1::2], strict=True))
        kept = [edge for edge in edges if edge[0] != edge[1]]
        if len({frozenset(edge) for edge in kept}) >= len(edges) - 3:
            return _graph(nodes, kept, 3)


def _spins(length: int) -> Contraction:
    """Spins on a square lattice with diagonals: every spin is one index of many factors."""
    terms: Terms = []
    for x, y in product(range(length), repeat=2):
        terms.append([f"s{x}.{y}"])
        for dx, dy in ((0, 1), (1, 0), (1, 1)):
            if x + dx < length and y + dy < length:
                terms.append([f"s{x}.{y}", f"s{x + dx}.{y + dy}"])
    return _contraction(terms, [], {index: 2 for term in terms for index in term})


def _clauses(draw: random.Random, variables: int, count: int) -> Contraction:
    terms = [[f"x{v}" for v in sorted(draw.sample(range(variables), 3))] for _ in range(count)]
    terms += [[f"x{v}"] for v in range(variables)]
    return _contraction(terms, [], {f"x{v}": 2 for v in range(variables)})


def _circuit(draw: random.Random, qubits: int, depth: int) -> Contraction:
    """One amplitude of a brickwork circuit of two-qubit gates, diagonal ones in every third row."""
    fresh = iter(range(10**6))
    wires = [f"w{next(fresh)}" for _ in range(qubits)]
    terms = [[wire] for wire in wires]
    for row in range(depth):
        for low in range(row % 2, qubits - 1, 2):
            if row % 3 == 2 and draw.random() < 0.7:
                terms.append([wires[low], wires[low + 1]])
                continue
            after = [f"w{next(fresh)}", f"w{next(fresh)}"]
            terms.append([*wires[low : low + 2], *after])
            wires[low : low + 2] = after
    terms += [[wire] for wire in wires]
    return _contraction(terms, [], {index: 2 for term in terms for index in term})


def _tree(draw: random.Random, nodes: int) -> Contraction:
    edges = [(draw.randrange(node), node) for node in range(1, nodes)]
    closed = _graph(nodes, edges, 2)
    sizes = {index: draw.randint(2, 20) for index in closed.sizes}
    terms = [list(term) for term in closed.terms]
    for number in range(0, nodes, 20):
        terms[number].append(f"o{number}")
        sizes[f"o{number}"] = 2
    return _contraction(terms, [f"o{number}" for number in range(0, nodes, 20)], sizes)


def _sparse(draw: random.Random, nodes: int, edges: int) -> Contraction:
    pairs = [(draw.randrange(nodes), draw.randrange(nodes)) for _ in range(edges)]
    return _graph(nodes, [pair for pair in pairs if pair[0] != pair[1]], 2)


def _chain(draw: random.Random, count: int) -> Contraction:
    sizes = {f"b{place}": draw.randint(2, 100) for place in range(count + 1)}
    terms = [[f"b{place}", f"b{place + 1}"] for place in range(count)]
    return _contraction(terms, ["b0", f"b{count}"], sizes)
