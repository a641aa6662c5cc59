"""The one JAX primitive of einlab: a planned contraction.

Forward it is the plan's program. Its derivative is that of the planned tree, so a gradient shares
the intermediates; under `vmap` the contraction gets one index more and is planned anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import opt_einsum

from einlab import dtypes
from einlab.contraction import Contraction, Term
from einlab.execute.jax_compat import (
    Primitive,
    ShapedArray,
    ad,
    batching,
    mlir,
    needs_traced_type,
    traced_type,
)
from einlab.execute.lowering import run_plan
from einlab.orders import choose_orders
from einlab.planning import Plan, make_plan
from einlab.search.tree import Tree
from einlab.settings import Settings

__all__ = ["Planned", "bind", "contract_p"]

contract_p = Primitive("einlab_contract")


@dataclass(frozen=True, slots=True)
class Planned:
    """The parameter of the primitive: a plan, and how to plan anew when `vmap` adds an index."""

    plan: Plan
    settings: Settings | None
    """None keeps the tree."""

    def __str__(self) -> str:
        return self.plan.contraction.equation


def bind(plan: Plan, settings: Settings | None, *operands: jax.Array) -> jax.Array:
    """The result of a plan as one operation of JAX; of 64 bits only where JAX has them."""
    narrow = plan.dtype if jax.config.jax_enable_x64 else dtypes.narrowed(plan.dtype)
    if narrow != plan.dtype:
        plan = replace(plan, dtype=narrow)
    return contract_p.bind(*operands, planned=Planned(plan, settings))  # type: ignore[no-any-return]


def _implementation(*operands: jax.Array, planned: Planned) -> jax.Array:
    result: jax.Array = _compiled(planned.plan, *operands)
    return result


_compiled = jax.jit(run_plan, static_argnums=0)


def _type(*avals: Any, planned: Planned) -> Any:
    plan = planned.plan
    if any(map(needs_traced_type, avals)):
        return traced_type(partial(run_plan, plan), *avals)
    return ShapedArray(plan.contraction.shape, jax.numpy.dtype(plan.dtype))


def _jvp(
    primals: tuple[Any, ...], tangents: tuple[Any, ...], *, planned: Planned
) -> tuple[Any, Any]:
    """The derivative of the planned tree, in the operands that vary."""
    varying = [i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]
    return jax.jvp(
        _in(varying, primals, planned.plan),
        tuple(primals[i] for i in varying),
        tuple(tangents[i] for i in varying),
    )


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


def _in(places: list[int], operands: tuple[Any, ...], plan: Plan) -> Callable[..., Any]:
    """The contraction as a function of the operands at these places."""

    def contracted(*chosen: Any) -> Any:
        given = dict(zip(places, chosen, strict=True))
        return run_plan(plan, *(given.get(place, x) for place, x in enumerate(operands)))

    return contracted


def _batch(
    operands: tuple[Any, ...], axes: tuple[Any, ...], *, planned: Planned
) -> tuple[Any, int]:
    """The contraction with one index more, in each operand that has a batch axis."""
    plan, settings = planned.plan, planned.settings
    contraction = plan.contraction
    (new,) = opt_einsum.parser.gen_unused_symbols("".join(contraction.sizes), 1)
    terms: list[Term] = []
    shapes: list[tuple[int, ...]] = []
    for operand, axis, term, shape in zip(
        operands, axes, contraction.terms, contraction.shapes, strict=True
    ):
        mapped = axis is not None
        terms.append((*term[:axis], new, *term[axis:]) if mapped else term)
        shapes.append((*shape[:axis], operand.shape[axis], *shape[axis:]) if mapped else shape)
    batched = Contraction(
        tuple(terms), (new, *contraction.output), tuple(shapes), contraction.dtypes
    )
    return bind(_replanned(batched, plan, settings), settings, *operands), 0


def _replanned(contraction: Contraction, plan: Plan, settings: Settings | None) -> Plan:
    """A plan for the batched contraction; without settings, the same tree over the same slices."""
    if settings is not None:
        return make_plan(contraction, settings)
    tree = Tree(contraction.one_slice(plan.sliced), plan.pairs)
    return replace(plan, contraction=contraction, orders=choose_orders(tree))


contract_p.def_impl(_implementation)
contract_p.def_abstract_eval(_type)
ad.primitive_jvps[contract_p] = _jvp
ad.primitive_transposes[contract_p] = _transpose
batching.primitive_batchers[contract_p] = _batch


def _lowered(*operands: Any, planned: Planned) -> Any:
    return run_plan(planned.plan, *operands)


mlir.register_lowering(contract_p, mlir.lower_fun(_lowered, multiple_results=False))
