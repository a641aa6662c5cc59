"""`measure`: run a plan step by step and show predicted beside measured times.

Each step is compiled and timed by itself, on arrays that lie as they do when the plan runs; then
the whole plan is. A step by itself pays for a call each time, and the predictions beside it do too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from einlab import dtypes
from einlab.calibration.timing import timed_programs
from einlab.contracting import compiled
from einlab.errors import PlanError
from einlab.execute import arrays
from einlab.execute.lowering import run_step
from einlab.machine import Machine
from einlab.machinestore import here
from einlab.nativeorders import as_run
from einlab.plans import Plan
from einlab.predicting import calling_seconds
from einlab.roofline import Roofline
from einlab.settings import Settings
from einlab.show import text
from einlab.show.units import ratio
from einlab.stepmodel import StepModel
from einlab.steps import Step
from einlab.table import Column, Fact, Table, Value

__all__ = ["Measurement", "measure"]


@dataclass(frozen=True)
class Measurement:
    """Times of a plan's steps and of the whole, measured, beside what the step model says.

    >>> import jax.numpy as jnp
    >>> from einlab.planning import plan
    >>> found = measure(plan("ij,jk->ik", (8, 8), (8, 8)), jnp.ones((8, 8)), jnp.ones((8, 8)))
    >>> found.table().column("equation"), found.roofline(["TPU v5e"]).title
    (('ij,jk->ik',), 'Roofline of ij,jk->ik')
    """

    plan: Plan
    """With the machine that times are predicted for."""
    seconds: float
    """Of a call of the whole plan that nothing disturbs."""
    steps: tuple[float, ...]
    """Of a call of each step of one slice by itself."""
    predicted: float | None
    """Of a call of the whole plan; None without a machine."""
    predicted_steps: tuple[float | None, ...]
    spread: float
    """Median relative difference of the same program measured again later in the run."""

    def table(self) -> Table:
        """Step by step: predicted, measured, and how far the model is off."""
        columns = (
            Column("step", "count"),
            Column("equation", "code"),
            Column("FLOPs", "quantity", rank=1),
            Column("predicted", "seconds"),
            Column("±", rank=2),
            Column("measured", "seconds"),
            Column("measured / predicted", "ratio"),
            Column("speed", "quantity", "FLOP/s", rank=1),
        )
        rows: list[tuple[Value, ...]] = [
            (
                number,
                step.equation,
                step.cost.flops,
                predicted,
                _bar(error),
                seconds,
                seconds / predicted if predicted else None,
                step.cost.flops / seconds,
            )
            for number, (step, predicted, error, seconds) in enumerate(
                zip(self.plan.steps, self.predicted_steps, self._errors(), self.steps, strict=True),
                start=1,
            )
        ]
        off = self.seconds / self.predicted if self.predicted else None
        whole = (
            None,
            "whole plan",
            self.plan.flops,
            self.predicted,
            _bar(self.plan.seconds_error),
            self.seconds,
            off,
            self.plan.flops / self.seconds,
        )
        return Table(
            f"{self.plan.eq}, measured", columns, rows, whole, self._facts(off), self._notes()
        )

    def _errors(self) -> tuple[float | None, ...]:
        """The relative error bar of each step's predicted time; None where that is the least."""
        known = tuple(each.error for each in self.plan.predictions)
        return known or (None,) * len(self.plan.steps)

    def _facts(self, off: float | None) -> list[Fact]:
        facts = [Fact("measured", self.seconds, "seconds", remark="a call of the whole plan")]
        if self.predicted is not None and self.plan.machine is not None and off is not None:
            bar = self.plan.seconds_error
            kind = "at least, at peak rates of" if bar is None else f"±{bar:.0%}, on"
            remark = f"{kind} {self.plan.machine.name}; measured is {ratio(off)} that"
            facts.append(Fact("predicted", self.predicted, "seconds", remark=remark))
        again = Fact("measured again", f"±{self.spread:.0%}", remark="noise of this run")
        return [*facts, again]

    def _notes(self) -> list[str]:
        notes = ["a step by itself pays for a call, which the whole plan pays once"]
        if self.plan.machine is None:
            notes.append("run 'einlab calibrate' once, or give machine=, to see predicted times")
        if self.plan.slices > 1:
            notes.append(f"steps are those of one of {self.plan.slices:,} slices")
        return notes

    def roofline(self, machines: Sequence[Machine | str] | None = None) -> Roofline:
        """The measured steps under the roofs of machines, the plan's own if none are named."""
        return self.plan.roofline(machines, self.steps)

    def __str__(self) -> str:
        return text.render(self.table(), max_rows=60)


def _bar(error: float | None) -> str | None:
    return None if error is None else f"±{error:.0%}"


def measure(plan: Plan, *operands: Any, rounds: int = 9) -> Measurement:
    """Run a plan and each of its steps on arrays, and put predicted beside measured times.

    `operands` are what `contract` takes, in the plan's shapes and dtypes. Times are predicted for
    the plan's machine, else for this one if it is calibrated. Every program has one turn in each of
    `rounds` rounds; a time is what the fastest calls of a third of them stay within.

    Raises PlanError or OperandError if the operands do not fit the plan.

    >>> import jax.numpy as jnp
    >>> from einlab.planning import plan
    >>> found = measure(plan("ij,jk->ik", (8, 8), (8, 8)), jnp.ones((8, 8)), jnp.ones((8, 8)))
    >>> found.seconds > 0, len(found.steps)
    (True, 1)
    """
    if plan.machine is None:
        plan = replace(plan, machine=here())
    ready = arrays.ready(operands)
    if len(ready) != len(plan.contraction.terms):
        raise PlanError(
            f"the plan takes {len(plan.contraction.terms)} operands, but {len(ready)} were given"
        )
    program = compiled(plan, Settings())
    jax.block_until_ready(program(*ready))  # operands that do not fit are refused here
    held_in = _held_in(plan)
    steps = as_run(plan.steps)
    programs = [program, *(_program(plan, step) for step in steps)]
    given = [ready, *(_arrays(step, held_in) for step in steps)]
    times = timed_programs(programs, given, rounds=rounds, seconds=60.0)
    whole, *each = times.quiet()
    return Measurement(plan, whole, tuple(each), plan.seconds, _predicted(plan), times.floor)


def _held_in(plan: Plan) -> str:
    held_in = dtypes.held_in(plan.contraction.dtypes, plan.dtype)
    return held_in if jax.config.jax_enable_x64 else dtypes.narrowed(held_in)


def _program(plan: Plan, step: Step) -> Any:
    """One step as a program of its own."""

    def run(*taken: jax.Array) -> jax.Array:
        return run_step(step, list(taken), plan.precision)

    return jax.jit(run)


def _arrays(step: Step, dtype: str) -> tuple[jax.Array, ...]:
    """Arrays of the shapes that a step takes."""
    random = np.random.default_rng(0)
    return tuple(
        jax.device_put(random.standard_normal(shape, dtype=np.float32).astype(dtype))
        for shape in step.shapes
    )


def _predicted(plan: Plan) -> tuple[float | None, ...]:
    """Of each step by itself, what a call takes included."""
    if plan.machine is None:
        return (None,) * len(plan.steps)
    model = StepModel.from_machine(
        plan.machine, dtypes.held_in(plan.contraction.dtypes, plan.dtype)
    )
    found = []
    for step in as_run(plan.steps):
        each = plan.predict(step)
        assert each is not None
        found.append(each.seconds + calling_seconds(model, [step]))
    return tuple(found)
