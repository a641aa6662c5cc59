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
from einlab.forms import Copies, FormKind, ProductForm, copies, default_form, sizes_within
from einlab.orders import Roles
from einlab.search.tree import Tree

__all__ = ["Gemm", "Kind", "Step", "StepForm", "build_steps"]

Kind = Literal["diagonal", "sum", "permute", "product", "outer", "elementwise", "scale"]
StepForm = FormKind | Literal["view"]


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
    form: StepForm | None
    """Of a product that sums: how it runs. "native" of any other step, if it runs so; "view" of a
    diagonal that such a step reads as it lies, so that nothing is moved."""
    looped: Term
    """Of a product in the form of a loop: the indices of the result that it goes over."""
    blocks: tuple[int, ...]
    """Of a loop: how many values of each of them an iteration takes; one of each if empty."""
    cost: Cost
    """What one execution of the step costs."""
    live: int
    """Bytes alive while it runs: all operands of the contraction, intermediates, the result, and
    the copies of what is permuted."""

    @property
    def equation(self) -> str:
        """The step as an equation."""
        return equation_of(self.terms, self.output)

    @property
    def is_product(self) -> bool:
        """Whether two arrays are multiplied."""
        return len(self.operands) == 2

    @property
    def is_native(self) -> bool:
        """Whether it runs in compiled code of our own, where there is any."""
        return self.form in ("native", "view")

    @property
    def copies(self) -> Copies:
        """Which arrays are copied to be permuted; none where one array is taken."""
        if self.form is None or self.form == "view" or self.roles is None:
            return NO_COPIES
        form = ProductForm(self.form, False, self.roles, self.looped, self.blocks)
        sizes = dict(zip(self.terms[0], self.shapes[0], strict=True))
        sizes |= zip(self.terms[1], self.shapes[1], strict=True)
        return copies(form, self.terms[0], self.terms[1], self.output, sizes)


NO_COPIES = Copies(False, False, False)


def build_steps(
    tree: Tree,
    orders: tuple[Term, ...],
    dtype: str,
    whole: Contraction | None = None,
    forms: tuple[ProductForm | None, ...] = (),
    native: tuple[int, ...] = (),
) -> tuple[Step, ...]:
    """The steps of a tree whose results lie in `orders` and are of `dtype`.

    `forms` are those of the products, None the default form, none at all if all are that; `native`
    are operands whose own steps run natively, as those of all that native products take do; `whole`
    is the contraction of which the tree's is one slice: its arguments and its result stay
    alive beside the slice at work.

    >>> c = Contraction((("i", "i"), ("i", "k")), ("k",), ((3, 3), (3, 4)), ("float32",) * 2)
    >>> [(s.kind, s.equation) for s in build_steps(Tree(c, ((0, 1),)), (("k",),), "float32")]
    [('diagonal', 'ii->i'), ('product', 'ik,i->k')]
    """
    forms = forms or (None,) * len(orders)
    return _Builder(tree, orders, dtype, whole, frozenset(native)).steps(forms)


class _Builder:
    """Goes through a tree once, keeping the value number, term and bytes of every array."""

    def __init__(
        self,
        tree: Tree,
        orders: tuple[Term, ...],
        dtype: str,
        whole: Contraction | None,
        native: frozenset[int],
    ) -> None:
        self.tree, self.orders, self.native = tree, orders, native
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

    def steps(self, forms: tuple[ProductForm | None, ...]) -> tuple[Step, ...]:
        """All steps: each product, and before it what its operands need by themselves."""
        count = len(self.contraction.terms)
        value_of: dict[int, int] = {}
        for step, (left, right) in enumerate(self.tree.pairs):
            form = forms[step]
            kind = form.kind if form else None
            values = [value_of[a] if a >= count else self._prepare(a, kind) for a in (left, right)]
            value_of[count + step] = self._product(values, self.orders[step], form)
        last = self.made[-1].result if self.tree.pairs else self._prepare(0, None)
        if self.terms[last] != self.contraction.output:
            self._unary("permute", last, self.contraction.output, "native" if self.native else None)
        return tuple(self.made)

    def _prepare(self, operand: int, taken_by: FormKind | None) -> int:
        """Diagonal and sum of one operand, where it needs them; the number of what comes out.

        `taken_by` is the form of the product that takes it.
        """
        form: StepForm | None = None
        if operand in self.native or taken_by == "native":
            form = "native"
        term, leaf = self.terms[operand], self.contraction.leaves[operand]
        alone = not self.tree.pairs
        distinct = tuple(dict.fromkeys(term))
        summed = set(distinct) != set(leaf)
        value = operand
        if operand in self.copied:
            self.live += self.bytes[operand]
        if distinct != term:
            final = alone and not summed
            looked_at: StepForm | None = "view" if summed or taken_by == "native" else "native"
            output = self.contraction.output if final else distinct
            value = self._unary("diagonal", value, output, form and looked_at)
        if summed:
            value = self._unary("sum", value, self.contraction.output if alone else leaf, form)
        return value

    def _unary(self, kind: Kind, value: int, output: Term, form: StepForm | None) -> int:
        entries = self.contraction.volume(set(self.terms[value]))
        written = self.contraction.volume(output)
        itemsize = dtypes.itemsize(self.held_in)
        cost = sum_cost(entries if kind == "sum" else 0, written, itemsize, self.is_complex)
        read = entries * self._itemsize_of(value)
        return self._add(kind, (value,), output, replace(cost, bytes_read=read), by_itself=form)

    def _product(self, values: list[int], output: Term, form: ProductForm | None) -> int:
        """A product; unless its form says otherwise, the operand first in the result is left."""
        if form is None:
            form = default_form(self.terms[values[0]], self.terms[values[1]], output)
        left, right = reversed(values) if form.swapped else values
        parts = form.roles
        volume = self.contraction.volume
        gemm = Gemm(volume(parts.batch), volume(parts.m), volume(parts.k), volume(parts.n))
        itemsize = dtypes.itemsize(self.held_in)
        cost = product_cost(gemm.batch, gemm.m, gemm.k, gemm.n, itemsize, self.is_complex)
        cost = replace(cost, bytes_read=self.bytes[left] + self.bytes[right])
        if gemm.k != 1:
            return self._add("product", (left, right), output, cost, form, gemm)
        kind: Kind = "scale"
        if self.terms[left] and self.terms[right]:
            kind = "elementwise" if parts.batch or not (parts.m and parts.n) else "outer"
        return self._add(kind, (left, right), output, cost, form)

    def _add(
        self,
        kind: Kind,
        operands: tuple[int, ...],
        output: Term,
        cost: Cost,
        form: ProductForm | None = None,
        gemm: Gemm | None = None,
        *,
        by_itself: StepForm | None = None,
    ) -> int:
        count, sizes = len(self.contraction.terms), self.contraction.sizes
        result = count + len(self.made)
        self.terms[result] = output
        self.bytes[result] = cost.bytes_written
        terms = tuple(self.terms[value] for value in operands)
        freed = [self.bytes[v] if v >= count or v in self.copied else 0 for v in operands]
        live = self.live + self.bytes[result]
        if form is not None and gemm is not None:
            live = max(live, self._with_copies(form, operands, freed, result))
        self.live += self.bytes[result] - sum(freed)
        self.made.append(
            Step(
                kind=kind,
                operands=operands,
                result=result,
                terms=terms,
                output=output,
                shapes=tuple(tuple(sizes[i] for i in term) for term in terms),
                shape=tuple(sizes[i] for i in output),
                roles=form.roles if form else None,
                gemm=gemm,
                form=form.kind if form and (gemm or form.kind == "native") else by_itself,
                looped=form.looped if form else (),
                blocks=form.blocks if form else (),
                cost=cost,
                live=live,
            )
        )
        return result

    def _with_copies(
        self, form: ProductForm, operands: tuple[int, ...], freed: list[int], result: int
    ) -> int:
        """Most bytes alive in a product that permutes: while it copies, multiplies, and permutes.

        An intermediate is given up once it is copied; a loop permutes one block at a time.
        """
        sizes = self.contraction.sizes
        left, right = (self.terms[value] for value in operands)
        copied = copies(form, left, right, self.terms[result], sizes)
        if not (copied.left or copied.right or copied.result):
            return 0
        itemsize = dtypes.itemsize(self.held_in)
        within = sizes_within(sizes, form.looped, form.blocks)
        made = [
            math.prod(within[i] for i in term) * itemsize if moves else 0
            for term, moves in ((left, copied.left), (right, copied.right))
        ]
        whole = [not set(form.looped) & set(term) for term in (left, right)]
        given_up = sum(
            size for size, copy, all_of_it in zip(freed, made, whole, strict=True)
            if copy and all_of_it
        )  # fmt: skip
        written = self.bytes[result]
        block = math.prod(within[i] for i in self.terms[result]) * itemsize
        beside = block if copied.result else 0
        return max(
            self.live + sum(made),
            self.live + sum(made) - given_up + written + (beside if form.looped else 0),
            self.live - sum(freed) + written + beside,
        )

    def _itemsize_of(self, value: int) -> int:
        count = len(self.contraction.terms)
        return dtypes.itemsize(self.contraction.dtypes[value] if value < count else self.held_in)


def arguments_bytes(contraction: Contraction) -> int:
    """Bytes of all operands, as given."""
    return sum(
        dtypes.itemsize(dtype) * math.prod(shape)
        for shape, dtype in zip(contraction.shapes, contraction.dtypes, strict=True)
    )
