"""`contract_expression`: a contraction planned once, constants folded once, called often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Unpack

import jax
import numpy as np

from einlab import folding
from einlab.contracting import Options, compiled, fitted, misfit, tell
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    EinlabError,
    OperandError,
    PlanError,
    message,
)
from einlab.execute import arrays
from einlab.execute.dispatch import with_constants
from einlab.execute.executable import Way, checked_way, device_memory
from einlab.execute.jax_compat import without_jax_notes
from einlab.execute.primitive import bind
from einlab.execute.together import can_run_together, run_together
from einlab.factored import flat, is_factored, unfold
from einlab.labels import equation_and_operands
from einlab.operands import specs
from einlab.planning import Plan, make_plan
from einlab.settings import Settings, settings_from

__all__ = ["Expression", "contract_expression"]


class Expression:
    """A planned contraction that is called with its variable operands; printing it shows the plan.

    Made by `contract_expression`.

    >>> double = contract_expression("ij,j->i", (2, 3), jax.numpy.full(3, 2.0), constants=[1])
    >>> double(jax.numpy.ones((2, 3))), double.plan.eq
    (Array([6., 6.], dtype=float32), 'ij,j->i')
    """

    __slots__ = ("__weakref__", "_by_device", "_folded", "_function", "_variables", "plan")

    plan: Plan
    """The plan of the whole contraction, constants included."""

    def __init__(
        self, plan: Plan, constants: dict[int, Any], limited: Limits | None = None
    ) -> None:
        self.plan = plan
        self._by_device: dict[jax.Device, tuple[jax.Array, ...]] | None = None
        self._variables = tuple(
            place for place in range(len(plan.contraction.terms)) if place not in constants
        )
        if not constants and limited is None:
            self._folded: tuple[jax.Array, ...] = ()
            self._function = compiled(plan, Settings())
        elif plan.sliced or limited is not None:  # folding could exceed the memory that is kept
            self._folded, self._function = _beside(
                plan, constants, limited or Limits(None, Way(plan))
            )
        else:
            self._folded, self._function = _fold(plan, constants)
        if self._folded and len(jax.devices()) > 1 and not any(map(_is_bound, self._folded)):
            self._by_device = {}

    def __call__(self, *operands: Any, **options: Any) -> jax.Array:
        """The contraction of the variable operands with the constants.

        Raises PlanError or OperandError if the operands do not fit the plan.
        """
        if options:
            _check_options(options)
        if len(operands) != len(self._variables):
            operands = flat(operands)
        if len(operands) != len(self._variables):
            raise ArgumentTypeError(self._miscounted(len(operands)))
        if not arrays.READY.issuperset(map(type, operands)):
            operands = arrays.ready(operands)
        folded = self._folded if self._by_device is None else self._on_device(operands)
        try:
            return self._function(*folded, *operands)
        except PlanError:
            raise PlanError(misfit(self.plan.contraction, self._shapes(operands))) from None
        except EinlabError as error:
            raise without_jax_notes(error) from None
        except (ValueError, RuntimeError) as error:
            arrays.explain(error, operands, self.plan.precision)
            raise

    def _on_device(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """What was folded, on the device of the call; it is put there once."""
        assert self._by_device is not None
        device = _device_of(operands)
        if device is None:
            return self._folded
        if device not in self._by_device:
            with jax.default_device(device):
                on_it = tuple(jax.numpy.asarray(np.asarray(array)) for array in self._folded)
            self._by_device[device] = on_it
        return self._by_device[device]

    def _miscounted(self, given: int) -> str:
        wanted = len(self._variables)
        constants = len(self.plan.contraction.terms) - wanted
        operands = "operand" if wanted == 1 else "operands"
        return message(
            f"this expression takes {wanted} {operands}, but {given} "
            f"{'was' if given == 1 else 'were'} given",
            details=[
                f"it contracts {self.plan.eq!r:.80}"
                + (f", of which {constants} operands are constants" if constants else "")
            ],
        )

    def _shapes(self, operands: tuple[Any, ...]) -> tuple[tuple[int, ...], ...]:
        """The shapes of all operands of the plan, those of the constants as planned."""
        shapes = list(self.plan.contraction.shapes)
        given, _ = specs(operands, None, as_shapes=False)
        for place, shape in zip(self._variables, given, strict=True):
            shapes[place] = shape
        return tuple(shapes)

    def __repr__(self) -> str:
        return f"<Expression {self.plan.eq}>"

    def __str__(self) -> str:
        return str(self.plan)


@dataclass(frozen=True, slots=True)
class Limits:
    """How a plan under a memory limit is run and planned anew."""

    settings: Settings | None
    way: Way


def _is_bound(array: Any) -> bool:
    """Whether an array must stay where it is: in a trace, or on a device that was asked for."""
    return isinstance(array, jax.core.Tracer) or not isinstance(array, jax.Array) or array.committed


def _device_of(operands: tuple[Any, ...]) -> jax.Device | None:
    """The device that a call runs on; None if there are several, or it is not known yet."""
    for operand in operands:
        if isinstance(operand, jax.core.Tracer):
            return None
        if isinstance(operand, jax.Array) and operand.committed:
            return next(iter(operand.devices())) if len(operand.devices()) == 1 else None
    default = jax.config.jax_default_device
    if isinstance(default, str):
        return jax.devices(default)[0]
    return default or jax.devices()[0]


def _fold(plan: Plan, constants: dict[int, Any]) -> tuple[tuple[jax.Array, ...], Any]:
    """The results of the subtrees of constants, and the function of the rest.

    Called with operands of other dtypes than planned, the function folds anew in theirs, while it
    is traced.
    """
    parts = folding.split(plan, constants.keys())
    folded = _folded(parts, constants)

    def contract(*operands: jax.Array) -> jax.Array:
        variables = operands[len(folded) :]
        exact = fitted(plan, *specs(_merged(plan, constants, variables), None, as_shapes=False))
        if exact is plan:
            rest = fitted(parts.rest, *specs(operands, None, as_shapes=False))
            return bind(rest, None, *operands)
        anew = folding.split(exact, constants.keys())
        if any(isinstance(constant, jax.core.Tracer) for constant in constants.values()):
            return bind(anew.rest, None, *_folded(anew, constants), *variables)
        with jax.ensure_compile_time_eval():
            known = _folded(anew, constants)
        return bind(anew.rest, None, *known, *variables)

    traced = any(isinstance(part, jax.core.Tracer) for part in folded)
    function = jax.jit(contract)
    return folded, function if traced else with_constants(parts.rest, folded, function)


def _folded(parts: folding.Split, constants: dict[int, Any]) -> tuple[jax.Array, ...]:
    """The results of the subtrees of constants; axes that are broadcast later are left out."""
    folded: dict[int, jax.Array] = {}
    waiting: dict[int, tuple[Plan, list[jax.Array]]] = {}
    for number, part in enumerate(parts.folded):
        shapes = part.plan.contraction.shapes
        given = [
            jax.numpy.reshape(constants[place], shape)
            for place, shape in zip(part.operands, shapes, strict=True)
        ]
        if not part.plan.steps and given[0].dtype == part.plan.dtype:
            # Nothing to do but to leave out axes of length 1, and no program to compile for it.
            folded[number] = jax.numpy.reshape(given[0], part.plan.contraction.shape)
        else:
            waiting[number] = part.plan, given
    plans = [plan for plan, _ in waiting.values()]
    traced = any(isinstance(array, jax.core.Tracer) for array in constants.values())
    if len(plans) > 1 and not traced and can_run_together(plans):
        made = run_together(plans, [given for _, given in waiting.values()])
        folded.update(zip(waiting, made, strict=True))
    else:
        for number, (plan, given) in waiting.items():
            folded[number] = compiled(plan, Settings())(*given)
    return tuple(folded[number] for number in range(len(parts.folded)))


def _merged(plan: Plan, constants: dict[int, Any], variables: Iterable[Any]) -> list[Any]:
    """All operands of the plan, in order."""
    rest = iter(variables)
    return [
        constants[place] if place in constants else next(rest)
        for place in range(len(plan.contraction.terms))
    ]


def _beside(
    plan: Plan, constants: dict[int, Any], limits: Limits
) -> tuple[tuple[jax.Array, ...], Any]:
    """The constants as they are, and the function that puts them in their places."""
    places = tuple(constants)

    def contract(*operands: jax.Array) -> jax.Array:
        given = dict(zip(places, operands, strict=False))
        every = _merged(plan, given, operands[len(places) :])
        exact = fitted(plan, *specs(every, None, as_shapes=False))
        known = limits.way if exact is plan else replace(limits.way, plan=exact, nested=None)
        return known.run(limits.settings, *every)

    held = (
        jax.numpy.asarray(constant) if isinstance(constant, np.ndarray) else constant
        for constant in constants.values()
    )
    return tuple(held), jax.jit(contract)


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
    settings = settings_from(options, jax.default_backend())
    arrays.check_width(settings.preferred_element_type, "results of preferred_element_type")
    labelled = equation_and_operands(equation, shapes)
    operands = labelled.operands
    places = _constant_places(constants, len(operands))
    for place in places:
        if type(operands[place]) is tuple:
            raise OperandError(
                f"operand {place} is in constants, so its array stands there, not the shape "
                f"{operands[place]!r:.60}"
            )
    given = tuple(
        arrays.ready_one(operand, place)
        if place in places and not is_factored(operand)
        else operand
        for place, operand in enumerate(operands)
    )
    whole = unfold(replace(labelled, operands=given), None, settings.axes, as_shapes=True)
    contraction = whole.contraction
    fixed = {
        number: arrays.ready_one(whole.operands[number], number)
        for place in places
        for number in whole.places[place]
    }
    if settings.memory_bytes is None:
        plan = make_plan(contraction, settings)
        tell(plan)
        return Expression(plan, fixed)
    if options.get("memory_limit") == "auto":
        settings = replace(settings, memory_bytes=device_memory(tuple(fixed.values())))
    way = checked_way(contraction, settings)
    tell(way.plan)
    return Expression(way.plan, fixed, Limits(settings, way))


def _constant_places(constants: Iterable[Any] | None, count: int) -> list[int]:
    """The positions of the constants, ascending and checked."""
    if constants is None:
        return []
    if isinstance(constants, str) or not isinstance(constants, Iterable):
        raise ArgumentTypeError(
            f"constants is a list of operand numbers such as [1], not {constants!r:.60}"
        )
    places = list(constants)
    for place in places:
        if isinstance(place, bool) or not isinstance(place, Integral):
            raise ArgumentTypeError(f"constants holds {place!r:.60}, which is no operand number")
        if not 0 <= int(place) < count:
            raise ArgumentError(
                f"constants names operand {place}, but there are {count}, numbered from 0"
            )
    return sorted(set(map(int, places)))


def _check_options(options: dict[str, Any]) -> None:
    """Refuse what belongs to the call that plans; what opt_einsum's expressions take is heeded."""
    compatible = {"out", "order", "casting", "backend", "use_blas"}
    settings_from({name: value for name, value in options.items() if name in compatible})
    for name in options:
        if name not in compatible | {"evaluate_constants"}:
            raise ArgumentTypeError(
                f"an expression is planned already: {name}= belongs to contract_expression"
            )
