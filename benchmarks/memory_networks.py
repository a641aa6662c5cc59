"""Networks for `benchmarks.memory`: intermediates take many times what the operands take."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, product

from einlab.contraction import Contraction
from einlab.planning import plan

__all__ = ["Network", "networks"]

Edges = list[tuple[int, ...]]

LEAST_BYTES = 6 * 2**20  # of the peak without a limit: less is over before it can be timed
LEAST_RATIO = 20  # of that peak to the operands, so that limits well below it are feasible
MOST_FLOPS = 3e9
EQUATIONS = (
    "bqhd,bkhd,bkhe->bqhe",
    "ir,jr,kr,lr->ijkl",
    "pia,pjb,ijab->",
    "iajb,kbld,jdla->ik",
    "xr,yr,zr,xyz->r",
    "abi,cdi,abcd->",
    "lpr,lmn,mpqs,nqt,rst->",
    "ij,jk,kl,li,ik->jl",
)
"""Attention, CP, Møller-Plesset, coupled cluster, MTTKRP, density fitting, DMRG, a clique."""


@dataclass(frozen=True)
class Network:
    """A contraction and the family that it was drawn from."""

    family: str
    contraction: Contraction


def networks(seed: int, each: int = 5, family: str | None = None) -> Iterator[Network]:
    """`each` networks of every family, or of one, drawn from a seed."""
    for name, make in FAMILIES.items():
        if family in (None, name):
            draw = random.Random(f"{seed} {name}")
            yield from (Network(name, next(_fitting(make, draw))) for _ in range(each))


def _fitting(
    make: Callable[[random.Random, int], Contraction], draw: random.Random
) -> Iterator[Contraction]:
    """Draws whose peak is large enough while the work is not too much."""
    for _ in count():
        state = draw.getrandbits(64)
        for size in range(2, 200):
            contraction = make(random.Random(state), size)
            shapes = contraction.shapes
            made = plan(contraction.equation, *shapes, optimize="greedy")
            if made.flops > MOST_FLOPS:
                break
            at_rest = made.steps[0].live - made.steps[0].cost.bytes_written
            if made.peak >= max(LEAST_BYTES, LEAST_RATIO * at_rest):
                yield contraction
                break


def _graph(nodes: int, edges: Edges, draw: random.Random, size: int, open_: int) -> Contraction:
    """A tensor at each node; an index joins the nodes of each edge; some indices stay open."""
    terms: list[list[str]] = [[] for _ in range(nodes)]
    names = [chr(0x100 + number) for number in range(len(edges))]
    for name, edge in zip(names, edges, strict=True):
        for node in edge:
            terms[node].append(name)
    for node in range(nodes):
        draw.shuffle(terms[node])
    sizes = {name: size + draw.randrange(2) for name in names}
    output = tuple(draw.sample(names, open_))
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Contraction(tuple(map(tuple, terms)), output, shapes, ("float32",) * nodes)


def _regular(draw: random.Random, size: int) -> Contraction:
    """A 3-regular graph: edges drawn until they fit."""
    nodes = 2 * draw.randrange(6, 11)
    while True:
        ends = [node for node in range(nodes) for _ in range(3)]
        draw.shuffle(ends)
        edges: Edges = [(ends[2 * i], ends[2 * i + 1]) for i in range(len(ends) // 2)]
        if all(left != right for left, right in edges):
            return _graph(nodes, edges, draw, size, draw.randrange(3))


def _lattice(draw: random.Random, size: int, lengths: tuple[int, ...]) -> Contraction:
    places = {place: number for number, place in enumerate(product(*map(range, lengths)))}
    edges: Edges = []
    for place, number in places.items():
        for axis in range(len(lengths)):
            after = tuple(x + (at == axis) for at, x in enumerate(place))
            if after in places:
                edges.append((number, places[after]))
    return _graph(len(places), edges, draw, size, 0)


def _square(draw: random.Random, size: int) -> Contraction:
    return _lattice(draw, size, (draw.randrange(3, 6), draw.randrange(3, 6)))


def _cube(draw: random.Random, size: int) -> Contraction:
    return _lattice(draw, size, (2, draw.randrange(2, 4), draw.randrange(2, 4)))


def _ladder(draw: random.Random, size: int) -> Contraction:
    """Two rails with rungs and a few chords."""
    length = draw.randrange(5, 9)
    rails: Edges = [(i, i + 1) for i in range(length - 1)]
    rails += [(length + i, length + i + 1) for i in range(length - 1)]
    rungs: Edges = [(i, length + i) for i in range(length)]
    chords: Edges = [
        (left, right) for left, right in [draw.sample(range(2 * length), 2) for _ in range(4)]
    ]
    return _graph(2 * length, rails + rungs + chords, draw, size, 1)


def _hyper(draw: random.Random, size: int) -> Contraction:
    """A random hypergraph: indices of two or three tensors."""
    nodes = draw.randrange(8, 14)
    edges: Edges = [
        tuple(draw.sample(range(nodes), draw.choice((2, 2, 3)))) for _ in range(3 * nodes // 2)
    ]
    edges += [(node, (node + 1) % nodes) for node in range(nodes)]
    return _graph(nodes, edges, draw, size, draw.randrange(3))


def _dense(draw: random.Random, size: int) -> Contraction:
    """Every tensor joined to most others."""
    nodes = draw.randrange(5, 8)
    edges: Edges = [
        (i, j) for i in range(nodes) for j in range(i + 1, nodes) if draw.random() < 0.8
    ]
    edges += [(i, (i + 1) % nodes) for i in range(nodes)]
    return _graph(nodes, edges, draw, size, draw.randrange(2))


def _ring(draw: random.Random, size: int) -> Contraction:
    """Two rings of tensors joined site by site: the overlap of periodic matrix-product states."""
    sites = draw.randrange(4, 9)
    bonds: Edges = [(i, (i + 1) % sites) for i in range(sites)]
    bonds += [(sites + i, sites + (i + 1) % sites) for i in range(sites)]
    physical: Edges = [(i, sites + i) for i in range(sites)]
    return _graph(2 * sites, bonds + physical, draw, size, 0)


def _equation(draw: random.Random, size: int) -> Contraction:
    """One of the contractions of chemistry, physics and learning, in drawn proportions."""
    inputs, output = draw.choice(EQUATIONS).split("->")
    terms = tuple(map(tuple, inputs.split(",")))
    letters = sorted({index for term in terms for index in term})
    sizes = {index: max(2, int(size * draw.choice((1, 1, 2)))) for index in letters}
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Contraction(terms, tuple(output), shapes, ("float32",) * len(terms))


FAMILIES: dict[str, Callable[[random.Random, int], Contraction]] = {
    "3-regular": _regular,
    "square": _square,
    "cube": _cube,
    "ladder": _ladder,
    "hypergraph": _hyper,
    "dense": _dense,
    "rings": _ring,
    "equation": _equation,
}
