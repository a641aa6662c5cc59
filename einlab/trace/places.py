"""Where an operation stands in a program, and its row there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from einlab.cost import Cost
from einlab.trace.names import CONTRACTION, Phase, phase_of, scopes_of
from einlab.trace.operations import Counted, Operation, nbytes
from einlab.trace.rows import Row

__all__ = ["Place", "operation_of", "row_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk is: the scopes around it, the pass, and how often it comes here."""

    scope: tuple[str, ...] = ()
    phase: Phase = "forward"
    count: int = 1
    once: int = 1
    unbounded: int = 0

    def within(self, equation: Any) -> Place:
        """The place of an equation: with its own scopes."""
        stack = str(equation.source_info.name_stack)
        if not stack:
            return self
        return replace(self, scope=self.scope + scopes_of(stack), phase=phase_of(stack, self.phase))

    def repeated(self, times: int | None) -> Place:
        """The place inside a loop; None: nobody knows how often."""
        if times is None:
            return replace(self, unbounded=self.unbounded + 1)
        return replace(self, count=self.count * times)

    def named(self, name: str) -> Place:
        """The place inside a function of that name; names that nobody chose are left out."""
        hidden = not name or name.startswith(("_", "<"))
        return self if hidden else replace(self, scope=(*self.scope, name))


def operation_of(equation: Any) -> Operation:
    """An equation as counting rules see it."""
    return Operation(
        equation.primitive.name,
        equation.params,
        tuple(atom.aval for atom in equation.invars),
        tuple(var.aval for var in equation.outvars),
    )


def row_of(op: Operation, found: Counted, place: Place) -> Row:
    """The row of a counted operation in its place."""
    reads = found.reads if found.reads is not None else tuple(map(nbytes, op.ins))
    written = found.written if found.written is not None else sum(map(nbytes, op.outs))
    scope, equation, contraction = _equations(place.scope, found.equation or op.described())
    return Row(
        scope=scope,
        name=op.name,
        kind=found.kind,
        equation=equation,
        dtype=op.dtype,
        each=Cost(
            flops=found.flops,
            macs=found.macs,
            transcendentals=found.transcendentals,
            bytes_read=sum(reads),
            bytes_written=written,
            bytes_sent=sum(map(nbytes, op.ins)) if found.kind == "collective" else 0,
        ),
        count=place.count,
        phase=place.phase,
        once=place.once,
        unbounded=place.unbounded,
        xla=found.xla,
        dense=found.dense,
        operands=tuple(tuple(getattr(aval, "shape", ())) for aval in op.ins),
        results=tuple(tuple(getattr(aval, "shape", ())) for aval in op.outs),
        reason=found.reason,
        contraction=contraction,
    )


def _equations(scope: tuple[str, ...], described: str) -> tuple[tuple[str, ...], str, str]:
    """The scope without those that are equations; the innermost of these; the contraction's.

    A contraction names the scope of all its steps, and that of each step, by equations;
    `jax.numpy.einsum` does so too.
    """
    named = [part for part in scope if "->" in part]
    if not named:
        return scope, described, ""
    ours = [part.removeprefix(CONTRACTION) for part in named if part.startswith(CONTRACTION)]
    kept = tuple(part for part in scope if "->" not in part)
    return kept, named[-1].removeprefix(CONTRACTION), ours[0] if ours else ""
