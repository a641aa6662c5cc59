"""Rates and times that follow from FLOPs and bytes: utilisation, days, bounds of a decode step.

These take plain numbers, so that they serve where a paper gives nothing else; a `Budget` calls them
with what was counted in the trace of a model.
"""

from __future__ import annotations

import math
from typing import Any

from einlab.cost import product_cost
from einlab.dtypes import dtype_name, itemsize
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.machines import Machine, machine_for
from einlab.stepmodel import predict

__all__ = [
    "critical_batch",
    "critical_rows",
    "critical_split",
    "days",
    "decode_seconds",
    "peak_rate",
    "petaflop_days",
    "phase_seconds",
    "positive",
    "training_flops",
    "utilisation",
]

SECONDS_A_DAY = 86_400.0
PETAFLOP_DAY = 1e15 * SECONDS_A_DAY  # Brown et al. 2020, table D.1
FLOPS_A_WEIGHT = product_cost(1, 1, 2, 1, 1, False).flops // 2  # one weight of a product, one token


def training_flops(
    parameters: float,
    tokens: float = 1.0,
    *,
    attention: float = 0.0,
    backward: float = 2.0,
    attention_again: float = 0.0,
    rest_again: float = 0.0,
) -> float:
    """FLOPs of training a model of which only the number of parameters is known.

    Each token meets each parameter once in the forward pass; the backward pass costs `backward`
    times the forward one. `attention` is what the two products of attention cost a token, forward.
    `attention_again` and `rest_again` say how often those parts of the forward pass run once more.

    Raises ArgumentTypeError or ArgumentError for what is no number, or negative.
    Source: Kaplan et al. 2020, section 2.1; Chowdhery et al. 2022, appendix B.

    >>> f"{training_flops(70e9, 1.4e12):.3g}"
    '5.88e+23'
    """
    given = (parameters, tokens, attention, backward, attention_again, rest_again)
    for value in given:
        _check("a number of FLOPs, parameters, tokens or passes", value, zero=True)
    rest = FLOPS_A_WEIGHT * parameters
    again = attention_again * attention + rest_again * rest
    return tokens * ((1 + backward) * (rest + attention) + again)


def utilisation(
    flops: float, seconds: float, machine: Machine | str, dtype: str = "bfloat16", devices: int = 1
) -> float:
    """FLOPs done in some seconds, as a share of what the devices could do at their peak.

    With model FLOPs this is MFU, with recomputed ones counted too HFU (Chowdhery et al. 2022).

    Raises ArgumentError if the machine has no peak for the dtype, or a number is not positive.

    >>> round(utilisation(1.56e14, 1.0, "A100 80GB SXM"), 3)
    0.5
    """
    _check("seconds", seconds)
    _check("FLOPs", flops, zero=True)
    return flops / (seconds * peak_rate(machine, dtype, devices))


def days(
    flops: float,
    machine: Machine | str | None = None,
    share: float = 1.0,
    *,
    dtype: str = "bfloat16",
    devices: int = 1,
    flops_per_second: float | None = None,
) -> float:
    """Days that some FLOPs take on devices that reach a share of their peak, or a measured rate.

    `flops_per_second` is what one device reaches.

    Raises ArgumentError if neither a machine nor a rate is given, or as `utilisation` does.

    >>> round(days(3.8e25, "H100 SXM", 0.4, devices=16384))
    68
    """
    if flops_per_second is None:
        if machine is None:
            raise ArgumentError("how fast? give a machine, or flops_per_second of a device")
        _check("the share of the peak", share)
        rate = share * peak_rate(machine, dtype, devices)
    else:
        _check("flops_per_second", flops_per_second)
        rate = flops_per_second * devices
    return flops / rate / SECONDS_A_DAY


def petaflop_days(flops: float) -> float:
    """FLOPs in days of 10¹⁵ a second.

    >>> round(petaflop_days(3.14e23))
    3634
    """
    return flops / PETAFLOP_DAY


def critical_batch(
    machine: Machine | str, dtype: str = "bfloat16", *, flops: float = 0.0, weights: float = 0.0
) -> float:
    """The sequences from which on a decode step's products with weights are bound by compute.

    `flops` are those of one sequence, `weights` the bytes of the weights it reads; without them
    every weight is met once by each sequence. What else moves is left out: `critical_rows` has it.

    Raises ArgumentError if the machine has no peak for the dtype.
    Source: Pope et al. 2022 (arXiv:2211.05102), section 3.

    >>> round(critical_batch("TPU v5e"))
    241
    """
    dtype = dtype_name(dtype)
    ridge = peak_rate(machine, dtype) / machine_for(machine).bandwidth
    return ridge * (weights or itemsize(dtype)) / (flops or FLOPS_A_WEIGHT)


def critical_rows(machine: Machine | str, k: int, n: int, dtype: str = "bfloat16") -> int | None:
    """The least m at which an m×k times k×n product is bound by compute; None if none is.

    Operands and result move once. Raises ArgumentError as `critical_batch` does.

    >>> critical_rows("H100 SXM", 8192, 8192)
    319
    """
    found, dtype = machine_for(machine), dtype_name(dtype)
    peak_rate(found, dtype)

    def bound(m: int) -> bool:
        cost = product_cost(1, m, k, n, itemsize(dtype), False)
        return predict(cost, found, dtype).bound == "compute"

    most = 1
    while not bound(most):
        most *= 2
        if most > 2**40:
            return None
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if bound(middle) else (middle, most)
    return most


def critical_split(machine: Machine | str, devices: int, dtype: str = "bfloat16") -> float:
    """The width of the summed axis from which on splitting it over devices pays for sending sums.

    Each device multiplies its share of the axis, and sends its partial sums over its link.

    Raises ArgumentError if the machine has no peak for the dtype, or no figure for its link.
    Source: Austin et al. 2025, "How to scale your model", the chapter on rooflines.
    """
    found, dtype = machine_for(machine), dtype_name(dtype)
    if found.link is None:
        raise ArgumentError(f"machine {found.name!r} has no figure for its link")
    seconds_a_sum = itemsize(dtype) / found.link
    return seconds_a_sum * peak_rate(found, dtype, devices) / FLOPS_A_WEIGHT


def phase_seconds(
    flops: float,
    moved: float,
    machine: Machine | str,
    dtype: str = "bfloat16",
    devices: int = 1,
) -> float:
    """The least seconds for FLOPs of products and bytes that must move, at perfect overlap.

    >>> phase_seconds(312e12, 0, "A100 80GB SXM")
    1.0
    """
    found = machine_for(machine)
    return max(flops / peak_rate(found, dtype, devices), moved / (found.bandwidth * devices))


def decode_seconds(
    weights: float,
    cache: float,
    machine: Machine | str,
    dtype: str = "bfloat16",
    *,
    flops: float = 0.0,
    devices: int = 1,
) -> float:
    """The least seconds of a decode step: reading the cache, then weights or FLOPs, what is longer.

    `weights` and `cache` are bytes; `flops` are those of the products with weights. Attention over
    a cache is bound by memory at any batch.

    Raises ArgumentError if the machine has no peak for the dtype.
    Source: Austin et al. 2025, "How to scale your model", the chapter on inference.

    >>> f"{decode_seconds(26e9, 6.7e9, 'TPU v5e', devices=8):.5f}"
    '0.00499'
    """
    found = machine_for(machine)
    return cache / (found.bandwidth * devices) + phase_seconds(
        flops, weights, found, dtype, devices
    )


def peak_rate(machine: Machine | str, dtype: str, devices: int = 1) -> float:
    """Peak FLOPs a second of products on all devices.

    Raises ArgumentError if the machine has no figure for the dtype.
    """
    found = machine_for(machine)
    rate = found.rate(dtype_name(dtype))
    if rate is None:
        known = ", ".join(found.peak)
        raise ArgumentError(f"machine {found.name!r} has no peak for {dtype}; it has {known}")
    _check("the number of devices", devices)
    return rate * devices


def positive(what: str, value: float | None) -> float | None:
    """The value, which is None or a positive number.

    Raises ArgumentTypeError or ArgumentError for anything else.
    """
    if value is not None:
        _check(what, value)
    return value


def _check(what: str, value: Any, zero: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArgumentTypeError(f"{what} is {value!r:.40}; expected a number")
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        expected = "a number from 0" if zero else "a positive number"
        raise ArgumentError(f"{what} is {value!r:.40}; expected {expected}")
