"""`Work`: what of a step its time depends on, from its terms, its shapes and its form.

Sizes and runs enter the formulas of the step model. Traits are the same and more as numbers on
scales where near means alike (powers of two of sizes and strides, 1 or 0 for an order): by them the
measured programs are found that a step resembles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from einlab.contraction import Term
from einlab.forms import inside, one_by_one, sizes_within
from einlab.moves import APART, Move, log, move_of, repeated, shared, volume
from einlab.nativemodel import NO_ROWS, Walk, run_within, taken_together, with_vectors
from einlab.nativework import native_work
from einlab.orders import Roles
from einlab.steps import Step

__all__ = ["Work", "work_of"]


@dataclass(frozen=True, slots=True)
class Work:
    """What of a step its time depends on; numbers of entries."""

    form: str
    """"dot", "loop", "reduce" or "unroll" of a product that sums, "spread" of one that does not,
    "native" of either and of one array, "sum", "permute" or "diagonal" of one array otherwise, and
    "view" of one that is only looked at."""
    sizes: tuple[float, float, float, float]
    """batch, m, k and n of a product; of a loop, within one iteration. Where vectors of a native
    product run along the batch, their lanes count as columns."""
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
    walk: Walk = NO_ROWS
    """Of a native product without blocks of matrices: how it goes over its entries."""
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
        found = native_work(step, step.roles, sizes)
        (left, _), (right, _), (made, _) = found.arrays
        parts, terms = step.roles, (*step.terms, step.output)
        together = taken_together(terms, (parts.batch, parts.m, parts.k, parts.n), sizes)
        itemsize = step.cost.bytes_written / max(made, 1.0)
        return Work(
            "native",
            with_vectors(_sizes(parts, sizes), together, itemsize),
            left + right,
            made,
            found.alike,
            found.traits,
            arrays=found.arrays,
            walk=found.walk,
        )
    if step.form is None:
        return _spread(step, step.roles, sizes)
    return _product(step, step.roles, sizes)


NOTHING = (1.0, 1.0, 1.0, 1.0)


def _of_one_array(step: Step, sizes: Mapping[str, int]) -> Work:
    (term,), output = step.terms, step.output
    read, written, inner = volume(term, sizes), volume(output, sizes), _inner(step)
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
        kept_of = (log(written), log(inner), log(read))
        return Work("diagonal", NOTHING, written, written, "diagonal", kept_of, inner)
    kept = [index in output for index in term]
    changes = sum(one != other for one, other in pairwise(kept))
    moved = tuple(i for i in term if i in output) != output
    traits = (
        log(read),
        log(written),
        log(inner),
        float(not kept[-1]),
        log(sizes[term[-1]]),
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
    read = volume(tuple(dict.fromkeys(term)), sizes)
    together = {index: index in output for index in term}
    runs = [run_within(one, together, sizes) for one in (term, output)]
    if len(set(term)) < len(term):  # neighbours of a diagonal lie apart
        runs[0] = int(min(runs[0], _inner(step)))
    return (read, float(runs[0])), (volume(output, sizes), float(runs[1]))


def _spread(step: Step, parts: Roles, sizes: Mapping[str, int]) -> Work:
    """A product that sums nothing: what is read, and how it lies beside the result."""
    copies, sides = [], []
    for term in step.terms:
        kept, order = shared(term, step.output)
        stride = 0.0
        if kept != order:
            copies.append(move_of(kept, order, sizes))
            stride = copies[-1].traits[2]
        times = repeated(step.output, term, sizes)
        entries = log(volume(term, sizes))
        sides.append((entries, log(times), APART * (kept != order), stride))
    sides.sort(reverse=True)
    read = sum(volume(term, sizes) for term in step.terms)
    written = volume(step.output, sizes)
    traits = (log(written), *sides[0][1:], *sides[1])
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
    traits = [log(batch), log(m), log(k), log(n), float(crossed), float(turned)]
    alike: str = step.form
    if step.form in ("reduce", "unroll"):
        traits += [log(_stride_of_last(step, sizes)), log(_inner(step))]
    else:
        alike = "vector" if m == 1.0 or n == 1.0 else "batch" if batch > 1.0 else "product"
        traits += [float(moving.left), float(moving.right), float(moving.result)]
        if step.form == "loop":
            alike, traits = "loop", [*traits, log(iterations)]
    return Work(
        step.form,
        four,
        sum(volume(term, whole) for term in step.terms),
        volume(step.output, whole),
        alike,
        tuple(traits),
        copies=tuple(move_of(before, after, sizes) for moves, before, after in orders if moves),
        iterations=iterations,
        is_plain=not (_leads(left, own.k, own.m) or _leads(right, own.n, own.k)),
        is_crossed=crossed,
    )


def _sizes(parts: Roles, sizes: Mapping[str, int]) -> tuple[float, float, float, float]:
    batch, m, k, n = (volume(role, sizes) for role in (parts.batch, parts.m, parts.k, parts.n))
    return batch, m, k, n


def _leads(term: Term, first: Term, second: Term) -> bool:
    """Whether the one role stands before the other in a term that has both."""
    if not first or not second:
        return False
    return term.index(first[0]) < term.index(second[0])


def _stride_of_last(step: Step, sizes: Mapping[str, int]) -> float:
    """Stride, in the larger operand, of the last axis of the result that it has."""
    term = max(step.terms, key=lambda one: volume(one, sizes))
    kept = [index for index in step.output if index in term and sizes[index] > 1]
    return volume(term[term.index(kept[-1]) + 1 :], sizes) if kept else 1.0


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
