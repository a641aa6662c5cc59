"""Two reports side by side: what one has more or less of than the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from einlab.cost import Cost
from einlab.table import Column, Fact, Table
from einlab.trace.rows import Row

if TYPE_CHECKING:
    from einlab.trace.reporting import Report

__all__ = ["difference"]

COLUMNS = (
    Column("operation", "code"),
    Column("scope", "code", rank=3),
    Column("pass", rank=4),
    Column("runs before", "count", rank=3),
    Column("runs after", "count", rank=3),
    Column("FLOPs more", "quantity"),
    Column("bytes more", "number", rank=1),
)


def difference(before: Report, after: Report) -> Table:
    """The operations whose FLOPs, bytes or number of runs differ, the largest first."""
    first, second = _sums(before), _sums(after)
    rows = []
    for key in dict.fromkeys((*first, *second)):
        (old, old_runs), (new, new_runs) = first.get(key, _NONE), second.get(key, _NONE)
        if (old, old_runs) != (new, new_runs):
            scope, name, equation, phase = key
            flops, moved = new.flops - old.flops, new.bytes - old.bytes
            rows.append(
                (f"{name} {equation}", "/".join(scope), phase, old_runs, new_runs, flops, moved)
            )
    rows.sort(key=lambda row: (-abs(int(row[5])), -abs(int(row[6]))))
    facts = [
        _fact("FLOPs", before.flops, after.flops),
        _fact("bytes, nothing fused", before.bytes, after.bytes),
        _fact("bytes that must move", before.ideal_bytes, after.ideal_bytes),
        _fact("peak memory", before.peak, after.peak),
    ]
    return Table(f"{before.name} → {after.name}", COLUMNS, rows, facts=facts)


_NONE = (Cost(), 0)

Key = tuple[tuple[str, ...], str, str, str]


def _sums(report: Report) -> dict[Key, tuple[Cost, int]]:
    found: dict[Key, tuple[Cost, int]] = {}
    for row in report.rows:
        if row.taken and row.kind != "bookkeeping":
            cost, runs = found.get(_key(row), _NONE)
            found[_key(row)] = (cost + row.cost, runs + row.count)
    return found


def _key(row: Row) -> Key:
    return row.scope, row.name, row.equation, row.phase


def _fact(name: str, before: int, after: int) -> Fact:
    return Fact(name, after - before, "count", remark=f"{before:,} → {after:,}")
