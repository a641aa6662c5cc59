"""What the forms of a product and the permutations around it cost, by kind of device.

A program is bound by its products or by the arrays that it permutes between them. `FormCosts` puts
beside the step model's constants (bandwidths inside and beyond the cache, runs, fresh memory) what
only the choice of a form needs. `FORM_COSTS` has one for each kind of device, in round numbers with
their source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from einlab import dtypes
from einlab.config import config
from einlab.machines import Machine
from einlab.nativemodel import NATIVE_COSTS, NativeCosts
from einlab.stepmodel import Constants, permute_seconds, product_seconds

__all__ = ["FORM_COSTS", "FormCosts", "Sizes", "contiguous_run", "costs_of", "form_costs"]


class Sizes(NamedTuple):
    """The sizes of a product of fused axes."""

    batch: int
    m: int
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class FormCosts:
    """Constants of one kind of device for one dtype; rates and seconds are of real entries.

    A form that the device should never take has infinite seconds.

    >>> costs = form_costs("cpu", "float32")
    >>> costs.permuting(2**20, 1) > costs.permuting(2**20, 64)
    True
    """

    constants: Constants
    """Bandwidths, runs, launch and fresh memory, as the step model has them."""
    transposed: float = 0.0
    """Seconds for each entry of a first operand that has k before its free axes."""
    iteration: float = float("inf")
    """Seconds that an iteration of a loop takes beside its operations."""
    loop_from: float = 0.0
    """Bytes that the largest array of a product has at least where a loop is taken."""
    block: float = float("inf")
    """Bytes of the operands and the result of one iteration that stay in a core's own cache."""
    beyond_block: float = 0.0
    """Seconds for each byte of them beyond that, in every iteration."""
    line: float = 0.0
    """Bytes that a loop fetches from an operand for a run of its entries, at least."""
    multiply: float = float("inf")
    """Seconds of a multiplication and an addition in a loop without blocks."""
    reduce_bandwidth: float = 1.0
    """Bytes of operands a second that such a loop reads where it sums them up."""
    scattered: float = 0.0
    """Seconds an entry that it takes beside that where the last axis of an operand of
    `scattered_from` bytes or more is neither summed nor the last one of the result: entries read
    one after the other then lie in different cache lines."""
    scattered_from: float = float("inf")
    unrolled_k: int = 0
    """Largest k of which the products are written out one by one."""
    waking: float = 0.0
    """Seconds of waking the thread that runs a program which is not native throughout."""
    waking_from: float = 0.0
    """FLOPs that a program has at least if it runs in a thread of its own."""
    native: NativeCosts | None = None
    """What products by compiled code of our own take; None where there is none."""
    overrun: float = 1.0
    """By how much longer than predicted XLA's forms take, those apart that take `overrun_to`
    seconds and permute nothing; it counts where they are compared with native products."""
    overrun_to: float = 0.0

    def permuting(self, entries: int, run: int) -> float:
        """Seconds of permuting so many entries, of which `run` at a time stay side by side."""
        return permute_seconds(self.constants, float(entries), float(run))

    def multiplying(self, sizes: Sizes, *, transposed: bool = False) -> float:
        """Seconds of a product of fused axes; `transposed`: k comes first in its first operand."""
        seconds = product_seconds(self.constants, *map(float, sizes))
        if transposed and sizes.n > 1:
            seconds += sizes.batch * sizes.m * sizes.k * self.transposed
        return seconds

    def reducing(self, sizes: Sizes, *, along: bool = True) -> float:
        """Seconds of multiplying entry by entry and summing, the operands as they lie.

        `along`: the last axis of the larger operand is summed, or the last one of the result.
        """
        batch, m, k, n = sizes
        size = batch * k * max(m, n) * self.constants.itemsize
        seconds = max(size / self.reduce_bandwidth, batch * m * k * n * self.multiply)
        if not along and size >= self.scattered_from:
            seconds += batch * m * k * n * self.scattered
        return self.constants.launch + seconds

    def unrolling(self, sizes: Sizes) -> float:
        """Seconds of k outer products, added up entry by entry."""
        if sizes.k > self.unrolled_k:
            return float("inf")
        return self.constants.launch + sizes.batch * sizes.m * sizes.k * sizes.n * self.multiply

    def beside_native(self, seconds: float, *, permutes: bool) -> float:
        """What a form of XLA's takes that is predicted to take so long, beside a native product."""
        if self.native is None or (seconds >= self.overrun_to and not permutes):
            return seconds
        return seconds * self.overrun

    def slicing(self, entries: int, run: int, whole: int) -> float:
        """Seconds of reading so many entries, in runs of `run`, out of an array of `whole`.

        Short runs fetch neighbours with them, of which a part is still there when their turn comes.
        """
        c = self.constants
        wasted = 1.0 + self.line / (run * c.itemsize)
        fits = whole * c.itemsize <= c.cache
        return entries * c.itemsize * wasted / (c.cache_bandwidth if fits else c.bandwidth)

    def overflowing(self, entries: int) -> float:
        """Seconds that an iteration takes longer because its arrays have so many entries in all."""
        beyond = entries * self.constants.itemsize - self.block
        return beyond * self.beyond_block if beyond > 0.0 else 0.0

    def touching(self, entries: int) -> float:
        """Seconds that the fresh memory of so many entries takes at the first touch."""
        size = entries * self.constants.itemsize
        return size * self.constants.allocation if size >= self.constants.allocation_from else 0.0


def contiguous_run(term: Sequence[str], order: Sequence[str], sizes: Mapping[str, int]) -> int:
    """Entries that stay side by side when axes in the order `term` are put in the order `order`.

    >>> contiguous_run("abc", "bac", {"a": 2, "b": 3, "c": 4}), contiguous_run("ab", "ba", {})
    (4, 1)
    """
    run = 1
    for one, other in zip(reversed(term), reversed(order), strict=True):
        if one != other:
            break
        run *= sizes[one]
    return run


FORM_COSTS: dict[str, FormCosts] = {
    # Two cores of an AMD EPYC with 32 MiB of last-level cache, jax 0.12.0.1, glibc's own settings,
    # float32, measured 2026-11-22: x + 1 and transpositions of 1 KiB to 150 MiB, products of 16³
    # to 6144·24·384, batches of 2³ to 64·64·1, reductions of 1 to 33 million entries.
    "cpu": FormCosts(
        Constants(
            itemsize=4.0,
            rate=2.3e11,
            half_m=8.0,
            half_k=8.0,
            half_n=8.0,
            matrix=3.5e-8,
            gain=0.9,
            gain_from=2e-4,
            vector_bandwidth=4e10,
            bandwidth=2.8e10,
            cache=2.0**25,
            cache_bandwidth=9e10,
            launch=3e-6,
            sum_bandwidth=5e10,
            half_sum=8.0,
            run=1.2e-10,
            gather=2.5e-10,
            allocation=2.3e-10,
            allocation_from=2.0**25,  # the largest M_MMAP_THRESHOLD that glibc adapts to
        ),
        transposed=3e-10,
        iteration=4e-6,
        loop_from=2.0**23,
        block=2.0**21,
        beyond_block=1e-10,
        line=96.0,
        multiply=5.5e-11,
        reduce_bandwidth=2.2e10,
        scattered=1e-9,  # 0.8 to 6 in cba,ac->ab of 8 to 40 MB, where dot_general takes 0.3 to 0.9
        scattered_from=2.0**20,
        unrolled_k=8,
        waking=1.5e-5,
        waking_from=1000.0,  # cheap_computation_ in xla/pjrt/cpu/cpu_client.cc
        overrun=1.6,  # the geometric mean over 169 products: python -m benchmarks.forms
        overrun_to=3e-3,
    ),
    # NVIDIA H100 SXM, data sheet read 2026-11-21. XLA lays arrays out by itself there and a loop
    # reads its condition back to the host: every product is one dot_general.
    "gpu": FormCosts(
        Constants(
            itemsize=4.0,
            rate=6.7e13,
            bandwidth=3.35e12,
            launch=4e-6,
            run=1e-12,
        )
    ),
    # TPU v5e, Google Cloud's page read 2026-11-21; the compiler lays arrays out by itself.
    "tpu": FormCosts(
        Constants(
            itemsize=4.0,
            rate=1.97e14,
            bandwidth=8.19e11,
            launch=2e-6,
            run=1e-12,
        )
    ),
}
"""By kind of device, for float32."""


PLAIN_PRECISIONS = (None, "default", "high", "highest", "float32", "tensorfloat32", "bfloat16")
"""With these, every form is at least as precise as a product of matrices; with any other, such as
the name of an algorithm, only products of matrices run."""


def costs_of(
    machine: Machine | None, dtype: str, precision: str | tuple[str, str] | None = None
) -> FormCosts:
    """The constants for which a plan is made: of its machine's kind, of a CPU if it has none.

    A calibration's own figures of permutations, loops and reductions do not take their place: over
    44 products and networks whose forms they change, plans ran 1.6 times slower with them.
    """
    costs = form_costs(machine.kind if machine else "cpu", dtype)
    if config.native == "off":
        costs = replace(costs, native=None)
    asked = precision if isinstance(precision, tuple) else (precision,)
    if all(one in PLAIN_PRECISIONS for one in asked):
        return costs
    return replace(costs, multiply=float("inf"), unrolled_k=0, native=None)


@lru_cache(maxsize=256)
def form_costs(kind: str, dtype: str) -> FormCosts:
    """The constants of a kind of device for a dtype: bytes and rates scale with the entry.

    >>> form_costs("cpu", "float64").constants.rate
    115000000000.0
    """
    costs = FORM_COSTS[kind]
    wider = dtypes.itemsize(dtype) / costs.constants.itemsize
    slower = wider * (2 if dtypes.is_complex(dtype) else 1)
    constants = costs.constants._replace(
        itemsize=float(dtypes.itemsize(dtype)), rate=costs.constants.rate / slower
    )
    native = NATIVE_COSTS.get(dtype) if kind == "cpu" else None
    return replace(costs, constants=constants, multiply=costs.multiply * slower, native=native)
