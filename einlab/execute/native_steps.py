"""Steps of a plan in one call of compiled code; operands and results lie as the plan says.

They are the program of a tape, so that their derivatives are such programs too.
"""

from __future__ import annotations

from dataclasses import replace

import jax

from einlab.execute.tape import run_tape
from einlab.execute.tape_steps import run_of
from einlab.forms import NATIVE_DTYPES
from einlab.native.calling import available
from einlab.steps import Step

__all__ = ["can_run", "run_alone", "run_natively"]

Precision = str | tuple[str, str] | None


def can_run(dtype: str) -> bool:
    """Whether steps on arrays of a dtype can run natively here."""
    return dtype in NATIVE_DTYPES and available()


def run_natively(
    steps: tuple[Step, ...], values: dict[int, jax.Array], precision: Precision
) -> None:
    """Run steps in one call: what they take is taken from `values`, what they leave put there."""
    run = run_of(steps)
    inputs = map(values.pop, run.taken)
    shapes = tuple(shape for _, shape in run.given)
    with jax.named_scope(f"einlab:{'; '.join(step.equation for step in steps)}"):
        made = run_tape(run.program, precision, *inputs, shapes=shapes)
    for (value, _), array in zip(run.given, made, strict=True):
        values[value] = array


def run_alone(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """The result of one step in a call of its own."""
    count = len(taken)
    values = dict(enumerate(taken))
    alike = replace(step, operands=tuple(range(count)), result=count, live=0)
    run_natively((alike,), values, precision)
    return values[count]
