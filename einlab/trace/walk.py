"""The walk over a trace: every operation that will run, counted where it stands.

Dead equations are left out; of equal ones in one computation the first is counted and the others
are kept apart, since XLA merges them when it compiles but not when JAX lowers. Jaxprs inside calls,
loops and branches are entered with the number of times that they run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jax.extend.core import Literal

from einlab.cost import Cost
from einlab.execute.jax_compat import living
from einlab.trace import kernels
from einlab.trace.calls import batched, devices_of, inner_function, is_contraction
from einlab.trace.contractions import contraction_row
from einlab.trace.loops import scan_groups, trips
from einlab.trace.operations import Counted, Operation, nbytes
from einlab.trace.places import Place, operation_of, row_of
from einlab.trace.rows import Fork, Row
from einlab.trace.rules import CALLS, NO_RULE, counted
from einlab.trace.values import Environment, Merger, Value, computed, is_folded, key_of

__all__ = ["Walked", "equal_results", "walk"]

SPREADS = (
    *("reshape", "squeeze", "convert_element_type", "stop_gradient", "copy", "broadcast_in_dim"),
    *("transpose", "rev", "slice", "split", "unstack"),
)
"""Operations whose result has the entries of its operand, and no others."""


COUNTER = 2
"""Operations on the counter of a scan: a comparison and a sum; two more to go backwards."""
FUNCTIONS = ("jit", "closed_call", "remat2")
"""Calls that stay calls in the lowered program: constants are not folded across them."""


@dataclass(frozen=True, slots=True)
class Measurable:
    """An equation that XLA can be asked about, and which of its results are used."""

    equation: Any
    used: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk found."""

    rows: tuple[Row, ...]
    merged: tuple[Row, ...]
    """Operations equal to an earlier one, which XLA lowers but does not run."""
    least: Cost
    """The cost of the program if every branch is the cheapest."""
    equations: Mapping[int, Measurable]
    """The equation of each row, for asking XLA about it; of merged ones under -1, -2, …"""
    control: tuple[int, ...]
    """For each scan the integer operations that JAX lowers its counter to."""
    batched: int
    """Operations at most that JAX adds to loops in which each example has its own condition."""
    forks: tuple[Fork, ...]
    eased: frozenset[int]
    """Rows that XLA may drop: of an operand that is one number whatever the arguments, or read by
    nothing but a padding of no entries; of merged ones as in `equations`."""


def walk(jaxpr: Any, known: Mapping[int, int] | None = None) -> Walked:
    """Count everything that a jaxpr runs; `known` are arguments, by place, that are one number."""
    walker = _Walker()
    jaxpr = living(jaxpr)
    inputs = [*jaxpr.constvars, *jaxpr.invars]
    merger = Merger(itertools.count())
    numbers = {len(jaxpr.constvars) + place: number for place, number in (known or {}).items()}
    values = [merger.fresh(root=place, known=numbers.get(place)) for place in range(len(inputs))]
    walker.unread = {place: nbytes(var.aval) for place, var in enumerate(inputs)}
    results = walker.enter(jaxpr, values, Place(), merger)
    for var, value in zip(jaxpr.outvars, results, strict=True):
        walker.finish(value, nbytes(var.aval))
    total = sum((row.cost for row in walker.rows), Cost())
    return Walked(
        tuple(walker.rows),
        tuple(walker.merged),
        _minus(total, walker.saved),
        walker.equations,
        tuple(walker.control),
        walker.batched,
        tuple(walker.forks),
        frozenset(walker.eased | {n for n, first in walker.again.items() if first in walker.eased}),
    )


def equal_results(jaxpr: Any) -> list[int]:
    """A number for each result of a jaxpr; results that are equal whatever it runs on share one."""
    merger = Merger(itertools.count())
    values = [merger.fresh() for _ in jaxpr.invars]
    return [value.number for value in _Walker().enter(jaxpr, values, Place(), merger)]


class _Walker:
    """The rows found so far, and the arguments not read yet."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.merged: list[Row] = []
        self.equations: dict[int, Measurable] = {}
        self.unread: dict[int, int] = {}
        self.read: set[Any] = set()
        """Variables that something reads."""
        self.control: list[int] = []
        self.batched = 0
        self.forks: list[Fork] = []
        self.eased: set[int] = set()
        self.again: dict[int, int | None] = {}
        """Merged operation → the row of the one that it is equal to."""
        self.saved = Cost()
        """What the cheapest branches would save."""

    def enter(
        self, jaxpr: Any, operands: Sequence[Value], place: Place, merger: Merger
    ) -> list[Value]:
        """Walk one jaxpr whose inputs have these values; the values of its results."""
        inner = getattr(jaxpr, "jaxpr", jaxpr)
        environment = Environment(merger)
        given = len(inner.constvars) + len(inner.invars)
        if len(operands) == len(inner.invars):
            operands = [*(merger.fresh() for _ in inner.constvars), *operands]
        if len(operands) != given:  # references made inside, for instance
            operands = [*operands, *(merger.fresh() for _ in range(given - len(operands)))]
        environment.bind([*inner.constvars, *inner.invars], operands[:given])
        self.read.update(_variables(inner.outvars))
        for equation in inner.eqns:
            self.read.update(_variables(equation.invars))
        for equation in inner.eqns:
            values = environment.read(equation.invars)
            here = place.within(equation)
            results = self.equation(equation, values, here, merger)
            environment.bind(equation.outvars, results)
        return environment.read(inner.outvars)

    def equation(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """Walk one equation; the values of its results."""
        name = equation.primitive.name
        handler = HANDLERS.get(name, _Walker.call) if name in CALLS else _Walker.operation
        return handler(self, equation, values, place, merger)

    def operation(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """An operation with a rule, or an unknown one: one row, unless an equal one has run."""
        key = None
        if not equation.effects:
            key = key_of(equation.primitive.name, equation.params, values)
        op = operation_of(equation)
        found = counted(op)
        if op.name == "pad" and not any(map(any, equation.params["padding_config"])):
            self.eased.update(value.producer for value in values[1:] if value.producer is not None)
        if key is not None and key in merger.seen:
            self.merged.append(row_of(op, found, place))
            self.equations[-len(self.merged)] = Measurable(equation, self.used(equation))
            self.again[-len(self.merged)] = merger.seen[key][0].producer
            return merger.seen[key]
        folded = found.kind == "elementwise" and is_folded(op.name, values) and not _has_complex(op)
        found = replace(found, xla=(0, 0)) if folded else found
        index = self.add(equation, row_of(op, found, place), op, found, values)
        if any(value.constant for value in values):
            self.eased.add(index)
        first = values[0] if values else merger.fresh()
        view = found.kind == "bookkeeping" and bool(values)
        spread = op.name in SPREADS
        results = tuple(
            merger.fresh(
                known=first.known if spread else computed(op.name, values),
                constant=first.constant if spread else folded and all(v.constant for v in values),
                root=first.root if view else None,
                producer=first.producer if view else index,
            )
            for _ in equation.outvars
        )
        if key is not None:
            merger.seen[key] = results
        return results

    def contraction(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """A planned contraction: one row, with the steps of its plan."""
        key = key_of("einlab_contract", equation.params, values)
        op = operation_of(equation)
        row = contraction_row(
            equation.params["planned"].plan, row_of(op, Counted("contraction"), place)
        )
        if key in merger.seen:
            self.merged.append(row)
            self.equations[-len(self.merged)] = Measurable(equation, self.used(equation))
            return merger.seen[key]
        index = self.add(equation, row, op, Counted("contraction"), values)
        merger.seen[key] = (merger.fresh(producer=index),)
        return merger.seen[key]

    def add(
        self, equation: Any, row: Row, op: Operation, found: Counted, values: Sequence[Value]
    ) -> int:
        """Append a row, with the bytes of the program's arguments that nobody has read before."""
        reads = found.reads or tuple(map(nbytes, op.ins))
        ideal = 0
        for value, read in zip(values, reads, strict=True):
            if value.root is not None and read:
                taken = min(self.unread[value.root], read * row.count)
                self.unread[value.root] -= taken
                ideal += taken
        self.equations[len(self.rows)] = Measurable(equation, self.used(equation))
        self.rows.append(replace(row, ideal_read=ideal) if ideal else row)
        return len(self.rows) - 1

    def used(self, equation: Any) -> tuple[bool, ...]:
        """Which results of an equation something reads."""
        return tuple(variable in self.read for variable in equation.outvars)

    def finish(self, value: Value, size: int) -> None:
        """Note that the row which made a value writes it as a result of the program."""
        if value.producer is not None:
            row = self.rows[value.producer]
            self.rows[value.producer] = replace(row, ideal_written=row.ideal_written + size)

    # Calls, loops, branches.

    def call(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """A function called once; what it holds is merged with what is around it."""
        inner = inner_function(equation)
        if inner is None:
            return self.opaque(equation, values, place, merger, NO_RULE)
        name = str(equation.params.get("name", ""))
        if name == "contract" and is_contraction(inner):
            name = ""
        if equation.params.get("differentiated") and equation.params.get("prevent_cse"):
            values = [replace(value, number=next(merger.numbers)) for value in values]
        apart = equation.primitive.name in FUNCTIONS
        if apart:
            values = [replace(value, constant=False) for value in values]
        devices = devices_of(equation.params.get("mesh"))
        results = self.enter(inner, values, place.named(name).repeated(devices), merger)
        results = [replace(r, constant=False) for r in results] if apart else results
        return _fitted(results, equation, merger)

    def opaque(
        self,
        equation: Any,
        values: list[Value],
        place: Place,
        merger: Merger,
        reason: str,
    ) -> Sequence[Value]:
        """What cannot be entered: unknown."""
        op = operation_of(equation)
        found = Counted("unknown", reason=reason)
        index = self.add(equation, row_of(op, found, place), op, found, values)
        return [merger.fresh(producer=index) for _ in equation.outvars]

    def scan(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """A body as many times as the scan is long."""
        body, length = equation.params["jaxpr"], int(equation.params["length"])
        if not length:
            return [merger.fresh() for _ in equation.outvars]
        inside = merger.inner()
        sliced, stacked = scan_groups(equation, getattr(body, "jaxpr", body))
        backwards = equation.params["reverse"] and any((*sliced, *stacked))
        self.control.append(COUNTER * 2 if backwards else COUNTER)
        carried = [inside.fresh(root=value.root) for value, _ in zip(values, sliced, strict=True)]
        return self.enter(body, carried, place.repeated(length), inside)

    def loop(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """A body as often as its condition holds, the condition once more; or nobody knows."""
        params = equation.params
        times = trips(params, values)
        first, second = params["cond_nconsts"], params["body_nconsts"]
        self.batched += batched(params)
        inside = [Value(next(merger.numbers), root=value.root) for value in values]
        carried = inside[first + second :]
        self.enter(
            params["cond_jaxpr"],
            [*inside[:first], *carried],
            place.repeated(None if times is None else times + 1),
            merger.inner(),
        )
        return self.enter(
            params["body_jaxpr"],
            [*inside[first : first + second], *carried],
            place.repeated(times),
            merger.inner(),
        )

    def branches(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """Each branch; the dearest counts, and what the cheapest would save is kept apart."""
        saved, unread, start = self.saved, dict(self.unread), len(self.rows)
        walked: list[tuple[Cost, Cost, int, int, dict[int, int], list[Value]]] = []
        for branch in equation.params["branches"]:
            first, self.saved, self.unread = len(self.rows), Cost(), dict(unread)
            inside = merger.inner()
            given = [
                inside.fresh(known=v.known, constant=v.constant, root=v.root) for v in values[1:]
            ]
            results = self.enter(branch, given, place, inside)
            cost = sum((row.cost for row in self.rows[first:]), Cost())
            least = _minus(cost, self.saved)
            walked.append((cost, least, first, len(self.rows), self.unread, results))
        self.forks.append(Fork(place.scope, tuple(branch[0] for branch in walked)))
        dearest = max(walked, key=lambda branch: _weight(branch[0]))
        cheapest = min(walked, key=lambda branch: _weight(branch[1]))
        for index in range(start, len(self.rows)):
            if not dearest[2] <= index < dearest[3]:
                self.rows[index] = replace(self.rows[index], taken=False, ideal_read=0)
        self.saved = saved + _minus(dearest[0], cheapest[1])
        self.unread = dearest[4]
        return dearest[5]

    def solve(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """A linear solve with rules of its own: only the solution is computed."""
        lengths = equation.params["const_lengths"]
        skipped = lengths.matvec + lengths.vecmat
        constants = values[skipped : skipped + lengths.solve]
        rest = values[sum(lengths) :]
        return self.enter(equation.params["jaxprs"].solve, [*constants, *rest], place, merger)

    def kernel(
        self, equation: Any, values: list[Value], place: Place, merger: Merger
    ) -> Sequence[Value]:
        """A Pallas kernel: its own estimate, or its body as often as its grid has places."""
        op = operation_of(equation)
        row = kernels.estimated(equation, row_of(op, Counted("kernel"), place))
        if row is None:
            inside = _Walker()
            inside.enter(kernels.body(equation), [], Place(), merger.inner())
            row = kernels.traced(equation, row_of(op, Counted("kernel"), place), inside.rows)
        index = self.add(equation, row, op, Counted("kernel"), values)
        return [merger.fresh(producer=index) for _ in equation.outvars]


Handler = Callable[[_Walker, Any, list[Value], Place, Merger], Sequence[Value]]

HANDLERS: Mapping[str, Handler] = {
    "scan": _Walker.scan,
    "while": _Walker.loop,
    "cond": _Walker.branches,
    "custom_linear_solve": _Walker.solve,
    "pallas_call": _Walker.kernel,
    "einlab_contract": _Walker.contraction,
}


def _has_complex(op: Operation) -> bool:
    return any(str(getattr(a, "dtype", "")).startswith("complex") for a in (*op.ins, *op.outs))


def _variables(atoms: Sequence[Any]) -> list[Any]:
    return [atom for atom in atoms if not isinstance(atom, Literal)]


def _fitted(results: Sequence[Value], equation: Any, merger: Merger) -> list[Value]:
    """As many values as the equation has results: some calls return references too."""
    missing = len(equation.outvars) - len(results)
    kept = list(results[: len(equation.outvars)])
    return [*kept, *(merger.fresh() for _ in range(missing))]


def _weight(cost: Cost) -> tuple[int, int]:
    return cost.flops, cost.bytes


def _minus(left: Cost, right: Cost) -> Cost:
    return left + right * -1
