"""What a calibration found, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from einlab.calibration.calibrating import figures
from einlab.machinestore import Stored
from einlab.show import units
from einlab.show.plane import Line, Plane, Point
from einlab.stepmodel import StepModel
from einlab.table import Column, Fact, Table, Value

__all__ = ["calibration_plane", "calibration_table"]


def calibration_table(stored: Sequence[Stored]) -> Table:
    """Ceilings, launch costs and characteristic times by dtype, with error bars and noise."""
    machine = stored[0].machine
    columns = (Column("of one device"), *(Column(one.dtype) for one in stored))
    lines = [_lines(one) for one in stored]
    rows: list[tuple[Value, ...]] = [
        (name, *(line[name] for line in lines)) for name in next(iter(lines))
    ]
    notes = [f"too noisy for {one.dtype}: {'; '.join(one.noisy)}" for one in stored if one.noisy]
    notes += [
        f"{one.left_out} programs in {one.dtype} were left out, because their time was up: what "
        "they would have told is guessed from the others"
        for one in stored
        if one.left_out
    ]
    return Table(
        f"{machine.name}, calibrated",
        columns,
        rows,
        facts=[
            Fact("host", stored[0].host or machine.name),
            Fact("JAX", stored[0].jax),
            Fact("measured", machine.read),
        ],
        notes=notes,
    )


def _lines(stored: Stored) -> dict[str, str]:
    """Everything that is told of one dtype, written with its units."""
    model = StepModel.from_machine(stored.machine, stored.dtype)
    c, calling = model.constants, model.calling
    assert calling is not None  # every calibrated machine has one
    rate = stored.machine.peak[stored.dtype]
    halves = f"{c.half_m:.0f}, {c.half_k:.0f}, {c.half_n:.0f}"
    return {
        "peak of products": units.si(rate, "FLOP/s", digits=3),
        "half of it at m, k, n": halves,
        "memory bandwidth": units.si(c.bandwidth, "B/s", digits=3),
        "within the cache": units.si(c.cache_bandwidth, "B/s", digits=3),
        "ridge point": f"{units.number(rate / c.bandwidth)} FLOP/B",
        "launch of a step": units.seconds(c.launch),
        "sharing among threads": units.seconds(c.threads),
        "fresh memory, of 1 MiB": units.seconds(c.allocation * 2**20),
        "compiling a program": units.seconds(model.compile),
        **{name: units.seconds(value) for name, value in figures(c, calling, model.native).items()},
        "error bar (nine of ten)": f"±{units.percent(model.error or 0.0)}",
        "noise floor (median)": f"±{units.percent(stored.floor)}",
        "programs run": f"{len(stored.points)}",
    }


def calibration_plane(stored: Sequence[Stored]) -> Plane:
    """Each program that was run, by its measured time and by what the others say of it."""
    points = tuple(
        Point(
            seconds,
            predicted,
            f"{told}: measured {units.seconds(seconds)}, predicted {units.seconds(predicted)}",
            f"{kind}",
        )
        for one in stored
        for kind, told, seconds, predicted in one.points
    )
    ends = sorted(point.x for point in points) or [1e-6, 1.0]
    even = Line("predicted as measured", tuple((end, end) for end in (ends[0], ends[-1])))
    return Plane(
        f"Calibration of {stored[0].machine.name}",
        f"{len(points)} programs in {', '.join(one.dtype for one in stored)}; on the line the "
        "others of the run predict what was measured.",
        "seconds measured",
        "seconds predicted",
        (even,),
        points,
    )
