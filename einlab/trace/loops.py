"""How often the body of a `while` runs, where the trace shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.extend.core import Literal

from einlab.trace.values import Number, Value

__all__ = ["scan_groups", "trips"]

_FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def trips(params: Any, operands: Sequence[Value]) -> int | None:
    """Trips of a `while` that counts one whole number up or down to a bound; None if not known.

    The bound and the start must be known; the body must add or subtract a literal.
    """
    condition, body = params["cond_jaxpr"], params["body_jaxpr"]
    condition, body = getattr(condition, "jaxpr", condition), getattr(body, "jaxpr", body)
    first, second = params["cond_nconsts"], params["body_nconsts"]
    constants, carried = operands[:first], operands[first + second :]
    if len(condition.eqns) != 1 or condition.outvars[0] is not condition.eqns[0].outvars[0]:
        return None
    (test,) = condition.eqns
    comparison = test.primitive.name
    if comparison not in _FLIPPED:
        return None
    places = {var: place for place, var in enumerate(condition.invars)}
    left, right = (_side(atom, places, first) for atom in test.invars)
    if right >= 0 and _step(body, second, right) is not None:
        left, right, comparison = right, left, _FLIPPED[comparison]
    step = _step(body, second, left) if left >= 0 else None
    if step is None:
        return None
    bound = _bound(test.invars, left, first, constants, carried, body, second, places)
    start = carried[left].known
    if not isinstance(bound, int) or not isinstance(start, int):
        return None
    return _count(start, bound, step, comparison)


def _side(atom: Any, places: dict[Any, int], constants: int) -> int:
    """The place of an operand of the test among the carried values; negative if it is none."""
    return -1 if isinstance(atom, Literal) else places[atom] - constants


def _step(body: Any, constants: int, carried: int) -> int | None:
    """What the body adds to a carried value each trip, if it is a literal other than 0."""
    if carried < 0:
        return None
    before, after = body.invars[constants + carried], body.outvars[carried]
    for equation in body.eqns:
        if after in equation.outvars and equation.primitive.name in ("add", "sub"):
            left, right = equation.invars
            sign = 1 if equation.primitive.name == "add" else -1
            if left is before and isinstance(right, Literal):
                return sign * int(right.val) or None
            if right is before and isinstance(left, Literal) and sign == 1:
                return int(left.val) or None
    return None


def _bound(
    sides: Sequence[Any],
    counter: int,
    first: int,
    constants: Sequence[Value],
    carried: Sequence[Value],
    body: Any,
    second: int,
    places: dict[Any, int],
) -> Number | None:
    """The value that the counter is compared with: a literal, a constant, or one never changed."""
    for atom in sides:
        if isinstance(atom, Literal):
            return int(atom.val)
        place = places[atom]
        if place < first:
            return constants[place].known
        if place - first != counter:
            unchanged = body.outvars[place - first] is body.invars[second + place - first]
            return carried[place - first].known if unchanged else None
    return None


def _count(start: int, bound: int, step: int, comparison: str) -> int | None:
    """Trips of a counter; None where it would run away from its bound."""
    if comparison in ("le", "ge"):
        bound += 1 if comparison == "le" else -1
    rising = comparison in ("lt", "le")
    if (rising and start >= bound) or (not rising and start <= bound):
        return 0
    if (step > 0) != rising:
        return None
    return -(-abs(bound - start) // abs(step))


def scan_groups(equation: Any, body: Any) -> tuple[list[bool], list[bool]]:
    """Of the operands and the results of a scan: which go through it slice by slice.

    A sliced one has an axis more outside than inside; its parameters differ between versions.
    """
    operands = [
        len(getattr(outer.aval, "shape", ())) > len(getattr(inner.aval, "shape", ()))
        for outer, inner in zip(equation.invars, body.invars, strict=True)
    ]
    results = [
        len(getattr(outer.aval, "shape", ())) > len(getattr(inner.aval, "shape", ()))
        for outer, inner in zip(equation.outvars, body.outvars, strict=True)
    ]
    return operands, results
