"""`plan`, `contract_path` and `Plan`: what will run, at what cost, without an array.

A `Plan` is a value: it prints as a table, goes to JSON and back, and `contract(plan, *arrays)` runs
exactly its steps. Nothing here imports JAX.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from einlab import dtypes, operands, pathinfo, planfile
from einlab.contraction import Contraction, Term
from einlab.cost import Cost
from einlab.errors import ArgumentTypeError, ShapeError
from einlab.labels import equation_and_operands, parse_labelled
from einlab.machines import Machine
from einlab.notation import shapes_from_sizes
from einlab.orders import choose_orders
from einlab.plancache import find_order
from einlab.plantable import Summary, plan_table
from einlab.search.foreign import cotengra_tree
from einlab.search.portfolio import Found, SearchInterrupted
from einlab.search.tree import Tree
from einlab.settings import Settings, result_dtype, settings_from
from einlab.show import figure, html, svg, text
from einlab.stepmodel import Prediction, predict
from einlab.steps import Step, arguments_bytes, build_steps
from einlab.strictness import check_strict
from einlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Plan", "contract_path", "make_plan", "plan"]


@dataclass(frozen=True)
class Plan:
    """Which products run, in which order, on which index orders, over which slices."""

    contraction: Contraction
    pairs: tuple[tuple[int, int], ...]
    """The arrays that each product takes, numbered as in a Tree."""
    orders: tuple[Term, ...]
    """The index order of the result of each product."""
    dtype: str
    """The dtype of the result."""
    sliced: Term = ()
    """Indices of which one value at a time is contracted."""
    precision: str | tuple[str, str] | None = None
    """Precision of the products; None is JAX's setting at the time of the call."""
    objective: str = "flops"
    machine: Machine | None = None
    """The machine for which seconds are predicted."""
    searched_by: str = field(default="", compare=False)
    """The search that found the order; it takes no part in equality."""

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, item.name) for item in fields(self) if item.compare))

    def __hash__(self) -> int:
        # Kept, because a plan is looked up at every call that runs it.
        return self._hash

    @cached_property
    def tree(self) -> Tree:
        """The contraction tree."""
        return Tree(self.contraction, self.pairs)

    @cached_property
    def slice_tree(self) -> Tree:
        """The tree of one slice: sliced indices have length 1. Without slices, the tree."""
        return Tree(self.contraction.one_slice(self.sliced), self.pairs)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The operations of one slice, in the order in which they run."""
        whole = self.contraction if self.sliced else None
        return build_steps(self.slice_tree, self.orders, self.dtype, whole)

    @property
    def slices(self) -> int:
        """How many times the steps run: the product of the sizes of sliced indices."""
        return self.contraction.volume(self.sliced)

    @cached_property
    def cost(self) -> Cost:
        """The cost of all steps over all slices; adding the slices up is counted too."""
        once: Cost = sum((step.cost for step in self.steps), Cost())
        return once * self.slices + self._adding_up

    @property
    def _adding_up(self) -> Cost:
        """Additions of the results of slices that differ in a summed index."""
        summed = self.contraction.volume(i for i in self.sliced if i not in self.contraction.output)
        entries = math.prod(self.contraction.shape)
        each = 2 if dtypes.is_complex(self.dtype) else 1
        return Cost(flops=max(summed - 1, 0) * entries * each)

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return self.cost.flops

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.cost.macs

    @cached_property
    def peak(self) -> int:
        """Bytes alive at once: all operands, intermediates and the result."""
        if self.steps:
            return max(step.live for step in self.steps)
        itemsize = dtypes.itemsize(self.dtype)
        return arguments_bytes(self.contraction) + math.prod(self.contraction.shape) * itemsize

    @cached_property
    def size(self) -> int:
        """Elements of the largest intermediate of one slice; the result is none."""
        return max((math.prod(step.shape) for step in self.steps[:-1]), default=0)

    @cached_property
    def naive(self) -> Cost:
        """The cost of one loop over all indices, each entry multiplied out: no intermediates."""
        return pathinfo.one_loop(self.contraction, self.dtype)

    @cached_property
    def left_to_right(self) -> Cost:
        """The cost of contracting the operands in the order in which they are written."""
        return pathinfo.left_to_right(self.contraction, self.dtype)

    def predict(self, step: Step) -> Prediction | None:
        """The least seconds of one execution of a step on the plan's machine, and its bound."""
        if self.machine is None:
            return None
        held_in = dtypes.held_in(self.contraction.dtypes, self.dtype)
        precision = self.precision if isinstance(self.precision, str) else None
        return predict(step.cost, self.machine, held_in, precision, product=step.gemm is not None)

    @property
    def seconds(self) -> float | None:
        """The least seconds of all steps on the plan's machine; None without a machine."""
        if self.machine is None:
            return None
        predicted = [self.predict(step) for step in self.steps]
        return self.slices * sum(each.seconds for each in predicted if each is not None)

    # The names of opt_einsum's PathInfo, with its values.

    @property
    def path(self) -> list[tuple[int, ...]]:
        """The order as opt_einsum writes it, for `optimize=` of any einsum."""
        return list(self.tree.path) or [(0,)]

    @property
    def ssa_path(self) -> list[tuple[int, int]]:
        """The order with every array numbered once."""
        return list(self.pairs)

    def cotengra_tree(self) -> Any:
        """The order as a cotengra `ContractionTree`, with the plan's slices.

        Raises MissingPackageError if cotengra is not installed, ShapeError if an axis of length 1
        is broadcast, which cotengra does not do.
        """
        given = self.contraction
        for operand, term in enumerate(given.terms):
            if any(given.is_broadcast(operand, axis) for axis in range(len(term))):
                raise ShapeError(
                    f"operand {operand} has an axis of length 1 that is broadcast, which cotengra "
                    "does not do: take that axis out of the operand and of the equation"
                )
        return cotengra_tree(given.terms, given.output, given.sizes, self.pairs, self.sliced)

    @property
    def eq(self) -> str:
        """The equation."""
        return self.contraction.equation

    @property
    def size_dict(self) -> dict[str, int]:
        """The size of each index."""
        return dict(self.contraction.sizes)

    @cached_property
    def opt_cost(self) -> Decimal:
        """opt_einsum's FLOP count of this path."""
        return pathinfo.opt_cost(self.contraction, self.path)

    @property
    def naive_cost(self) -> Decimal:
        """opt_einsum's count of the one-loop evaluation: operands × volume."""
        return pathinfo.naive_cost(self.contraction)

    @property
    def speedup(self) -> Decimal:
        """`naive_cost` over `opt_cost`."""
        return self.naive_cost / max(self.opt_cost, Decimal(1))

    @cached_property
    def largest_intermediate(self) -> Decimal:
        """Elements of the largest result of a step."""
        return pathinfo.largest_intermediate(self.contraction, self.path)

    # Output.

    def table(self) -> Table:
        """The steps as a table: equation, shapes, product, FLOPs, MACs, bytes, running memory."""
        summary = Summary(
            equation=self.contraction.equation,
            cost=self.cost,
            peak=self.peak,
            size=self.size,
            naive=self.naive,
            left_to_right=self.left_to_right,
            dtype=self.dtype,
            precision=self.precision,
            objective=self.objective,
            searched_by=self.searched_by,
            slices=self.slices,
            sliced=self.sliced,
            machine=self.machine.name if self.machine else None,
            seconds=self.seconds,
        )
        return plan_table(self.steps, summary, [self.predict(step) for step in self.steps])

    def __str__(self) -> str:
        return text.render(self.table(), max_rows=60)

    def _repr_html_(self) -> str:
        return html.fragment(self.table(), picture=self.svg())

    def svg(self) -> str:
        """The contraction tree as an SVG picture."""
        return svg.draw_tree(self.tree)

    def figure(self) -> Figure:
        """The contraction tree as a matplotlib figure; needs the `plots` extra."""
        return figure.draw_tree(self.tree)

    def to_json(self) -> str:
        """The plan as JSON text, which `Plan.from_json` reads in any process."""
        return planfile.write({item.name: getattr(self, item.name) for item in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote.

        Raises PlanError if the text is damaged or does not describe a valid plan.
        """
        return cls(**planfile.read(text))


@lru_cache(maxsize=4096)
def make_plan(contraction: Contraction, settings: Settings) -> Plan:
    """The plan of a contraction under checked settings.

    Raises MemoryLimitError if no order and no slicing keeps a limit, SearchInterrupted on Ctrl-C.
    """
    dtype = result_dtype(contraction.dtypes, settings.preferred_element_type)
    if settings.strict:
        check_strict(contraction, dtype)
    return _made(contraction, settings, dtype, find_order(contraction, settings, dtype))


def _made(contraction: Contraction, settings: Settings, dtype: str, found: Found) -> Plan:
    """The plan of an order that was found."""
    return Plan(
        contraction=contraction,
        pairs=found.tree.pairs,
        orders=choose_orders(Tree(contraction.one_slice(found.sliced), found.tree.pairs)),
        dtype=dtype,
        sliced=found.sliced,
        precision=settings.precision,
        objective=settings.objective or "flops",
        machine=settings.machine,
        searched_by=found.name,
    )


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
    specs = operands.specs(labelled.operands, dtype, as_shapes=True)
    return _plan_or_best_so_far(parse_labelled(labelled, *specs, settings.axes), settings)


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
    specs = operands.specs(labelled.operands, None, as_shapes=shapes)
    try:
        contraction = parse_labelled(labelled, *specs, settings.axes)
    except ShapeError as error:
        if shapes or not all(type(operand) is tuple for operand in labelled.operands):
            raise
        raise ShapeError(
            f"{error}\n    tuples are operands here; shapes need shapes=True"
        ) from None
    made = _plan_or_best_so_far(contraction, settings)
    return made.path, made
