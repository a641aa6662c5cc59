"""The tables of a report: the tree of scopes with costs, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from einlab.show import units
from einlab.stepmodel import Prediction
from einlab.table import Column, Fact, Table, Value
from einlab.trace.grouping import Group, label_of
from einlab.trace.rows import Fork, Row

if TYPE_CHECKING:
    from einlab.trace.reporting import Report

__all__ = ["report_table", "unknown_tables"]

MOST_LINES = 60
"""Without a depth the tree is opened as far as this many lines allow."""
MOST_NOTES = 8
INDENT = "  "

RUNS = Column("runs", "count", rank=4)
SOME_RUNS = Column("runs", "text", rank=4, alignment="right")
"""Where nobody knows how often a loop runs: "7 × n"."""
COLUMNS = (
    Column("operation", "code"),
    RUNS,
    Column("pass", rank=5),
    Column("FLOPs", "quantity"),
    Column("bytes", "bytes", rank=1),
    Column("FLOP/B", "number", rank=3),
)
FURTHER = (
    Column("MACs", "quantity"),
    Column("functions", "quantity"),
    Column("read", "bytes"),
    Column("written", "bytes"),
    Column("must move", "bytes"),
)
"""Columns of a page, which has room for them."""
TIMED = (
    Column("time", "seconds"),
    Column("share", "number", unit="%", rank=2),
    Column("bound", rank=2),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the tree: a scope, or an operation in it."""

    label: str
    level: int
    rows: tuple[Row, ...]
    whole: bool
    """Whether it is a scope, which sums up the lines beneath it."""


def report_table(
    report: Report, *, depth: int | None = None, steps: bool = False, wide: bool = False
) -> Table:
    """The table of a report; scopes sum up what stands beneath them, totals are sums of rows."""
    root = report.tree()
    levels = root.levels
    if depth is None:
        depth = levels
        while depth > 1 and sum(1 for _ in _lines(root, depth, steps)) > MOST_LINES:
            depth -= 1
    timed = report.machine is not None
    sheet = Sheet(report, {id(r): p for r, p in zip(report.rows, report.predictions, strict=True)})
    open_ended = any(row.unbounded for row in report.rows)
    shown = [SOME_RUNS if open_ended and column is RUNS else column for column in COLUMNS]
    rows = [sheet.cells(line, wide) for line in _lines(root, max(depth, 1), steps)]
    totals = sheet.cells(Line("total", 0, tuple(report.rows), True), wide)
    notes = [f"scopes deeper than {depth} are summed up"] if depth < levels else []
    return Table(
        f"{report.name}, counted as {report.convention.name!r}",
        (*shown, *(FURTHER if wide else ()), *(TIMED if timed else ())),
        rows,
        totals if rows else (),
        facts=_facts(report),
        notes=[*notes, *_notes(report)],
    )


def _lines(group: Group, depth: int, steps: bool, level: int = 0) -> Iterator[Line]:
    """The lines of a tree; a scope at the last level sums up all that it holds."""
    for (label, _), rows in group.kinds(steps).items():
        if any(row.taken for row in rows):
            yield Line(label, level, tuple(rows), _in_parts(rows))
            if steps:
                yield from _steps(rows, level + 1)
    for name, inner in group.groups.items():
        rows_within = tuple(row for row in inner.all_rows() if row.taken)
        if not any(row.kind != "bookkeeping" for row in rows_within):
            continue
        yield Line(f"{name}/", level, rows_within, True)
        if depth > 1:
            yield from _lines(inner, depth - 1, steps, level + 1)


def _in_parts(rows: Sequence[Row]) -> bool:
    """Whether a contraction was traced step by step, as under a gradient."""
    return bool(rows[0].contraction) and any(row.kind != "contraction" for row in rows)


def _steps(rows: Sequence[Row], level: int) -> Iterator[Line]:
    """The steps of a contraction, or the operations of a kernel."""
    if not _in_parts(rows):
        for step in rows[0].steps:
            yield Line(f"{step.name} {step.equation}", level, (step,), False)
        return
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(label_of(row), []).append(row)
    for label, alike in found.items():
        yield Line(label, level, tuple(alike), False)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Writes lines as cells."""

    report: Report
    predictions: dict[int, Prediction | None]
    """The time of each row, by its identity."""

    def cells(self, line: Line, wide: bool) -> list[Value]:
        """The values of one line."""
        rows = [row for row in line.rows if row.taken]
        flops = sum(row.cost.flops for row in rows)
        moved = sum(row.cost.bytes for row in rows)
        unknown = bool(rows) and all(row.kind == "unknown" for row in rows)
        phases = list(dict.fromkeys(row.phase for row in rows))
        cells: list[Value] = [
            INDENT * line.level + line.label,
            None if line.whole else _runs(rows),
            phases[0] if len(phases) == 1 else None,
            None if unknown else flops,
            moved,
            None if unknown or not moved else flops / moved,
        ]
        if wide:
            cells += [
                None if unknown else sum(row.cost.macs for row in rows),
                None if unknown else sum(row.cost.transcendentals for row in rows),
                sum(row.cost.bytes_read for row in rows),
                sum(row.cost.bytes_written for row in rows),
                sum(row.ideal_read + row.ideal_written for row in rows),
            ]
        return [*cells, *(self.times(rows) if self.report.machine is not None else [])]

    def times(self, rows: Sequence[Row]) -> list[Value]:
        """Time, share of the whole in percent, and what most of the time is bound by."""
        bounds: dict[str, float] = {}
        for row in rows:
            found = self.predictions.get(id(row))
            if found is not None and row.kind != "bookkeeping":
                bounds[found.bound] = bounds.get(found.bound, 0.0) + found.seconds * row.count
        seconds = sum(bounds.values())
        whole = self.report.seconds
        share = 100 * seconds / whole if whole else 0.0
        return [seconds, share, max(bounds, key=bounds.__getitem__) if bounds else None]


def _runs(rows: Sequence[Row]) -> Value:
    """How often operations run; "× n" where loops of unknown length are around one."""
    runs, loops = sum(row.count for row in rows), max((row.unbounded for row in rows), default=0)
    return f"{runs:,}{' × n' * loops}" if loops else runs


def _facts(report: Report) -> list[Fact]:
    unit = report.convention.unit
    facts = [
        Fact("FLOPs" if unit == "FLOP" else "MACs", report.flops, "quantity", unit),
        Fact("multiply-adds", report.macs, "quantity", "MAC"),
        Fact("functions", report.transcendentals, "quantity", remark="exp, log, tanh and the like"),
        Fact("bytes, nothing fused", report.bytes, "bytes"),
        Fact("bytes that must move", report.ideal_bytes, "bytes", remark="ideal reuse"),
        Fact("intensity", report.intensity, "number", "FLOP/B", "under ideal reuse"),
        Fact("peak memory", report.peak, "bytes", remark="arguments and results included"),
    ]
    if report.closed_form is not None:
        facts.append(Fact("closed form", report.closed_form, "quantity", unit))
    if report.saved.flops:
        facts.append(Fact("cheapest branches", report.least.flops, "quantity", "FLOP", "as traced"))
    if report.machine is not None and report.seconds is not None:
        facts.append(Fact("time at least", report.seconds, "seconds", remark=report.machine.name))
    return facts


def _notes(report: Report) -> list[str]:
    notes: dict[str, int] = {}
    for item in report.unknown:
        text = f"unknown: {item.name}{_where(item.scope)}: {item.reason}"
        notes[text] = notes.get(text, 0) + 1
    listed = [text if count == 1 else f"{text} ({count} times)" for text, count in notes.items()]
    rest = len(listed) - MOST_NOTES
    if rest > 0:
        listed = [*listed[:MOST_NOTES], f"and {rest} more kinds of unknown operations"]
    forks = [_branches(fork) for fork in report.forks]
    rest = len(forks) - MOST_NOTES
    return [
        *listed,
        *(forks if rest <= 0 else [*forks[:MOST_NOTES], f"and {rest} more branchings"]),
    ]


def _branches(fork: Fork) -> str:
    """The branches of a cond, each with its FLOPs; the dearest is counted."""
    costs = ", ".join(units.si(branch.flops, "FLOP") for branch in fork.branches)
    return f"branches{_where(fork.scope)}: {costs}; the dearest counts"


def unknown_tables(report: Report) -> list[Table]:
    """A table of everything that has no count, where there is any."""
    if not report.unknown:
        return []
    columns = (
        Column("operation", "code"),
        Column("scope", "code"),
        Column("runs", "count"),
        Column("bytes at most", "bytes"),
        Column("reason"),
    )
    rows = [
        (item.name, "/".join(item.scope), item.count, item.bytes, item.reason)
        for item in report.unknown
    ]
    return [Table("Unknown", columns, rows)]


def _where(scope: tuple[str, ...]) -> str:
    return f" in {'/'.join(scope)}" if scope else ""
