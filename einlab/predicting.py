"""Predicted seconds of the steps of a plan, with what bounds them and how far they may be off.

On a machine of the table the seconds are a lower bound, the roofline's; on a calibrated one they
are the step model's, permutations and unfavourable index orders included, with an error bar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from einlab.contraction import Term
from einlab.forms import inside
from einlab.machine import Machine
from einlab.orders import Roles
from einlab.permuting import contiguous_run
from einlab.stepmodel import (
    Bound,
    Calling,
    Constants,
    Prediction,
    StepModel,
    permute_seconds,
    predict,
    product_seconds,
    sum_seconds,
)
from einlab.steps import Step

__all__ = [
    "Work",
    "calling_seconds",
    "plan_error",
    "predict_step",
    "step_seconds",
    "waking",
    "work_of",
    "work_seconds",
]


def predict_step(
    step: Step, machine: Machine, dtype: str, precision: str | None = None
) -> Prediction:
    """Predicted seconds of one execution of a step held in `dtype`, and its bound.

    The error bar of a calibrated machine is relative; without one the seconds are the least.
    """
    model = StepModel.from_machine(machine, dtype, precision)
    if model.error is None:
        return predict(step.cost, machine, dtype, precision, product=step.gemm is not None)
    c = model.constants
    return Prediction(step_seconds(c, step), _bound(c, step), model.error)


@dataclass(frozen=True, slots=True)
class Work:
    """What of a step its time depends on; numbers of entries."""

    form: str
    """"dot", "loop", "reduce" or "unroll" of a product that sums, "spread" of one that does not,
    "sum" or "permute" of one array."""
    sizes: tuple[float, float, float, float]
    """batch, m, k and n of a product; of a loop, within one iteration."""
    read: float
    written: float
    inner: float = 1.0
    """Of a sum: entries after the last summed axis. Of a permutation: entries of a run."""
    copies: tuple[tuple[float, float], ...] = ()
    """Entries and run of each array that is permuted beside the product."""
    iterations: float = 1.0
    is_plain: bool = True
    """Whether the left operand has k last and the right one n."""
    is_crossed: bool = False
    """Whether the left operand has k before m."""


def step_seconds(c: Constants, step: Step) -> float:
    """Seconds of a step by the step model, permutations that its index orders need included.

    >>> from einlab.planning import plan
    >>> (step,) = plan("ij,jk->ik", (100, 10), (10, 100)).steps
    >>> step_seconds(Constants(itemsize=4.0, rate=1e9), step)
    0.0002
    """
    return work_seconds(c, work_of(step))


def work_seconds(c: Constants, work: Work) -> float:
    """Seconds of what a step does."""
    if work.form == "permute":
        return permute_seconds(c, work.written, work.inner)
    if work.form == "sum":
        return sum_seconds(c, work.read, work.written, work.inner)
    copied = sum(permute_seconds(c, entries, run) - c.launch for entries, run in work.copies)
    batch, m, k, n = work.sizes
    if work.form in ("reduce", "unroll"):
        moved = (work.read + work.written) * c.itemsize
        speed = c.reduce_bandwidth if work.form == "reduce" else c.bandwidth
        shared = c.threads * _part(moved, c.threads_from)
        multiplying = batch * m * k * n * c.multiply
        return copied + c.launch + shared + max(moved / speed, multiplying)
    if not work.is_plain and (batch == 1.0 or work.is_crossed):
        c = c._replace(loop_rate=0.0)
    if work.is_crossed and batch > 1.0:
        c = c._replace(rate=c.rate / c.crossed, matrix=c.matrix * c.crossed)
    each = product_seconds(c, batch, m, k, n)
    if work.form != "loop":
        return copied + each
    size = work.written * c.itemsize
    fresh = size * c.allocation if size >= c.allocation_from else 0.0
    return c.launch + work.iterations * (each + copied + c.iteration) + fresh


def calling_seconds(calling: Calling, c: Constants, steps: Sequence[Step]) -> float:
    """Seconds that a call takes beside its steps; it is handed over at most once.

    >>> from einlab.planning import plan
    >>> steps = plan("ij,jk,kl->il", (9, 9), (9, 9), (9, 9)).steps
    >>> calling = Calling(call=4.0, wake=8.0, wake_from=0.0)
    >>> calling_seconds(calling, Constants(4.0, 1e9), steps)
    12.0
    """
    return calling.call + max((waking(calling, c, work_of(step)) for step in steps), default=0.0)


def waking(calling: Calling, c: Constants, work: Work) -> float:
    """Seconds of handing a call over because of this step."""
    if work.form not in ("dot", "loop"):
        return 0.0
    return calling.wake * _part(2.0 * math.prod(work.sizes) / c.rate, calling.wake_from)


def _part(value: float, half: float) -> float:
    """From 0 to 1, one half at `half`."""
    return value**2 / (value**2 + half**2) if value > 0 else 0.0


@lru_cache(maxsize=4096)
def work_of(step: Step) -> Work:
    """What a step does, from its terms and its form."""
    read = float(sum(map(math.prod, step.shapes)))
    written = float(math.prod(step.shape))
    sizes = dict(zip(step.output, step.shape, strict=True))
    for term, shape in zip(step.terms, step.shapes, strict=True):
        sizes.update(zip(term, shape, strict=True))
    nothing = (1.0, 1.0, 1.0, 1.0)
    if step.roles is None:
        if step.kind == "permute":
            run = float(contiguous_run(step.terms[0], step.output, sizes))
            return Work("permute", nothing, read, written, run)
        if step.kind == "diagonal":  # only the entries kept are read
            return Work("permute", nothing, written, written, _inner(step))
        return Work("sum", nothing, read, written, _inner(step))
    parts = inside(step.roles, step.looped)
    batch, m, k, n = (
        float(math.prod(sizes[i] for i in role))
        for role in (parts.batch, parts.m, parts.k, parts.n)
    )
    looped = float(math.prod(sizes[i] for i in step.looped))
    left, right = (tuple(i for i in term if i not in step.looped) for term in step.terms)
    return Work(
        step.form or "spread",
        (batch, m, k, n),
        read,
        written,
        copies=tuple(
            (float(math.prod(sizes[i] for i in term)), float(contiguous_run(term, order, sizes)))
            for term, order in _permuted(step, parts)
        ),
        iterations=looped,
        is_plain=not (_leads(left, parts.k, parts.m) or _leads(right, parts.n, parts.k)),
        is_crossed=not step.copies.left and _leads(left, parts.k, parts.m),
    )


def _leads(term: Term, first: Term, second: Term) -> bool:
    """Whether the one role stands before the other in a term that has both."""
    if not first or not second:
        return False
    return term.index(first[0]) < term.index(second[0])


def _permuted(step: Step, parts: Roles) -> list[tuple[Term, Term]]:
    """The arrays of a product that are permuted before it or after it: order before, and after."""
    if step.form is None:  # operands follow the result's order
        found = []
        for term in step.terms:
            kept = tuple(i for i in term if i in step.output)
            order = tuple(i for i in step.output if i in kept)
            found.append((kept, order))
        return [(before, after) for before, after in found if before != after]
    outside = set(step.looped)
    left, right = (tuple(i for i in term if i not in outside) for term in step.terms)
    made = tuple(i for i in step.output if i not in outside)
    copied = step.copies
    return [
        pair
        for pair, moves in (
            ((left, parts.batch + parts.m + parts.k), copied.left),
            ((right, parts.batch + parts.k + parts.n), copied.right),
            ((parts.natural, made), copied.result),
        )
        if moves
    ]


def _inner(step: Step) -> float:
    """Entries after the last axis that a sum or a diagonal takes away."""
    inner = 1.0
    for index, size in zip(reversed(step.terms[0]), reversed(step.shapes[0]), strict=True):
        if index not in step.output or step.terms[0].count(index) > 1:
            break
        inner *= size
    return inner


def _bound(c: Constants, step: Step) -> Bound:
    """What takes most of a step's predicted time."""
    moving = step.cost.bytes / c.bandwidth
    computing = 0.0
    if step.gemm is not None:
        g = step.gemm
        computing = 2.0 * g.batch * g.m * g.k * g.n / c.rate
    started = c.product_launch if step.form is not None else c.threads
    if c.launch + started > step_seconds(c, step) / 2:
        return "launch"
    return "compute" if computing > moving else "memory"


def plan_error(predictions: Sequence[Prediction]) -> float | None:
    """The relative error bar of a sum of steps, whose errors go together; None if one has none."""
    if any(each.error is None for each in predictions):
        return None
    total = sum(each.seconds for each in predictions)
    weighed = sum(each.seconds * (each.error or 0.0) for each in predictions)
    return weighed / total if total else None
