"""What a search minimises: a price for each step, and how the prices of the steps combine.

A price is a function of the volumes of a step, so that one record serves exact programmes in
Python, vectorised ones in NumPy and compiled ones in Numba alike. It is linear in them but for
seconds, where the larger of computing and moving counts: the compiled searches of large networks
take their sum there, and what they find is weighed by the price itself.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from einlab.cost import COMPLEX_MACS, COMPLEX_MULTIPLY
from einlab.errors import ArgumentError, ArgumentTypeError, listing, message
from einlab.stepmodel import Constants, product_seconds

__all__ = ["OBJECTIVES", "PICO", "Objective", "objective_for", "seconds_by"]


@dataclass(frozen=True, slots=True)
class Objective:
    """The price of a pairwise step, and the rule that makes one value of all of them.

    >>> OBJECTIVES["flops"].price(left=6, right=12, result=8, product=24)
    48
    >>> OBJECTIVES["flops"].price(left=2, right=3, result=6, product=6)
    6
    """

    name: str
    combine: Literal["sum", "max", "peak"] = "sum"
    """`sum` of all prices, their `max`, or the `peak` of the elements of results alive at once."""
    multiply: float = 0
    """Price of a multiplication in a step that sums over k ≥ 2 entries."""
    outer: float = 0
    """Price of a multiplication in a step that sums nothing."""
    read: float = 0
    """Price of an element of either operand."""
    write: float = 0
    """Price of an element of the result."""
    step: float = 0
    """Price of a step as such, whatever its volumes."""
    constants: Constants | None = None
    """Of `seconds`: what the step model knows of a device. Its formula takes the place of the
    linear price, which then is a bound or an estimate; both are in picoseconds."""

    def price(self, left: int, right: int, result: int, product: int) -> int:
        """The price of a step, from volumes: its operands, its result, its multiplications.

        `product` is batch·m·k·n and `result` batch·m·n, so k ≥ 2 where 2·product > 3·result.
        Prices of the step model are rounded to whole picoseconds.
        """
        if self.constants is not None:
            return round(_seconds(self.constants, left, right, result, product) * PICO)
        each = self.multiply if 2 * product > 3 * result else self.outer
        price = each * product + self.read * (left + right) + self.write * result + self.step
        return price if type(price) is int else int(price)

    @property
    def adds(self) -> bool:
        """Whether the value of a tree is the sum of the prices of its steps.

        >>> OBJECTIVES["flops"].adds, OBJECTIVES["peak"].adds
        (True, False)
        """
        return self.combine == "sum"


PICO = 1e12  # picoseconds in a second
"""Picoseconds in a second: the unit of predicted times as prices.

>>> round(1.5e-9 * PICO)
1500
"""
MOST = 10**100  # of the volumes that the step model is asked about: within the range of a float
ELEMENT_FLOPS = 64  # what writing an element costs in FLOPs: dgasmith/opt_einsum#171

OBJECTIVES: dict[str, Objective] = {
    "flops": Objective("flops", multiply=2, outer=1),
    "multiplications": Objective("multiplications", multiply=1, outer=1),
    "bytes": Objective("bytes", read=1, write=1),
    "combo": Objective("combo", multiply=2, outer=1, write=ELEMENT_FLOPS),
    "size": Objective("size", "max", write=1),
    "peak": Objective("peak", "peak", write=1),
}
"""The objectives by name; `bytes` and `peak` are priced in elements, of which all are alike.

- `flops`: multiplications and additions, as `einlab.cost` counts them.
- `multiplications`: scalar multiplications, the sum of batch·m·k·n.
- `bytes`: elements read and written, by all steps.
- `combo`: FLOPs + 64 × elements written, which ran 5 to 8 times faster than the FLOP-optimal order
  in dgasmith/opt_einsum#171.
- `size`: elements of the largest intermediate, the result included.
- `peak`: elements of intermediates and result alive at once, under the order of the steps.

>>> list(OBJECTIVES)
['flops', 'multiplications', 'bytes', 'combo', 'size', 'peak']
"""


def seconds_by(constants: Constants) -> Objective:
    """The predicted time of all steps on the device that the constants belong to.

    A value is in picoseconds. The linear prices are those of large results: multiplications at full
    rate, elements at the bandwidth to memory.

    >>> ten = seconds_by(Constants(itemsize=4.0, rate=2e12, bandwidth=4e11, launch=1e-6))
    >>> ten.price(left=10**6, right=10**6, result=10**6, product=10**9)
    1001000000
    """
    element = constants.itemsize / constants.bandwidth * PICO
    return Objective(
        "seconds",
        multiply=2 / constants.rate * PICO,
        read=element,
        write=element,
        step=constants.launch * PICO,
        constants=constants,
    )


def _seconds(c: Constants, left: int, right: int, result: int, product: int) -> float:
    """The step model's seconds, from volumes."""
    a, b, r, p = (float(min(volume, MOST)) for volume in (left, right, result, product))
    if not p:
        return product_seconds(c, 1.0, 0.0, 1.0, a + b + r)  # nothing is computed
    return product_seconds(c, a * b * r / (p * p), p / b, p / r, p / a)


def objective_for(objective: str | Objective | None, is_complex: bool = False) -> Objective:
    """The objective of that name; None is `flops`. Complex FLOPs count real operations.

    Raises ArgumentError if there is none of that name or if it is `seconds`, which belong to a
    device: see `seconds_by`. Raises ArgumentTypeError if it is no name.

    >>> objective_for("flops", is_complex=True).multiply
    8
    """
    if objective is None:
        objective = "flops"
    if isinstance(objective, str):
        if objective == "seconds":
            raise ArgumentError(
                "objective 'seconds' needs a machine: give machine=, the name of one such as "
                "'H100 SXM', or measure this one with 'einlab calibrate'"
            )
        if objective not in OBJECTIVES:
            known = (*OBJECTIVES, "seconds")
            near = difflib.get_close_matches(objective, known, n=1)
            raise ArgumentError(
                message(
                    f"there is no objective {objective!r}",
                    details=[f"objectives are {listing(known)}"],
                    hint=f"did you mean {near[0]!r}?" if near else None,
                )
            )
        objective = OBJECTIVES[objective]
    if not isinstance(objective, Objective):
        raise ArgumentTypeError(f"an objective is a name or an Objective, not {objective!r}")
    if is_complex and objective.name in ("flops", "combo"):
        return Objective(
            objective.name,
            multiply=2 * COMPLEX_MACS,
            outer=COMPLEX_MULTIPLY,
            write=objective.write,
        )
    return objective
