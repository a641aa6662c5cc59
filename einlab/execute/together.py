"""Several plans in one call of native code: subtrees of constants, each too small for a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import jax
from jax import lax

from einlab.contraction import Term
from einlab.execute.tape import run_tape
from einlab.execute.tape_steps import run_of
from einlab.execute.taped import as_dtype, held_in, ready
from einlab.forms import NATIVE_DTYPES
from einlab.native.calling import available
from einlab.planning import Plan
from einlab.steps import Step

__all__ = ["can_run_together", "run_together"]


def can_run_together(plans: Sequence[Plan]) -> bool:
    """Whether plans can share a call here: of one dtype of native code, not sliced, not empty."""
    here = jax.default_backend() == "cpu" and available()
    dtypes = {held_in(plan) for plan in plans}
    plain = all(plan.steps and not plan.sliced for plan in plans)
    filled = all(math.prod(step.shape) for plan in plans for step in plan.steps)
    return here and len(dtypes) == 1 and dtypes.issubset(NATIVE_DTYPES) and plain and filled


def run_together(
    plans: Sequence[Plan], operands: Sequence[Sequence[jax.Array]]
) -> tuple[jax.Array, ...]:
    """The result of each plan on its operands, which hold numbers."""
    steps: list[Step] = []
    values: dict[int, jax.Array] = {}
    results = []
    for number, (plan, arrays) in enumerate(zip(plans, operands, strict=True)):
        first = len(steps) + len(values)
        values.update(enumerate(ready(plan, arrays), first))
        steps += (_apart(step, number, first) for step in plan.steps)
        results.append(steps[-1].result)
    run = run_of(tuple(steps))
    shapes = tuple(shape for _, shape in run.given)

    def together(*inputs: jax.Array) -> list[jax.Array]:
        made = run_tape(run.program, None, *inputs, shapes=shapes)
        by_value = {value: array for (value, _), array in zip(run.given, made, strict=True)}
        return [
            as_dtype(plan.dtype, lax.reshape(by_value[result], plan.contraction.shape))
            for plan, result in zip(plans, results, strict=True)
        ]

    return tuple(jax.jit(together)(*(values[value] for value in run.taken)))


def _apart(step: Step, number: int, first: int) -> Step:
    """The step of one of several plans, whose values are numbered from `first`."""

    def named(term: Term) -> Term:
        return tuple(f"{number}:{index}" for index in term)

    return replace(
        step,
        operands=tuple(first + value for value in step.operands),
        result=first + step.result,
        terms=tuple(map(named, step.terms)),
        output=named(step.output),
    )
