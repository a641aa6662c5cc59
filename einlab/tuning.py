"""`tune`: measure the plans of a contraction that promise most, and remember the fastest.

A plan is chosen by a model; where a contraction runs often, a few seconds of measuring find the
order and the forms of products that are the fastest here. `contract` takes what was found from then
on, in this process and in others on this computer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from einlab import tuned
from einlab.config import config
from einlab.contracting import Options
from einlab.errors import ArgumentError
from einlab.execute import arrays
from einlab.execute.tuning import Trial, tuned_plan
from einlab.factored import unfold
from einlab.labels import equation_and_operands
from einlab.notation import parse
from einlab.operands import specs
from einlab.planning import Plan, make_plan
from einlab.settings import settings_from
from einlab.show import text
from einlab.steps import Step
from einlab.table import Column, Fact, Table

__all__ = ["Tuned", "tune"]


@dataclass(frozen=True)
class Tuned:
    """The plans of a contraction that were measured, the fastest first.

    >>> from einlab.planning import plan
    >>> made = plan("ij,jk->ik", (8, 9), (9, 7))
    >>> found = Tuned((Trial(made, 2e-6),), before=made)
    >>> found.plan == made, found.gain, found.table().column("measured")
    (True, 1.0, (2e-06,))
    """

    trials: tuple[Trial, ...]
    before: Plan
    """The plan that the model chose."""

    @property
    def plan(self) -> Plan:
        """The fastest plan, which `contract` takes from now on."""
        return self.trials[0].plan

    @property
    def gain(self) -> float:
        """Seconds of the plan that the model chose over those of the fastest; 1 if it is that."""
        own = [trial.seconds for trial in self.trials if trial.plan == self.before]
        return max(own[-1] / self.trials[0].seconds, 1.0) if own else 1.0

    def table(self) -> Table:
        """A row for each plan: its steps with their forms, and the seconds of a call."""
        columns = (
            Column("steps", "code"),
            Column("FLOPs", "quantity", rank=1),
            Column("measured", "seconds"),
        )
        rows = [
            (
                "; ".join(map(_said, trial.plan.steps)),
                trial.plan.flops,
                trial.seconds,
            )
            for trial in self.trials
        ]
        facts = [Fact("gained", self.gain, "ratio", remark="over the plan that the model chose")]
        return Table(f"{self.before.eq}, tuned", columns, rows, facts=facts)

    def __str__(self) -> str:
        return text.render(self.table(), max_rows=60)


def _said(step: Step) -> str:
    """A step's equation, and its form if that is no plain product."""
    if step.form in (None, "dot"):
        return step.equation
    return f"{step.equation} ({step.form}{' over ' * bool(step.looped)}{', '.join(step.looped)})"


def tune(equation: Any, *operands: Any, seconds: float = 20.0, **options: Unpack[Options]) -> Tuned:
    """Measure the plans of a contraction that promise most on these arrays; remember the fastest.

    `equation`, `operands` and `options` are what `contract` takes; after `seconds` no other plan is
    compiled. From then on `contract` of this equation and `plan` of these shapes take the fastest
    plan, under any names of indices, as long as their options leave the order free: no path, no
    objective but seconds, no limit of memory, no budget. It is kept in the cache folder for this
    processor and version of JAX (`einlab cache` shows and clears it).

    `einlab.config.tune = True`, or `EINLAB_TUNE=1`, does the same at the first call of every
    contraction.

    Raises what `contract` raises, ArgumentError for options that do not leave the order free,
    OSError if the cache folder cannot be written.

    >>> import tempfile
    >>> import jax.numpy as jnp
    >>> with tempfile.TemporaryDirectory() as folder, config.using(cache_dir=folder):
    ...     found = tune("ij,jk->ik", jnp.ones((8, 9)), jnp.ones((9, 7)))
    >>> found.plan.eq, found.gain >= 1
    ('ij,jk->ik', True)
    """
    settings = settings_from(options, jax.default_backend())
    if not tuned.is_free(settings):
        raise ArgumentError(
            "only a contraction whose order is free is tuned: leave out optimize=, objective=, "
            "budget= and memory_limit="
        )
    labelled = equation_and_operands(equation, operands)
    whole = unfold(labelled, None, settings.axes, as_shapes=False)
    ready = tuple(map(jnp.asarray, arrays.ready(whole.operands)))
    contraction = parse(whole.equation, *specs(ready, None, as_shapes=False), settings.axes)
    plan = make_plan(contraction, settings)
    if not plan.steps:
        raise ArgumentError(f"{plan.eq!r:.80} computes nothing: there is nothing to tune")
    if plan.compilation.form != "program":
        raise ArgumentError(
            f"a plan of {len(plan.steps)} steps runs as {plan.compilation.form}: programs alone "
            "are tuned; compile_budget= can ask for one"
        )
    trials = tuned_plan(plan, settings, ready, seconds)
    tuned.keep(trials[0].plan)
    config.changed()
    return Tuned(tuple(trials), plan)
