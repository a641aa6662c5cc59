"""`Work`: what of a step its time depends on, from its terms, its shapes and its form.

Sizes and runs enter the formulas of the step model. Traits are the same and more as numbers on
scales where near means alike (powers of two of sizes and strides, 1 or 0 for an order): by them the
measured programs are found that a step resembles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import NamedTuple

from einlab.contraction import Term
from einlab.forms import inside, one_by_one, sizes_within
from einlab.nativemodel import how_they_lie, run_within
from einlab.orders import Roles
from einlab.steps import Step

__all__ = ["Move", "Work", "move_of", "work_of"]

APART = 3.0
"""Distance, in powers of two, between steps that permute an operand and those that do not."""


class Move(NamedTuple):
    """An array that is permuted."""

    entries: float
    run: float
    """Entries that stay side by side."""
    traits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What of a step its time depends on; numbers of entries."""

    form: str
    """"dot", "loop", "reduce" or "unroll" of a product that sums, "spread" of one that does not,
    "native" of either and of one array, "sum", "permute" or "diagonal" of one array otherwise, and
    "view" of one that is only looked at."""
    sizes: tuple[float, float, float, float]
    """batch, m, k and n of a product; of a loop, within one iteration."""
    read: float
    written: float
    alike: str
    """The kind of steps that it is compared with."""
    traits: tuple[float, ...]
    inner: float = 1.0
    """Of a sum: entries after the last summed axis. Of a permutation: entries of a run."""
    copies: tuple[Move, ...] = ()
    """Each array that is permuted beside the product."""
    arrays: tuple[tuple[float, float], ...] = ()
    """Of a native step: entries of its operands and result, and of the runs in which they lie."""
    iterations: float = 1.0
    is_plain: bool = True
    """Whether the left operand has k last and the right one n."""
    is_crossed: bool = False
    """Whether the left operand has k before m."""

    @property
    def computes(self) -> bool:
        """Whether entries are computed and not only moved."""
        moves = self.alike in ("native permute", "native diagonal")
        return not moves and self.form not in ("permute", "diagonal", "view")

    @property
    def flops(self) -> float:
        """Multiplications and additions, as XLA counts them of the program as lowered."""
        if not self.computes:
            return 0.0
        if self.form == "sum":
            return self.read - self.written
        batch, m, k, n = self.sizes
        if self.form == "spread" or (self.form == "native" and k == 1.0):
            return self.written
        return 2.0 * batch * m * k * n * self.iterations


@lru_cache(maxsize=4096)
def work_of(step: Step) -> Work:
    """What a step does.

    >>> from einlab.planning import plan
    >>> work_of(plan("ij,jk->ik", (8, 4), (4, 2)).steps[0]).sizes
    (1.0, 8.0, 4.0, 2.0)
    """
    sizes = dict(zip(step.output, step.shape, strict=True))
    for term, shape in zip(step.terms, step.shapes, strict=True):
        sizes.update(zip(term, shape, strict=True))
    if step.roles is None:
        return _of_one_array(step, sizes)
    if step.form == "native":
        return _native(step, step.roles, sizes)
    if step.form is None:
        return _spread(step, step.roles, sizes)
    return _product(step, step.roles, sizes)


NOTHING = (1.0, 1.0, 1.0, 1.0)
BATCH, M, K, N = range(4)
"""Roles of the axes of a product."""


def _of_one_array(step: Step, sizes: Mapping[str, int]) -> Work:
    (term,), output = step.terms, step.output
    read, written, inner = _volume(term, sizes), _volume(output, sizes), _inner(step)
    if step.form == "view":
        return Work("view", NOTHING, 0.0, 0.0, "view", ())
    if step.form == "native":
        work = _of_one_array(replace(step, form=None), sizes)
        arrays = _lying(step, sizes)
        return replace(work, form="native", alike=f"native {work.form}", arrays=arrays)
    if step.kind == "permute":
        move = move_of(term, output, sizes)
        return Work("permute", NOTHING, read, written, "permute", move.traits, move.run)
    if step.kind == "diagonal":  # only the entries kept are read
        kept_of = (_log(written), _log(inner), _log(read))
        return Work("diagonal", NOTHING, written, written, "diagonal", kept_of, inner)
    kept = [index in output for index in term]
    changes = sum(one != other for one, other in pairwise(kept))
    moved = tuple(i for i in term if i in output) != output
    traits = (
        _log(read),
        _log(written),
        _log(inner),
        float(not kept[-1]),
        _log(sizes[term[-1]]),
        float(changes),
        APART * moved,
    )
    return Work("sum", NOTHING, read, written, "sum", traits, inner)


def _lying(step: Step, sizes: Mapping[str, int]) -> tuple[tuple[float, float], ...]:
    """Entries that a native step of one array reads and writes, and how many lie side by side.

    What is copied in another order is turned block by block: where each of the two arrays has a
    long run of its own, whole cache lines are used. A sum has the runs of what is summed or kept.
    """
    (term,), output = step.terms, step.output
    read = _volume(set(term), sizes)
    together = {index: index in output for index in term}
    runs = [run_within(one, together, sizes) for one in (term, output)]
    if len(set(term)) < len(term):  # neighbours of a diagonal lie apart
        runs[0] = int(min(runs[0], _inner(step)))
    return (read, float(runs[0])), (_volume(output, sizes), float(runs[1]))


def _native(step: Step, parts: Roles, sizes: Mapping[str, int]) -> Work:
    """A product by compiled code of our own: how its operands and its result lie."""
    groups, terms = (parts.batch, parts.m, parts.k, parts.n), (*step.terms, step.output)
    lying = how_they_lie(terms, groups, sizes)
    arrays = tuple(
        (float(entries), min(float(run), _run_together(terms, place, sizes)))
        for place, (entries, run) in enumerate(lying)
    )
    four = _sizes(parts, sizes)
    is_product = min(four[1:]) > 1
    line = 64.0 * arrays[2][0] / max(step.cost.bytes_written, 1)
    return Work(
        "native",
        four,
        arrays[0][0] + arrays[1][0],
        arrays[2][0],
        "native" if is_product else "direct",
        _in_blocks(step, groups, sizes, line) if is_product else _in_lines(step, parts, sizes),
        arrays=arrays,
    )


def _run_together(terms: Sequence[Term], place: int, sizes: Mapping[str, int]) -> float:
    """Entries of an array that lie side by side in the other array of their axes, too.

    `terms` are those of the operands and the result: what is not summed is met in the result.
    """
    first, second = (terms[2], terms[1 - place]) if place < 2 else (terms[0], terms[1])
    run = 1.0
    after: str | None = None
    there: Term = ()
    for index in reversed(terms[place]):
        if sizes[index] == 1:
            continue
        met = tuple(i for i in (first if index in first else second) if sizes[i] > 1)
        if after is not None and (met != there or met.index(index) + 1 != met.index(after)):
            break
        run, after, there = run * sizes[index], index, met
    return run


def _in_blocks(
    step: Step, groups: Sequence[Term], sizes: Mapping[str, int], line: float
) -> tuple[float, ...]:
    """Traits of a native product of matrices; `line` entries make a line of the cache.

    If the result ends in an axis of m, or in the batch, and m is larger than n, the product is
    looked at the other way round.
    """
    role = {index: number for number, group in enumerate(groups) for index in group}

    def last(term: Term) -> int | None:
        """The role of the axis in which an array ends."""
        return next((role[i] for i in reversed(term) if sizes[i] > 1), None)

    left, right = step.terms
    batch, m, k, n = (_volume(group, sizes) for group in groups)
    if last(step.output) == M or (last(step.output) != N and m > n):
        left, right, m, n = right, left, n, m
        role = {i: {M: N, N: M}.get(number, number) for i, number in role.items()}
    lying = left, right, step.output
    runs = [float(run_within(term, role, sizes)) for term in lying]
    ends = (last(left) == M, last(right) == K, *(last(term) == BATCH for term in lying))
    filled = math.ceil(n / line) * line / n
    large = max(step.terms, key=lambda term: _volume(term, sizes))
    moved = move_of(*_kept(large, step.output), sizes).traits[1:]
    return (*map(_log, (batch, m, k, n, *runs, filled)), *map(float, ends), *moved)


def _in_lines(step: Step, parts: Roles, sizes: Mapping[str, int]) -> tuple[float, ...]:
    """Traits of native products that sum nothing or have a vector: how entries are walked over."""
    left, right = step.terms
    large, small = (left, right) if _volume(left, sizes) >= _volume(right, sizes) else (right, left)
    kept, order = _kept(large, step.output)
    moved = move_of(kept, order, sizes).traits
    is_summed = [index in parts.k for index in large if sizes[index] > 1]
    own, there = _kept(small, step.output)
    beside = move_of(*_kept(small, large), sizes).traits
    volumes = (_volume(term, sizes) for term in (parts.k, step.output, large, small))
    repeated = (_repeated(step.output, term, sizes) for term in (large, small))
    return (
        *map(_log, (math.prod(sizes.values()), *volumes, *repeated)),
        *moved[1:],
        APART * (move_of(own, there, sizes).traits[2] > 0),
        APART * (moved[2] > 0),
        APART * bool(is_summed and is_summed[-1]),
        float(sum(one != other for one, other in pairwise(is_summed))),
        _log(_alike_at_end(large, parts.k, sizes)),
        APART * (beside[2] > 0),
        beside[2],
        beside[0] - beside[5],
    )


def _alike_at_end(term: Term, summed: Term, sizes: Mapping[str, int]) -> float:
    """Entries that lie side by side in an array, all summed or all kept."""
    held = [index for index in reversed(term) if sizes[index] > 1]
    alike = takewhile(lambda index: (index in summed) == (held[0] in summed), held)
    return _volume(tuple(alike), sizes)


def _kept(term: Term, output: Term) -> tuple[Term, Term]:
    """The axes that an array shares with another one, in the order of each."""
    return tuple(i for i in term if i in output), tuple(i for i in output if i in term)


def _repeated(output: Term, term: Term, sizes: Mapping[str, int]) -> float:
    """Entries of the result, side by side, that one entry of an operand belongs to."""
    count = 1.0
    for index in reversed(output):
        if index in term and sizes[index] > 1:
            break
        count *= sizes[index]
    return count


def _spread(step: Step, parts: Roles, sizes: Mapping[str, int]) -> Work:
    """A product that sums nothing: what is read, and how it lies beside the result."""
    copies, sides = [], []
    for term in step.terms:
        kept, order = _kept(term, step.output)
        stride = 0.0
        if kept != order:
            copies.append(move_of(kept, order, sizes))
            stride = copies[-1].traits[2]
        repeated = _repeated(step.output, term, sizes)
        entries = _log(_volume(term, sizes))
        sides.append((entries, _log(repeated), APART * (kept != order), stride))
    sides.sort(reverse=True)
    read = sum(_volume(term, sizes) for term in step.terms)
    written = _volume(step.output, sizes)
    traits = (_log(written), *sides[0][1:], *sides[1])
    return Work(
        "spread", _sizes(parts, sizes), read, written, "spread", traits, copies=tuple(copies)
    )


def _product(step: Step, parts: Roles, sizes: Mapping[str, int]) -> Work:
    """A product that sums, in its form."""
    assert step.form is not None
    alone = one_by_one(step.looped, step.blocks)
    whole, sizes = sizes, sizes_within(sizes, step.looped, step.blocks)
    own = inside(parts, alone)
    batch, m, k, n = four = _sizes(own, sizes)
    left, right = (tuple(i for i in term if i not in alone) for term in step.terms)
    made = tuple(i for i in step.output if i not in alone)
    moving = step.copies
    crossed = not moving.left and _leads(left, own.k, own.m)
    turned = not moving.right and _leads(right, own.k, own.n)
    orders = (
        (moving.left, left, own.batch + own.m + own.k),
        (moving.right, right, own.batch + own.k + own.n),
        (moving.result, own.natural, made),
    )
    iterations = float(math.prod(whole[i] // sizes[i] for i in step.looped))
    traits = [_log(batch), _log(m), _log(k), _log(n), float(crossed), float(turned)]
    alike: str = step.form
    if step.form in ("reduce", "unroll"):
        traits += [_log(_stride_of_last(step, sizes)), _log(_inner(step))]
    else:
        alike = "vector" if m == 1.0 or n == 1.0 else "batch" if batch > 1.0 else "product"
        traits += [float(moving.left), float(moving.right), float(moving.result)]
        if step.form == "loop":
            alike, traits = "loop", [*traits, _log(iterations)]
    return Work(
        step.form,
        four,
        sum(_volume(term, whole) for term in step.terms),
        _volume(step.output, whole),
        alike,
        tuple(traits),
        copies=tuple(move_of(before, after, sizes) for moves, before, after in orders if moves),
        iterations=iterations,
        is_plain=not (_leads(left, own.k, own.m) or _leads(right, own.n, own.k)),
        is_crossed=crossed,
    )


@lru_cache(maxsize=4096)
def _move(before: tuple[int, ...], places: tuple[int, ...]) -> Move:
    """The permutation of an array of this shape whose axis `places[i]` comes to place i."""
    entries = float(math.prod(before))
    run = 1.0
    for place, axis in zip(range(len(places) - 1, -1, -1), reversed(places), strict=True):
        if axis != place:
            break
        run *= before[axis]
    if run == entries:
        return Move(entries, run, (_log(entries), _log(entries), 0.0, _log(entries), 0.0, 0.0))
    there = [places.index(axis) for axis in range(len(before))]
    after = tuple(before[axis] for axis in places)
    out_inner, in_stride = _last_group(before, places)
    in_inner, out_stride = _last_group(after, tuple(there))
    sizes = (entries, out_inner, in_stride, in_inner, out_stride, run)
    return Move(entries, run, tuple(map(_log, sizes)))


def _last_group(shape: Sequence[int], places: Sequence[int]) -> tuple[float, float]:
    """Entries of the axes that end the new order and stood together, and their stride before."""
    last = places[-1]
    count = float(shape[last])
    stride = float(math.prod(shape[last + 1 :]))
    for one, other in zip(reversed(places[:-1]), reversed(places[1:]), strict=True):
        if one + 1 != other:
            break
        count *= shape[one]
    return count, stride


def move_of(before: Term, after: Term, sizes: Mapping[str, int]) -> Move:
    """The permutation from one order of axes to another; axes of length 1 do not count.

    >>> move_of(("a", "b"), ("b", "a"), {"a": 4, "b": 8}).traits
    (5.0, 2.0, 3.0, 3.0, 2.0, 0.0)
    """
    held = [index for index in before if sizes[index] > 1]
    places = tuple(held.index(index) for index in after if sizes[index] > 1)
    return _move(tuple(sizes[index] for index in held), places)


def _sizes(parts: Roles, sizes: Mapping[str, int]) -> tuple[float, float, float, float]:
    batch, m, k, n = (_volume(role, sizes) for role in (parts.batch, parts.m, parts.k, parts.n))
    return batch, m, k, n


def _volume(term: Term, sizes: Mapping[str, int]) -> float:
    return float(math.prod(sizes[index] for index in term))


def _log(size: float) -> float:
    return math.log2(max(size, 1.0))


def _leads(term: Term, first: Term, second: Term) -> bool:
    """Whether the one role stands before the other in a term that has both."""
    if not first or not second:
        return False
    return term.index(first[0]) < term.index(second[0])


def _stride_of_last(step: Step, sizes: Mapping[str, int]) -> float:
    """Stride, in the larger operand, of the last axis of the result that it has."""
    term = max(step.terms, key=lambda one: _volume(one, sizes))
    kept = [index for index in step.output if index in term and sizes[index] > 1]
    return _volume(term[term.index(kept[-1]) + 1 :], sizes) if kept else 1.0


def _inner(step: Step) -> float:
    """Entries after the last axis that a sum or a diagonal takes away."""
    inner = 1.0
    term = max(step.terms, key=len)
    shape = step.shapes[step.terms.index(term)]
    for index, size in zip(reversed(term), reversed(shape), strict=True):
        if index not in step.output or term.count(index) > 1:
            break
        inner *= size
    return inner
