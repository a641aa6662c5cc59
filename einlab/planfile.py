"""Plans as JSON text: written in one form, read back with every field checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from einlab import dtypes
from einlab.contraction import Contraction
from einlab.errors import EinlabError, PlanError
from einlab.machines import Machine
from einlab.search.tree import Tree

__all__ = ["read", "write"]

FORMAT = "einlab.plan"
VERSION = 1


def write(fields: Mapping[str, Any]) -> str:
    """The JSON text of a plan, from its fields by name."""
    contraction: Contraction = fields["contraction"]
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "equation": contraction.equation,
            "terms": contraction.terms,
            "output": contraction.output,
            "shapes": contraction.shapes,
            "dtypes": contraction.dtypes,
            **{
                name: value
                for name, value in fields.items()
                if name not in ("contraction", "machine")
            },
            "machine": fields["machine"] and fields["machine"].to_dict(),
        },
        ensure_ascii=False,
    )


def read(text: str | bytes) -> dict[str, Any]:
    """The fields of the plan that `write` wrote.

    Raises PlanError naming what is wrong: no JSON, another format, a missing or impossible field.
    """
    try:
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise PlanError(f"the plan is no JSON text: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PlanError(f"the text is no einlab plan: it has no 'format': {FORMAT!r}")
    if data.get("version") != VERSION:
        raise PlanError(
            f"the plan is of version {data.get('version')!r:.20}; this einlab reads {VERSION}"
        )
    try:
        return _fields(data)
    except PlanError:
        raise
    except (EinlabError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise PlanError(f"the plan contradicts itself: {error}") from None


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    terms = _tuples(data, "terms", str)
    contraction = Contraction(
        terms,
        _tuple(data, "output", str),
        _tuples(data, "shapes", _size),
        tuple(dtypes.dtype_name(name) for name in _tuple(data, "dtypes", str)),
    )
    if not set(contraction.output) <= set(contraction.sizes) or len(set(contraction.output)) != len(
        contraction.output
    ):
        raise PlanError("the output of the plan repeats an index, or has one of no operand")
    if len(contraction.dtypes) != len(terms):
        raise PlanError("the plan has not one dtype for each operand")
    pairs = _tuples(data, "pairs", _size)
    if any(len(pair) != 2 for pair in pairs):
        raise PlanError("a step of the plan does not take two arrays")
    tree = Tree(contraction, pairs)
    orders = _tuples(data, "orders", str)
    sliced = _tuple(data, "sliced", str)
    if not set(sliced) <= set(contraction.sizes) or len(set(sliced)) != len(sliced):
        raise PlanError("the plan slices an index twice, or one that it does not have")
    _check_orders(tree, orders, sliced)
    precision = data.get("precision")
    return {
        "contraction": contraction,
        "pairs": pairs,
        "orders": orders,
        "dtype": dtypes.dtype_name(_one(data, "dtype", str)),
        "sliced": sliced,
        "precision": tuple(precision) if isinstance(precision, list) else precision,
        "objective": _one(data, "objective", str),
        "machine": data.get("machine") and Machine(**_one(data, "machine", dict)),
        "searched_by": _one(data, "searched_by", str),
    }


def _check_orders(tree: Tree, orders: tuple[tuple[str, ...], ...], sliced: tuple[str, ...]) -> None:
    """Each result has exactly its indices, in some order; sliced ones may stand in any."""
    names = tuple(tree.contraction.sizes)
    made = tree.terms[len(tree.contraction.terms) :]
    if len(orders) != len(made):
        raise PlanError("the plan has not one index order for each step")
    for step, (order, term) in enumerate(zip(orders, made, strict=True)):
        indices = {names[index] for index in term}
        if len(set(order)) != len(order) or not (indices <= set(order) <= indices | set(sliced)):
            raise PlanError(f"step {step} of the plan orders {list(order)}, not its own indices")
    if orders and orders[-1] != tree.contraction.output:
        raise PlanError("the last step of the plan does not give the output")


def _one(data: Mapping[str, Any], name: str, kind: type) -> Any:
    value = data.get(name)
    if not isinstance(value, kind):
        raise PlanError(f"the plan's {name!r} is {value!r:.40}, no {kind.__name__}")
    return value


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise PlanError(f"{value!r:.40} in the plan is no size or number of an array")
    return value


def _tuple(data: Mapping[str, Any], name: str, check: Callable[[Any], Any]) -> tuple[Any, ...]:
    values = _one(data, name, list)
    if check is str and not all(isinstance(value, str) for value in values):
        raise PlanError(f"the plan's {name!r} holds something else than text")
    return tuple(check(value) for value in values)


def _tuples(
    data: Mapping[str, Any], name: str, check: Callable[[Any], Any]
) -> tuple[tuple[Any, ...], ...]:
    return tuple(_tuple({name: value}, name, check) for value in _one(data, name, list))
