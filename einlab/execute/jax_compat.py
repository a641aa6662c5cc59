"""Everything of JAX that is not plainly public or that differs between versions, in one place.

`jax.interpreters` is where JAX tells authors of primitives to register rules; its names are stable
in practice but not promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax._src.core import trace_state_clean as tracing_nothing
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.interpreters.partial_eval import dce_jaxpr, dce_rules

__all__ = [
    "Primitive",
    "ShapedArray",
    "ad",
    "batching",
    "dce_rules",
    "expanded",
    "living",
    "mlir",
    "needs_traced_type",
    "traced_types",
    "tracing_nothing",
    "varying_as",
    "without_jax_notes",
]


def needs_traced_type(aval: Any) -> bool:
    """Whether a type carries more than shape and dtype: manual axes or an explicit sharding."""
    manual = aval.manual_axis_type
    if manual.varying or manual.unreduced or manual.reduced:
        return True
    sharding = getattr(aval, "sharding", None)
    return sharding is not None and any(part is not None for part in getattr(sharding, "spec", ()))


def traced_types(function: Any, *avals: Any) -> list[Any]:
    """The types of a function's results, found by tracing it on arguments of these types."""
    return list(jax.make_jaxpr(function)(*avals).out_avals)


def expanded(equation: Any) -> Any | None:
    """What a primitive of JAX's own higher kind stands for, as a jaxpr; None for any other."""
    primitive = equation.params.get("_prim")
    if not hasattr(primitive, "expand") or not hasattr(primitive, "in_tree"):
        return None
    specs = [jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars]

    def run(*operands: Any) -> Any:
        return primitive.expand(*jax.tree.unflatten(primitive.in_tree, operands))

    return jax.make_jaxpr(run)(*specs)


def living(jaxpr: Any) -> Any:
    """The jaxpr without equations whose results nobody uses, in inner functions too."""
    kept, _ = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars), instantiate=True)
    return kept


def varying_as(array: jax.Array, others: Sequence[jax.Array]) -> jax.Array:
    """The array marked as varying over every manual axis that one of the others varies over."""
    types = [jax.typeof(other).manual_axis_type for other in others]
    axes: frozenset[str] = frozenset().union(*(manual.varying for manual in types))
    return jax.lax.pcast(array, tuple(sorted(axes)), to="varying") if axes else array


def without_jax_notes(error: BaseException) -> BaseException:
    """The error without the frames and the note that JAX adds to what passes its tracing."""
    error.__notes__ = []
    error.__cause__ = None
    error.__suppress_context__ = True
    return error.with_traceback(None)
