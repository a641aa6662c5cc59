"""Predicted seconds of a step on a machine: the roofline, a lower bound from peak figures.

A step takes at least its FLOPs over the peak rate of its dtype, at least its bytes over the memory
bandwidth, and the time that launching it takes; the largest says what it is bound by.
Source: Williams, Waterman and Patterson 2009, "Roofline".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from einlab.cost import Cost
from einlab.machines import Machine

__all__ = ["Bound", "Prediction", "predict"]

Bound = Literal["compute", "memory", "launch", "unknown"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The least time that some work takes on a machine, and what decides it."""

    seconds: float
    bound: Bound
    """"unknown" if the machine has no figure for the dtype: then memory and launch alone count."""


def predict(
    cost: Cost, machine: Machine, dtype: str, precision: str | None = None, *, product: bool = True
) -> Prediction:
    """The least seconds of one operation.

    Products run at the machine's rate for the dtype, other operations are bound by memory.

    >>> from einlab.machines import machine_for
    >>> a100 = machine_for("A100 80GB SXM")
    >>> predict(Cost(flops=312_000_000, bytes_read=2**10), a100, "bfloat16")
    Prediction(seconds=1e-06, bound='compute')
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
