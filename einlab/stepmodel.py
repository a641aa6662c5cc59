"""Predicted seconds of a step on a machine: a formula, and the constants of one device and dtype.

The formula is three plain functions over `Constants`, a tuple of floats, so that Python and
kernels compiled by Numba (`njit(product_seconds)` takes the tuple as it is; none of them calls
another function of ours) run the same lines:

- `product_seconds(c, batch, m, k, n)`: one product of two arrays. k ≥ 2 sums and runs as a matrix
  product; k = 1 is an outer, element-wise or scaling product. All sizes are numbers of entries.
- `sum_seconds(c, read, written, inner)`: one array with axes summed, from its entries to the
  result's; `inner` entries follow the last summed axis.
- `permute_seconds(c, entries, run)`: one array permuted; `run` is the number of entries at the end
  that keep their places, 1 where the last axis moves.

Each is the launch of the step, the larger of computing and moving bytes, and the allocation of a
large result. `StepModel.from_machine` makes the constants from peak figures: then every half-size
is 0 and the seconds are the roofline's least time. A calibration makes them from measurements.
Sources: Williams, Waterman and Patterson 2009, "Roofline"; half-sizes after Hockney and Jesshope
1981, "Parallel Computers": a rate reaches one half of its limit at n = n½.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from einlab import dtypes
from einlab.cost import Cost
from einlab.errors import ArgumentError, listing
from einlab.machine import Machine
from einlab.nativemodel import NativeCosts
from einlab.residuals import Residuals

__all__ = [
    "Bound",
    "Calling",
    "Constants",
    "Prediction",
    "StepModel",
    "permute_seconds",
    "predict",
    "product_seconds",
    "sum_seconds",
]

Bound = Literal["compute", "memory", "launch", "unknown"]


class Constants(NamedTuple):
    """What the formula needs to know of a device, for one dtype; all floats.

    A complex multiply-accumulate counts as one here, so the rate of a complex dtype is a fourth.
    """

    itemsize: float
    """Bytes of an entry."""
    rate: float
    """2·batch·m·k·n a second of a product without end in one thread; infinite if not known."""
    half_m: float = 0.0
    """m at which a product of large k and n runs at half the rate."""
    half_k: float = 0.0
    half_n: float = 0.0
    batched: float = 1.0
    """Factor of the half-sizes within a batch, whose matrices threads share among them."""
    matrix: float = 0.0
    """Seconds of starting one matrix product of a batch."""
    loop_rate: float = 0.0
    """2·batch·m·k·n a second of small products, for which a plain loop runs; 0 if none does. Of
    single products it runs only where both operands lie as m·k and k·n."""
    gain: float = 0.0
    """By how much more than one thread a large product is faster; 1 is twice as fast."""
    gain_from: float = 1.0
    """Seconds of a product in one thread at which half of that is reached."""
    vector_bandwidth: float = math.inf
    """Bytes a second of products of a matrix and a vector."""
    bandwidth: float = math.inf
    """Bytes a second to and from memory."""
    cache: float = 0.0
    """Bytes that a step may move at `cache_bandwidth`."""
    cache_bandwidth: float = math.inf
    """Bytes a second while everything fits into the cache."""
    read_bandwidth: float = 0.0
    """Bytes a second from memory where little is written, if that is more than `bandwidth`."""
    launch: float = 0.0
    """Seconds that starting a step takes."""
    product_launch: float = 0.0
    """Seconds that starting a product of matrices takes beside that: a library is called."""
    threads: float = 0.0
    """Seconds of sharing a step that only moves data among threads."""
    threads_from: float = 1.0
    """Bytes moved at which half of that is paid."""
    batch_from: float = 1.0
    """2·batch·m·k·n at which a batch of products pays half of that."""
    sum_bandwidth: float = math.inf
    """Bytes a second read by a sum over axes of one array."""
    half_sum: float = 0.0
    """Entries after the summed axes at which a sum reads half as much."""
    permute_bandwidth: float = math.inf
    """Bytes a second, read and written, of a permutation within the cache."""
    permute_memory: float = math.inf
    """The same of a permutation beyond the cache, if that is less than `bandwidth`."""
    run: float = 0.0
    """Seconds for each contiguous run that a permutation copies by itself."""
    gather: float = 0.0
    """Seconds for each contiguous run that a diagonal keeps."""
    crossed: float = 1.0
    """Factor of the work of a batch of products whose left operand has k before m."""
    multiply: float = math.inf
    """Seconds of a multiplication and an addition in a loop without blocks."""
    reduce_bandwidth: float = math.inf
    """Bytes a second that such a loop reads where it sums up products of entries."""
    iteration: float = 0.0
    """Seconds that an iteration of a loop of steps takes beside them."""
    allocation: float = 0.0
    """Seconds a byte of a large result: the system hands out its pages one by one."""
    allocation_from: float = math.inf
    """Bytes from which on a result is large."""


class Calling(NamedTuple):
    """What one call of a compiled plan takes beside its steps, for one device and dtype.

    Steps that compute run in another thread than the one that calls, which goes to sleep when they
    take longer than a moment; but programs of few FLOPs run in the thread that calls.
    """

    call: float = 0.0
    """Seconds of a call as such."""
    wake: float = 0.0
    """Seconds of waking the thread that calls."""
    wake_from: float = math.inf
    """Seconds of the steps at which half of that is paid."""
    inline: float = 0.0
    """FLOPs below which a program wakes nobody."""
    operand: float = 0.0
    """Seconds of each operand of a call."""


def product_seconds(c: Constants, batch: float, m: float, k: float, n: float) -> float:
    """Seconds of `batch` products of an m×k and a k×n matrix; k = 1 sums nothing.

    >>> c = Constants(itemsize=4.0, rate=1e12, half_k=100.0, bandwidth=1e11, launch=1e-6)
    >>> round(product_seconds(c, 1.0, 1000.0, 100.0, 1000.0) * 1e6)
    401
    """
    written = batch * m * n * c.itemsize
    moved = written + batch * (m + n) * k * c.itemsize
    beyond = max(0.0, moved - c.cache)
    seconds = (moved - beyond) / c.cache_bandwidth + beyond / c.bandwidth
    if k <= 1.0:
        seconds += c.threads * moved * moved / (moved * moved + c.threads_from * c.threads_from)
    else:
        if m > 1.0 and n > 1.0:
            half = c.batched if batch > 1.5 else 1.0
            sizes = (m + half * c.half_m) * (k + half * c.half_k) * (n + half * c.half_n)
            work = c.product_launch + batch * (c.matrix + 2.0 * sizes / c.rate)
            work = work / (1.0 + c.gain * work / (work + c.gain_from))
            flops = 2.0 * batch * m * k * n
            if c.loop_rate > 0.0:
                work = min(work, flops / c.loop_rate)
            if batch > 1.5:
                work += c.threads * flops * flops / (flops * flops + c.batch_from * c.batch_from)
        else:
            work = max(2.0 * batch * m * k * n / c.rate, moved / c.vector_bandwidth)
        seconds = max(seconds, work)
    if written >= c.allocation_from:
        seconds += written * c.allocation
    return c.launch + seconds


def sum_seconds(c: Constants, read: float, written: float, inner: float = 1.0) -> float:
    """Seconds of a sum over axes of one array of `read` entries to a result of `written`.

    `inner` is the number of entries after the last summed axis; 1 where the last axis is summed.
    """
    moved = (read + written) * c.itemsize
    beyond = max(0.0, moved - c.cache)
    memory = max(c.bandwidth, c.read_bandwidth)
    seconds = (moved - beyond) / c.cache_bandwidth + beyond / memory
    slower = 1.0 + c.half_sum / inner if inner > 1.0 else 1.0
    seconds = max(seconds, read * c.itemsize / c.sum_bandwidth * slower)
    seconds += c.threads * moved * moved / (moved * moved + c.threads_from * c.threads_from)
    if written * c.itemsize >= c.allocation_from:
        seconds += written * c.itemsize * c.allocation
    return c.launch + seconds


def permute_seconds(c: Constants, entries: float, run: float) -> float:
    """Seconds of a permutation whose innermost `run` entries stay together."""
    moved = 2.0 * entries * c.itemsize
    beyond = max(0.0, moved - c.cache)
    inside = min(c.cache_bandwidth, c.permute_bandwidth)
    memory = min(c.bandwidth, c.permute_memory)
    seconds = (moved - beyond) / inside + beyond / memory + entries / run * c.run
    if 0.5 * moved >= c.allocation_from:
        seconds += 0.5 * moved * c.allocation
    return c.launch + seconds


@dataclass(frozen=True, slots=True)
class StepModel:
    """The constants of one device and dtype, and how far they may be off."""

    machine: str
    """The name of the device."""
    dtype: str
    constants: Constants
    error: float | None = None
    """Relative error bar: nine steps of ten are within it. None: seconds are a lower bound."""
    calling: Calling | None = None
    """What calling a compiled plan takes beside its steps; None if it was not measured."""
    compile: float = 0.0
    """Seconds of compiling one step."""
    residuals: Residuals | None = None
    """What measured steps took beside what the constants say; None if nothing was measured."""
    native: NativeCosts | None = None
    """What native products take; None where there are none."""

    @property
    def searched(self) -> Constants:
        """The constants by which orders are searched: of native products, where there are any.

        Searches know nothing of index orders, which XLA pays for by copies and native products do
        not; large ones take about the same time in both.
        """
        if self.native is None:
            return self.constants
        c = self.native
        return self.constants._replace(
            rate=c.rate,
            half_m=c.half_m,
            half_k=c.half_k,
            half_n=c.half_n,
            batched=1.0,
            matrix=c.matrix,
            loop_rate=0.0,
            gain=c.gain,
            gain_from=c.gain_from,
            vector_bandwidth=c.plain_rate * c.itemsize / 2,
            bandwidth=c.bandwidth,
            cache=c.cache,
            cache_bandwidth=c.cache_bandwidth,
            launch=c.step,
            product_launch=0.0,
            threads=0.0,
        )

    @classmethod
    def from_machine(cls, machine: Machine, dtype: str, precision: str | None = None) -> StepModel:
        """The roofline of a machine: peak figures, no half-sizes, no allocation.

        >>> from einlab.machines import machine_for
        >>> model = StepModel.from_machine(machine_for("A100 80GB SXM"), "bfloat16")
        >>> round(product_seconds(model.constants, 1, 4096, 4096, 4096) * 1e6)
        441
        """
        known = machine.measured.get(dtype)
        if known is not None:
            return _calibrated(machine.name, dtype, known, machine.residuals.get(dtype))
        rate = machine.rate(dtype, precision)
        if rate is not None and dtypes.is_complex(dtype):
            rate /= 4
        constants = Constants(
            itemsize=float(dtypes.itemsize(dtype)),
            rate=math.inf if rate is None else rate,
            bandwidth=machine.bandwidth,
            launch=machine.launch,
        )
        return cls(machine.name, dtype, constants)


def _calibrated(
    name: str, dtype: str, known: Mapping[str, float], residuals: str | None
) -> StepModel:
    """The model of a calibrated dtype.

    Raises ArgumentError if a constant is missing: the machine is of another version of einlab.
    """
    missing = [each for each in (*Constants._fields, *OTHERS) if each not in known]
    if missing:
        raise ArgumentError(
            f"machine {name!r} has no {listing(missing)} for {dtype}: run 'einlab calibrate' again"
        )
    constants = Constants(**{each: float(known[each]) for each in Constants._fields})
    calling = Calling(**{each: float(known[each]) for each in Calling._fields})
    near = None if residuals is None else Residuals.from_text(residuals)
    native = None
    if NATIVE + "rate" in known:
        native = NativeCosts(**{each: float(known[NATIVE + each]) for each in NativeCosts._fields})
    return StepModel(
        name, dtype, constants, known["error"], calling, known["compile"], near, native
    )


NATIVE = "native_"
"""What the constants of native products are stored under, before their names."""


OTHERS = ("error", "compile", *Calling._fields)
"""What a calibration holds of a dtype beside the constants."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The time that some work takes on a machine, and what decides it."""

    seconds: float
    bound: Bound
    """"unknown" if the machine has no figure for the dtype: then memory and launch alone count."""
    error: float | None = None
    """Relative error bar; None where the seconds are a lower bound, from peak figures."""


def predict(
    cost: Cost, machine: Machine, dtype: str, precision: str | None = None, *, product: bool = True
) -> Prediction:
    """The least seconds of one operation.

    Products run at the machine's rate for the dtype, other operations are bound by memory.

    >>> from einlab.machines import machine_for
    >>> a100 = machine_for("A100 80GB SXM")
    >>> predict(Cost(flops=312_000_000, bytes_read=2**10), a100, "bfloat16")
    Prediction(seconds=1e-06, bound='compute', error=None)
    """
    memory = cost.bytes / machine.bandwidth
    rate = machine.rate(dtype, precision)
    compute = cost.flops / rate if product and rate is not None else 0.0
    seconds = max(memory, compute) + machine.launch
    if product and rate is None:
        return Prediction(seconds, "unknown")
    if machine.launch > max(memory, compute):
        return Prediction(seconds, "launch")
    return Prediction(seconds, "compute" if compute > memory else "memory")
