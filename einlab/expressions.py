"""`contract_expression`: a contraction planned once, constants folded once, called often."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import jax

from einlab import folding
from einlab.contracting import Options, compiled, fitted
from einlab.errors import ArgumentError, ArgumentTypeError, EinlabError
from einlab.execute import arrays
from einlab.execute.jax_compat import without_jax_notes
from einlab.execute.primitive import bind
from einlab.notation import parse
from einlab.operands import specs
from einlab.planning import Plan, equation_and_operands, make_plan
from einlab.settings import Settings, settings_from

__all__ = ["Expression", "contract_expression"]


class Expression:
    """A planned contraction that is called with its variable operands; printing it shows the plan.

    Made by `contract_expression`.
    """

    __slots__ = ("_folded", "_function", "_variables", "plan")

    plan: Plan
    """The plan of the whole contraction, constants included."""

    def __init__(self, plan: Plan, constants: dict[int, Any]) -> None:
        self.plan = plan
        self._variables = len(plan.contraction.terms) - len(constants)
        if not constants:
            self._folded: tuple[jax.Array, ...] = ()
            self._function = compiled(plan, Settings())
        elif plan.sliced:  # folding could exceed the memory that the slices keep
            self._folded, self._function = _beside(plan, constants)
        else:
            self._folded, self._function = _fold(plan, constants)

    def __call__(self, *operands: Any, **options: Any) -> jax.Array:
        """The contraction of the variable operands with the constants.

        Raises PlanError or OperandError if the operands do not fit the plan.
        """
        if options:
            settings_from({k: v for k, v in options.items() if k != "evaluate_constants"})
        if len(operands) != self._variables:
            raise ArgumentTypeError(
                f"this expression takes {self._variables} operands and was called with "
                f"{len(operands)}: {self.plan.eq}"
            )
        if not arrays.READY.issuperset(map(type, operands)):
            operands = arrays.ready(operands)
        try:
            return self._function(*self._folded, *operands)
        except EinlabError as error:
            raise without_jax_notes(error) from None

    def __repr__(self) -> str:
        return f"<Expression {self.plan.eq}>"

    def __str__(self) -> str:
        return str(self.plan)


def _fold(plan: Plan, constants: dict[int, Any]) -> tuple[tuple[jax.Array, ...], Any]:
    """The results of the subtrees of constants, and the function of the rest."""
    parts = folding.split(plan, constants.keys())
    folded = tuple(
        compiled(part.plan, Settings())(*(constants[place] for place in part.operands))
        for part in parts.folded
    )
    return folded, compiled(parts.rest, Settings())


def _beside(plan: Plan, constants: dict[int, Any]) -> tuple[tuple[jax.Array, ...], Any]:
    """The constants as they are, and the function that puts them in their places."""
    places = tuple(constants)

    def contract(*operands: jax.Array) -> jax.Array:
        ordered: dict[int, jax.Array] = dict(zip(places, operands, strict=False))
        rest = iter(operands[len(places) :])
        every = [
            ordered[place] if place in ordered else next(rest)
            for place in range(len(plan.contraction.terms))
        ]
        return bind(fitted(plan, *specs(every, None, as_shapes=False)), None, *every)

    return tuple(constants.values()), jax.jit(contract)


def contract_expression(
    equation: Any,
    *shapes: Any,
    constants: Iterable[int] | None = None,
    **options: Unpack[Options],
) -> Expression:
    """A function that contracts arrays of these shapes, planned now.

    `shapes` are as for `plan`; at the positions in `constants` stand arrays instead, and what can
    be computed from them alone is computed once. A `Plan` may stand for equation and shapes.
    `options` are those of `contract`.

    Raises what `plan` raises, and ArgumentError for a constant that does not exist.

    >>> import jax.numpy as jnp
    >>> shapes = (2, 3), jnp.ones((3, 4)), (4,)
    >>> expression = contract_expression("ij,jk,k->i", *shapes, constants=[1])
    >>> expression(jnp.ones((2, 3)), jnp.ones(4))
    Array([12., 12.], dtype=float32)
    """
    if isinstance(equation, Plan):
        if shapes or options:
            raise ArgumentTypeError("a plan has its shapes and settings: give the plan alone")
        return Expression(equation, {})
    settings = settings_from(options)
    arrays.check_width(settings.preferred_element_type, "results of preferred_element_type")
    labelled = equation_and_operands(equation, shapes)
    operands = labelled.operands
    places = _constant_places(constants, len(operands))
    fixed = dict(zip(places, arrays.ready([operands[p] for p in places]), strict=True))
    given = [fixed.get(place, operand) for place, operand in enumerate(operands)]
    contraction = parse(labelled.equation, *specs(given, None, as_shapes=True), settings.axes)
    return Expression(make_plan(contraction, settings), fixed)


def _constant_places(constants: Iterable[Any] | None, count: int) -> list[int]:
    """The positions of the constants, ascending and checked."""
    places = sorted(set(constants or ()))
    for place in places:
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count:
            raise ArgumentError(
                f"constants names operand {place!r}; there are {count}, numbered from 0"
            )
    return places
