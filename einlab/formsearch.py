"""The fastest form of one product whose operands and result lie in given orders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from einlab.contraction import Term
from einlab.forms import (
    ProductForm,
    arranged,
    default_form,
    inside,
    one_by_one,
    sizes_within,
)
from einlab.nativemodel import how_they_lie, native_seconds, taken_together, with_vectors
from einlab.orders import Roles, roles
from einlab.permuting import FormCosts, Sizes, contiguous_run

__all__ = ["best_form", "form_seconds", "forms_by_promise", "lies_in", "native_form"]

BLOCKS = (4, 8, 16)
"""Values of an index that a loop takes at a time, at most, beside one."""
KEPT = 4
"""Loops over one index that are tried with a second one, and loops that are tried in every order
of the roles."""


def best_form(
    left: Term, right: Term, result: Term, sizes: Mapping[str, int], costs: FormCosts
) -> tuple[float, ProductForm | None]:
    """The least predicted seconds of a product, and its form; None is the default form.

    A product that sums nothing is left to the compiler, which fuses it with its neighbours.

    >>> from einlab.permuting import form_costs
    >>> sizes, costs = dict(zip("bhkd", (8, 32, 1024, 128))), form_costs("cpu", "float32")
    >>> best_form(tuple("bhd"), tuple("bkhd"), tuple("bhk"), sizes, costs)[1].kind
    'native'
    """
    common = default_form(left, right, result)
    volumes = _sizes(common.roles, sizes)
    if volumes.k == 1 or 0 in volumes:
        return 0.0, None
    best = (math.inf, common)
    for seconds, form in _candidates(left, right, result, sizes, costs):
        # the default form wins where it is as fast, so that plans stay plain
        if seconds < best[0] * (1.0 if form == common else 0.98):
            best = (seconds, form)
    return best[0], None if best[1] == common else best[1]


def forms_by_promise(
    left: Term,
    right: Term,
    result: Term,
    sizes: Mapping[str, int],
    costs: FormCosts,
    most: int,
) -> list[ProductForm | None]:
    """The forms of a product that are predicted fastest, each in its best orders of the roles.

    At most so many, None for the default form; none for a product that sums nothing.

    >>> from einlab.permuting import form_costs
    >>> sizes, costs = dict(zip("bhkd", (8, 32, 1024, 128))), form_costs("cpu", "float32")
    >>> terms = map(tuple, ("bhd", "bkhd", "bhk"))
    >>> [form and form.kind for form in forms_by_promise(*terms, sizes, costs, 2)]
    ['native', 'reduce']
    """
    common = default_form(left, right, result)
    volumes = _sizes(common.roles, sizes)
    if volumes.k == 1 or 0 in volumes:
        return []
    best: dict[tuple[object, ...], tuple[float, ProductForm]] = {}
    for seconds, form in _candidates(left, right, result, sizes, costs):
        alike = (form.kind, form.swapped and form.kind != "reduce", form.looped, form.blocks)
        if seconds < best.get(alike, (math.inf,))[0]:
            best[alike] = (seconds, form)
    ordered = sorted(best.values(), key=lambda one: one[0])
    return [None if form == common else form for _, form in ordered[:most]]


def form_seconds(
    form: ProductForm | None,
    left: Term,
    right: Term,
    result: Term,
    sizes: Mapping[str, int],
    costs: FormCosts,
) -> float:
    """The predicted seconds of a product in a form, None for the default one.

    A product that sums nothing is taken to be written out, though the compiler may fuse it with
    what takes it.

    >>> from einlab.permuting import form_costs
    >>> sizes, costs = {"i": 40, "j": 50, "k": 60}, form_costs("cpu", "float32")
    >>> one = form_seconds(None, ("i", "j"), ("j", "k"), ("i", "k"), sizes, costs)
    >>> one < form_seconds(None, ("j", "i"), ("j", "k"), ("i", "k"), sizes, costs)
    True
    """
    form = form or default_form(left, right, result)
    first, second = (right, left) if form.swapped else (left, right)
    side = _Side(first, second, result, sizes, costs)
    if 0 in side.volumes:
        return 0.0
    if form.kind == "native":
        return side.native()
    if side.volumes.k == 1:
        found, permutes = side.spreading()
    elif form.kind == "reduce":
        found, permutes = side.reduced(), False
    elif form.kind == "unroll":
        found, permutes = side.unrolled(form.roles), True
    elif form.kind == "loop":
        blocks = form.blocks or (1,) * len(form.looped)
        found, permutes = side.looping(form.roles, _Over(form.looped, blocks)), True
    else:
        found = side.seconds(form.roles)
        permutes = found > costs.multiplying(side.volumes)
    return costs.beside_native(found, permutes=permutes)


def lies_in(term: Term, result: Term, sizes: Mapping[str, int]) -> bool:
    """Whether the axes longer than 1 of an operand stand in the order of the result.

    >>> sizes = {"i": 2, "j": 3}
    >>> lies_in(("j", "i"), ("i", "j"), sizes), lies_in(("j",), ("i", "j"), sizes)
    (False, True)
    """
    held = [index for index in term if index in result and sizes[index] > 1]
    return held == [index for index in result if index in held]


def native_form(left: Term, right: Term, result: Term) -> ProductForm:
    """A product by compiled code of our own, whose operands and result lie in any order."""
    return ProductForm("native", False, roles(left, right, result))


def _candidates(
    left: Term, right: Term, result: Term, sizes: Mapping[str, int], costs: FormCosts
) -> Iterator[tuple[float, ProductForm]]:
    """Every form that is tried, with its seconds; the default order of every role comes first.

    Loops and other orders of the roles are tried where there are no native products, which do
    without permutations anyway.
    """
    for swapped in (False, True):
        first, second = (right, left) if swapped else (left, right)
        side = _Side(first, second, result, sizes, costs)
        common = roles(first, second, result)
        alone = costs.multiplying(side.volumes)
        orders = (common,) if costs.native else _orders_of_roles(common, first, second)
        for parts in orders:
            seconds = side.seconds(parts)
            seconds = costs.beside_native(seconds, permutes=seconds > alone)
            yield seconds, ProductForm("dot", swapped, parts)
            if parts.batch and side.volumes.k <= costs.unrolled_k:
                seconds = costs.beside_native(side.unrolled(parts), permutes=True)
                yield seconds, ProductForm("unroll", swapped, parts)
        for seconds, parts, over in side.loops(common) if costs.native is None else ():
            yield seconds, ProductForm("loop", swapped, parts, over.looped, over.blocks)
        if not common.m or not common.n:
            seconds = costs.beside_native(side.reduced(), permutes=False)
            yield seconds, ProductForm("reduce", swapped, common)
    if costs.native is not None:
        side = _Side(left, right, result, sizes, costs)
        yield side.native(), native_form(left, right, result)


class _Over(NamedTuple):
    """What a loop goes over, and how many values of each index at a time."""

    looped: Term
    blocks: tuple[int, ...]

    def and_over(self, other: _Over, result: Term) -> _Over:
        """Over both, the index that is further out in the result first."""
        both = sorted(
            zip(self.looped + other.looped, self.blocks + other.blocks, strict=True),
            key=lambda one: result.index(one[0]),
        )
        return _Over(tuple(index for index, _ in both), tuple(size for _, size in both))


def _orders_of_roles(common: Roles, first: Term, second: Term) -> Iterator[Roles]:
    """Each role in the order of the result (k: of the first operand), or of an operand."""
    return (
        Roles(*orders)
        for orders in product(
            dict.fromkeys((common.batch, _as_in(first, common.batch))),
            dict.fromkeys((common.m, _as_in(first, common.m))),
            dict.fromkeys((common.k, _as_in(second, common.k))),
            dict.fromkeys((common.n, _as_in(second, common.n))),
        )
    )


def _as_in(term: Term, group: Term) -> Term:
    return tuple(index for index in term if index in group)


def _sizes(parts: Roles, sizes: Mapping[str, int]) -> Sizes:
    return Sizes(
        *(math.prod(sizes[i] for i in g) for g in (parts.batch, parts.m, parts.k, parts.n))
    )


def _blocks(size: int) -> list[int]:
    """How many values of an index of this size a loop may take at a time: divisors of it.

    >>> _blocks(24), _blocks(7), _blocks(4), _blocks(1)
    ([1, 4, 8, 12], [1], [1], [])
    """
    found = {max(d for d in range(1, most + 1) if size % d == 0) for most in (1, *BLOCKS)}
    return sorted(block for block in found if block < size)


class _Side:
    """A product with its first and second operand fixed."""

    def __init__(
        self,
        first: Term,
        second: Term,
        result: Term,
        sizes: Mapping[str, int],
        costs: FormCosts,
    ) -> None:
        self.first, self.second, self.result = first, second, result
        self.sizes, self.costs = sizes, costs
        self.volumes = _sizes(roles(first, second, result), sizes)

    def loops(self, common: Roles) -> list[tuple[float, Roles, _Over]]:
        """Loops over one index of the result or two, those that promise most in every order."""
        if not common.m or not common.n:
            return []  # what is read once need not be in a cache
        batch, m, k, n = self.volumes
        largest = batch * max(m * n, m * k, k * n)
        if largest * self.costs.constants.itemsize < self.costs.loop_from:
            return []
        if self.costs.iteration == math.inf:
            return []
        single = [
            _Over((index,), (size,)) for index in self.result for size in _blocks(self.sizes[index])
        ]
        tried = sorted((self.looping(common, over), over) for over in single)
        pairs = {
            best.and_over(over, self.result)
            for _, best in tried[:KEPT]
            for over in single
            if over.looped != best.looped
        }
        tried = sorted(tried + [(self.looping(common, over), over) for over in pairs])
        return [
            (self.looping(parts, over), parts, over)
            for _, over in tried[:KEPT]
            for parts in _orders_of_roles(common, self.first, self.second)
        ]

    def seconds(self, parts: Roles) -> float:
        """Of permuting what must be, multiplying, and putting the result in its order."""
        first = arranged(self.first, parts.batch, parts.m, parts.k)
        second = arranged(self.second, parts.batch, parts.k, parts.n)
        total = self._moving(self.first, first) + self._moving(self.second, second)
        transposed = first[-1:] != () and first[-1] in parts.m
        total += self.costs.multiplying(self.volumes, transposed=transposed)
        return total + self._moving(parts.natural, self.result)

    def reduced(self) -> float:
        """Of multiplying and summing the entries as they lie."""
        larger = max(self.first, self.second, key=len)
        along = larger[-1] not in self.result or larger[-1] == self.result[-1]
        return self.costs.reducing(self.volumes, along=along)

    def spreading(self) -> tuple[float, bool]:
        """Of a product that sums nothing; whether an operand lies otherwise than the result."""
        batch, m, _, n = self.volumes
        terms = self.first, self.second
        moved = sum(not lies_in(term, self.result, self.sizes) for term in terms)
        scattered = moved * batch * m * n * self.costs.scattered
        return self.costs.multiplying(self.volumes) + scattered, moved > 0

    def unrolled(self, parts: Roles) -> float:
        """Of the sum of k outer products."""
        first = arranged(self.first, parts.batch, parts.m, parts.k)
        second = arranged(self.second, parts.batch, parts.k, parts.n)
        moving = self._moving(self.first, first) + self._moving(self.second, second)
        moving += self._moving(parts.natural, self.result)
        return moving + self.costs.unrolling(self.volumes)

    def native(self) -> float:
        """Of a call that makes this product alone; operands and result stay as they lie."""
        costs, parts = self.costs.native, roles(self.first, self.second, self.result)
        if costs is None:
            return math.inf
        batch, m, k, n = self.volumes
        if next((i in parts.m for i in reversed(self.result) if self.sizes[i] > 1), False):
            m, n = n, m  # neighbours in the result are columns
        terms = self.first, self.second, self.result
        groups = parts.batch, parts.m, parts.k, parts.n
        arrays = how_they_lie(terms, groups, self.sizes)
        fresh = self.costs.touching(arrays[2][0])
        together = taken_together(terms, groups, self.sizes)
        walked = with_vectors((batch, m, k, n), together, costs.itemsize)
        return costs.call + native_seconds(costs, walked, arrays) + fresh

    def looping(self, parts: Roles, over: _Over) -> float:
        """Of the operands that are permuted whole, and of all iterations.

        An operand that has a looped index is read block by block, the result is written so.
        """
        alone = one_by_one(*over)
        own, within = inside(parts, alone), sizes_within(self.sizes, *over)
        block = _sizes(own, within)
        iterations = math.prod(self.sizes[index] // within[index] for index in over.looped)
        rest = tuple(index for index in self.result if index not in alone)
        each = self.costs.iteration + self.costs.multiplying(block)
        each += self._moving(own.natural, rest, within)
        held = math.prod(within[index] for index in self.result)
        once = self.costs.touching(iterations * held)
        once += self._slicing(self.result, over, within, iterations * held)
        for term, order in ((self.first, (own.m, own.k)), (self.second, (own.k, own.n))):
            inner = tuple(index for index in term if index not in alone)
            wanted = arranged(inner, own.batch, *order)
            entries = math.prod(within[index] for index in inner)
            held += entries
            if not set(over.looped) & set(term):
                once += self._moving(inner, wanted)
                continue
            each += self._moving(inner, wanted, within)
            once += self._slicing(term, over, within, iterations * entries)
        return once + iterations * (each + self.costs.overflowing(held))

    def _slicing(self, term: Term, over: _Over, within: Mapping[str, int], entries: int) -> float:
        """Seconds of reading or writing an array block by block, so many entries in all."""
        last = max(place for place, index in enumerate(term) if index in over.looped)
        run = math.prod(within[index] for index in term[last:])
        whole = math.prod(self.sizes[index] for index in term)
        return self.costs.slicing(entries, run, whole)

    def _moving(self, term: Term, order: Term, within: Mapping[str, int] | None = None) -> float:
        """Seconds of putting an array, or a block of one, from one order in another."""
        if term == order:
            return 0.0
        sizes = within or self.sizes
        held, wanted = (tuple(i for i in one if sizes[i] > 1) for one in (term, order))
        if held == wanted:
            return 0.0
        entries = math.prod(sizes[index] for index in held)
        return self.costs.permuting(entries, contiguous_run(held, wanted, sizes))
