"""`plan`, `contract_path` and `Plan`: what will run, at what cost, without an array.

A `Plan` is a value: it prints as a table, goes to JSON and back, and `contract(plan, *arrays)` runs
exactly its steps. Nothing here imports JAX.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from einlab import dtypes, operands
from einlab.arranging import KnownForms, arrange
from einlab.compiling import DEFAULT_BUDGET, program_seconds
from einlab.config import config
from einlab.contraction import Contraction
from einlab.errors import ArgumentTypeError, MemoryLimitError, ShapeError, message
from einlab.exchanging import exchanged
from einlab.factored import unfold
from einlab.labels import equation_and_operands
from einlab.lone import arrangement
from einlab.notation import shapes_from_sizes
from einlab.objectives import PICO
from einlab.permuting import costs_of
from einlab.plancache import find_order
from einlab.plans import Plan
from einlab.predicting import plan_seconds, surplus
from einlab.search.portfolio import Found, SearchInterrupted
from einlab.search.tree import Tree
from einlab.search.value import peak_bytes, tree_value
from einlab.settings import (
    Settings,
    objective_name,
    objective_of,
    result_dtype,
    settings_from,
)
from einlab.stepmodel import StepModel
from einlab.steps import Step, build_steps
from einlab.strictness import check_strict
from einlab.ties import of_least_moving
from einlab.tuned import remembered

__all__ = ["Plan", "contract_path", "forget_plans", "make_plan", "plan"]


ATTEMPTS = 12
"""Orders tried for a memory limit, each searched under a tighter limit than the one before."""
STEP = 0.7  # of the limit before, at least
MOST_BETWEEN = 16
"""Operands up to which a limit between one that was too tight and one too loose is tried."""
NEAR = 0.01  # of the limit


@lru_cache(maxsize=4096)
def make_plan(contraction: Contraction, settings: Settings) -> Plan:
    """The plan of a contraction under checked settings.

    Raises MemoryLimitError if no order and no slicing keeps a limit, SearchInterrupted on Ctrl-C.
    """
    dtype = result_dtype(contraction.dtypes, settings.preferred_element_type)
    if settings.strict:
        check_strict(contraction, dtype)
    if settings.memory_bytes is None:
        found = find_order(contraction, settings, dtype)
        return remembered(_made(contraction, settings, dtype, found), settings)
    return _within(contraction, settings, dtype, settings.memory_bytes)


def _within(contraction: Contraction, settings: Settings, dtype: str, limit: int) -> Plan:
    """The plan whose own count keeps a limit; a search does not know what is permuted.

    Raises MemoryLimitError with the plan for the smallest limit that would do.
    """
    names = list(contraction.sizes)
    inner, least, most, kept = limit, 1, limit, list[Plan]()
    for _ in range(ATTEMPTS):
        try:
            found = find_order(contraction, replace(settings, memory_bytes=inner), dtype)
        except MemoryLimitError as error:
            if error.smallest is None:
                raise
            least = error.smallest
            if least >= most:
                return _smallest(contraction, settings, dtype, least)
            inner = (least + most) // 2
            continue
        made = _made(contraction, settings, dtype, found)
        if made.peak <= limit:
            kept.append(made)
            least = inner
            if inner == limit or len(contraction.terms) > MOST_BETWEEN:
                break
        else:
            counted = peak_bytes(found.tree, [names.index(name) for name in found.sliced], dtype)
            most = min(inner, counted) - 1  # for another order
        if kept and most - least < NEAR * limit:
            break
        tighter = int(inner * max(STEP, limit / made.peak))
        inner = (least + most) // 2 if kept else max(least, min(most, tighter))
    if kept:
        return min(kept, key=lambda plan: plan.flops)
    return _smallest(contraction, settings, dtype, _least(contraction, settings, dtype))


def _least(contraction: Contraction, settings: Settings, dtype: str) -> int:
    """The least bytes that a search can keep, as it counts them."""
    try:
        found = find_order(contraction, replace(settings, memory_bytes=1), dtype)
    except MemoryLimitError as error:
        if error.smallest is None:
            raise
        return error.smallest
    return peak_bytes(found.tree, (), dtype)


def _smallest(contraction: Contraction, settings: Settings, dtype: str, bytes_: int) -> Plan:
    """The plan of least peak, found under a limit of so many bytes, if it keeps the settings' own.

    Raises MemoryLimitError if it does not.
    """
    found = find_order(contraction, replace(settings, memory_bytes=bytes_), dtype)
    made = _made(contraction, settings, dtype, found)
    limit = settings.memory_bytes
    assert limit is not None
    if made.peak <= limit:
        return made
    raise refusal(
        f"no order and no slicing keeps {limit:,} bytes: the smallest memory limit that would do "
        f"is {made.peak:,} bytes, arguments and result included",
        made,
        made.peak,
    ) from None


def refusal(fact: str, smallest: Plan, limit: int) -> MemoryLimitError:
    """The error of a limit that cannot be kept, with the plan for the smallest that can."""
    work = f"{smallest.flops:.3g} FLOPs in {len(smallest.steps)} steps"
    if smallest.sliced:
        work += f", over {smallest.slices} slices"
    error = MemoryLimitError(message(fact, details=[f"its plan takes {work}; it is error.plan"]))
    error.smallest, error.plan = limit, smallest
    return error


def _made(contraction: Contraction, settings: Settings, dtype: str, found: Found) -> Plan:
    """The plan of an order that was found; in one program where tapes would break the limit."""
    objective = objective_name(settings, contraction.dtypes, dtype)
    tree = Tree(contraction.one_slice(found.sliced), found.tree.pairs)
    if objective == "seconds" and not found.sliced:
        tree = _timed(tree, settings, dtype)
    costs = costs_of(settings.machine, dtype, settings.precision)
    limited = settings.memory_bytes is not None or settings.size_limit is not None
    if objective == "flops" and settings.optimize in TIMED and not found.sliced and not limited:
        tree = of_least_moving(tree, costs)
    made = Plan(
        contraction=contraction,
        pairs=tree.pairs,
        **arrangement(tree, costs),
        dtype=dtype,
        sliced=found.sliced,
        precision=settings.precision,
        objective=objective,
        machine=settings.machine,
        compile_budget=settings.compile_budget or DEFAULT_BUDGET,
        searched_by=found.name,
        trace=_in_units(found.trace, objective),
    )
    limit = settings.memory_bytes
    return made if limit is None or made.peak <= limit else in_one_program(made)


def in_one_program(plan: Plan) -> Plan:
    """The same plan with a compile budget that one program keeps: tapes take more memory."""
    budget = program_seconds(plan.steps)
    return replace(plan, compile_budget=budget) if budget > plan.compile_budget else plan


def left_to_xla(plan: Plan) -> Plan:
    """The plan without native code, which needs room to work in: small limits have none for it."""
    forms = tuple(None if form and form.kind == "native" else form for form in plan.product_forms)
    forms = forms if any(forms) else ()
    return in_one_program(replace(plan, product_forms=forms, native_operands=()))


def _timed(tree: Tree, settings: Settings, dtype: str) -> Tree:
    """The tree of fewest FLOPs, or another one whose plan is surely faster.

    Surely: even where the steps in which the two differ take as long as their error bars allow.
    Only where a calibration knows what permutations and forms take, where no limit of memory may be
    broken, and where the order is free; the longer the plan takes, the more trees are tried.
    """
    contraction, machine = tree.contraction, settings.machine
    held_in = dtypes.held_in(contraction.dtypes, dtype)
    limited = settings.memory_bytes is not None or settings.size_limit is not None
    if machine is None or held_in not in machine.measured or limited:
        return tree
    if settings.optimize not in TIMED or not 3 <= len(contraction.terms) <= MOST_TIMED:
        return tree
    price = objective_of(replace(settings, objective="seconds"), contraction.dtypes, dtype)
    trials = min(MOST_TRIALS, int(tree_value(tree, price) / PICO / WORTH_A_TRIAL))
    costs = costs_of(machine, dtype, settings.precision)
    fewest = find_order(contraction, replace(settings, objective="flops"), dtype).tree
    fewest = of_least_moving(fewest, costs)
    if not trials:
        return fewest
    model = StepModel.from_machine(machine, held_in)
    known: KnownForms = {}

    def steps_of(one: Tree) -> tuple[Step, ...]:
        arranged = arrange(one, costs, known)
        return build_steps(one, arranged.orders, dtype, None, arranged.forms)

    usual = steps_of(fewest)

    @lru_cache(maxsize=MOST_TRIALS + 2)
    def beyond(pairs: tuple[tuple[int, int], ...]) -> float:
        return surplus(model, steps_of(Tree(contraction, pairs)), usual)

    best = min((fewest, tree), key=lambda one: beyond(one.pairs))
    most = PROMISING * min(tree_value(one, price) for one in (fewest, tree))
    best = exchanged(
        best, lambda one: beyond(one.pairs), trials, lambda one: tree_value(one, price) <= most
    )
    worth_it = beyond(best.pairs) < -WORTH * plan_seconds(model, usual)
    return best if worth_it else fewest


TIMED = ("auto", "optimal")
"""Searches whose trees are compared so; another one's tree is taken as it is."""
MOST_TIMED = 16
"""Operands up to which trees are compared by the seconds of their plans."""
MOST_TRIALS = 40
PROMISING = 1.5
"""Times the seconds by the formulas, without permutations, that a tree may take to be tried."""
WORTH = 0.05
"""Of the seconds of the plan of fewest FLOPs, which another one must surely save to be taken."""
WORTH_A_TRIAL = 2e-5
"""Predicted seconds of a plan for each tree that is tried beside it, which takes about 1 ms; what
takes less altogether has the order of fewest FLOPs."""


def _in_units(
    trace: tuple[tuple[float, float], ...], objective: str
) -> tuple[tuple[float, float], ...]:
    """What a search told of its values, in the unit of the objective's name."""
    unit = PICO if objective == "seconds" else 1.0
    return tuple((gone, value / unit) for gone, value in trace)


def _plan_or_best_so_far(contraction: Contraction, settings: Settings) -> Plan:
    """The plan; on Ctrl-C that of the best order found so far, whose `searched_by` says so.

    The best order *known* is looked up at each call, because a better one may have become known.
    """
    try:
        if settings.optimize == "cached":
            return make_plan.__wrapped__(contraction, settings)
        return make_plan(contraction, settings)
    except SearchInterrupted as stop:
        dtype = result_dtype(contraction.dtypes, settings.preferred_element_type)
        return _made(contraction, settings, dtype, stop.found)


def plan(
    equation: object,
    *shapes: object,
    dtype: object = None,
    sizes: Mapping[str, int] | None = None,
    **options: object,
) -> Plan:
    """The plan of a contraction, from shapes or arrays; no JAX is imported.

    `shapes` are tuples such as (2, 3), or arrays and ShapeDtypeStructs, which bring their own
    dtype; bare shapes are float32 unless `dtype` names another, one for all or one for each.
    `sizes` gives the size of each index instead. `options` are `contract`'s: optimize, objective,
    budget, seed, memory_limit, precision, preferred_element_type, strict, axes; and `machine`, a
    `Machine` or the name of one in the built-in table, for which seconds are predicted.

    Raises EquationError, ShapeError, DtypeError, ArgumentError, MemoryLimitError, PathError.

    >>> p = plan("ij,jk,kl->il", (1000, 10), (10, 1000), (1000, 1))
    >>> p.flops, p.left_to_right.flops, p.path
    (40000, 22000000, [(1, 2), (0, 1)])
    """
    bare = type(equation) is str and set(map(type, shapes)) == {tuple}
    if not bare or options or sizes is not None or dtype is not None:
        return _planned(equation, shapes, dtype, sizes, options)
    key = f"{equation}{shapes}"  # text, because 2, 2.0 and True are equal as keys
    made = _recent.get(key)
    if made is None:
        made = _planned(equation, shapes, None, None, {})
        if len(_recent) >= MOST_RECENT:
            _recent.clear()
        if not made.searched_by.endswith("interrupted"):
            _recent[key] = made
    return made


MOST_RECENT = 1024
_recent: dict[str, Plan] = {}
"""Plans by the text of their equation and shapes, found in microseconds."""


def forget_plans() -> None:
    """Plan anew from now on: something that plans depend on has changed."""
    make_plan.cache_clear()
    _recent.clear()


config.on_change(forget_plans)


def _planned(
    equation: object,
    shapes: tuple[object, ...],
    dtype: object,
    sizes: Mapping[str, int] | None,
    options: Mapping[str, object],
) -> Plan:
    settings = settings_from(options)
    if sizes is not None:
        if shapes or not isinstance(equation, str):
            raise ArgumentTypeError("give shapes or sizes=, not both")
        checked = operands.checked_sizes(sizes)
        shapes = shapes_from_sizes(equation, checked, settings.axes)
    labelled = equation_and_operands(equation, shapes)
    contraction = unfold(labelled, dtype, settings.axes, as_shapes=True).contraction
    return _plan_or_best_so_far(contraction, settings)


def contract_path(
    equation: object, *arguments: object, shapes: bool = False, **options: object
) -> tuple[list[tuple[int, ...]], Plan]:
    """The path in opt_einsum's form, and the plan, without contracting.

    `arguments` are `contract`'s operands, or their shapes with `shapes=True`; `options` as for
    `plan`. The plan answers to the names of opt_einsum's PathInfo.

    Raises what `plan` raises.

    >>> path, info = contract_path("ij,jk,kl->il", (9, 8), (8, 7), (7, 1), shapes=True)
    >>> path, int(info.opt_cost)
    ([(1, 2), (0, 1)], 256)
    """
    settings = settings_from(options)
    labelled = equation_and_operands(equation, arguments)
    try:
        contraction = unfold(labelled, None, settings.axes, as_shapes=shapes).contraction
    except ShapeError as error:
        if shapes or not all(type(operand) is tuple for operand in labelled.operands):
            raise
        raise ShapeError(
            f"{error}\n    tuples are operands here; shapes need shapes=True"
        ) from None
    made = _plan_or_best_so_far(contraction, settings)
    return made.path, made
