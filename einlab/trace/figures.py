"""A report as matplotlib figures: shares of the FLOPs, the roofline, memory over time."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from einlab.errors import ArgumentError, listing
from einlab.extras import require
from einlab.show import units
from einlab.show.text import abbreviated
from einlab.trace import liveness
from einlab.trace.grouping import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from einlab.trace.reporting import Report

__all__ = ["KINDS", "draw"]

BAR, ROOF, POINT = "#4878a8", "#5a6475", "#c0562f"
MOST_BARS = 16


def draw(report: Report, kind: str = "flops") -> Figure:
    """A figure of 8 by 4.5 inches; it belongs to no window: save it with `figure.savefig`.

    Raises ArgumentError for an unknown kind, or one that needs a machine or a trace that the report
    does not have; MissingPackageError if matplotlib is not installed.
    """
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {listing(KINDS)}"
        raise ArgumentError(f"no figure {kind!r:.40} of a report; {hint}")
    require("matplotlib")
    figure: Figure = importlib.import_module("matplotlib.figure").Figure(
        figsize=(8, 4.5), layout="constrained"
    )
    axes = figure.add_subplot()
    KINDS[kind](report, axes)
    return figure


def _shares(report: Report, axes: Axes) -> None:
    """The FLOPs of the innermost scopes and of operations outside any, largest first."""
    parts = sorted(_parts(report.tree()), key=lambda part: -part[1])
    shown = [part for part in parts if part[1]][:MOST_BARS]
    total = max(report.flops, 1)
    names = [abbreviated(name, 40, middle=True) for name, _ in shown]
    places = range(len(shown))
    axes.barh(list(places), [100 * flops / total for _, flops in shown], color=BAR)
    axes.set_yticks(list(places), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"share of {units.si(report.flops, report.convention.unit)}, %")
    axes.set_title(_title(report, "FLOPs"), parse_math=False)


def _parts(group: Group, path: str = "") -> list[tuple[str, int]]:
    """Each scope that holds operations of its own, with their FLOPs."""
    own = sum(row.cost.flops for row in group.rows)
    found = [(path or "outside any scope", own)] if own else []
    for name, inner in group.groups.items():
        found += _parts(inner, f"{path}/{name}" if path else name)
    return found


def _roofline(report: Report, axes: Axes) -> None:
    """Each operation at its intensity and the speed that the machine allows it."""
    machine = report.machine
    if machine is None:
        raise ArgumentError("a roofline needs a machine: report.on('H100 SXM').figure('roofline')")
    points = [
        (row.each.intensity, row.each.flops / found.seconds, row.cost.flops)
        for row, found in zip(report.rows, report.predictions, strict=True)
        if found is not None and found.seconds and row.taken and row.each.intensity
    ]
    most = max((flops for *_, flops in points), default=1)
    axes.scatter(
        [x for x, *_ in points],
        [y for _, y, _ in points],
        s=[10 + 90 * flops / most for *_, flops in points],
        color=POINT,
        alpha=0.7,
        label="operations, area by FLOPs",
    )
    used = {row.dtype for row in report.rows if row.is_product and machine.rate(row.dtype)}
    for dtype in sorted(used) or list(machine.peak)[:1]:
        rate = machine.rate(dtype) or machine.peak[dtype]
        ridge = rate / machine.bandwidth
        xs = [1e-2, ridge, max(100 * ridge, 1e4)]
        ys = [min(rate, x * machine.bandwidth) for x in xs]
        axes.plot(xs, ys, color=ROOF, label=f"{dtype}: ridge at {units.number(ridge)} FLOP/B")
    axes.set(xscale="log", yscale="log", xlabel="FLOP/B", ylabel="FLOP/s")
    axes.legend(loc="lower right", fontsize=8)
    axes.set_title(_title(report, f"on {machine.name}"), parse_math=False)


def _memory(report: Report, axes: Axes) -> None:
    """Bytes alive at each operation that writes to memory."""
    if report.source is None:
        raise ArgumentError(f"the report of {report.name} has no trace: make it with report(...)")
    alive = [size for _, size in liveness.alive(report.source.jaxpr)]
    scale, unit = next((pair for pair in SCALES if max(alive) >= pair[0]), SCALES[-1])
    axes.fill_between(range(len(alive)), [size / scale for size in alive], step="mid", color=BAR)
    axes.axhline((report.arguments + report.results) / scale, color=ROOF, linestyle="--")
    axes.set(xlabel="operations that write to memory, in program order", ylabel=f"alive, {unit}")
    axes.set_ylim(bottom=0)
    axes.set_title(
        _title(report, f"peak {units.binary(max(alive))}, dashed: arguments and results"),
        parse_math=False,
    )


SCALES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))

KINDS: Mapping[str, Callable[[Report, Axes], None]] = {
    "flops": _shares,
    "roofline": _roofline,
    "memory": _memory,
}


def _title(report: Report, what: str) -> str:
    return abbreviated(f"{report.name}: {what}", 90)
