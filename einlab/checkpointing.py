"""What the gradient of a contraction keeps, and what it computes again, under a memory limit.

Going backwards through a tree, each product needs the values of both its operands. A value is
kept from the way forward, or computed again from the nearest values below it that are: the arrays
that are not kept fall into regions, and one region at a time is computed again. Slicing more than
the way forward does makes everything smaller instead. Both are tried, and the least work that keeps
the limit is taken. Source of the idea: Griewank and Walther 2000 (Algorithm 799); Chen et al. 2016
(arXiv:1604.06174).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from einlab import dtypes
from einlab.contraction import Contraction, Term
from einlab.errors import MemoryLimitError
from einlab.planning import Plan, left_to_xla, make_plan
from einlab.settings import Settings
from einlab.steps import arguments_bytes

__all__ = ["Backward", "Region", "backward_within", "keeping_all", "regions"]

MOST_SLICES = 2**31 - 1  # that a loop counts to
SMALLEST_SHARE = 0.02
"""Of the limit that a plan may take going forward, at least: the smaller, the more it is sliced."""


@dataclass(frozen=True, slots=True)
class Backward:
    """How a gradient is computed: over the slices of a plan, with some results kept in each."""

    plan: Plan
    kept: frozenset[int]
    """Arrays of the tree that are kept; the others are computed again."""
    peak: int
    """Bytes alive at once by estimate: arguments, cotangent and gradients included."""
    lean: bool = False
    """Whether the loop over slices holds nothing from one slice to the next."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a tree whose inner results are not kept."""

    plan: Plan
    """From the inputs to the one result that is kept."""
    inputs: tuple[int, ...]
    """Arrays of the whole tree."""
    result: int


def slice_plan(plan: Plan) -> Plan:
    """The plan of one slice alone, in which sliced indices have length 1."""
    if not plan.sliced:
        return plan
    return replace(plan, contraction=plan.contraction.one_slice(plan.sliced), sliced=())


def keeping_all(plan: Plan) -> Backward:
    """The gradient that computes nothing again within a slice."""
    every = _Values(plan)
    return Backward(plan, every.inner, every.peak(every.inner))


def backward_within(contraction: Contraction, settings: Settings, limit: int) -> Backward:
    """The gradient of least work whose estimated peak keeps a limit in bytes.

    Raises MemoryLimitError with the smallest estimate that was found.
    """
    best: tuple[float, Backward] | None = None
    least: int | None = None
    for plan in _plans(contraction, settings, limit):
        values = _Values(plan)
        found = values.kept_within(limit)
        least = min(found.peak, least or found.peak)
        if found.peak <= limit:
            work = values.work(found.kept)
            if best is None or work < best[0]:
                best = work, found
            if found.kept == values.inner:
                break  # slicing more only adds work
    if best is not None:
        return best[1]
    error = MemoryLimitError(
        f"no order and no slicing keeps the gradient within {limit:,} bytes"
        + (f": {least:,} bytes would do" if least else "")
    )
    error.smallest = least
    raise error


def _plans(contraction: Contraction, settings: Settings, limit: int) -> Iterator[Plan]:
    """Plans that are sliced more and more, each in native code first, which needs room."""
    seen: set[tuple[tuple[tuple[int, int], ...], Term]] = set()
    for inner in _limits(limit, arguments_bytes(contraction)):
        try:
            plan = make_plan(contraction, replace(settings, memory_bytes=inner))
        except MemoryLimitError:
            if inner == limit:
                raise
            return
        if plan.slices > MOST_SLICES:
            return
        if (plan.pairs, plan.sliced) not in seen:
            seen.add((plan.pairs, plan.sliced))
            yield plan
            if left_to_xla(plan) != plan:
                yield left_to_xla(plan)


def _limits(limit: int, least: int) -> Iterator[int]:
    """Limits for going forward: the whole one, then the powers of the root of 2 below it.

    They are the same from one attempt to the next, so that plans are found again.

    >>> list(_limits(1000, 300))
    [1000, 724, 512, 362]
    """
    yield limit
    power = math.floor(2 * math.log2(limit) - 0.5)
    while 2 ** (power / 2) > max(least, limit * SMALLEST_SHARE):
        yield int(2 ** (power / 2))
        power -= 1


class _Values:
    """The arrays of one slice of a plan: their bytes, the work that makes them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.count = count = len(plan.contraction.terms)
        tree, each = plan.slice_tree, dtypes.itemsize(_held_in(plan))
        volume = tree.contraction.volume
        self.bytes = [volume(set(leaf)) * each for leaf in tree.contraction.leaves]
        self.bytes += [volume(order) * each for order in plan.orders]
        terms = tree.terms
        sizes = list(tree.contraction.network.sizes)
        self.products = [
            math.prod(sizes[index] for index in terms[left] | terms[right])
            for left, right in plan.pairs
        ]
        self.inner = frozenset(range(count, count + len(plan.pairs) - 1))
        self.rest = self._rest()

    def _rest(self) -> int:
        """Bytes alive throughout: arguments and gradients, cotangent, their slices at work."""
        whole, one = self.plan.contraction, self.plan.slice_tree.contraction
        each = dtypes.itemsize(self.plan.dtype)
        rest = 2 * arguments_bytes(whole) + math.prod(whole.shape) * each
        if self.plan.sliced:
            rest += math.prod(one.shape) * each
            rest += sum(
                2 * math.prod(part) * dtypes.itemsize(dtype)
                for part, shape, dtype in zip(one.shapes, whole.shapes, one.dtypes, strict=True)
                if part != shape
            )
        return rest

    def peak(self, kept: frozenset[int]) -> int:
        """Bytes alive at once: the kept values, and the region that needs most beside them."""
        within: dict[int, int] = {}
        owner: dict[int, int] = {}
        for step in reversed(range(len(self.plan.pairs))):
            array = self.count + step
            region = owner.get(array, array)
            left, right = self.plan.pairs[step]
            sent = self.bytes[array] + self.bytes[left] + self.bytes[right]
            inner = 0
            for side in (left, right):
                if side in self.inner and side not in kept:
                    owner[side] = region
                    inner += self.bytes[side]
            held, most = divmod(within.get(region, 0), 1 << 80)
            within[region] = ((held + inner) << 80) + max(most, sent)
        most_of = max((sum(divmod(value, 1 << 80)) for value in within.values()), default=0)
        return self.rest + sum(self.bytes[array] for array in kept) + most_of

    def work(self, kept: frozenset[int]) -> float:
        """Multiplications of all slices: forward, backward, and what is computed again."""
        again = sum(self.products[array - self.count] for array in self.inner - kept)
        return float((3 * sum(self.products) + again) * self.plan.slices)

    def kept_within(self, limit: int) -> Backward:
        """What to keep so that the limit holds, or as little as helps: cheap and large goes first.

        A value is given up if that makes the peak smaller.
        """
        kept, peak = self.inner, self.peak(self.inner)
        by_worth = sorted(
            self.inner,
            key=lambda array: self.products[array - self.count] / max(self.bytes[array], 1),
        )
        for array in by_worth:
            if peak <= limit:
                break
            fewer = kept - {array}
            lower = self.peak(fewer)
            if lower < peak:
                kept, peak = fewer, lower
        return Backward(self.plan, kept, peak)


def regions(plan: Plan, kept: frozenset[int]) -> tuple[Region, ...]:
    """A plan without slices cut into regions, in the order in which they run.

    >>> from einlab.planning import plan
    >>> p = plan("ij,jk,kl->il", (2, 3), (3, 4), (4, 5), optimize=[(1, 2), (0, 1)])
    >>> [(region.plan.eq, region.inputs) for region in regions(p, frozenset({3}))]
    [('jk,kl->jl', (1, 2)), ('ij,jl->il', (0, 3))]
    """
    count = len(plan.contraction.terms)
    root = count + len(plan.pairs) - 1
    return tuple(
        _region(plan, array, kept) for array in range(count, root + 1) if array in kept | {root}
    )


def _region(plan: Plan, result: int, kept: frozenset[int]) -> Region:
    """The region above the kept arrays that makes `result`."""
    whole, count = plan.contraction, len(plan.contraction.terms)
    steps, inputs, waiting = [], [], [result]
    while waiting:
        array = waiting.pop()
        steps.append(array - count)
        for side in plan.pairs[array - count]:
            if side < count or side in kept:
                inputs.append(side)
            else:
                waiting.append(side)
    steps.sort()
    inputs.sort()
    last = result == count + len(plan.pairs) - 1
    held_in = _held_in(plan)
    sizes = whole.sizes
    below = Contraction(
        tuple(whole.terms[a] if a < count else plan.orders[a - count] for a in inputs),
        whole.output if last else plan.orders[result - count],
        tuple(
            whole.shapes[a]
            if a < count
            else tuple(sizes[index] for index in plan.orders[a - count])
            for a in inputs
        ),
        tuple(whole.dtypes[a] if a < count else held_in for a in inputs),
    )
    number = {array: place for place, array in enumerate(inputs)}
    pairs = []
    for step in steps:
        left, right = plan.pairs[step]
        pairs.append((number[left], number[right]))
        number[count + step] = len(inputs) + len(pairs) - 1
    forms = tuple(plan.product_forms[step] for step in steps) if plan.product_forms else ()
    own = replace(
        plan,
        contraction=below,
        pairs=tuple(pairs),
        orders=tuple(plan.orders[step] for step in steps),
        product_forms=forms if any(forms) else (),
        native_operands=tuple(number[a] for a in plan.native_operands if a in number),
        dtype=plan.dtype if last else held_in,
    )
    return Region(own, tuple(inputs), result)


def _held_in(plan: Plan) -> str:
    return dtypes.held_in(plan.contraction.dtypes, plan.dtype)
