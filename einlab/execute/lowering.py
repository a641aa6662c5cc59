"""A plan as JAX operations: one operation a step, on the index orders that the plan says.

A product that sums becomes one `dot_general` over fused axes (at most one batch, one m, one k and
one n axis), or takes another form that the plan names; native ones that follow each other are one
call, and plain products where compiled code of our own cannot be had. Products that sum nothing
become multiplications, sums reductions, diagonals strided slices, permutations transposes. Nothing
else is added, so what the plan counts is what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import jax
from jax import lax

from einlab import dtypes
from einlab.contraction import Contraction, Term
from einlab.execute.native_steps import can_run, run_alone, run_natively
from einlab.execute.products import multiply_and_sum, transposed
from einlab.execute.slicing import over_slices
from einlab.nativecalls import native_calls
from einlab.planning import Plan
from einlab.steps import Step

__all__ = ["run_plan", "run_step"]

Precision = str | tuple[str, str] | None


def run_plan(plan: Plan, *operands: jax.Array) -> jax.Array:
    """The result of a plan on arrays of its shapes; their dtypes need not be the plan's.

    The result has the dtype of the plan.
    """
    held_in = dtypes.held_in(plan.contraction.dtypes, plan.dtype)
    if not jax.config.jax_enable_x64:
        held_in = dtypes.narrowed(held_in)
    arrays = [x if x.dtype == held_in else _convert(x, held_in) for x in operands]
    plan = for_backend(plan, jax.default_backend())
    contraction = plan.slice_tree.contraction
    with jax.named_scope(f"einlab:{plan.contraction.equation}"):
        if plan.sliced:
            result = over_slices(plan, arrays, partial(_run_steps, plan, contraction))
        else:
            result = _run_steps(plan, contraction, arrays)
    return result if held_in == plan.dtype else _convert(result, plan.dtype)


@lru_cache(maxsize=1024)
def for_backend(plan: Plan, backend: str) -> Plan:
    """The plan as this backend runs it: forms chosen for another kind of device are left out."""
    made_for = plan.machine.kind if plan.machine else "cpu"
    if made_for == backend or not (plan.product_forms or plan.native_operands):
        return plan
    return replace(plan, product_forms=(), native_operands=())


def _convert(array: jax.Array, dtype: str) -> jax.Array:
    """The array in another dtype; bool is what is not zero."""
    if dtype == "bool":
        return array != 0
    return lax.convert_element_type(array, dtype)


def _run_steps(plan: Plan, contraction: Contraction, operands: Sequence[jax.Array]) -> jax.Array:
    """All steps on arrays that have the shapes of `contraction`."""
    values = {place: _squeeze(array, contraction, place) for place, array in enumerate(operands)}
    for call in _calls(plan, operands[0].dtype.name):
        if len(call) > 1:
            run_natively(call, values, plan.precision)
            continue
        (step,) = call
        taken = [values.pop(value) for value in step.operands]
        values[step.result] = run_step(step, taken, plan.precision)
    (result,) = values.values()
    return lax.reshape(result, contraction.shape) if result.shape != contraction.shape else result


def _calls(plan: Plan, dtype: str) -> Sequence[tuple[Step, ...]]:
    """The steps in their order, those of one native call together."""
    if any(step.is_native for step in plan.steps) and can_run(dtype):
        return native_calls(plan.steps)
    return [(step,) for step in plan.steps]


def run_step(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """The result of one step on the arrays that it takes, in their dtype."""
    whole = all(0 not in shape for shape in step.shapes)
    if step.form == "native" and whole and can_run(taken[0].dtype.name):
        return run_alone(step, taken, precision)
    with jax.named_scope(f"einlab:{step.equation}"):
        return _OPERATIONS[step.kind](step, taken, precision)


def _squeeze(array: jax.Array, contraction: Contraction, operand: int) -> jax.Array:
    """The array without axes of length 1 that are broadcast or summed alone."""
    sizes = contraction.sizes
    shape = tuple(sizes[index] for index in contraction.squeezed[operand])
    return array if array.shape == shape else lax.reshape(array, shape)


def _diagonal(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """Repeated indices one after the other: fused to one axis, of which every (n + 1)th is kept."""
    (array,), (term,) = taken, step.terms
    while len(set(term)) < len(term):
        index = next(i for i in term if term.count(i) > 1)
        rest = tuple(i for i in term if i != index)
        places = [place for place, i in enumerate(term) if i == index]
        others = [place for place, i in enumerate(term) if i != index]
        size, count = array.shape[places[0]], len(places)
        array = lax.transpose(array, places + others)
        array = lax.reshape(array, (size**count, *array.shape[count:]))
        stride = sum(size**power for power in range(count)) if size else 1
        array = lax.slice_in_dim(array, 0, array.shape[0], stride)
        term = (index, *rest)
    return transposed(array, term, step.output)


def _sum(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """Axes that the result does not have, summed; floats of 16 bits are added up in 32."""
    (array,), (term,) = taken, step.terms
    axes = [place for place, index in enumerate(term) if index not in step.output]
    kept = tuple(index for index in term if index in step.output)
    if array.dtype == bool:
        array = lax.reduce_or(array, axes)
    else:
        wide = "float32" if array.dtype in ("float16", "bfloat16") else array.dtype
        summed = lax.reduce_sum(lax.convert_element_type(array, wide), axes)
        array = lax.convert_element_type(summed, array.dtype)
    return transposed(array, kept, step.output)


def _permute(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    return transposed(taken[0], step.terms[0], step.output)


def _multiply(step: Step, taken: list[jax.Array], precision: Precision) -> jax.Array:
    """An entry-wise product: both operands are spread over the axes of the result."""
    left, right = (
        _spread(array, term, step) for array, term in zip(taken, step.terms, strict=True)
    )
    return lax.bitwise_and(left, right) if left.dtype == bool else lax.mul(left, right)


def _spread(array: jax.Array, term: Term, step: Step) -> jax.Array:
    """The array over all axes of the result; summed axes have length 1 here and fall away."""
    kept = tuple(index for index in term if index in step.output)
    sizes = dict(zip(step.output, step.shape, strict=True))
    shape = tuple(sizes[index] for index in kept)
    if array.shape != shape:
        array = lax.reshape(array, shape)
    order = tuple(index for index in step.output if index in kept)
    array = transposed(array, kept, order)
    if order == step.output:
        return array
    return lax.broadcast_in_dim(array, step.shape, [step.output.index(index) for index in order])


_OPERATIONS: dict[str, Callable[[Step, list[jax.Array], Precision], jax.Array]] = {
    "diagonal": _diagonal,
    "sum": _sum,
    "permute": _permute,
    "product": multiply_and_sum,
    "outer": _multiply,
    "elementwise": _multiply,
    "scale": _multiply,
}
