"""`Plan`: what will run, at what cost, as a value without an array.

A plan prints as a table, is drawn in several pictures, goes to JSON and back, and
`contract(plan, *arrays)` runs exactly its steps. Nothing here imports JAX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from einlab import comparing, dtypes, pathinfo, planfile, show
from einlab.compiling import DEFAULT_BUDGET, Compilation, choose_compilation
from einlab.contraction import Contraction, Term
from einlab.cost import Cost
from einlab.errors import ShapeError
from einlab.forms import ProductForm
from einlab.lone import arrangement
from einlab.machines import Machine, machine_for
from einlab.nativecalls import call_bytes
from einlab.nativeorders import as_run
from einlab.permuting import costs_of
from einlab.plantable import Summary, plan_table
from einlab.predicting import calling_seconds, copying_seconds, plan_error, predict_step
from einlab.roofline import Operation, Roofline
from einlab.search.foreign import cotengra_tree
from einlab.search.tree import Tree
from einlab.show.shown import Shown
from einlab.show.subject import Subject
from einlab.stepmodel import Prediction, StepModel
from einlab.steps import Step, arguments_bytes, build_steps
from einlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """Which products run, in which order, on which index orders, over which slices.

    >>> from einlab.planning import plan
    >>> plan("ij,jk,kl->il", (1000, 10), (10, 1000), (1000, 1)).path
    [(1, 2), (0, 1)]
    """

    contraction: Contraction
    pairs: tuple[tuple[int, int], ...]
    """The arrays that each product takes, numbered as in a Tree."""
    orders: tuple[Term, ...]
    """The index order of the result of each product."""
    dtype: str
    """The dtype of the result."""
    sliced: Term = ()
    """Indices of which one value at a time is contracted."""
    product_forms: tuple[ProductForm | None, ...] = ()
    """How each product runs; None is one product of matrices, and so is all if there is none."""
    native_operands: tuple[int, ...] = ()
    """Operands whose own steps run natively, beside those that native products take."""
    precision: str | tuple[str, str] | None = None
    """Precision of the products; None is JAX's setting at the time of the call."""
    objective: str = "flops"
    machine: Machine | None = None
    """The machine for which seconds are predicted."""
    compile_budget: float = DEFAULT_BUDGET
    """Seconds that compiling may take: many small steps then share one loop, a tape."""
    searched_by: str = field(default="", compare=False)
    """The search that found the order; it takes no part in equality."""
    trace: tuple[tuple[float, float], ...] = field(default=(), compare=False, repr=False)
    """(seconds, value) each time that search found a better order; no part of equality either."""

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
        forms, native = self.product_forms, self.native_operands
        return build_steps(self.slice_tree, self.orders, self.dtype, whole, forms, native)

    @cached_property
    def compilation(self) -> Compilation:
        """How the plan is compiled so that `compile_budget` is kept: as one program or otherwise.

        >>> from einlab.planning import plan
        >>> plan("ij,jk->ik", (2, 3), (3, 4)).compilation.form
        'program'
        """
        natively = costs_of(self.machine, self._held_in, self.precision).native is not None
        return choose_compilation(
            self.steps, self.compile_budget, sliced=bool(self.sliced), natively=natively
        )

    @property
    def compile_estimate(self) -> float:
        """The seconds that compiling is expected to take, in the form chosen."""
        return self.compilation.seconds

    def over(self, contraction: Contraction, pairs: tuple[tuple[int, int], ...]) -> Plan:
        """The plan of another contraction along these pairs, its index orders chosen anew."""
        tree = Tree(contraction.one_slice(self.sliced), pairs)
        arranged = arrangement(tree, costs_of(self.machine, self.dtype, self.precision))
        return replace(self, contraction=contraction, pairs=pairs, **arranged)

    @property
    def slices(self) -> int:
        """How many times the steps run: the product of the sizes of sliced indices."""
        return self.contraction.volume(self.sliced)

    @cached_property
    def overhead(self) -> float:
        """Multiplications of all slices over those of the same order without slices; 1 if none.

        >>> from einlab.planning import plan
        >>> plan("ij,jk->ik", (2, 3), (3, 4)).overhead
        1.0
        """
        whole = self.tree.multiplications
        return self.slice_tree.multiplications * self.slices / whole if whole else 1.0

    @cached_property
    def cost(self) -> Cost:
        """The cost of all steps over all slices; adding the slices up is counted too."""
        once: Cost = sum((step.cost for step in self.steps), Cost())
        return once * self.slices + pathinfo.adding_up(self.contraction, self.sliced, self.dtype)

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
        """Bytes alive at once: all operands, intermediates and the result, and what tapes hold."""
        result = math.prod(self.contraction.shape) * dtypes.itemsize(self.dtype)
        tapes = self.compilation.tape_entries(self.steps) * dtypes.itemsize(self._held_in)
        least = arguments_bytes(self.contraction) + result + tapes
        if self.compilation.traced != "native":  # there results share places in one call
            least = max(least, call_bytes(self.steps, self._held_in))
        return max([least, *(step.live for step in self.steps)])

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
        """The seconds of one execution of a step on the plan's machine, and its bound.

        On a calibrated machine they are predicted with an error bar, else they are the least.
        """
        if self.machine is None:
            return None
        precision = self.precision if isinstance(self.precision, str) else None
        return predict_step(step, self.machine, self._held_in, precision)

    @property
    def _held_in(self) -> str:
        """The dtype that products are computed in."""
        return dtypes.held_in(self.contraction.dtypes, self.dtype)

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """The prediction of each step on the plan's machine; none without a machine."""
        found = (self.predict(step) for step in as_run(self.steps))
        return tuple(each for each in found if each is not None)

    @property
    def seconds(self) -> float | None:
        """The predicted seconds of a call on the plan's machine; None without a machine.

        The least of all steps on a machine of the table; a calibrated one adds what calling takes.
        """
        if self.machine is None:
            return None
        steps = self.slices * sum(each.seconds for each in self.predictions)
        model = StepModel.from_machine(self.machine, self._held_in)
        copied = copying_seconds(model, self.contraction.shape) if not self.steps else 0.0
        return steps + copied + calling_seconds(model, self.steps, self.slices)

    @property
    def seconds_error(self) -> float | None:
        """The relative error bar of `seconds`; None where they are a lower bound."""
        return plan_error(self.predictions)

    def on(self, machine: Machine | str) -> Plan:
        """The same plan with times on a machine, or one of that name; "here" is this one.

        Raises ArgumentError for an unknown name, and for "here" before `einlab calibrate`.
        """
        return replace(self, machine=machine_for(machine))

    def compare(self, machines: Sequence[Machine | str] | None = None) -> Shown:
        """Predicted time, bound and memory fit of the plan on machines; None is the whole table.

        Raises ArgumentError for an unknown name.
        """
        return Shown(comparing.compare_plan(self, machines))

    def roofline(
        self,
        machines: Sequence[Machine | str] | None = None,
        measured: Sequence[float] | None = None,
    ) -> Roofline:
        """The steps under the roofs of machines, the plan's own if none are named.

        `measured` are seconds of one execution of each step, as `einlab.measure` finds them.

        Raises ArgumentError without a machine, or with another number of times than steps.
        """
        given = machines if machines is not None else [self.machine] if self.machine else []
        operations = [
            Operation(step.equation, step.cost, self._held_in, step.gemm is not None)
            for step in self.steps
        ]
        return Roofline.of(f"Roofline of {self.contraction.equation}", operations, given, measured)

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
            trace=self.trace,
            slices=self.slices,
            sliced=self.sliced,
            overhead=self.overhead if self.sliced else None,
            machine=self.machine.name if self.machine else None,
            seconds=self.seconds,
            seconds_error=self.seconds_error,
            compilation=self.compilation if self.compilation.form != "program" else None,
        )
        return plan_table(self.steps, summary, [self.predict(step) for step in self.steps])

    def __str__(self) -> str:
        return show.text.render(self.table(), max_rows=60)

    def _repr_html_(self) -> str:
        return show.html.fragment(self.table(), picture=self.svg())

    def svg(self, kind: str = "tent") -> str:
        """A picture as an SVG element, light or dark as its reader's setting is.

        `kind` is "tent" or "ring" (the contraction tree), "network" (operands and indices),
        "steps" (the FLOPs of each step) or "search" (the best order over the time of the search).

        Raises ArgumentError for an unknown kind.

        >>> from einlab.planning import plan
        >>> plan("ij,jk->ik", (2, 3), (3, 4)).svg("network").startswith("<svg")
        True
        """
        return show.svg.draw(self._subject, kind)

    def figure(self, kind: str = "tent") -> Figure:
        """The same pictures as matplotlib figures; needs the `plots` extra.

        Raises MissingPackageError without matplotlib, ArgumentError for an unknown kind.
        """
        return show.figure.draw(self._subject, kind)

    def text(self, kind: str = "tent") -> str:
        """A picture as plain text: "tent" is an outline; "steps" and "search" are bar charts.

        Raises ArgumentError for an unknown kind, or one that has no text form.
        """
        return show.bars.draw(self._subject, kind)

    @property
    def _subject(self) -> Subject:
        """What the pictures show."""
        return Subject(
            tree=self.slice_tree,
            products=tuple(step.cost for step in self.steps if step.is_product),
            steps=tuple((step.equation, step.cost) for step in self.steps),
            sliced=self.sliced,
            slices=self.slices,
            trace=self.trace,
            searched_by=self.searched_by,
            objective=self.objective,
        )

    def to_json(self) -> str:
        """The plan as JSON text, which `Plan.from_json` reads in any process."""
        return planfile.write({item.name: getattr(self, item.name) for item in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote.

        Raises PlanError if the text is damaged or does not describe a valid plan.
        """
        return cls(**planfile.read(text))
