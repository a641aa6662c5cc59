"""A planned contraction as a row of a report: its equation and, beneath, the steps of its plan."""

from __future__ import annotations

from dataclasses import replace

from einlab.planning import Plan
from einlab.steps import Step
from einlab.trace.rows import Row

__all__ = ["contraction_row"]


def contraction_row(plan: Plan, row: Row) -> Row:
    """The row of a plan in the place of `row`: its whole cost, and its steps as rows."""
    steps = tuple(_step(step, plan, row) for step in plan.steps)
    return replace(
        row,
        name="contract",
        kind="contraction",
        equation=plan.contraction.equation,
        contraction=plan.contraction.equation,
        dtype=plan.dtype,
        each=plan.cost,
        steps=steps,
        plan=plan,
    )


def _step(step: Step, plan: Plan, row: Row) -> Row:
    return replace(
        row,
        name=step.kind,
        kind="product" if step.gemm else "elementwise",
        equation=step.equation,
        dtype=plan.dtype,
        each=step.cost,
        count=row.count * plan.slices,
        operands=step.shapes,
        results=(step.shape,),
    )
