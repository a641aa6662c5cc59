"""Plans as JSON text: written in one form, read back with every field checked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from einlab import dtypes
from einlab.compiling import DEFAULT_BUDGET
from einlab.contraction import Contraction
from einlab.errors import ArgumentTypeError, EinlabError, PlanError, listing
from einlab.formfile import read_forms, read_native
from einlab.machines import Machine
from einlab.search.tree import Tree
from einlab.settings import result_dtype, settings_from
from einlab.tokens import is_letter

__all__ = ["read", "write"]

FORMAT = "einlab.plan"
VERSION = 5
READABLE = (1, 2, 3, 4, VERSION)
"""Version 1 knew products of matrices alone, version 2 loops that take one value at a time, version
3 no native products, version 4 no other native steps."""


def write(values: Mapping[str, Any]) -> str:
    """The JSON text of a plan, from its fields by name."""
    contraction: Contraction = values["contraction"]
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
                for name, value in values.items()
                if name not in ("contraction", "machine", "product_forms")
            },
            "product_forms": [form and asdict(form) for form in values["product_forms"]],
            "machine": values["machine"] and values["machine"].to_dict(),
        },
        ensure_ascii=False,
    )


def read(text: str | bytes) -> dict[str, Any]:
    """The fields of the plan that `write` wrote.

    Raises PlanError naming what is wrong: no JSON, another format, a missing or impossible field;
    ArgumentTypeError for what is no text.
    """
    data = _json(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PlanError(f"the text is no plan of einlab: it has no 'format': {FORMAT!r}")
    if data.get("version") not in READABLE:
        raise PlanError(
            f"the plan is of version {data.get('version')!r:.20}; this einlab reads versions "
            f"{READABLE[0]} to {VERSION}: plan again, or use the einlab that wrote it"
        )
    try:
        return _fields(data)
    except PlanError:
        raise
    except EinlabError as error:
        raise PlanError(f"the plan contradicts itself: {error}") from None


def _json(text: str | bytes) -> Any:
    """What JSON text holds."""
    if not isinstance(text, (str, bytes, bytearray)):
        raise ArgumentTypeError(f"a plan is read from JSON text, not from {text!r:.60}")
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError:
        raise PlanError("the plan is no text in UTF-8") from None
    if not decoded.strip():
        raise PlanError("the plan is empty")
    try:
        return json.loads(decoded)
    except json.JSONDecodeError as error:
        if error.pos >= len(decoded.rstrip()) or "Unterminated" in error.msg:
            raise PlanError(
                f"the plan is cut short: its JSON text ends after {len(decoded)} characters"
            ) from None
        raise PlanError(
            f"the plan is no JSON text: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise PlanError(f"the plan is no JSON text that can be read: {error}") from None


def _contraction(data: Mapping[str, Any]) -> Contraction:
    """The contraction, checked against itself and against the equation that stands beside it."""
    terms, shapes = _tuples(data, "terms", str), _tuples(data, "shapes", _size)
    output, names = _tuple(data, "output", str), _tuple(data, "dtypes", str)
    if not len(terms) == len(shapes) == len(names):
        raise PlanError(
            f"the plan has {len(terms)} terms, {len(shapes)} shapes and {len(names)} dtypes; each "
            "operand has one of each"
        )
    for operand, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        if len(term) != len(shape):
            raise PlanError(
                f"operand {operand} of the plan has shape {shape}, but {len(term)} indices"
            )
    for index in {index for term in terms for index in term}:
        if not (index.isidentifier() or (len(index) == 1 and is_letter(index))):
            raise PlanError(f"the plan has an index {index!r:.40}, which is no letter and no name")
    contraction = Contraction(terms, output, shapes, tuple(map(dtypes.dtype_name, names)))
    if not set(output) <= set(contraction.sizes) or len(set(output)) != len(output):
        raise PlanError("the output of the plan repeats an index, or has one of no operand")
    if _one(data, "equation", str) != contraction.equation:
        raise PlanError(
            f"the plan's equation is {data['equation']!r:.80}, but its terms are those of "
            f"{contraction.equation!r:.80}"
        )
    return contraction


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    contraction = _contraction(data)
    pairs = _tuples(data, "pairs", _size)
    if any(len(pair) != 2 for pair in pairs):
        raise PlanError("a step of the plan does not take two arrays")
    tree = Tree(contraction, pairs)
    orders = _tuples(data, "orders", str)
    sliced = _tuple(data, "sliced", str)
    if not set(sliced) <= set(contraction.sizes) or len(set(sliced)) != len(sliced):
        raise PlanError("the plan slices an index twice, or one that it does not have")
    _check_orders(tree, orders, sliced)
    settings = settings_from(
        {
            "precision": data.get("precision"),
            "preferred_element_type": _one(data, "dtype", str),
            "objective": _one(data, "objective", str),
            "compile_budget": data.get("compile_budget"),  # which plans written earlier lack
        }
    )
    return {
        "contraction": contraction,
        "pairs": pairs,
        "orders": orders,
        "dtype": result_dtype(contraction.dtypes, settings.preferred_element_type),
        "sliced": sliced,
        "product_forms": read_forms(data, Tree(contraction.one_slice(sliced), pairs), orders),
        "native_operands": read_native(data, len(contraction.terms)),
        "precision": settings.precision,
        "objective": settings.objective,
        "machine": _machine(data),
        "compile_budget": settings.compile_budget or DEFAULT_BUDGET,
        "searched_by": _one(data, "searched_by", str),
        "trace": _trace(data.get("trace", [])),
    }


def _trace(points: Any) -> tuple[tuple[float, float], ...]:
    """The course of the search: pairs of finite numbers, which plans written earlier lack."""
    try:
        trace = tuple((float(seconds), float(value)) for seconds, value in points)
    except (TypeError, ValueError, OverflowError):
        raise PlanError("the plan's 'trace' is no list of pairs of numbers") from None
    if not all(map(math.isfinite, (number for point in trace for number in point))):
        raise PlanError("the plan's 'trace' holds something else than finite numbers")
    return trace


def _machine(data: Mapping[str, Any]) -> Machine | None:
    if data.get("machine") is None:
        return None
    values = _one(data, "machine", dict)
    known = {item.name for item in fields(Machine)}
    if not {"name", "peak", "bandwidth", "memory"} <= set(values) <= known:
        raise PlanError(f"the plan's 'machine' has other fields than {listing(sorted(known))}")
    _one(values, "peak", dict)
    return Machine(**values)


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
    if name not in data:
        raise PlanError(f"the plan lacks {name!r}")
    value = data[name]
    if not isinstance(value, kind):
        raise PlanError(f"the plan's {name!r} is {value!r:.40}, no {kind.__name__}")
    return value


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise PlanError(f"{value!r:.40} in the plan is no size and no number of an array")
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
