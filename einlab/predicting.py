"""Predicted seconds of the steps of a plan, with what bounds them and how far they may be off.

On a machine of the table the seconds are a lower bound, the roofline's; on a calibrated one they
are the step model's, permutations and unfavourable index orders included, with an error bar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from einlab.contraction import Term
from einlab.machine import Machine
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

__all__ = ["calling_seconds", "plan_error", "predict_step", "step_seconds"]


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


def step_seconds(c: Constants, step: Step) -> float:
    """Seconds of a step by the step model, permutations that its index orders need included.

    >>> from einlab.planning import plan
    >>> (step,) = plan("ij,jk->ik", (100, 10), (10, 100)).steps
    >>> step_seconds(Constants(itemsize=4.0, rate=1e9), step)
    0.0002
    """
    entries = float(math.prod(step.shapes[0]))
    written = float(math.prod(step.shape))
    if step.roles is None:
        if step.kind == "permute":
            sizes = dict(zip(step.output, step.shape, strict=True))
            return permute_seconds(c, written, contiguous_run(step.terms[0], step.output, sizes))
        return sum_seconds(c, entries, written, _inner(step))
    parts = step.roles
    sizes = dict(zip(step.output, step.shape, strict=True))
    for term, shape in zip(step.terms, step.shapes, strict=True):
        sizes.update(zip(term, shape, strict=True))
    batch, m, k, n = (
        float(math.prod(sizes[i] for i in role))
        for role in (parts.batch, parts.m, parts.k, parts.n)
    )
    seconds = product_seconds(_lying(c, step), batch, m, k, n)
    return seconds + sum(
        permute_seconds(c, math.prod(sizes[i] for i in term), contiguous_run(term, order, sizes))
        - c.launch
        for term, order in _permuted(step)
    )


def calling_seconds(calling: Calling, c: Constants, steps: Sequence[Step]) -> float:
    """Seconds that a call takes beside its steps; a pool of threads is woken once.

    >>> from einlab.planning import plan
    >>> steps = plan("ij,jk,kl->il", (9, 9), (9, 9), (9, 9)).steps
    >>> calling_seconds(Calling(call=5e-6, wake=1e-5, wake_from=0.0), Constants(4.0, 1e9), steps)
    1.5e-05
    """
    return calling.call + max((_waking(calling, c, step) for step in steps), default=0.0)


def _waking(calling: Calling, c: Constants, step: Step) -> float:
    if step.kind == "permute":
        return 0.0
    if step.gemm is not None and step.gemm.m > 1 and step.gemm.n > 1:
        seconds = step_seconds(c, step) - c.launch
        looped = _lying(c, step).loop_rate * seconds > 2 * step.cost.macs * (1 - 1e-9)
        return 0.0 if looped else calling.wake * _part(seconds, calling.wake_from)
    return calling.wake_moving * _part(step.cost.bytes, calling.wake_moving_from)


def _part(value: float, half: float) -> float:
    """From 0 to 1, one half at `half`."""
    return value**2 / (value**2 + half**2) if value > 0 else 0.0


def _lying(c: Constants, step: Step) -> Constants:
    """The constants for a product whose operands lie as they do.

    Plain loops run only where the left operand has k last and the right one n; a batch is slower
    whose left matrices have k before m.
    """
    if step.gemm is None or step.roles is None or 1 in (step.gemm.m, step.gemm.n):
        return c
    left, right = step.terms
    m, k, n = step.roles.m[0], step.roles.k[0], step.roles.n[0]
    crossed = left.index(k) < left.index(m)
    if crossed or right.index(n) < right.index(k):
        c = c._replace(loop_rate=0.0)
    if crossed and step.gemm.batch > 1:
        c = c._replace(rate=c.rate / c.crossed, matrix=c.matrix * c.crossed)
    return c


def _permuted(step: Step) -> list[tuple[Term, Term]]:
    """The arrays of a product that are permuted before it or after it: order before, and after."""
    assert step.roles is not None  # every product has roles
    parts, found = step.roles, []
    if step.gemm is None:  # operands follow the result's order
        for term in step.terms:
            kept = tuple(i for i in term if i in step.output)
            order = tuple(i for i in step.output if i in kept)
            found.append((kept, order))
    else:
        groups = ((parts.batch, parts.m, parts.k), (parts.batch, parts.k, parts.n))
        for term, roles in zip(step.terms, groups, strict=True):
            found.append((term, _fused(term, roles)))
        found.append((parts.natural, step.output))
    return [(before, after) for before, after in found if before != after]


def _fused(term: Term, groups: tuple[Term, Term, Term]) -> Term:
    """The order in which a product takes an operand: batch first, each role in one piece."""
    batch, *rest = groups
    present = sorted((group for group in rest if group), key=lambda group: term.index(group[0]))
    order = batch + tuple(i for group in present for i in group)
    return order if order == term else batch + rest[0] + rest[1]


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
    if c.launch + c.product_launch > step_seconds(c, step) / 2:
        return "launch"
    return "compute" if computing > moving else "memory"


def plan_error(predictions: Sequence[Prediction]) -> float | None:
    """The relative error bar of a sum of steps, whose errors go together; None if one has none."""
    if any(each.error is None for each in predictions):
        return None
    total = sum(each.seconds for each in predictions)
    weighed = sum(each.seconds * (each.error or 0.0) for each in predictions)
    return weighed / total if total else None
