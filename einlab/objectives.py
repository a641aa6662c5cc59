"""What a search minimises: a price for each step, and how the prices of the steps combine.

A price is linear in the volumes of a step, so that one record serves exact programmes in Python,
vectorised ones in NumPy and compiled ones in Numba alike.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from einlab.cost import COMPLEX_MACS, COMPLEX_MULTIPLY
from einlab.errors import ArgumentError, ArgumentTypeError, listing, message

__all__ = ["OBJECTIVES", "Objective", "objective_for"]


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
    multiply: int = 0
    """Price of a multiplication in a step that sums over k ≥ 2 entries."""
    outer: int = 0
    """Price of a multiplication in a step that sums nothing."""
    read: int = 0
    """Price of an element of either operand."""
    write: int = 0
    """Price of an element of the result."""
    step: int = 0
    """Price of a step as such, whatever its volumes."""

    def price(self, left: int, right: int, result: int, product: int) -> int:
        """The price of a step, from volumes: its operands, its result, its multiplications.

        `product` is batch·m·k·n and `result` batch·m·n, so k ≥ 2 where 2·product > 3·result.
        """
        each = self.multiply if 2 * product > 3 * result else self.outer
        return each * product + self.read * (left + right) + self.write * result + self.step

    @property
    def adds(self) -> bool:
        """Whether the value of a tree is the sum of the prices of its steps."""
        return self.combine == "sum"


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
"""


def objective_for(objective: str | Objective | None, is_complex: bool = False) -> Objective:
    """The objective of that name; None is `flops`. Complex FLOPs count real operations.

    Raises ArgumentError if there is none of that name, ArgumentTypeError if it is no name.

    >>> objective_for("flops", is_complex=True).multiply
    8
    """
    if objective is None:
        objective = "flops"
    if isinstance(objective, str):
        if objective not in OBJECTIVES:
            near = difflib.get_close_matches(objective, OBJECTIVES, n=1)
            raise ArgumentError(
                message(
                    f"there is no objective {objective!r}",
                    details=[f"objectives are {listing(OBJECTIVES)}"],
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
