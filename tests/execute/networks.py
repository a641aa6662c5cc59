"""Random networks of many small operands, with everything that an equation may hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import opt_einsum

from tests.strategies import random_array
from tests.tolerances import assert_close


@dataclass(frozen=True)
class Net:
    """An equation with the shapes of its operands."""

    equation: str
    shapes: tuple[tuple[int, ...], ...]

    def arrays(self, dtype: str, seed: int = 0) -> list[np.ndarray]:
        """Operands of that dtype, their entries near 1 in size."""
        draw = np.random.default_rng(seed)
        return [random_array(draw, shape, dtype, wraps=False) for shape in self.shapes]


def network(count: int, seed: int, *, outputs: int = 2) -> Net:
    """A tree with a few loops, hyperedges, diagonals, lone and broadcast axes, and a scalar."""
    draw = random.Random(seed)
    terms: list[list[str]] = [[] for _ in range(count)]
    length: dict[str, int] = {}

    def index(*operands: int, size: int) -> None:
        name = chr(0x4E00 + len(length))
        length[name] = size
        for operand in operands:
            terms[operand].insert(draw.randint(0, len(terms[operand])), name)

    def size() -> int:
        return draw.choice((2, 2, 2, 3))

    for operand in range(1, count):
        index(operand, draw.randrange(max(0, operand - 5), operand), size=size())
    for _ in range(count // 8):
        first = draw.randrange(count - 3)
        index(first, first + draw.randint(1, 3), size=size())  # a loop
        index(*draw.sample(range(first, first + 4), 3), size=2)  # a hyperedge
        index(*[draw.randrange(count)] * 2, size=size())  # a diagonal that is summed
        index(draw.randrange(count), size=size())  # summed alone
    for _ in range(outputs):
        index(draw.randrange(count), size=size())
    output = "".join(list(length)[len(length) - outputs :])
    shapes = [tuple(length[name] for name in term) for term in terms]
    for _ in range(count // 10):  # axes of length 1 that are broadcast
        operand = draw.randrange(count)
        others = [n for i, t in enumerate(terms) if i != operand for n in t]
        shapes[operand] = tuple(
            1 if name in others and draw.random() < 0.3 else n
            for name, n in zip(terms[operand], shapes[operand], strict=True)
        )
    terms.insert(draw.randrange(count), [])  # a scalar
    place = next(i for i, term in enumerate(terms) if not term)
    shapes.insert(place, ())
    return Net(f"{','.join(map(''.join, terms))}->{output}", tuple(shapes))


def contracted(net: Net, path: Any, arrays: Sequence[Any], dtype: str) -> np.ndarray:
    """What NumPy makes of operands in 64 bits, in the order of a path."""
    terms, _ = net.equation.split("->")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms.split(","), net.shapes, strict=True):
        for name, size in zip(term, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
    wide = "complex128" if dtype.startswith("complex") else "float64"
    if dtype.startswith(("int", "uint")):
        wide = "int64"
    full = [
        np.array(np.broadcast_to(np.asarray(array, wide), [sizes[name] for name in term]))
        for term, array in zip(terms.split(","), arrays, strict=True)
    ]
    return np.asarray(opt_einsum.contract(net.equation, *full, optimize=path))


def assert_contracts(got: object, net: Net, path: Any, arrays: Sequence[Any], dtype: str) -> None:
    """A result is NumPy's within the tolerance of its dtype."""
    expected = contracted(net, path, arrays, dtype)
    if dtype == "bool":
        expected = expected > 0
    magnitude = contracted(net, path, [np.abs(np.asarray(x)) for x in arrays], "float64")
    assert_close(got, expected, magnitude, dtype)


def overlap(sites: int, bond: int) -> Net:
    """Two chains of tensors of one bond, joined site by site: the same at every site."""
    names = list(map(chr, range(0x4E00, 0x4E00 + 3 * sites)))
    terms: list[str] = []
    shapes: list[tuple[int, ...]] = []
    for site in range(sites):
        for chain in (1, 2):
            bonds = names[chain * sites : chain * sites + sites - 1]
            sides = bonds[max(site - 1, 0) : site + 1]
            terms.append(names[site] + "".join(sides))
            shapes.append((2, *[bond] * len(sides)))
    return Net(",".join(terms) + "->", tuple(shapes))


def one_by_one(count: int) -> list[tuple[int, int]]:
    """The path that takes one operand after the other."""
    return [(0, 1), *((0, left) for left in range(count - 2, 0, -1))]
