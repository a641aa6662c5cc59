"""`contract_many`: several results over common operands, every common product made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Unpack

import jax

from einlab.contracting import MOST_KEPT, Options
from einlab.errors import EinlabError, OperandError
from einlab.execute import arrays
from einlab.execute.jax_compat import without_jax_notes
from einlab.execute.primitive import bind
from einlab.factored import is_factored
from einlab.joint import calls_from, joint_plan, joint_settings, over_factors
from einlab.operands import specs
from einlab.settings import Settings

__all__ = ["contract_many"]


def contract_many(
    contractions: Iterable[Sequence[Any]], **options: Unpack[Options]
) -> list[jax.Array]:
    """The results of several contractions, each given as (equation, operand, operand, …).

    Operands are what `contract` takes; the same object is the same operand, and what two of the
    contractions make of the same operands is made once, whatever their letters. All gradients of a
    contraction, or all environments of its operands, cost about three times the contraction.
    `options` are those of `contract`, limits of memory and explicit paths apart; `plan_many` shows
    what is shared and what it costs.

    Raises what `contract` raises.

    >>> import jax.numpy as jnp
    >>> a, b, c = jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones((4, 2))
    >>> left, right = contract_many([("ij,jk->ik", a, b), ("ij,jk,ki->", a, b, c)])
    >>> left.shape, float(right)
    ((2, 4), 24.0)
    """
    calls = calls_from(contractions)
    settings = joint_settings(options)
    arrays.check_width(settings.preferred_element_type, "results of preferred_element_type")
    try:
        ready: tuple[Any, ...] | None = arrays.ready(calls.operands)
    except OperandError:
        if not any(map(is_factored, calls.operands)):
            raise
        ready = None
    if ready is None:
        calls, settings = over_factors(calls, settings.axes), replace(settings, axes=None)
        ready = arrays.ready(calls.operands)
    function = _compiled(calls.equations, calls.places, settings)
    try:
        return function(*ready)
    except EinlabError as error:
        raise without_jax_notes(error) from None
    except (ValueError, RuntimeError) as error:
        arrays.explain(error, ready, settings.precision)
        raise


@lru_cache(maxsize=MOST_KEPT)
def _compiled(
    equations: tuple[str, ...], places: tuple[tuple[int, ...], ...], settings: Settings
) -> Callable[..., list[jax.Array]]:
    """The jitted function of the contractions; it plans when it is traced for new shapes."""

    def contract_many(*operands: jax.Array) -> list[jax.Array]:
        joint = joint_plan(equations, places, *specs(operands, None, as_shapes=False), settings)
        values = list(operands)
        for node in joint.nodes:
            values.append(bind(node.plan, None, *(values[place] for place in node.inputs)))
        return [values[place] for place in joint.outputs]

    return jax.jit(contract_many)
