"""Tables and trees that the tests of renderings share."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from einlab.contraction import Contraction
from einlab.orders import choose_orders
from einlab.search.tree import Tree, tree_from_path
from einlab.show.subject import Subject
from einlab.steps import build_steps
from einlab.table import Column, Fact, Table

TABLE = Table(
    "ij,jk,kl->il",
    (
        Column("step", "count", rank=4),
        Column("equation", "code"),
        Column("shapes", "code", rank=2),
        Column("FLOPs", "quantity", "FLOP"),
        Column("MACs", "quantity", "MAC", rank=3),
        Column("bytes", "bytes"),
        Column("intensity", "number", "FLOP/B", rank=2),
        Column("time", "seconds", "s", rank=1),
        Column("speed", "quantity", "FLOP/s", rank=1),
    ),
    (
        (1, "jk,kl->jl", "10×1000, 1000×1", 20_000, 10_000, 44_040, 20_000 / 44_040, 8e-6, 2.5e9),
        (2, "ij,jl->il", "1000×10, 10×1", 20_000, 10_000, 44_040, 20_000 / 44_040, None, None),
    ),
    facts=(
        Fact("left to right", 22_000_000, "quantity", "FLOP", "550× this plan"),
        Fact("peak memory", 88_040, "bytes", remark="operands and result included"),
        Fact("naïve 行列", 3.0e7, "quantity", "FLOP"),
        Fact("searched by", "exact & <greedy>"),
    ),
    notes=("The time of step 2 was not measured.", "Counts follow XLA's rule for the program."),
).summed("FLOPs", "MACs", "bytes")

WIDE = Table(
    "行列の積",
    (Column("式", "code"), Column("説明"), Column("FLOPs", "quantity", "FLOP")),
    (("行列,列積->行積", "二つの行列を掛ける", 1500), ("a\u0301b,bc->a\u0301c", "é", 7)),
)


def chain(sizes: tuple[int, ...]) -> Contraction:
    """A product of matrices with these sizes, in letters."""
    names = [chr(ord("a") + place) for place in range(len(sizes))]
    terms = tuple(pairwise(names))
    shapes = tuple(pairwise(sizes))
    return Contraction(terms, (names[0], names[-1]), shapes, ("float32",) * len(terms))


def three() -> Tree:
    """The product whose order matters 550-fold, contracted from the right."""
    return Tree(chain((1000, 10, 1000, 1)), ((1, 2), (0, 3)))


def random_tree(operands: int, seed: int = 0, words: bool = False) -> Tree:
    """A tree over a ring of arrays with some chords, contracted in a random order."""
    draw = random.Random(seed)
    ends = [(place, (place + 1) % operands) for place in range(operands)]
    ends += [(draw.randrange(operands), draw.randrange(operands)) for _ in range(operands // 3)]
    held: list[list[str]] = [[] for _ in range(operands)]
    sizes = {}
    for number, (left, right) in enumerate(ends):
        name = f"axis {number}".replace(" ", "_") if words else chr(0xC0 + number)
        sizes[name] = draw.choice((2, 3, 4, 8, 16))
        for operand in {left, right}:
            held[operand].append(name)
    terms = tuple(map(tuple, held))
    shapes = tuple(tuple(sizes[name] for name in term) for term in terms)
    contraction = Contraction(terms, (terms[0][0],), shapes, ("float32",) * operands)
    path = [tuple(draw.sample(range(left), 2)) for left in range(operands, 1, -1)]
    return tree_from_path(contraction, path)


def ring_tree(operands: int, seed: int = 0) -> Tree:
    """The same network as `random_tree`, neighbours on the ring contracted in a random order."""
    draw = random.Random(seed)
    contraction = random_tree(operands, seed).contraction
    live, pairs = list(range(operands)), []
    while len(live) > 1:
        place = draw.randrange(len(live) - 1)
        pairs.append((min(live[place : place + 2]), max(live[place : place + 2])))
        live[place : place + 2] = [operands + len(pairs) - 1]
    return Tree(contraction, tuple(pairs))


def lattice(rows: int, columns: int) -> Tree:
    """A lattice of arrays, contracted row by row."""
    names: dict[tuple[tuple[int, int], tuple[int, int]], str] = {}
    for row in range(rows):
        for column in range(columns):
            for end in ((row, column + 1), (row + 1, column)):
                if end[0] < rows and end[1] < columns:
                    names[(row, column), end] = f"b{len(names)}"
    places = [(row, column) for row in range(rows) for column in range(columns)]
    terms = tuple(tuple(name for ends, name in names.items() if place in ends) for place in places)
    shapes = tuple((4,) * len(term) for term in terms)
    contraction = Contraction(terms, (), shapes, ("float32",) * len(terms))
    count = len(terms)
    return Tree(
        contraction, tuple((0 if s == 0 else count + s - 1, s + 1) for s in range(count - 1))
    )


def hypergraph(operands: int, indices: int) -> Tree:
    """Factors over three of several variables each, as graphical models have them."""
    draw = random.Random(operands)
    terms = [tuple(draw.sample(range(indices), 3)) for _ in range(operands)]
    named = tuple(tuple(f"x{index}" for index in term) for term in terms)
    contraction = Contraction(named, named[0][:2], ((2, 2, 2),) * operands, ("float32",) * operands)
    pairs = ((0 if s == 0 else operands + s - 1, s + 1) for s in range(operands - 1))
    return Tree(contraction, tuple(pairs))


def subject(tree: Tree, **more: Any) -> Subject:
    """The plan of a tree as the pictures see it."""
    steps = build_steps(tree, choose_orders(tree), "float32")
    return Subject(
        tree,
        tuple(step.cost for step in steps if step.is_product),
        tuple((step.equation, step.cost) for step in steps),
        **more,
    )
