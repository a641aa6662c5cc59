"""The constants of the step model that explain measured times best.

All constants are fitted together, in logarithms, to the logarithms of the times: an error of a
tenth weighs alike on a microsecond and on a second. The loss grows linearly with large errors, so
that a disturbed measurement does not bend the rest, and each constant is held loosely near a usual
value, so that one which hardly matters here stays plausible.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from einlab.nativemodel import NATIVE_COSTS, NativeCosts
from einlab.planning import Plan
from einlab.predicting import count_native, count_operands, waking, work_seconds, works_of
from einlab.stepmodel import NATIVE, Calling, Constants
from einlab.stepwork import Work

__all__ = ["INLINE", "Fit", "fit", "native_figures"]

NEVER = 1e30
"""Bytes that no result has: the size from which allocating costs where it never does."""
LARGE = 32 * 2.0**20
"""Bytes from which glibc takes fresh memory for every allocation: the most that
M_MMAP_THRESHOLD adapts to, mallopt(3)."""

INLINE = 1000.0
"""FLOPs below which XLA's client for CPUs runs a program in the thread that calls it:
`cheap_computation_` in xla/pjrt/cpu/cpu_client.cc."""

FREE = 1.5
LOOSE = 0.4
"""Standard deviations, in logarithms, of a constant around its usual value."""
WEIGHT = 0.5
"""Of a usual value, beside one measured time."""
SHARED = ("call", "operand")
"""Constants that native products and operations of XLA have in common."""
STEP = 1e-6
"""In logarithms, to the constants beside which slopes are found."""
MOST_TRIALS = 40
"""Steps of the search for the constants."""
OUTLIER = 0.1
"""Error, in logarithms, from which the loss is linear."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Where the search for a constant starts, and how far it may go."""

    value: float
    spread: float = FREE


def usual(itemsize: int) -> dict[str, Usual]:
    """What the constants are on a processor of two cores; float64 half as fast as float32."""
    wide = itemsize / 4
    return {
        "call": Usual(4e-6),
        "operand": Usual(2.5e-7, LOOSE),
        "wake": Usual(1e-5, 1.0),
        "wake_from": Usual(1e-5, 1.0),
        "threads": Usual(3e-5, LOOSE),
        "threads_from": Usual(1e6, LOOSE),
        "batch_from": Usual(1e5, 1.0),
        "launch": Usual(1e-6, LOOSE),
        "product_launch": Usual(3e-6, LOOSE),
        "rate": Usual(1.8e11 / wide),
        "half_m": Usual(20, LOOSE),
        "half_k": Usual(15, LOOSE),
        "half_n": Usual(50, LOOSE),
        "batched": Usual(0.5),
        "gain": Usual(0.8, LOOSE),
        "gain_from": Usual(1e-3, 1.0),
        "matrix": Usual(1e-7, LOOSE),
        "loop_rate": Usual(1.2e10 / wide, LOOSE),
        "vector_bandwidth": Usual(4e10),
        "bandwidth": Usual(3e10),
        "cache": Usual(1e7, LOOSE),
        "cache_bandwidth": Usual(8e10),
        "read_bandwidth": Usual(4e10),
        "sum_bandwidth": Usual(4e10),
        "half_sum": Usual(5, LOOSE),
        "permute_bandwidth": Usual(5e10),
        "permute_memory": Usual(1.5e10),
        "run": Usual(1e-10),
        "gather": Usual(1e-9),
        "crossed": Usual(2.0, LOOSE),
        "multiply": Usual(5.5e-11 * wide),
        "reduce_bandwidth": Usual(2.2e10),
        "iteration": Usual(3e-6, LOOSE),
        "allocation": Usual(3e-10),
    }


HELD = ("itemsize",)
"""What of native products is not fitted."""
OPEN = ("rate", "plain_rate", "matrix", "bandwidth", "cache_bandwidth", "copy_bandwidth", "call")
"""What of them differs most from machine to machine."""


def usual_native(c: NativeCosts) -> dict[str, Usual]:
    """What the constants of native products are, beside those that are held."""
    return {
        NATIVE + name: Usual(value, 1.0 if name in OPEN else LOOSE)
        for name, value in c._asdict().items()
        if name not in HELD
    }


@dataclass(frozen=True, slots=True)
class Fit:
    """Constants, and how well they explain the times they were fitted to."""

    constants: Constants
    calling: Calling
    predicted: tuple[float, ...]
    error: float
    """Nine programs of ten are predicted within this relative error."""
    native: NativeCosts | None = None
    """Of native products; None if no program has any."""


class Job(NamedTuple):
    """What of a plan its time depends on."""

    works: tuple[Work, ...]
    slices: int
    native: int
    """Calls of compiled code of our own."""
    operands: int


def _job(plan: Plan) -> Job:
    works, steps = tuple(works_of(plan.steps)), plan.steps
    return Job(works, plan.slices, count_native(steps), count_operands(steps))


def fit(
    plans: Sequence[Plan],
    seconds: Sequence[float],
    itemsize: int,
    near: Fit | None = None,
    inline: float = INLINE,
) -> Fit:
    """The constants for plans that took so many seconds each; `near` is where to begin.

    Programs of fewer than `inline` FLOPs run in the thread that calls.
    """
    start = usual(itemsize)
    jobs = list(map(_job, plans))
    held = NATIVE_COSTS.get(plans[0].dtype) if any(job.native for job in jobs) else None
    if held is not None:
        start |= usual_native(held)
    middle = np.log([each.value for each in start.values()])
    spread = np.array([each.spread for each in start.values()])
    measured = np.log(np.asarray(seconds))
    every, touched = np.arange(len(jobs)), _touched(start, jobs)

    def predicted_logs(logs: np.ndarray, places: np.ndarray) -> np.ndarray:
        values = dict(zip(start, np.exp(logs).tolist(), strict=True))
        constants = _constants(values, itemsize, inline, held)
        return np.log([_seconds(*constants, jobs[place]) for place in places])

    def off(logs: np.ndarray) -> np.ndarray:
        errors = predicted_logs(logs, every) - measured
        return np.concatenate([errors, WEIGHT * (logs - middle) / spread])

    def slopes(logs: np.ndarray) -> np.ndarray:
        here = predicted_logs(logs, every)
        found = np.vstack([np.zeros((len(jobs), len(start))), np.diag(WEIGHT / spread)])
        for column, places in enumerate(touched):
            moved = logs + STEP * (np.arange(len(start)) == column)
            found[places, column] = (predicted_logs(moved, places) - here[places]) / STEP
        return found

    first = middle
    if near is not None:
        known = {
            **near.constants._asdict(),
            **near.calling._asdict(),
            **native_figures(near.native),
        }
        first = np.log([known[name] for name in start])
    most = MOST_TRIALS if near is None else MOST_TRIALS // 8
    best = least_squares(off, first, slopes, loss="soft_l1", f_scale=OUTLIER, max_nfev=most)
    values = dict(zip(start, np.exp(best.x).tolist(), strict=True))
    constants = _constants(values, itemsize, inline, held)
    times = tuple(_seconds(*constants, job) for job in jobs)
    errors = np.abs(np.log(np.asarray(times) / np.asarray(seconds)))
    found, calling, native = constants
    return Fit(found, calling, times, float(np.expm1(np.quantile(errors, 0.9))), native)


def _touched(names: Iterable[str], jobs: Sequence[Job]) -> list[np.ndarray]:
    """The jobs whose time each constant may change."""
    native = np.array([job.native > 0 for job in jobs])
    wholly = np.array([all(work.form == "native" for work in job.works) for job in jobs])
    other = ~wholly | np.array([not job.works for job in jobs])
    return [
        np.flatnonzero(
            native if name.startswith(NATIVE) else native | other if name in SHARED else other
        )
        for name in names
    ]


def native_figures(native: NativeCosts | None) -> dict[str, float]:
    """The constants of native products by the names under which a calibration keeps them."""
    return {NATIVE + name: value for name, value in native._asdict().items()} if native else {}


def _constants(
    values: Mapping[str, float], itemsize: int, inline: float, held: NativeCosts | None
) -> tuple[Constants, Calling, NativeCosts | None]:
    named = {name: values[name] for name in Calling._fields if name in values}
    calling = Calling(**named, inline=inline)
    own = {name: value for name, value in values.items() if name in Constants._fields}
    constants = Constants(itemsize=float(itemsize), allocation_from=LARGE, **own)
    if held is None:
        return constants, calling, None
    names = [name for name in NativeCosts._fields if name not in HELD]
    return constants, calling, held._replace(**{name: values[NATIVE + name] for name in names})


def predicted(c: Constants, calling: Calling, plan: Plan) -> float:
    """Seconds of a call of a plan under these constants.

    >>> from einlab.planning import plan
    >>> c = Constants(itemsize=4.0, rate=1e9, launch=1e-6)
    >>> round(predicted(c, Calling(call=5e-6), plan("ij,jk->ik", (8, 5), (5, 8))) * 1e6)
    7
    """
    return _seconds(c, calling, NATIVE_COSTS.get(plan.dtype), _job(plan))


def _seconds(c: Constants, calling: Calling, native: NativeCosts | None, job: Job) -> float:
    works, slices, calls, operands = job
    seconds = [work_seconds(c, work, None, native) for work in works]
    xla = [(each, w) for each, w in zip(seconds, works, strict=True) if w.form != "native"]
    busy = sum(each - c.launch for each, work in xla if work.computes)
    flops = slices * math.fsum(work.flops for _, work in xla if work.computes)
    once = math.fsum(seconds) + (calls * native.call if native is not None else 0.0)
    called = calling.call + operands * calling.operand
    return called + waking(calling, slices * busy, flops) + slices * once
