"""What the walk asks of calls and loops: the function inside, and how it is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from jax.extend.core import Jaxpr, jaxprs_in_params

from einlab.execute.jax_compat import expanded
from einlab.execute.primitive import OPERATIONS
from einlab.trace.names import CONTRACTION
from einlab.trace.operations import elements

__all__ = ["DERIVED", "batched", "devices_of", "inner_function", "is_contraction"]

DERIVED = ("einlab_tangent", "einlab_gradient")
"""Derivatives of sliced contractions, which are operations of their own."""


def inner_function(equation: Any) -> Any:
    """The function that a call runs, by whatever name its parameter has."""
    if equation.primitive.name in DERIVED:
        return _implemented(equation)
    for name in ("jaxpr", "call_jaxpr", "call", "callee", "fun_jaxpr"):
        found = equation.params.get(name)
        if isinstance(getattr(found, "jaxpr", found), Jaxpr):
            return found
    found = next(iter(jaxprs_in_params(equation.params)), None)
    return expanded(equation) if found is None else found


def _implemented(equation: Any) -> Any:
    """What a derivative runs as operations of XLA."""
    specs = [jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars]

    def run(*operands: Any) -> Any:
        return OPERATIONS[equation.primitive.name](equation.params["derived"], *operands)

    return jax.make_jaxpr(run)(*specs)


def is_contraction(jaxpr: Any) -> bool:
    """Whether a function called "contract" is ours."""
    return any(
        equation.primitive.name in ("einlab_contract", *DERIVED)
        or CONTRACTION in str(equation.source_info.name_stack)
        for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns
    )


def batched(params: Mapping[str, Any]) -> int:
    """What lowering adds to a `while` under `vmap`: choices, and the condition once more."""
    condition = getattr(params["cond_jaxpr"], "jaxpr", params["cond_jaxpr"])
    body = getattr(params["body_jaxpr"], "jaxpr", params["body_jaxpr"])
    if not elements(condition.outvars[0].aval) or not condition.outvars[0].aval.shape:
        return 0
    chosen = sum(2 * elements(var.aval) for var in body.outvars)
    again = sum(elements(var.aval) for line in condition.eqns for var in line.outvars)
    read = sum(elements(a.aval) for line in condition.eqns for a in line.invars)
    return chosen + again + read


def devices_of(mesh: Any) -> int:
    """How many devices run the body of a shard_map."""
    return int(getattr(mesh, "size", 1) or 1)
