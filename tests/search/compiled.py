"""Networks for the compiled searches: large enough to matter, small enough to check in Python."""

from __future__ import annotations

import random

from einlab.contraction import Contraction

SIZES = 2, 3, 4, 6


def grid(rows: int, columns: int, size: int = 2) -> Contraction:
    """A square lattice, open at its edges."""
    terms = [
        tuple(
            f"{a}-{b}"
            for a, b in (
                ((row, column), (row, column + 1)),
                ((row, column - 1), (row, column)),
                ((row, column), (row + 1, column)),
                ((row - 1, column), (row, column)),
            )
            if min(*a, *b) >= 0 and max(a[0], b[0]) < rows and max(a[1], b[1]) < columns
        )
        for row in range(rows)
        for column in range(columns)
    ]
    shapes = tuple((size,) * len(term) for term in terms)
    return Contraction(tuple(terms), (), shapes, ("float32",) * len(terms))


def hypernetwork(seed: int, operands: int = 40, indices: int = 30) -> Contraction:
    """A random hypergraph: indices of many holders, sizes 1, outputs, operands apart."""
    draw = random.Random(seed)
    size = {f"i{number}": draw.choice((1, *SIZES)) for number in range(indices)}
    terms = [
        tuple(draw.sample(list(size), draw.choice((0, 1, 2, 2, 3, 3, 4)))) for _ in range(operands)
    ]
    terms += [("far", "away"), ("away",)]
    size |= {"far": 3, "away": 2}
    held = sorted({index for term in terms for index in term})
    shapes = tuple(tuple(size[index] for index in term) for term in terms)
    output = tuple(draw.sample(held, 3))
    return Contraction(tuple(terms), output, shapes, ("float32",) * len(terms))


def chain(length: int, seed: int) -> Contraction:
    """A chain of matrices of random sizes."""
    draw = random.Random(seed)
    sizes = [draw.randint(2, 9) for _ in range(length + 1)]
    terms = tuple((f"i{place}", f"i{place + 1}") for place in range(length))
    shapes = tuple((sizes[place], sizes[place + 1]) for place in range(length))
    return Contraction(terms, ("i0", f"i{length}"), shapes, ("float32",) * length)


def left_to_right(count: int) -> tuple[tuple[int, int], ...]:
    """The pairs of the tree that takes the operands in their order."""
    return tuple((step + 1, count + step - 1) if step else (0, 1) for step in range(count - 1))
