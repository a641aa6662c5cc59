"""`calibrate`: measure the device that JAX uses, fit the step model, and keep what was found."""

from __future__ import annotations

import datetime
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from einlab import dtypes, machinestore
from einlab.calibration.fitting import INLINE, Fit, fit, native_figures
from einlab.calibration.probes import Probe, probes
from einlab.calibration.smoothing import Smooth, smoothed
from einlab.calibration.timing import Times, arrays_for, timed
from einlab.config import config
from einlab.errors import ArgumentError, listing
from einlab.forms import NATIVE_DTYPES, ProductForm
from einlab.formsearch import native_form
from einlab.machine import Machine
from einlab.machinestore import Stored
from einlab.native.calling import available
from einlab.nativemodel import NativeCosts, copy_seconds, native_seconds
from einlab.planning import Plan, plan
from einlab.predicting import plan_seconds
from einlab.stepmodel import (
    Calling,
    Constants,
    StepModel,
    permute_seconds,
    product_seconds,
    sum_seconds,
)

__all__ = ["CALIBRATED", "calibrate", "figures", "measure_device"]

CALIBRATED = ("float32", "float64", "bfloat16", "float16")
"""The dtypes that can be calibrated; the first two are by default."""
SECONDS, QUICK_SECONDS = 8.5, 3.0
"""Of measuring one dtype, beside compiling."""
COMPILE_SECONDS = 13.5
"""Of compiling for one dtype; programs that do not come to their turn are left out."""
WHOLE_SECONDS = 21.5
"""Of both, so that two dtypes, with their fits and what embeddings take, need less than a minute
on a machine that is slower, too."""
ROUNDS, QUICK_ROUNDS = 30, 12
TOLERANCE = 0.2
"""Relative difference of a figure between the halves of a run from which the machine is noisy."""

PLAINLY = 12
"""Of the programs that are planned to run natively, one in so many is run by XLA, too."""

LONE = 2
"""The same of programs of one array."""
REDUCED = 4
"""Of the programs before which it is considered, one in so many products with a vector is run as a
sum of entry-wise products, too, which few plans have."""

COMPANY = 0.25
"""Of a core, that other processes may use while a device is measured."""

Tell = Callable[[str, float], None]


def calibrate(
    given: Sequence[str] = CALIBRATED[:2],
    *,
    again: bool = False,
    quick: bool = False,
    tell: Tell = lambda what, part: None,
) -> tuple[Stored, ...]:
    """What is known of this device for these dtypes, measured where it is not known yet.

    A stored calibration is taken if it was made on this host for this device, version of JAX and
    step model, and is whole; `again` measures in any case. `tell` hears what is being done and
    which part of it is done, from 0 to 1.

    Raises ArgumentError for a dtype that is not calibrated.
    """
    for dtype in given:
        if dtype not in CALIBRATED:
            raise ArgumentError(f"{dtype!r:.40} is not calibrated; there are {listing(CALIBRATED)}")
    device = jax.devices()[0]
    name = machinestore.host_name() if device.platform == "cpu" else device.device_kind
    found = []
    for number, dtype in enumerate(given):

        def told(what: str, part: float, number: int = number, dtype: str = dtype) -> None:
            tell(f"{what} {dtype}", (number + part) / len(given))

        stored = None if again else machinestore.load(name, dtype)
        if stored is None:
            fault = machinestore.fault_of(name, dtype)
            if fault and not again:
                told(f"measuring anew: the stored calibration cannot be used, {fault};", 0.0)
            stored = measure_device(device, name, dtype, quick=quick, tell=told)
            machinestore.save(stored)
        found.append(stored)
    return tuple(found)


def measure_device(device: jax.Device, name: str, dtype: str, *, quick: bool, tell: Tell) -> Stored:
    """Run the probes in one dtype, fit the model to their times, judge the run by its halves."""
    itemsize = dtypes.itemsize(dtype)
    tell("compiling native code for", 0.0)
    _wait_for_native_code()
    begun, others = time.perf_counter(), _seconds_of_others()
    with jax.enable_x64(dtype == "float64"), jax.default_device(device):
        chosen, plans = planned(probes(itemsize, quick), dtype)
        times = timed(
            plans,
            _arrays(chosen, plans),
            sparing=True,
            rounds=QUICK_ROUNDS if quick else ROUNDS,
            seconds=QUICK_SECONDS if quick else SECONDS,
            compile_seconds=COMPILE_SECONDS,
            whole_seconds=WHOLE_SECONDS,
            tell=lambda what, part: tell(what, 0.45 * part + (0.45 if what == "measuring" else 0)),
        )
    share = (_seconds_of_others() - others) / (time.perf_counter() - begun)
    tell("fitting", 0.92)
    count = len(times.rounds)
    left_out = len(chosen) - count
    chosen, plans = chosen[:count], plans[:count]
    inline = INLINE if device.platform == "cpu" else 0.0
    found = fit(plans, times.quiet(), itemsize, inline=inline)
    model = StepModel(name, dtype, found.constants, found.error, found.calling, native=found.native)
    smooth = smoothed(model, plans, times.quiet())
    model = replace(model, residuals=smooth.residuals)
    seconds = _by_the_others(model, plans, smooth, times)
    halves = [
        fit(plans, times.quiet(slice(half, None, 2)), itemsize, found, inline) for half in (0, 1)
    ]
    return Stored(
        _machine(device, name, model, plans, times, _error(seconds, times)),
        dtype,
        tuple(
            (probe.kind, str(probe), measured, float(predicted))
            for probe, measured, predicted in zip(chosen, times.quiet(), seconds, strict=True)
        ),
        times.floor,
        (*_noise(*halves), *_company(share)),
        machinestore.host_name(),
        machinestore.jax_version(),
        left_out,
    )


def _wait_for_native_code() -> None:
    """Where it may run but is not compiled yet, which happens once after an installation."""
    if config.native == "auto":
        config.native = "wait"
        try:
            available()
        finally:
            config.native = "auto"


def _by_the_others(
    model: StepModel, plans: Sequence[Plan], smooth: Smooth, times: Times
) -> np.ndarray:
    """Predicted seconds of each program, what it took itself not being known."""
    seconds = np.array([plan_seconds(model, one.steps, one.slices) for one in plans])
    seconds[smooth.places] = np.array(times.quiet())[smooth.places] / np.exp(smooth.left_out)
    return seconds


def _error(seconds: np.ndarray, times: Times) -> float:
    """The relative error that nine programs of ten stay within."""
    off = np.abs(np.log(np.array(times.quiet()) / seconds))
    return float(np.expm1(np.quantile(off, 0.9)))


def planned(given: Sequence[Probe], dtype: str) -> tuple[list[Probe], list[Plan]]:
    """Each probe with its plan, and once more in other forms where it is one product or none.

    Every one is run natively where that is possible: it takes little to compile. Those that are not
    planned as a plain operation of XLA are run so, too: all where there is no native code, else one
    in `PLAINLY`, or in `LONE` of those that take one array.
    """
    natively = dtype in NATIVE_DTYPES and available()
    chosen, plans = [], []
    for probe in given:
        made = plan(
            probe.equation, *probe.shapes, dtype=dtype, optimize="greedy", objective="flops"
        )
        chosen.append(probe)
        plans.append(made)
        if natively and not made.pairs:
            other_way = () if made.native_operands else (0,)
            if other_way or len(plans) % LONE == 0:
                chosen.append(probe)
                plans.append(replace(made, native_operands=other_way))
        if len(made.steps) == 1 and made.steps[0].is_product:
            form = made.product_forms[0] if any(made.product_forms) else None
            (step,) = made.steps
            left, right = (term for _, term in sorted(zip(step.operands, step.terms, strict=True)))
            native = native_form(left, right, step.output)
            parts = native.roles
            other: ProductForm | None = native if natively and form != native else None
            if other or (form and (not natively or len(plans) % PLAINLY == 0)):
                chosen.append(probe)
                plans.append(replace(made, product_forms=(other,)))
            if step.form and not (parts.m and parts.n) and len(plans) % REDUCED == 0:
                chosen.append(probe)
                plans.append(replace(made, product_forms=(ProductForm("reduce", False, parts),)))
    return chosen, plans


def _arrays(chosen: Sequence[Probe], plans: Sequence[Plan]) -> list[tuple[jax.Array, ...]]:
    """The operands of each plan; plans of one probe share them."""
    made = {probe: arrays_for(one) for probe, one in dict(zip(chosen, plans, strict=True)).items()}
    return [made[probe] for probe in chosen]


def _machine(
    device: jax.Device,
    name: str,
    model: StepModel,
    plans: Sequence[Plan],
    times: Times,
    error: float,
) -> Machine:
    """The device as a machine with the peak, the constants and the residuals of one dtype."""
    assert model.calling is not None
    assert model.residuals is not None
    reached = max(one.flops / seconds for one, seconds in zip(plans, times.quiet(), strict=True))
    c, dtype = model.constants, model.dtype
    constants = {
        **c._asdict(),
        **model.calling._asdict(),
        **native_figures(model.native),
        "error": error,
        "compile": float(np.median(times.compiling)),
    }
    return Machine(
        name,
        {dtype: max(reached, c.rate * (1 + c.gain))},
        bandwidth=c.bandwidth,
        memory=float(_memory(device)),
        launch=c.launch,
        kind=device.platform if device.platform in ("cpu", "tpu") else "gpu",
        source=f"einlab calibrate, JAX {machinestore.jax_version()}",
        read=datetime.date.today().isoformat(),
        measured={dtype: constants},
        residuals={dtype: model.residuals.to_text()},
    )


def _memory(device: jax.Device) -> int:
    """Bytes of the device's memory."""
    known = device.memory_stats() if device.platform != "cpu" else None
    if known and "bytes_limit" in known:
        return int(known["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def figures(c: Constants, calling: Calling, native: NativeCosts | None = None) -> dict[str, float]:
    """Seconds of well-known operations by the model: what the constants say, in comparable terms.

    Single constants may trade against each other where one run cannot tell them apart; these sums
    of them cannot.
    """
    entries = 2.0**20 / c.itemsize

    def product(batch: float, m: float, k: float, n: float) -> float:
        """In its faster form, operands and result lying well."""
        found = product_seconds(c, batch, m, k, n)
        if native is None:
            return found
        arrays = ((batch * m * k, k), (batch * k * n, n), (batch * m * n, n))
        return min(found, native_seconds(native, (batch, m, k, n), arrays))

    return {
        "a call of one small product": calling.call
        + 2 * calling.operand
        + (native.call if native else c.launch),
        "a product 64·64·64": product(1, 64, 64, 64),
        "a product 1024·1024·1024": product(1, 1024, 1024, 1024),
        "1,000 products 16·16·16": product(1000, 16, 16, 16),
        "an element-wise product, 1 MiB": product(entries, 1, 1, 1),
        "an element-wise product, 64 MiB": product(64 * entries, 1, 1, 1),
        "a sum of 4 MiB": min(
            sum_seconds(c, 4 * entries, 64.0, 1.0),
            native_seconds(native, (1, 1, 1, 1), ((4 * entries, entries / 16), (64.0, 64.0)))
            if native
            else math.inf,
        ),
        "a permutation of 4 MiB": min(
            permute_seconds(c, 4 * entries, 1.0),
            copy_seconds(native, [(4 * entries, 4 * entries)] * 2) if native else math.inf,
        ),
    }


def _noise(first: Fit, second: Fit) -> tuple[str, ...]:
    """The figures that differ too much between the halves of a run."""
    one, other = (figures(half.constants, half.calling, half.native) for half in (first, second))
    apart = {name: max(one[name], other[name]) / min(one[name], other[name]) - 1 for name in one}
    return tuple(
        f"{name} differs by {part:.0%} between the halves of the run"
        for name, part in apart.items()
        if part > TOLERANCE
    )


def _company(share: float) -> tuple[str, ...]:
    """What is said of other processes that used such a part of a core meanwhile."""
    return (f"other processes used {share:.0%} of a core",) if share > COMPANY else ()


def _seconds_of_others() -> float:
    """Processor seconds that other processes have used since the start; 0 where nothing tells.

    Source: proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal, in clock ticks.
    """
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _, _, *rest = map(int, fields)
    mine = os.times()
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK") - mine.user - mine.system
