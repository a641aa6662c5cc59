"""Where to run it: predicted time, bound and fit into memory on one machine and another.

On a calibrated machine the time is predicted with an error bar; on one of the table it is the
least time, at peak rates, and real ones are longer: compare like with like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from einlab.errors import ArgumentError
from einlab.machines import Machine, machine_for, machines
from einlab.stepmodel import Prediction
from einlab.table import Column, Fact, Table, Value

__all__ = [
    "Entry",
    "Workload",
    "chosen_machines",
    "compare_plan",
    "compare_report",
    "comparison",
    "shares",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one piece of work takes on one machine."""

    machine: Machine
    seconds: float
    error: float | None
    """Relative error bar; None where the time is the least one."""
    bound: str
    """What most of the time goes to."""
    share: float
    """Part of the time that goes to it."""


def shares(predictions: Sequence[Prediction], counts: Sequence[int]) -> tuple[str, float]:
    """What most of the time of operations goes to, and which part of it.

    >>> shares([Prediction(3.0, "memory"), Prediction(1.0, "compute")], [1, 1])
    ('memory', 0.75)
    """
    found: dict[str, float] = defaultdict(float)
    for each, count in zip(predictions, counts, strict=True):
        found[each.bound] += each.seconds * count
    total = sum(found.values())
    if not total:
        return "nothing", 1.0
    most = max(found, key=lambda bound: found[bound])
    return most, found[most] / total


def chosen_machines(given: Sequence[Machine | str] | None) -> tuple[Machine, ...]:
    """Machines by name or as they are; the whole table if none are given.

    Raises ArgumentError for an unknown name or an empty list.
    """
    if given is None:
        return machines()
    if isinstance(given, (str, Machine)) or not given:
        raise ArgumentError("machines= is a list of names or machines, such as ['H100 SXM']")
    return tuple(map(machine_for, given))


def comparison(title: str, flops: int, memory: int, entries: Sequence[Entry]) -> Table:
    """The table of a comparison, fastest machine first; those where it does not fit come last.

    `memory` is bytes alive at once.
    """
    fitting = sorted(entries, key=lambda one: (memory > one.machine.memory, one.seconds))
    best = next(iter(fitting), None)
    columns = (
        Column("machine"),
        Column("time", "seconds"),
        Column("±", rank=2),
        Column("slower", "ratio", rank=1),
        Column("bound"),
        Column("of the time", rank=2),
        Column("speed", "quantity", "FLOP/s", rank=1),
        Column("memory", rank=1),
        Column("fits"),
    )
    rows = [_row(one, best, flops, memory) for one in fitting]
    notes = []
    if any(one.error is None for one in entries):
        notes.append("≥: the least time, at peak rates; no program reaches it")
    if any(one.bound == "unknown" for one in entries):
        notes.append("unknown: no peak is published for this dtype; memory alone is counted")
    facts = [Fact("work", flops, "quantity", "FLOP"), Fact("memory alive at once", memory, "bytes")]
    return Table(title, columns, rows, facts=facts, notes=notes)


def _row(one: Entry, best: Entry | None, flops: int, memory: int) -> tuple[Value, ...]:
    slower = one.seconds / best.seconds if best is not None and best.seconds else None
    return (
        one.machine.name,
        one.seconds,
        "≥" if one.error is None else f"±{one.error:.0%}",
        slower,
        one.bound,
        f"{one.share:.0%}",
        flops / one.seconds if one.seconds else None,
        f"{memory / one.machine.memory:.1%}",
        "yes" if memory <= one.machine.memory else "no",
    )


class Planned(Protocol):
    """What `compare_plan` asks of a plan."""

    @property
    def eq(self) -> str:
        """The equation."""

    @property
    def flops(self) -> int:
        """Multiplications and additions."""

    @property
    def peak(self) -> int:
        """Bytes alive at once."""

    @property
    def slices(self) -> int:
        """How often the steps run."""

    @property
    def seconds(self) -> float | None:
        """Predicted seconds on its machine."""

    @property
    def seconds_error(self) -> float | None:
        """Their relative error bar."""

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """The prediction of each step on its machine."""

    def on(self, machine: Machine | str) -> Planned:
        """The same plan on a machine."""


def compare_plan(plan: Planned, machines: Sequence[Machine | str] | None = None) -> Table:
    """Predicted time, bound and memory fit of a plan on machines; None is the whole table.

    Raises ArgumentError for an unknown name.
    """
    entries = []
    for machine in chosen_machines(machines):
        there = plan.on(machine)
        found = there.predictions
        bound, share = shares(found, [plan.slices] * len(found))
        entries.append(Entry(machine, there.seconds or 0.0, there.seconds_error, bound, share))
    return comparison(f"{plan.eq} on machines", plan.flops, plan.peak, entries)


class Workload(Protocol):
    """What can be compared beside a plan: a report of a program."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def flops(self) -> int:
        """Multiplications and additions."""

    @property
    def peak(self) -> int:
        """Bytes alive at once."""

    @property
    def seconds(self) -> float | None:
        """The least seconds on its machine."""

    @property
    def predictions(self) -> tuple[Prediction | None, ...]:
        """The least time of each operation on its machine."""

    @property
    def rows(self) -> Sequence[Counted]:
        """The operations."""

    def on(self, machine: Machine | str) -> Workload:
        """The same work on a machine."""


class Counted(Protocol):
    """An operation of a report."""

    @property
    def count(self) -> int:
        """How often it runs."""


def compare_report(report: Workload, machines: Sequence[Machine | str] | None = None) -> Table:
    """The least time of a report's program on machines, and whether its memory fits.

    `machines` are names or Machines; None is the whole table.

    Raises ArgumentError for an unknown name.
    """
    entries = []
    for machine in chosen_machines(machines):
        there = report.on(machine)
        pairs = [
            (each, row.count)
            for each, row in zip(there.predictions, there.rows, strict=True)
            if each is not None
        ]
        bound, share = shares([each for each, _ in pairs], [count for _, count in pairs])
        entries.append(Entry(machine, there.seconds or 0.0, None, bound, share))
    return comparison(f"{report.name} on machines", report.flops, report.peak, entries)
