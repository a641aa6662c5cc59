"""The JAX primitive of einlab: a planned contraction.

Forward it is the plan's program. Its derivative is that of the planned tree, so a gradient shares
the intermediates; under `vmap` the contraction gets one index more and is planned anew. Under
slices or a memory limit the derivative and its transpose, the gradient, are primitives beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import opt_einsum

from einlab.checkpointing import Backward, keeping_all
from einlab.contraction import Contraction, Term
from einlab.execute.dispatch import run, run_now
from einlab.execute.gradients import Careful, backward_for, gradient
from einlab.execute.jax_compat import (
    Primitive,
    ShapedArray,
    ad,
    batching,
    mlir,
    needs_traced_type,
    traced_types,
)
from einlab.execute.native_loops import Nested, nested_within, run_gradient, run_nested
from einlab.execute.programs import narrowed
from einlab.execute.slicing import lean_loops
from einlab.native.calling import available
from einlab.planning import Plan, make_plan
from einlab.settings import Settings

__all__ = ["OPERATIONS", "Planned", "bind", "contract_p"]

contract_p = Primitive("einlab_contract")
tangent_p = Primitive("einlab_tangent")
gradient_p = Primitive("einlab_gradient")
gradient_p.multiple_results = True


@dataclass(frozen=True, slots=True)
class Planned:
    """The parameter of the primitive: a plan, and how to plan anew when `vmap` adds an index."""

    plan: Plan
    settings: Settings | None
    """None keeps the tree."""
    lean: bool = False
    """Whether a loop over slices holds nothing from one slice to the next."""
    nested: Nested | None = None
    """How the plan runs as one call of native code where that is there."""

    def __str__(self) -> str:
        return self.plan.contraction.equation


@dataclass(frozen=True, slots=True)
class Derived:
    """The parameter of a derivative: in which operands, and how the gradient is computed."""

    planned: Planned
    backward: Backward
    places: tuple[int, ...]
    nested: Nested | None = None
    """How the gradient runs as one call of native code where that is there."""

    def __str__(self) -> str:
        return f"{self.planned} at {', '.join(map(str, self.places))}"


def bind(
    plan: Plan,
    settings: Settings | None,
    *operands: jax.Array,
    lean: bool = False,
    nested: Nested | None = None,
) -> jax.Array:
    """The result of a plan as one operation of JAX; of 64 bits only where JAX has them."""
    planned = Planned(narrowed(plan), settings, lean, nested)
    return contract_p.bind(*operands, planned=planned)  # type: ignore[no-any-return]


def _implementation(*operands: jax.Array, planned: Planned) -> jax.Array:
    return run_now(planned.plan, *operands)


def _type(*avals: Any, planned: Planned) -> Any:
    plan = planned.plan
    if any(map(needs_traced_type, avals)):
        return traced_types(partial(run, plan), *avals)[0]
    return ShapedArray(plan.contraction.shape, jax.numpy.dtype(plan.dtype))


def _jvp(
    primals: tuple[Any, ...], tangents: tuple[Any, ...], *, planned: Planned
) -> tuple[Any, Any]:
    """The derivative of the planned tree, in the operands that vary.

    With slices or a memory limit it is a primitive, so that its transpose keeps the limit too.
    """
    varying = tuple(i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero))
    sent = tuple(tangents[i] for i in varying)
    found = None
    if jax.numpy.issubdtype(planned.plan.dtype, jax.numpy.inexact):
        found = backward_for(planned.plan, planned.settings, varying)
    if found is None:
        chosen = tuple(primals[i] for i in varying)
        return jax.jvp(_in(varying, primals, planned.plan), chosen, sent)
    backward, settings = found.backward, planned.settings
    derived = Derived(Planned(backward.plan, settings), backward, varying, found.nested)
    plan = backward.plan
    result = bind(plan, settings, *primals, lean=backward.lean, nested=found.forward)
    return result, tangent_p.bind(*primals, *sent, derived=derived)


def _transpose(cotangent: Any, *operands: Any, planned: Planned) -> list[Any]:
    """What comes back to the operand in which the contraction is linear; None for the others.

    It is asked for where a contraction is itself a derivative: in `jax.linear_transpose`, or in a
    rule of `jax.custom_jvp`.
    """
    linear = [i for i, operand in enumerate(operands) if ad.is_undefined_primal(operand)]
    types = [operands[i].aval for i in linear]
    if isinstance(cotangent, ad.Zero):
        parts = [ad.Zero(aval) for aval in types]
    else:
        parts = jax.linear_transpose(_in(linear, operands, planned.plan), *types)(cotangent)
    sent = dict(zip(linear, parts, strict=True))
    return [sent.get(place) for place in range(len(operands))]


def _in(places: Sequence[int], operands: tuple[Any, ...], plan: Plan) -> Callable[..., Any]:
    """The contraction as a function of the operands at these places."""

    def contracted(*chosen: Any) -> Any:
        given = dict(zip(places, chosen, strict=True))
        every = (given.get(place, x) for place, x in enumerate(operands))
        return run(plan, *every, apart=tuple(places))

    return contracted


def _batch(
    operands: tuple[Any, ...], axes: tuple[Any, ...], *, planned: Planned
) -> tuple[Any, int]:
    """The contraction with one index more, in each operand that has a batch axis."""
    plan, settings = planned.plan, planned.settings
    batched = _batched(plan.contraction, operands, axes)
    again, nested = _replanned(batched, plan, settings), None
    if again.sliced and settings is not None and settings.memory_bytes is not None:
        nested = nested_within(batched, settings)
    return bind(again, settings, *operands, nested=nested), 0


def _batched(
    contraction: Contraction, operands: Sequence[Any], axes: Sequence[int | None]
) -> Contraction:
    """The contraction with a new index at these axes of the operands, first in the output."""
    (new,) = opt_einsum.parser.gen_unused_symbols("".join(contraction.sizes), 1)
    terms: list[Term] = []
    shapes: list[tuple[int, ...]] = []
    for operand, axis, term, shape in zip(
        operands, axes, contraction.terms, contraction.shapes, strict=True
    ):
        mapped = axis is not None
        terms.append((*term[:axis], new, *term[axis:]) if mapped else term)
        shapes.append((*shape[:axis], operand.shape[axis], *shape[axis:]) if mapped else shape)
    output = (new, *contraction.output)
    return Contraction(tuple(terms), output, tuple(shapes), contraction.dtypes)


def _replanned(contraction: Contraction, plan: Plan, settings: Settings | None) -> Plan:
    """A plan for the batched contraction; without settings, the same tree over the same slices."""
    if settings is not None:
        return make_plan(contraction, settings)
    return plan.over(contraction, plan.pairs)


def _tangent(derived: Derived, *arrays: Any) -> Any:
    """The derivative at the operands in the direction of the tangents that follow them."""
    plan = derived.planned.plan
    count = len(plan.contraction.terms)
    operands, tangents = arrays[:count], arrays[count:]
    chosen = tuple(operands[place] for place in derived.places)
    return jax.jvp(_in(derived.places, operands, plan), chosen, tuple(tangents))[1]


def _tangent_transpose(cotangent: Any, *arrays: Any, derived: Derived) -> list[Any]:
    """The gradients, for the tangents that are asked for."""
    count = len(derived.planned.plan.contraction.terms)
    asked = [place for place in range(count, len(arrays)) if ad.is_undefined_primal(arrays[place])]
    sent: list[Any] = [None] * len(arrays)
    if isinstance(cotangent, ad.Zero):
        made = [ad.Zero(arrays[place].aval) for place in asked]
    else:
        places = tuple(derived.places[place - count] for place in asked)
        given = replace(derived, places=places)
        made = gradient_p.bind(*arrays[:count], cotangent, derived=given)
    for place, part in zip(asked, made, strict=True):
        sent[place] = part
    return sent


def _tangent_batch(
    arrays: tuple[Any, ...], axes: tuple[Any, ...], *, derived: Derived
) -> tuple[Any, int]:
    return jax.vmap(partial(_tangent, derived), in_axes=axes)(*arrays), 0


def _gradient(derived: Derived, *arrays: Any) -> list[Any]:
    """The gradients; the last of the arrays is the cotangent."""
    return gradient(derived.backward, derived.places, *arrays)


def _gradient_batch(
    arrays: tuple[Any, ...], axes: tuple[Any, ...], *, derived: Derived
) -> tuple[list[Any], list[int]]:
    """Gradients of the contraction with one index more, planned under the same limit."""
    plan, settings = derived.planned.plan, derived.planned.settings
    size = next(x.shape[axis] for x, axis in zip(arrays, axes, strict=True) if axis is not None)
    last = len(arrays) - 1
    where: list[int | None] = list(axes)
    given = list(arrays)
    for place in (*derived.places, last):  # what differs between the gradients of a batch
        if where[place] is None:
            given[place] = jax.numpy.broadcast_to(arrays[place], (size, *arrays[place].shape))
            where[place] = 0
    given[last] = jax.numpy.moveaxis(given[last], axes[last] or 0, 0)
    batched = _batched(plan.contraction, given[:last], where[:last])
    again = narrowed(_replanned(batched, plan, settings))
    found = backward_for(again, settings, derived.places) or Careful(keeping_all(again))
    planned = Planned(found.backward.plan, settings)
    anew = Derived(planned, found.backward, derived.places, found.nested)
    made = gradient_p.bind(*given, derived=anew)
    return made, [where[place] or 0 for place in derived.places]


OPERATIONS: dict[str, Callable[..., Any]] = {tangent_p.name: _tangent, gradient_p.name: _gradient}
"""What a derivative computes, in operations of XLA, of what it derives and its arrays."""


def _tangent_type(*avals: Any, derived: Derived) -> Any:
    if any(map(needs_traced_type, avals)):
        return traced_types(partial(_tangent, derived), *avals)[0]
    plan = derived.planned.plan
    return ShapedArray(plan.contraction.shape, jax.numpy.dtype(plan.dtype))


def _gradient_type(*avals: Any, derived: Derived) -> list[Any]:
    if any(map(needs_traced_type, avals)):
        return traced_types(partial(_gradient, derived), *avals)
    return [ShapedArray(avals[place].shape, avals[place].dtype) for place in derived.places]


def _derivative_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The rule that differentiates what a derivative computes, as JAX does."""

    def rule(primals: Any, tangents: Any, *, derived: Derived) -> Any:
        varying = [i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]

        def of_varying(*chosen: Any) -> Any:
            given = dict(zip(varying, chosen, strict=True))
            return function(derived, *(given.get(i, x) for i, x in enumerate(primals)))

        chosen = tuple(primals[i] for i in varying)
        return jax.jvp(of_varying, chosen, tuple(tangents[i] for i in varying))

    return rule


contract_p.def_impl(_implementation)
contract_p.def_abstract_eval(_type)
ad.primitive_jvps[contract_p] = _jvp
ad.primitive_transposes[contract_p] = _transpose
batching.primitive_batchers[contract_p] = _batch


_compiled_tangent = jax.jit(_tangent, static_argnums=0)
_compiled_gradient = jax.jit(
    lambda derived, *arrays: gradient_p.bind(*arrays, derived=derived), static_argnums=0
)
tangent_p.def_impl(lambda *arrays, derived: _compiled_tangent(derived, *arrays))
tangent_p.def_abstract_eval(_tangent_type)
ad.primitive_jvps[tangent_p] = _derivative_of(_tangent)
ad.primitive_transposes[tangent_p] = _tangent_transpose
batching.primitive_batchers[tangent_p] = _tangent_batch
gradient_p.def_impl(lambda *arrays, derived: _compiled_gradient(derived, *arrays))
gradient_p.def_abstract_eval(_gradient_type)
ad.primitive_jvps[gradient_p] = _derivative_of(_gradient)
batching.primitive_batchers[gradient_p] = _gradient_batch


def _lowered(*operands: Any, planned: Planned) -> Any:
    with lean_loops(planned.lean):
        return run(planned.plan, *operands)


def _lowered_tangent(*arrays: Any, derived: Derived) -> Any:
    return _tangent(derived, *arrays)


def _lowered_gradient(*arrays: Any, derived: Derived) -> Any:
    return _gradient(derived, *arrays)


def _natively(context: Any) -> bool:
    """Whether native code may run in a program: not in one that is exported, where it may lack."""
    return available() and not context.module_context.lowering_parameters.for_export


def _on_cpu(usual: Callable[..., Any], native: Callable[..., Any], several: bool) -> Any:
    """The lowering on a CPU: one native call where there is one and native code may run."""

    def lowered(context: Any, *arrays: Any, **given: Any) -> Any:
        (made,) = given.values()
        run = native if made.nested is not None and _natively(context) else usual
        return mlir.lower_fun(run, multiple_results=several)(context, *arrays, **given)

    return lowered


def _lowered_nested(*operands: Any, planned: Planned) -> Any:
    assert planned.nested is not None
    return run_nested(planned.nested, *operands)


def _lowered_nested_gradient(*arrays: Any, derived: Derived) -> Any:
    assert derived.nested is not None
    return run_gradient(derived.nested, derived.places, *arrays)


mlir.register_lowering(contract_p, mlir.lower_fun(_lowered, multiple_results=False))
mlir.register_lowering(contract_p, _on_cpu(_lowered, _lowered_nested, False), platform="cpu")
mlir.register_lowering(tangent_p, mlir.lower_fun(_lowered_tangent, multiple_results=False))
mlir.register_lowering(gradient_p, mlir.lower_fun(_lowered_gradient, multiple_results=True))
mlir.register_lowering(
    gradient_p, _on_cpu(_lowered_gradient, _lowered_nested_gradient, True), platform="cpu"
)
