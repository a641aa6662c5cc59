"""The fastest form of one product whose operands and result lie in given orders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product

from einlab.contraction import Term
from einlab.forms import FormKind, ProductForm, arranged, default_form, inside
from einlab.orders import Roles, roles
from einlab.permuting import FormCosts, Sizes, contiguous_run

__all__ = ["best_form"]

MOST_LOOPED = 2
"""Indices of the result that a loop goes over at most."""


def best_form(
    left: Term, right: Term, result: Term, sizes: Mapping[str, int], costs: FormCosts
) -> tuple[float, ProductForm | None]:
    """The least predicted seconds of a product, and its form; None is the default form.

    A product that sums nothing is left to the compiler, which fuses it with its neighbours.

    >>> from einlab.permuting import form_costs
    >>> sizes, costs = dict(zip("bhkd", (8, 32, 1024, 128))), form_costs("cpu", "float32")
    >>> best_form(tuple("bhd"), tuple("bkhd"), tuple("bhk"), sizes, costs)[1].kind
    'reduce'
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


def _candidates(
    left: Term, right: Term, result: Term, sizes: Mapping[str, int], costs: FormCosts
) -> Iterator[tuple[float, ProductForm]]:
    """Every form that is tried, with its seconds; the default order of every role comes first."""
    for swapped in (False, True):
        first, second = (right, left) if swapped else (left, right)
        side = _Side(first, second, result, sizes, costs)
        common = roles(first, second, result)
        for parts in _orders_of_roles(common, first, second):
            for looped in side.loops(parts):
                kind: FormKind = "loop" if looped else "dot"
                yield side.seconds(parts, looped), ProductForm(kind, swapped, parts, looped)
            if parts.batch and side.volumes.k <= costs.unrolled_k:
                yield side.unrolled(parts), ProductForm("unroll", swapped, parts)
        if not common.m or not common.n:
            larger = max(left, right, key=len)
            along = larger[-1] in common.k or larger[-1] == result[-1]
            seconds = costs.reducing(side.volumes, along=along)
            yield seconds, ProductForm("reduce", swapped, common)


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
        self.moved: dict[tuple[Term, Term], float] = {}

    def loops(self, parts: Roles) -> Iterator[Term]:
        """The indices to loop over: none, or the outermost ones of the result."""
        yield ()
        batch, m, k, n = self.volumes
        largest = batch * max(m * n, m * k, k * n)
        large = largest * self.costs.constants.itemsize >= self.costs.loop_from
        if large and self.costs.iteration < math.inf:
            for count in range(1, min(MOST_LOOPED, len(self.result) - 1) + 1):
                yield self.result[:count]

    def seconds(self, parts: Roles, looped: Term) -> float:
        """Of permuting what must be, multiplying, and putting the result in its order."""
        if looped:
            return self._loop(parts, looped)
        first = arranged(self.first, parts.batch, parts.m, parts.k)
        second = arranged(self.second, parts.batch, parts.k, parts.n)
        total = self._moving(self.first, first) + self._moving(self.second, second)
        transposed = first[-1:] != () and first[-1] in parts.m
        total += self.costs.multiplying(self.volumes, transposed=transposed)
        return total + self._moving(parts.natural, self.result)

    def unrolled(self, parts: Roles) -> float:
        """Of the sum of k outer products."""
        first = arranged(self.first, parts.batch, parts.m, parts.k)
        second = arranged(self.second, parts.batch, parts.k, parts.n)
        moving = self._moving(self.first, first) + self._moving(self.second, second)
        moving += self._moving(parts.natural, self.result)
        return moving + self.costs.unrolling(self.volumes)

    def _loop(self, parts: Roles, looped: Term) -> float:
        """Of the operands that are permuted whole, and of all iterations.

        An operand that has a looped index is read block by block.
        """
        own = inside(parts, looped)
        block = _sizes(own, self.sizes)
        iterations = math.prod(self.sizes[index] for index in looped)
        rest = self.result[len(looped) :]
        each = self.costs.iteration + self.costs.multiplying(block)
        if own.natural != rest:
            each += self._moving(own.natural, rest)
        once = self.costs.touching(iterations * block.batch * block.m * block.n)
        for term, order in ((self.first, (own.m, own.k)), (self.second, (own.k, own.n))):
            inner = tuple(index for index in term if index not in looped)
            wanted = arranged(inner, own.batch, *order)
            if len(inner) == len(term):
                once += self._moving(inner, wanted)
            else:
                entries = math.prod(self.sizes[index] for index in inner)
                each += self.costs.permuting(entries, contiguous_run(inner, wanted, self.sizes))
                once += self._slicing(term, looped, iterations * entries)
        return once + iterations * each

    def _slicing(self, term: Term, looped: Term, entries: int) -> float:
        """Seconds of reading an operand block by block, so many entries in all."""
        last = max(place for place, index in enumerate(term) if index in looped)
        run = math.prod(self.sizes[index] for index in term[last + 1 :])
        whole = math.prod(self.sizes[index] for index in term)
        return self.costs.slicing(entries, run, whole)

    def _moving(self, term: Term, order: Term) -> float:
        """Seconds of putting an array from one order in another."""
        if term == order:
            return 0.0
        known = self.moved.get((term, order))
        if known is None:
            held, wanted = (tuple(i for i in one if self.sizes[i] > 1) for one in (term, order))
            known = 0.0
            if held != wanted:
                entries = math.prod(self.sizes[index] for index in held)
                known = self.costs.permuting(entries, contiguous_run(held, wanted, self.sizes))
            self.moved[term, order] = known
        return known
