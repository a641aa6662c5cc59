"""The table of a plan: one row a step, with totals, baselines and what holds for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from einlab.compiling import Compilation
from einlab.cost import Cost
from einlab.show import units
from einlab.stepmodel import Prediction
from einlab.steps import Step
from einlab.table import Column, Fact, Table, Value

__all__ = ["Summary", "plan_table"]

COLUMNS = (
    Column("step", "count", rank=4),
    Column("equation", "code"),
    Column("shapes", "code", rank=2),
    Column("product", "code", rank=1),
    Column("FLOPs", "quantity"),
    Column("MACs", "quantity", rank=3),
    Column("bytes", "bytes"),
    Column("FLOP/B", "number", rank=2),
    Column("alive", "bytes", rank=1),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a plan says of itself as a whole."""

    equation: str
    cost: Cost
    peak: int
    size: int
    naive: Cost
    left_to_right: Cost
    dtype: str
    precision: str | tuple[str, str] | None
    objective: str
    searched_by: str
    trace: tuple[tuple[float, float], ...]
    slices: int
    sliced: tuple[str, ...]
    overhead: float | None = None
    """Multiplications of all slices over those without slices; None where nothing is sliced."""
    machine: str | None = None
    seconds: float | None = None
    seconds_error: float | None = None
    """Relative error bar of the seconds; None where they are a lower bound."""
    compilation: Compilation | None = None
    """How the plan is compiled, where that is not as one program."""


def _time_columns(summary: Summary) -> tuple[Column, ...]:
    name = "least time" if summary.seconds_error is None else "predicted time"
    return Column(name, "seconds"), Column("bound")


def plan_table(
    steps: Sequence[Step], summary: Summary, predicted: Sequence[Prediction | None]
) -> Table:
    """The table of a plan's steps and totals, with times where a machine is known."""
    rows: list[tuple[Value, ...]] = [
        (
            number,
            step.equation,
            ", ".join("×".join(map(str, shape)) or "scalar" for shape in step.shapes),
            _product(step),
            step.cost.flops,
            step.cost.macs,
            step.cost.bytes,
            step.cost.intensity,
            step.live,
            *((each.seconds, each.bound) if each else ()),
        )
        for number, (step, each) in enumerate(zip(steps, predicted, strict=True), start=1)
    ]
    cost = summary.cost
    label = "total" if summary.slices == 1 else f"total of {summary.slices:,} slices"
    totals = (
        None,
        label,
        None,
        None,
        cost.flops,
        cost.macs,
        cost.bytes,
        cost.intensity,
        summary.peak,
        *((summary.seconds, None) if summary.machine else ()),
    )
    return Table(
        summary.equation,
        COLUMNS + (_time_columns(summary) if summary.machine else ()),
        rows,
        totals if rows else (),
        facts=_facts(summary),
        notes=_notes(summary),
    )


def _product(step: Step) -> str:
    """The sizes of a product that sums and its form if it is no plain one, else the kind."""
    if step.gemm is None:
        return step.kind if step.form is None else f"{step.kind} {step.form}"
    if step.form == "dot":
        return str(step.gemm)
    blocks = step.blocks or (1,) * len(step.looped)
    looped = [
        index if size == 1 else f"{index} by {size}"
        for index, size in zip(step.looped, blocks, strict=True)
    ]
    over = f" over {', '.join(looped)}" if looped else ""
    return f"{step.gemm} {step.form}{over}"


def _facts(summary: Summary) -> list[Fact]:
    flops = summary.cost.flops
    facts = [
        _baseline("one loop over all indices", summary.naive.flops, flops),
        _baseline("left to right", summary.left_to_right.flops, flops),
        Fact("this plan", flops, "quantity", "FLOP"),
        Fact("largest intermediate", summary.size, "count", "elements"),
        Fact("peak memory", summary.peak, "bytes", remark="operands and result included"),
        *_slicing(summary),
        *_time(summary),
        *_compiling(summary),
        Fact("result", summary.dtype, remark=f"precision {_precision(summary.precision)}"),
    ]
    if summary.searched_by:
        facts.append(Fact("order", summary.searched_by, remark=f"objective {summary.objective}"))
    return facts


def _slicing(summary: Summary) -> list[Fact]:
    if summary.overhead is None:
        return []
    remark = "multiplications of all slices over those of the same order without"
    return [Fact("slicing overhead", summary.overhead, "ratio", remark=remark)]


def _compiling(summary: Summary) -> list[Fact]:
    if summary.compilation is None:
        return []
    remark = f"compiling takes about {summary.compilation.seconds:.1f} s"
    return [Fact("runs with", summary.compilation.form, remark=remark)]


def _time(summary: Summary) -> list[Fact]:
    if summary.machine is None:
        return []
    if summary.seconds_error is not None:
        remark = f"±{summary.seconds_error:.0%} on {summary.machine}, calling included"
        return [Fact("predicted time", summary.seconds, "seconds", remark=remark)]
    remark = f"at peak rates of {summary.machine}"
    return [Fact("least time", summary.seconds, "seconds", remark=remark)]


def _baseline(name: str, flops: int, ours: int) -> Fact:
    remark = f"{units.ratio(flops / ours)} this plan" if ours and flops < 10**300 else ""
    return Fact(name, flops, "quantity", "FLOP", remark)


def _precision(precision: str | tuple[str, str] | None) -> str:
    if precision is None:
        return "as JAX is set"
    return precision if isinstance(precision, str) else " and ".join(precision)


def _notes(summary: Summary) -> list[str]:
    notes = []
    if len(summary.trace) > 1:
        first, (seconds, last) = summary.trace[0][1], summary.trace[-1]
        fall = f"fell to {units.percent(last / first)} of its first value" if first else "fell"
        times = f"{len(summary.trace) - 1:,} better order{'s' * (len(summary.trace) > 2)}"
        notes.append(f"the search: {summary.objective} {fall} in {units.seconds(seconds)}, {times}")
    if not summary.sliced:
        return notes
    runs = f"the steps run {summary.slices:,} times"
    return [*notes, f"sliced over {', '.join(summary.sliced)}: {runs}"]
