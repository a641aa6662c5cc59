"""Several plans of one contraction run beside each other, to find the fastest.

Each is compiled by itself; in each round every program has one turn, so that a slow moment of the
machine falls on all alike, and medians are compared. A plan takes the place of another only where
it is surely faster, so that noise does not choose.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from einlab import tuned
from einlab.execute.primitive import bind
from einlab.planning import Plan, forget_plans
from einlab.settings import Settings
from einlab.variants import other_forms, other_orders

__all__ = ["Trial", "tuned_by_itself", "tuned_plan"]

ROUNDS = 5
CALLS_SECONDS = 2e-3
"""Calls in one turn take so long, one at least."""
SURELY = 0.96
"""Of the time of the plan before: what takes more does not take its place."""
HOPELESS = 1.6
"""Times the fastest first turn: what takes longer has no other."""
SECONDS = 20.0
"""Time after which no other plan is compiled."""

logger = logging.getLogger("einlab")


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan, and the seconds of one call of it."""

    plan: Plan
    seconds: float


def tuned_plan(
    plan: Plan, settings: Settings, operands: Sequence[Any], seconds: float = SECONDS
) -> list[Trial]:
    """The plan given and others of its contraction, measured on these arrays, fastest first.

    First come other orders, then other forms of the products of the best order.
    """
    until = time.perf_counter() + seconds
    trials = _measured([plan, *other_orders(plan, settings)], operands, until)
    best = _best(plan, trials)
    trials += _measured([best, *other_forms(best)], operands, until)
    best = _best(best, trials)
    logger.debug("%.80s: the fastest of %d plans was chosen", plan.eq, len(trials))
    first = [trial for trial in trials if trial.plan == best]
    rest = [trial for trial in trials if trial.plan != best]
    return [first[-1], *sorted(rest, key=lambda trial: trial.seconds)]


def _best(before: Plan, trials: Sequence[Trial]) -> Plan:
    """The fastest plan, if it is surely faster than the one before."""
    fastest = min(trials, key=lambda trial: trial.seconds)
    own = [trial.seconds for trial in trials if trial.plan == before][-1]
    return fastest.plan if fastest.seconds < SURELY * own else before


def _measured(plans: Sequence[Plan], operands: Sequence[Any], until: float) -> list[Trial]:
    """The seconds of a call of each plan, in turns; the first is measured whatever the time."""
    programs: list[Callable[[], Any]] = []
    first: list[float] = []
    for plan in plans:
        if programs and time.perf_counter() > until:
            break
        programs.append(_program(plan, operands))
        programs[-1]()  # compiles
        first.append(_timed(programs[-1], 1))
    least = min(first)
    kept = [place for place, taken in enumerate(first) if not place or taken < HOPELESS * least]
    calls = [max(1, int(CALLS_SECONDS / first[place])) for place in kept]
    rounds: list[list[float]] = [[first[place]] for place in kept]
    for _ in range(ROUNDS):
        for number, place in enumerate(kept):
            rounds[number].append(_timed(programs[place], calls[number]))
    return [
        Trial(plans[place], statistics.median(taken[1:]))
        for place, taken in zip(kept, rounds, strict=True)
    ]


def _program(plan: Plan, operands: Sequence[Any]) -> Callable[[], Any]:
    """A plan as a program of its own, to be called on the operands."""
    program = jax.jit(lambda *given: bind(plan, None, *given))
    return lambda: jax.block_until_ready(program(*operands))


def _timed(call: Callable[[], Any], calls: int) -> float:
    """Seconds of a call, as the mean of several in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def tuned_by_itself(plan: Plan, settings: Settings) -> Plan:
    """The fastest plan of a contraction, measured on random arrays if no plan of it is kept.

    It may be asked for while a program is traced: what is measured runs in a thread of its own,
    where nothing is.
    """
    if plan.compilation.form != "program" or not plan.steps:
        return plan
    with _one_at_a_time:
        if tuned.is_kept(plan):
            return tuned.remembered(plan, settings)
        with ThreadPoolExecutor(1) as executor:
            best = executor.submit(_fastest, plan, settings).result()
        try:
            tuned.keep(best)
        except OSError as error:
            logger.warning("the tuned plan is not kept: %s", error)
        forget_plans()
    return best


_one_at_a_time = threading.Lock()


def _fastest(plan: Plan, settings: Settings) -> Plan:
    """The fastest plan on random arrays; the plan itself where JAX has not their dtypes."""
    random = np.random.default_rng(0)
    given = plan.contraction
    operands = [
        jax.numpy.asarray(random.standard_normal(shape, dtype=np.float32).astype(dtype))
        for shape, dtype in zip(given.shapes, given.dtypes, strict=True)
    ]
    if tuple(str(operand.dtype) for operand in operands) != given.dtypes:
        return plan
    return tuned_plan(plan, settings, operands)[0].plan
