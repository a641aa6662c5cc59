"""Which contractions a JAX function runs, found in its trace: the plans themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend.core import jaxprs_in_params

from einlab.execute.primitive import contract_p
from einlab.planning import Plan

__all__ = ["plans_in"]


def plans_in(function: Callable[..., object], *arguments: object) -> tuple[Plan, ...]:
    """The plan of every `contract` call in the trace of `function`, in the order of the trace.

    A jitted function within it counts as often as it is called, the body of a loop once. Nothing is
    computed.

    >>> import jax.numpy as jnp
    >>> from einlab.contracting import contract
    >>> [plan.flops for plan in plans_in(lambda x: contract("ij,jk->ik", x, x), jnp.ones((3, 3)))]
    [54]
    """
    return tuple(_walk(jax.make_jaxpr(function)(*arguments).jaxpr))


def _walk(jaxpr: Any) -> Iterator[Plan]:
    for equation in jaxpr.eqns:
        if equation.primitive is contract_p:
            yield equation.params["planned"].plan
        for inner in jaxprs_in_params(equation.params):
            yield from _walk(getattr(inner, "jaxpr", inner))
