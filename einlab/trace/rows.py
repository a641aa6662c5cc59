"""`Row` and `Unknown`: one counted operation of a trace, and one that has no count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from einlab.cost import Cost
from einlab.planning import Plan
from einlab.trace.names import Phase

__all__ = ["Fork", "Kind", "Row", "Unknown"]

Kind = Literal[
    "contraction",
    "product",
    "convolution",
    "elementwise",
    "reduction",
    "cumulative",
    "movement",
    "gather",
    "scatter",
    "sort",
    "fft",
    "linalg",
    "random",
    "kernel",
    "collective",
    "bookkeeping",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Row:
    """One operation of a trace: where it stands, how often it runs, what one execution costs."""

    scope: tuple[str, ...]
    """Name scopes and inner jitted functions around it, outermost first."""
    name: str
    """The primitive; of a contraction "contract"."""
    kind: Kind
    equation: str
    """The equation of a contraction or a product, of others the shapes of operands and results."""
    dtype: str
    """The dtype of its first operand, which decides at what rate a product runs."""
    each: Cost
    """One execution, operands read and results written once."""
    count: int = 1
    """How many times it runs; the body of a loop of unknown length counts once."""
    phase: Phase = "forward"
    once: int = 1
    """How many times it would run if the body of every loop ran once."""
    unbounded: int = 0
    """How many loops of unknown length are around it, whose trips multiply the count."""
    taken: bool = True
    """False in the branches of a cond that are not the dearest one: they count nothing."""
    ideal_read: int = 0
    """Bytes of the program's arguments that this row is the first to read."""
    ideal_written: int = 0
    """Bytes of the program's results that this row writes."""
    xla: tuple[int, int] | None = None
    """FLOPs and transcendentals that XLA counts for one execution as lowered; None: not known."""
    dense: int = 0
    """Of a convolution: FLOPs with the taps in the padding and in the holes counted too."""
    operands: tuple[tuple[int, ...], ...] = ()
    """Shapes of the operands."""
    results: tuple[tuple[int, ...], ...] = ()
    """Shapes of the results."""
    reason: str = ""
    """Why it has no count, for an unknown one."""
    steps: tuple[Row, ...] = ()
    """The steps of a contraction's plan, or the operations of a kernel."""
    plan: Plan | None = None
    """Of a contraction: its plan."""
    contraction: str = ""
    """The equation of the `contract` call that it is, or of whose gradient it is a part."""

    @property
    def cost(self) -> Cost:
        """All executions together."""
        return self.each * self.count if self.taken else Cost()

    @property
    def is_product(self) -> bool:
        """Whether it runs at the machine's rate for products."""
        return self.kind in ("contraction", "product", "convolution", "kernel")

    @property
    def is_complex(self) -> bool:
        """Whether its numbers are complex."""
        return self.dtype.startswith("complex")


@dataclass(frozen=True, slots=True)
class Fork:
    """A cond or a switch: where it stands, and what each of its branches costs as traced."""

    scope: tuple[str, ...]
    branches: tuple[Cost, ...]
    """Over all executions, in the order of the program; the dearest counts."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a report cannot count, and why; `bytes` bounds what it can move from above."""

    name: str
    scope: tuple[str, ...]
    reason: str
    count: int
    bytes: int
    """Bytes of all operands and results, over all executions."""
