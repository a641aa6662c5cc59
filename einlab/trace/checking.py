"""The three-way check: closed form, trace, and XLA's counts, with every difference named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax

from einlab.errors import EinlabError
from einlab.table import Column, Fact, Table, Value
from einlab.trace.compiled import alone, compiled_count, lowered_count
from einlab.trace.explanations import (
    BYTES,
    COMPILED,
    LOWERED,
    SIMPLIFIED,
    Difference,
    Evidence,
    Explanation,
)
from einlab.trace.rows import Row
from einlab.trace.tracing import Source
from einlab.trace.walk import Walked, walk

if TYPE_CHECKING:
    from einlab.trace.reporting import Report

__all__ = ["Check", "CheckError", "check"]


class CheckError(EinlabError):
    """A difference between our count and XLA's that no explanation covers."""


@dataclass(frozen=True)
class Check:
    """Our count, XLA's counts, and what lies between them, by name."""

    name: str
    closed_form: int | None
    counted: int
    """FLOPs under the report's convention."""
    lowered: int
    compiled: int | None
    to_lowered: tuple[Difference, ...]
    to_compiled: tuple[Difference, ...]
    bytes: int
    """Bytes of all operations as traced, nothing fused."""
    compiled_bytes: int | None
    to_bytes: tuple[Difference, ...]

    @property
    def unexplained_bytes(self) -> int:
        """Bytes of the compiled program that no explanation covers."""
        if self.compiled_bytes is None:
            return 0
        return _uncovered(self.compiled_bytes - self.bytes, self.to_bytes)

    @property
    def unexplained(self) -> tuple[int, int]:
        """FLOPs that no explanation covers, as lowered and as compiled."""
        first = _uncovered(self.lowered - self.counted, self.to_lowered)
        if self.compiled is None:
            return first, 0
        return first, _uncovered(self.compiled - self.lowered, self.to_compiled)

    def table(self) -> Table:
        """The way from our count to XLA's."""
        rows: list[tuple[str, int | None, str]] = []
        if self.closed_form is not None:
            rows.append(("closed form", self.closed_form, ""))
            gap = self.counted - self.closed_form
            rows += [("beside the closed form", gap, "operations it leaves out")] if gap else []
        rows.append((f"einlab: {self.name}", self.counted, ""))
        rows += [_line(difference) for difference in self.to_lowered]
        rows.append(("XLA, as lowered", self.lowered, ""))
        if self.compiled is not None:
            rows += [_line(difference) for difference in self.to_compiled]
            rows.append(("XLA, as compiled", self.compiled, ""))
        columns = (Column("count"), Column("FLOPs", "count"), Column("why", rank=1))
        first, second = self.unexplained
        facts = [Fact("unexplained", abs(first) + abs(second), "count", "FLOP")]
        if self.compiled_bytes is not None:
            facts.append(Fact("bytes, nothing fused", self.bytes, "count", "B"))
            facts += [_fact(difference) for difference in self.to_bytes]
            facts.append(Fact("bytes, as compiled", self.compiled_bytes, "count", "B"))
        return Table(f"{self.name} and XLA", columns, rows, facts=facts)


def check(report: Report, source: Source, *, compiled: bool = True) -> Check:
    """Our count beside XLA's, every difference named.

    Raises CheckError if one is left, or if this backend cannot compile the program.
    """
    try:
        seen = _evidence(report, walk(source.jaxpr, source.known))
        lowered = lowered_count(source.countable.lowered).flops or 0
        whole = compiled_count(source.countable.compiled) if compiled else None
    except (NotImplementedError, ValueError, RuntimeError) as error:
        raise CheckError(
            f"{report.name} cannot be checked here: XLA does not take it\n    {error!s:.300}"
        ) from None
    found = Check(
        name=report.name,
        closed_form=report.closed_form,
        counted=report.flops,
        lowered=lowered,
        compiled=None if whole is None else whole.flops or 0,
        to_lowered=_explained(lowered - report.flops, seen),
        to_compiled=_all(COMPILED, seen) if compiled else (),
        bytes=sum(row.cost.bytes for row in seen.traced),
        compiled_bytes=None if whole is None else whole.bytes,
        to_bytes=_all(BYTES, seen) if compiled else (),
    )
    first, second = found.unexplained
    if first or second or found.unexplained_bytes:
        where = "FLOPs as lowered" if first else "FLOPs as compiled" if second else "bytes"
        raise CheckError(
            f"{report.name}: XLA counts {first or second or found.unexplained_bytes:+,} {where} "
            "that nothing explains\n" + "\n".join(_told(row) for row in found.table().rows)
        )
    return found


def _evidence(report: Report, walked: Walked) -> Evidence:
    return Evidence(
        rows=report.rows,
        traced=report.traced,
        measured=[_measured(walked, place, row) for place, row in enumerate(report.traced)],
        merged=report.merged,
        merged_measured=[
            _measured(walked, -1 - place, row) for place, row in enumerate(report.merged)
        ],
        control=walked.control,
        batched=walked.batched,
        eased=walked.eased,
    )


def _measured(walked: Walked, place: int, row: Row) -> int:
    """XLA's count of a row: by rule where there is one, else it is asked.

    The rules are those of a CPU, and other backends lower a few operations in their own way; what
    is dropped while lowering is dropped on all.
    """
    if row.xla is not None and (row.xla == (0, 0) or jax.default_backend() == "cpu"):
        return row.xla[0]
    if row.kind == "collective" or row.name == "axis_index":  # without a meaning outside its mesh
        return row.each.flops
    found = walked.equations[place]
    return alone(found.equation, found.used).flops or 0


def _explained(gap: int, seen: Evidence) -> tuple[Difference, ...]:
    """What lies between our count and XLA's as lowered; a bound only where numbers leave a rest."""
    found = _all(LOWERED, seen)
    return found + _all(SIMPLIFIED, seen) if _uncovered(gap, found) else found


def _all(names: Mapping[str, Explanation], seen: Evidence) -> tuple[Difference, ...]:
    found = (explain(seen) for explain in names.values())
    return tuple(difference for difference in found if difference is not None)


def _uncovered(gap: int, differences: Sequence[Difference]) -> int:
    """What is left of a gap once every difference has given what it can."""
    gap -= sum(difference.flops for difference in differences)
    less = sum(difference.spread[0] for difference in differences)
    more = sum(difference.spread[1] for difference in differences)
    if gap < -less:
        return gap + less
    return max(gap - more, 0)


def _told(row: Sequence[Value]) -> str:
    name, flops, why = row
    return f"    {name}: {why if flops is None else f'{flops:,}'}"


def _fact(difference: Difference) -> Fact:
    name, flops, text = _line(difference)
    return Fact(name, flops, "count", remark=text)


def _line(difference: Difference) -> tuple[str, int | None, str]:
    low, high = difference.spread
    if (low, high) == (0, 0):
        return f"  {difference.name}", difference.flops, difference.text
    spread = f"{difference.flops - low:+,} to {difference.flops + high:+,}"
    return f"  {difference.name}", None, f"{spread}: {difference.text}"
