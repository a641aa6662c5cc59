"""`Step`: one row of a plan, one operation of the executable, one row of the report.

Values are numbered as in a tree: the operands 0 … n - 1, then one number for each step. A step
takes a diagonal, sums or permutes one array, or multiplies two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from einlab import dtypes
from einlab.contraction import Contraction, Term, equation_of
from einlab.cost import Cost, product_cost, sum_cost
from einlab.orders import Roles, roles
from einlab.search.tree import Tree

__all__ = ["Gemm", "Kind", "Step", "build_steps"]

Kind = Literal["diagonal", "sum", "permute", "product", "outer", "elementwise", "scale"]


@dataclass(frozen=True, slots=True)
class Gemm:
    """Sizes of a product of fused axes: `batch` products of an m×k and a k×n matrix."""

    batch: int
    m: int
    k: int
    n: int

    def __str__(self) -> str:
        text = f"{self.m}×{self.k}×{self.n}"
        return text if self.batch == 1 else f"{self.batch}·({text})"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: which arrays it takes, which it makes, in which index order, at what cost."""

    kind: Kind
    operands: tuple[int, ...]
    """Numbers of the arrays taken: one, or left and right of a product."""
    result: int
    """Number of the array made."""
    terms: tuple[Term, ...]
    """The index order of each operand."""
    output: Term
    """The index order of the result."""
    shapes: tuple[tuple[int, ...], ...]
    """The shape of each operand."""
    shape: tuple[int, ...]
    """The shape of the result."""
    roles: Roles | None
    """Of a product: its indices by role; None where one array is taken."""
    gemm: Gemm | None
    """Of a product that sums: its sizes once axes are fused."""
    cost: Cost
    """What one execution of the step costs."""
    live: int
    """Bytes alive while it runs: all operands of the contraction, intermediates, the result."""

    @property
    def equation(self) -> str:
        """The step as an equation."""
        return equation_of(self.terms, self.output)

    @property
    def is_product(self) -> bool:
        """Whether two arrays are multiplied."""
        return len(self.operands) == 2


def build_steps(
    tree: Tree, orders: tuple[Term, ...], dtype: str, whole: Contraction | None = None
) -> tuple[Step, ...]:
    """The steps of a tree whose results lie in `orders` and are of `dtype`.

    `whole` is the contraction of which the tree's is one slice: its arguments and its result stay
    alive beside the slice at work.

    >>> c = Contraction((("i", "i"), ("i", "k")), ("k",), ((3, 3), (3, 4)), ("float32",) * 2)
    >>> [(s.kind, s.equation) for s in build_steps(Tree(c, ((0, 1),)), (("k",),), "float32")]
    [('diagonal', 'ii->i'), ('product', 'ik,i->k')]
    """
    return _Builder(tree, orders, dtype, whole).steps()


class _Builder:
    """Goes through a tree once, keeping the value number, term and bytes of every array."""

    def __init__(
        self, tree: Tree, orders: tuple[Term, ...], dtype: str, whole: Contraction | None
    ) -> None:
        self.tree, self.orders = tree, orders
        self.contraction = contraction = tree.contraction
        self.held_in = dtypes.held_in(contraction.dtypes, dtype)
        self.is_complex = dtypes.is_complex(dtype)
        self.made: list[Step] = []
        self.terms: dict[int, Term] = dict(enumerate(contraction.squeezed))
        self.bytes: dict[int, int] = {
            value: contraction.volume(term) * dtypes.itemsize(given)
            for value, (term, given) in enumerate(
                zip(contraction.squeezed, contraction.dtypes, strict=True)
            )
        }
        self.copied: set[int] = set()
        self.live = arguments_bytes(whole or contraction)
        if whole is not None:
            self.live += math.prod(whole.shape) * dtypes.itemsize(self.held_in)
            self.copied = {
                operand
                for operand, shape in enumerate(contraction.shapes)
                if shape != whole.shapes[operand]
            }

    def steps(self) -> tuple[Step, ...]:
        """All steps: each product, and before it what its operands need by themselves."""
        count = len(self.contraction.terms)
        value_of: dict[int, int] = {}
        for step, (left, right) in enumerate(self.tree.pairs):
            values = [value_of[a] if a >= count else self._prepare(a) for a in (left, right)]
            value_of[count + step] = self._product(values[0], values[1], self.orders[step])
        last = self.made[-1].result if self.tree.pairs else self._prepare(0)
        if self.terms[last] != self.contraction.output:
            self._unary("permute", last, self.contraction.output)
        return tuple(self.made)

    def _prepare(self, operand: int) -> int:
        """Diagonal and sum of one operand, where it needs them; the number of what comes out."""
        term, leaf = self.terms[operand], self.contraction.leaves[operand]
        alone = not self.tree.pairs
        distinct = tuple(dict.fromkeys(term))
        summed = set(distinct) != set(leaf)
        value = operand
        if operand in self.copied:
            self.live += self.bytes[operand]
        if distinct != term:
            final = alone and not summed
            value = self._unary("diagonal", value, self.contraction.output if final else distinct)
        if summed:
            value = self._unary("sum", value, self.contraction.output if alone else leaf)
        return value

    def _unary(self, kind: Kind, value: int, output: Term) -> int:
        entries = self.contraction.volume(set(self.terms[value]))
        written = self.contraction.volume(output)
        itemsize = dtypes.itemsize(self.held_in)
        cost = sum_cost(entries if kind == "sum" else 0, written, itemsize, self.is_complex)
        read = entries * self._itemsize_of(value)
        return self._add(kind, (value,), output, None, None, replace(cost, bytes_read=read))

    def _product(self, left: int, right: int, output: Term) -> int:
        """A product; the operand whose index the result has first is the left one."""
        free_left = set(self.terms[left]) - set(self.terms[right])
        free_right = set(self.terms[right]) - set(self.terms[left])
        first = next((i for i in output if i in free_left or i in free_right), None)
        if first in free_right:
            left, right = right, left
        parts = roles(self.terms[left], self.terms[right], output)
        volume = self.contraction.volume
        gemm = Gemm(volume(parts.batch), volume(parts.m), volume(parts.k), volume(parts.n))
        itemsize = dtypes.itemsize(self.held_in)
        cost = product_cost(gemm.batch, gemm.m, gemm.k, gemm.n, itemsize, self.is_complex)
        cost = replace(cost, bytes_read=self.bytes[left] + self.bytes[right])
        kind: Kind = "product"
        if gemm.k == 1:
            if not self.terms[left] or not self.terms[right]:
                kind = "scale"
            else:
                kind = "elementwise" if parts.batch or not (parts.m and parts.n) else "outer"
        summed = gemm if kind == "product" else None
        return self._add(kind, (left, right), output, parts, summed, cost)

    def _add(
        self,
        kind: Kind,
        operands: tuple[int, ...],
        output: Term,
        parts: Roles | None,
        gemm: Gemm | None,
        cost: Cost,
    ) -> int:
        count, sizes = len(self.contraction.terms), self.contraction.sizes
        result = count + len(self.made)
        self.terms[result] = output
        self.bytes[result] = cost.bytes_written
        self.live += self.bytes[result]
        terms = tuple(self.terms[value] for value in operands)
        self.made.append(
            Step(
                kind=kind,
                operands=operands,
                result=result,
                terms=terms,
                output=output,
                shapes=tuple(tuple(sizes[i] for i in term) for term in terms),
                shape=tuple(sizes[i] for i in output),
                roles=parts,
                gemm=gemm,
                cost=cost,
                live=self.live,
            )
        )
        self.live -= sum(
            self.bytes[value] for value in operands if value >= count or value in self.copied
        )
        return result

    def _itemsize_of(self, value: int) -> int:
        count = len(self.contraction.terms)
        return dtypes.itemsize(self.contraction.dtypes[value] if value < count else self.held_in)


def arguments_bytes(contraction: Contraction) -> int:
    """Bytes of all operands, as given."""
    return sum(
        dtypes.itemsize(dtype) * math.prod(shape)
        for shape, dtype in zip(contraction.shapes, contraction.dtypes, strict=True)
    )
