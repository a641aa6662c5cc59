"""Predicted seconds of the steps of a plan, with what bounds them and how far they may be off.

On a machine of the table the seconds are a lower bound, the roofline's; on a calibrated one they
are the step model's, permutations and unfavourable index orders included, mended by what measured
steps near them took, with an error bar.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from einlab.machine import Machine
from einlab.moves import Move
from einlab.nativecalls import native_calls
from einlab.nativemodel import NATIVE_COSTS, NativeCosts, copy_seconds, native_seconds
from einlab.nativeorders import as_run
from einlab.residuals import UNKNOWN
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
from einlab.stepwork import Work, work_of

__all__ = [
    "alone",
    "calling_seconds",
    "copying_seconds",
    "count_native",
    "count_operands",
    "nearness",
    "plan_error",
    "plan_seconds",
    "predict_step",
    "step_bar",
    "step_seconds",
    "surplus",
    "waking",
    "work_seconds",
    "works_of",
]


MOST_KNOWN = 8192
"""Steps whose predictions are kept: plans that are compared share most of theirs."""


def predict_step(
    step: Step, machine: Machine, dtype: str, precision: str | None = None
) -> Prediction:
    """Predicted seconds of one execution of a step held in `dtype`, and its bound.

    The error bar of a calibrated machine is relative; without one the seconds are the least.
    """
    model = StepModel.from_machine(machine, dtype, precision)
    if model.error is None:
        return predict(step.cost, machine, dtype, precision, product=step.gemm is not None)
    work = work_of(step)
    seconds = step_seconds(model, work)
    error = math.expm1(step_bar(model, work))
    return Prediction(seconds, _bound(model.constants, step, seconds), error)


def works_of(steps: Sequence[Step]) -> list[Work]:
    """What the steps of a plan do when it runs.

    >>> from einlab.planning import plan
    >>> len(works_of(plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 1)).steps))
    2
    """
    return [work_of(step) for step in as_run(tuple(steps))]


@lru_cache(maxsize=MOST_KNOWN)
def step_seconds(model: StepModel, work: Work) -> float:
    """Seconds of a step among others, mended by what measured steps near it took.

    What was measured are calls of one step, so a call's own seconds are added and taken away.

    >>> from einlab.planning import plan
    >>> (step,) = plan("ij,jk->ik", (8, 5), (5, 8)).steps
    >>> step_seconds(StepModel("one", "float32", Constants(4.0, rate=1e9)), work_of(step))
    6.4e-07
    """
    seconds = _formula(model, work)
    if model.calling is None or model.residuals is None:
        return seconds
    whole = alone(model, work)
    mended = whole * model.residuals.factor(work.alike, nearness(work, whole))
    return max(mended - (whole - seconds), LEAST * seconds)


@lru_cache(maxsize=MOST_KNOWN)
def step_bar(model: StepModel, work: Work) -> float:
    """Logarithm of the factor that nine of ten such steps are within.

    It is the narrower the more programs near the step were measured, and agree.

    >>> from einlab.planning import plan
    >>> (step,) = plan("ij,jk->ik", (100, 10), (10, 100)).steps
    >>> step_bar(StepModel("one", "float32", Constants(4.0, rate=1e9), 0.5), work_of(step))
    0.4054651081081644
    """
    if model.residuals is None:
        return math.log1p(model.error or 0.0)
    return model.residuals.bar(work.alike, nearness(work, alone(model, work)))


def surplus(model: StepModel, steps: Sequence[Step], others: Sequence[Step]) -> float:
    """Seconds that calling `steps` takes more than calling `others`, at the worst.

    What both do takes as long in both, so only the steps that they do not share are uncertain.
    Each of these is taken beyond the unfavourable end of its error bar; as they are wrong one
    independently of another, their surpluses add up as squares do. Negative: surely faster.

    >>> from einlab.planning import plan
    >>> made = plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 1))
    >>> surplus(StepModel("one", "float32", Constants(4.0, rate=1e9), 0.5), made.steps, made.steps)
    0.0
    """
    mine, theirs = (Counter(works_of(each)) for each in (steps, others))
    apart = [
        count * _off(model, work, sign)
        for sign, works in ((1, mine - theirs), (-1, theirs - mine))
        for work, count in works.items()
    ]
    return plan_seconds(model, steps) - plan_seconds(model, others) + math.hypot(*apart)


def _off(model: StepModel, work: Work, sign: int) -> float:
    """Seconds that a step may take more, or less, at one end of its error bar.

    What was measured are calls, and so the bar is that of a call of this step alone; but no step is
    further off than one of which nothing is known.
    """
    seconds, bar = step_seconds(model, work), SURELY * step_bar(model, work)
    whole = seconds + alone(model, work) - _formula(model, work)
    ends = whole * math.expm1(sign * bar), seconds * math.expm1(sign * max(bar, UNKNOWN))
    return min(ends, key=abs)


SURELY = 2.0
"""Times an error bar, which nine of ten steps stay within, that a step may be off at the worst: the
order that looks best of many is often one whose times are said too low."""
LEAST = 0.7
"""Of what the formulas say of a step, at least: a call tells little of a step that is short."""


def nearness(work: Work, whole: float) -> tuple[float, ...]:
    """Traits of a step whose call takes so long by the formulas."""
    return (*work.traits, math.log2(whole * 1e6))


def alone(model: StepModel, work: Work) -> float:
    """Seconds by the formulas of a call of this step alone; permutations beside it are mended."""
    seconds = _formula(model, work)
    if model.calling is None:
        return seconds
    operands = 1 if work.form in ("sum", "permute", "diagonal") or len(work.arrays) == 2 else 2
    called = model.calling.call + operands * model.calling.operand
    if work.form == "native":
        return called + _native(model.constants, model.native).call + seconds
    busy = seconds - model.constants.launch if work.computes else 0.0
    return called + waking(model.calling, busy, work.flops) + seconds


def _formula(model: StepModel, work: Work) -> float:
    moving = [_moving(model, move) for move in work.copies]
    return work_seconds(model.constants, work, moving, model.native)


def _moving(model: StepModel, move: Move) -> float:
    """Seconds of a permutation beside a product, which is not launched by itself."""
    entries, run, traits = move
    by_itself = Work("permute", (1.0, 1.0, 1.0, 1.0), entries, entries, "permute", traits, run)
    return max(0.0, step_seconds(model, by_itself) - model.constants.launch)


def work_seconds(
    c: Constants,
    work: Work,
    moving: Sequence[float] | None = None,
    native: NativeCosts | None = None,
) -> float:
    """Seconds of what a step does, by the formulas.

    `moving` are the seconds of each permutation beside it, by the formulas too if not given;
    `native` is what native products take, the built-in figures if not given.
    """
    if work.form == "view":
        return 0.0
    if work.form == "permute":
        return permute_seconds(c, work.written, work.inner)
    if work.form == "diagonal":
        return permute_seconds(c, work.written, work.inner) + work.written / work.inner * c.gather
    if work.form == "sum":
        return sum_seconds(c, work.read, work.written, work.inner)
    if work.form == "native":
        if work.alike in ("native permute", "native diagonal"):
            return copy_seconds(_native(c, native), work.arrays)
        return native_seconds(_native(c, native), work.sizes, work.arrays, work.walk)
    if moving is None:
        moving = [permute_seconds(c, move.entries, move.run) - c.launch for move in work.copies]
    copied = math.fsum(moving)
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
    if k > 1.0 and (m == 1.0 or n == 1.0):
        c = c._replace(bandwidth=max(c.bandwidth, c.read_bandwidth))
    each = product_seconds(c, batch, m, k, n)
    if work.form != "loop":
        return copied + each
    size = work.written * c.itemsize
    fresh = size * c.allocation if size >= c.allocation_from else 0.0
    return c.launch + work.iterations * (each + copied + c.iteration) + fresh


def _native(c: Constants, native: NativeCosts | None) -> NativeCosts:
    """What native products take: else the built-in figures, for entries of as many bytes."""
    return native or NATIVE_COSTS["float32" if c.itemsize == 4.0 else "float64"]


def count_native(steps: Sequence[Step]) -> int:
    """Calls of compiled code of our own in a program of these steps.

    >>> from einlab.planning import plan
    >>> count_native(plan("ij,jk,kl->il", (64, 64), (64, 64), (64, 64)).steps)
    1
    """
    if not any(step.is_native for step in steps):
        return 0
    return sum(call[-1].is_native for call in native_calls(steps))


def calling_seconds(model: StepModel, steps: Sequence[Step], slices: int = 1) -> float:
    """Seconds that a call takes beside its steps.

    >>> from einlab.planning import plan
    >>> steps = plan("ij,jk,kl->il", (6, 6), (6, 6), (6, 6)).steps
    >>> calling = Calling(call=4.0, wake=8.0, wake_from=0.0)
    >>> calling_seconds(StepModel("one", "float32", Constants(4.0, 1e9), calling=calling), steps)
    12.0
    """
    if model.calling is None:
        return 0.0
    launch = model.constants.launch
    every = works_of(steps)
    natively = slices * count_native(steps) * _native(model.constants, model.native).call
    works = [work for work in every if work.computes and work.form != "native"]
    busy = slices * math.fsum(_formula(model, work) - launch for work in works)
    flops = slices * math.fsum(work.flops for work in works)
    called = model.calling.call + count_operands(steps) * model.calling.operand
    return called + natively + waking(model.calling, busy, flops)


def count_operands(steps: Sequence[Step]) -> int:
    """Operands of a program of these steps.

    >>> from einlab.planning import plan
    >>> count_operands(plan("ij,jk,kl->il", (9, 9), (9, 9), (9, 9)).steps)
    3
    """
    made = {step.result for step in steps}
    return sum(value not in made for step in steps for value in step.operands)


def copying_seconds(model: StepModel, shape: Sequence[int]) -> float:
    """Seconds of copying the operand of a plan without a step; 0 where nothing was measured.

    >>> calling = Calling(call=4.0)
    >>> copying_seconds(StepModel("a", "float32", Constants(4.0, 1, launch=1), calling=calling), ())
    1.0
    """
    c, entries = model.constants, float(math.prod(shape))
    if model.calling is None or not entries:
        return 0.0
    size = entries * c.itemsize
    fresh = size * c.allocation if size >= c.allocation_from else 0.0
    moved = 2.0 * entries / 3.0  # a product of as many entries reads two arrays
    return product_seconds(c._replace(allocation=0.0), moved, 1.0, 1.0, 1.0) + fresh


def plan_seconds(model: StepModel, steps: Sequence[Step], slices: int = 1) -> float:
    """Seconds of a call of these steps, so many times each."""
    once = math.fsum(step_seconds(model, work) for work in works_of(steps))
    return slices * once + calling_seconds(model, steps, slices)


def waking(calling: Calling, busy: float, flops: float) -> float:
    """Seconds of waking the thread that calls, once the steps have computed for `busy` seconds."""
    return calling.wake * _part(busy, calling.wake_from) if flops >= calling.inline else 0.0


def _part(value: float, half: float) -> float:
    """From 0 to 1, one half at `half`."""
    return value**2 / (value**2 + half**2) if value > 0 else 0.0


def _bound(c: Constants, step: Step, seconds: float) -> Bound:
    """What takes most of a step's predicted time."""
    moving = step.cost.bytes / c.bandwidth
    computing = 0.0
    if step.gemm is not None:
        g = step.gemm
        computing = 2.0 * g.batch * g.m * g.k * g.n / c.rate
    started = c.product_launch if step.form is not None else c.threads
    if c.launch + started > seconds / 2:
        return "launch"
    return "compute" if computing > moving else "memory"


def plan_error(predictions: Sequence[Prediction]) -> float | None:
    """The relative error bar of a sum of steps, whose errors go together; None if one has none."""
    if any(each.error is None for each in predictions):
        return None
    total = sum(each.seconds for each in predictions)
    weighed = sum(each.seconds * (each.error or 0.0) for each in predictions)
    return weighed / total if total else None
