"""Tables and trees that the tests of renderings share."""

from __future__ import annotations

import random
from itertools import pairwise

from einlab.contraction import Contraction
from einlab.search.tree import Tree, tree_from_path
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
