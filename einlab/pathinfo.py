"""The numbers that opt_einsum's PathInfo reports, and the baselines that a plan is compared with.

These are opt_einsum's conventions, kept so that ported code reads the same values; einlab's own
counts are in `cost`. Source: opt_einsum 3.4, `helpers.flop_count` and `contract.contract_path`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from einlab import dtypes
from einlab.contraction import Contraction, Term
from einlab.cost import COMPLEX_ADD, COMPLEX_MULTIPLY, Cost
from einlab.orders import choose_orders
from einlab.search.tree import Tree
from einlab.steps import build_steps

__all__ = [
    "adding_up",
    "largest_intermediate",
    "left_to_right",
    "naive_cost",
    "one_loop",
    "opt_cost",
]


def one_loop(contraction: Contraction, dtype: str) -> Cost:
    """The cost of one loop over all indices that multiplies the operands out at each point.

    Each point costs one multiplication for each operand but the first, and one addition if an index
    is summed; bytes count each operand read once and the result written once.

    >>> one_loop(Contraction((("i",), ("i",)), (), ((4,), (4,)), ("float32",) * 2), "float32").flops
    8
    """
    points = contraction.volume(contraction.sizes)
    products = len(contraction.terms) - 1
    summed = any(contraction.sizes[i] > 1 for i in set(contraction.sizes) - set(contraction.output))
    multiply, add = (COMPLEX_MULTIPLY, COMPLEX_ADD) if dtypes.is_complex(dtype) else (1, 1)
    read = sum(
        contraction.volume(set(term)) * dtypes.itemsize(given)
        for term, given in zip(contraction.squeezed, contraction.dtypes, strict=True)
    )
    return Cost(
        flops=points * (products * multiply + summed * add),
        macs=points * max(products, 0),
        bytes_read=read,
        bytes_written=contraction.volume(contraction.output) * dtypes.itemsize(dtype),
    )


def left_to_right(contraction: Contraction, dtype: str) -> Cost:
    """The cost of contracting the operands in the order in which they are written.

    >>> shapes = (1000, 10), (10, 1000), (1000,)
    >>> c = Contraction((("i", "j"), ("j", "k"), ("k",)), ("i",), shapes, ("float32",) * 3)
    >>> left_to_right(c, "float32").flops
    22000000
    """
    count = len(contraction.terms)
    pairs = tuple((0 if s == 0 else count + s - 1, s + 1) for s in range(count - 1))
    tree = Tree(contraction, pairs)
    steps = build_steps(tree, choose_orders(tree), dtype)
    return sum((step.cost for step in steps), Cost())


def naive_cost(contraction: Contraction) -> Decimal:
    """opt_einsum's count of the one-loop evaluation: operands × volume of all indices."""
    held = sum(len(set(term)) for term in contraction.terms)
    inner = held > len(contraction.sizes)
    return Decimal(_flop_count(contraction, contraction.sizes, inner, len(contraction.terms)))


def opt_cost(contraction: Contraction, path: Sequence[tuple[int, ...]]) -> Decimal:
    """opt_einsum's FLOP count of a path."""
    return Decimal(
        sum(
            _flop_count(contraction, together, bool(together - result), count)
            for together, result, count in _walk(contraction, path)
        )
    )


def largest_intermediate(contraction: Contraction, path: Sequence[tuple[int, ...]]) -> Decimal:
    """Elements of the largest result of a step of a path."""
    volumes = (contraction.volume(result) for _, result, _ in _walk(contraction, path))
    return Decimal(max(volumes, default=1))


def _flop_count(contraction: Contraction, indices: object, inner: bool, terms: int) -> int:
    return contraction.volume(indices) * (max(1, terms - 1) + inner)  # type: ignore[arg-type]


def _walk(
    contraction: Contraction, path: Sequence[tuple[int, ...]]
) -> Iterator[tuple[frozenset[str], frozenset[str], int]]:
    """For each step: the indices of its operands together, those of its result, how many."""
    live = [frozenset(term) for term in contraction.terms]
    held = Counter(index for term in (*live, frozenset(contraction.output)) for index in term)
    for step in path:
        taken = [live.pop(position) for position in sorted(step, reverse=True)]
        together = frozenset().union(*taken)
        held.subtract(index for term in taken for index in term)
        result = frozenset(index for index in together if held[index] > 0)
        held.update(result)
        live.append(result)
        yield together, result, len(taken)


def adding_up(contraction: Contraction, sliced: Term, dtype: str) -> Cost:
    """Additions of the results of slices that differ in a summed index.

    >>> from einlab.contraction import Contraction
    >>> product = Contraction((("i", "k"), ("k", "j")), ("i", "j"), ((2, 4), (4, 3)), ("f4",) * 2)
    >>> adding_up(product, ("k",), "float32").flops
    18
    """
    summed = contraction.volume(index for index in sliced if index not in contraction.output)
    each = 2 if dtypes.is_complex(dtype) else 1
    return Cost(flops=max(summed - 1, 0) * math.prod(contraction.shape) * each)
