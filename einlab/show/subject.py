"""What the pictures of a plan show: its tree, its costs, and how its order was searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from einlab.contraction import Term
from einlab.cost import Cost
from einlab.search.tree import Tree
from einlab.show import units

__all__ = ["INTENSITY", "INTENSITY_NAMES", "PICTURES", "Subject", "warmth"]

PICTURES = ("tent", "ring", "network", "steps", "search")
"""The pictures of a plan: its tree in two forms, the network, the steps' costs, the search."""

INTENSITY = (1, 4, 16, 64)
"""FLOPs a byte at which the colour of a step changes."""

INTENSITY_NAMES = ("< 1", "1–4", "4–16", "16–64", "≥ 64")

UNITS = {
    "flops": "FLOP",
    "multiplications": "multiplications",
    "combo": "FLOP + 64 × elements",
    "seconds": "s",
}
"""What an objective counts, where it is not elements."""


@dataclass(frozen=True)
class Subject:
    """One plan, as the pictures need it."""

    tree: Tree
    """The tree of one slice."""
    products: tuple[Cost, ...]
    """The cost of the product of each pair of the tree."""
    steps: tuple[tuple[str, Cost], ...]
    """Equation and cost of every step of one slice, in the order in which they run."""
    sliced: Term = ()
    slices: int = 1
    trace: tuple[tuple[float, float], ...] = ()
    """(seconds, value) each time the search found something better."""
    searched_by: str = ""
    objective: str = "flops"

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """The part of the FLOPs of all products that each takes."""
        return shares([cost.flops for cost in self.products])

    @property
    def unit(self) -> str:
        """What the values of the trace count."""
        return UNITS.get(self.objective, "elements")

    @property
    def slicing(self) -> str:
        """How often the steps run, as the end of a sentence; empty without slices."""
        if not self.sliced:
            return ""
        return f"; run {units.count(self.slices)} times, sliced over {', '.join(self.sliced)}"


def shares(parts: Sequence[int]) -> tuple[float, ...]:
    """What part of their sum each number is.

    >>> shares([1, 3]), shares([0])
    ((0.25, 0.75), (0.0,))
    """
    total = sum(parts)
    return tuple(part / total if total else 0.0 for part in parts)


def warmth(cost: Cost) -> int:
    """The colour class of a step by its FLOPs a byte, 0 for the least.

    >>> warmth(Cost(flops=10, bytes_read=2))
    2
    """
    return sum(cost.flops >= limit * cost.bytes > 0 for limit in INTENSITY)
