"""Rooflines: how fast operations can run on machines, what bounds them, how near they come.

An operation of f FLOPs that moves b bytes has the arithmetic intensity f/b. A machine of peak π
(FLOP/s) and bandwidth β (bytes/s) runs it at most at min(π, β·f/b) FLOP/s; the two meet at the
ridge point π/β. MFU is the share of the peak that a measured time reaches.
Source: Williams, Waterman and Patterson 2009, "Roofline"; MFU: Chowdhery et al. 2022, "PaLM".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from einlab import show
from einlab.cost import Cost
from einlab.errors import ArgumentError
from einlab.machines import Machine, machine_for
from einlab.show.text import abbreviated
from einlab.show.units import number, seconds, si
from einlab.stepmodel import predict
from einlab.table import Column, Fact, Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from einlab.show.plane import Plane, Point

__all__ = ["Operation", "Roofline", "attainable", "mfu"]


def attainable(
    machine: Machine, dtype: str, intensity: float, precision: str | None = None
) -> float | None:
    """FLOPs a second that a product of this intensity can reach; None where no peak is known.

    >>> from einlab.machines import machine_for
    >>> attainable(machine_for("TPU v5e"), "bfloat16", 100.0) == 819e9 * 100
    True
    """
    rate = machine.rate(dtype, precision)
    return None if rate is None else min(rate, machine.bandwidth * intensity)


def mfu(
    flops: float, seconds: float, machine: Machine, dtype: str, precision: str | None = None
) -> float | None:
    """The share of the peak that work done in a measured time reaches; None without a peak.

    Raises ArgumentError for a time that is not positive.

    >>> from einlab.machines import machine_for
    >>> mfu(494.7e12, 1.0, machine_for("H100 SXM"), "bfloat16")
    0.5
    """
    if not seconds > 0:
        raise ArgumentError(f"a measured time is positive, not {seconds!r:.40}")
    rate = machine.rate(dtype, precision)
    return None if rate is None else flops / seconds / rate


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a plan or a program, and its time where it was measured.

    >>> Operation("ij,jk->ik", Cost(flops=2000, bytes_read=500), "float32").cost.intensity
    4.0
    """

    name: str
    cost: Cost
    dtype: str
    is_product: bool = True
    """Whether it runs at the machine's rate of products; other operations are bound by memory."""
    seconds: float | None = None


@dataclass(frozen=True)
class Roofline:
    """Operations under the roofs of machines.

    Raises ArgumentError without a machine, and for measured times that are as many as no
    operations.

    >>> one = Operation("ij,jk->ik", Cost(flops=2000, bytes_read=500), "bfloat16")
    >>> Roofline.of("one product", [one], ["TPU v5e"]).table().column("bound, TPU v5e")
    ('memory',)
    """

    title: str
    machines: tuple[Machine, ...]
    operations: tuple[Operation, ...] = ()
    dtypes: tuple[str, ...] = ()
    """Whose roofs are drawn; those of the operations if none are named."""

    def __post_init__(self) -> None:
        if not self.machines:
            raise ArgumentError("a roofline needs a machine: machines=['H100 SXM'], for instance")

    @classmethod
    def of(
        cls,
        title: str,
        operations: Sequence[Operation],
        machines: Sequence[Machine | str],
        measured: Sequence[float] | None = None,
    ) -> Roofline:
        """Operations on machines by name, with a measured time for each if there are any."""
        if measured is not None:
            if len(measured) != len(operations):
                raise ArgumentError(
                    f"{len(measured)} measured times for {len(operations)} operations; one each"
                )
            pairs = zip(operations, measured, strict=True)
            operations = [replace(one, seconds=float(time)) for one, time in pairs]
        return cls(title, tuple(map(machine_for, machines)), tuple(operations))

    @property
    def roofs(self) -> tuple[tuple[Machine, str, float], ...]:
        """Each machine with each dtype that it has a peak for, and that peak.

        >>> found = Roofline("", (machine_for("TPU v5e"),), dtypes=("bfloat16",))
        >>> [(machine.name, rate) for machine, _, rate in found.roofs]
        [('TPU v5e', 197000000000000.0)]
        """
        used = self.dtypes or tuple(dict.fromkeys(one.dtype for one in self.operations))
        found = []
        for machine in self.machines:
            for dtype in used or tuple(machine.peak):
                rate = machine.rate(dtype)
                if rate is not None:
                    found.append((machine, dtype, rate))
        return tuple(found)

    def table(self) -> Table:
        """Of each operation the intensity, and on each machine the bound and the least time."""
        columns = [
            Column("operation", "code"),
            Column("FLOPs", "quantity"),
            Column("bytes", "bytes", rank=1),
            Column("FLOP/B", "number"),
        ]
        for machine in self.machines:
            columns += [
                Column(f"bound, {machine.name}"),
                Column(f"attainable, {machine.name}", "quantity", "FLOP/s", rank=1),
                Column(f"least time, {machine.name}", "seconds"),
            ]
        if self._measured:
            columns.append(Column("measured", "seconds"))
            columns += [Column(f"MFU, {machine.name}", "number") for machine in self.machines]
        facts = [
            Fact(
                f"ridge point, {machine.name}, {dtype}",
                rate / machine.bandwidth,
                "number",
                "FLOP/B",
            )
            for machine, dtype, rate in self.roofs
        ]
        return Table(self.title, columns, [self._row(one) for one in self.operations], facts=facts)

    @property
    def _measured(self) -> bool:
        return any(one.seconds is not None for one in self.operations)

    def _row(self, one: Operation) -> tuple[Value, ...]:
        cells: list[Value] = [one.name, one.cost.flops, one.cost.bytes, one.cost.intensity]
        for machine in self.machines:
            found = predict(one.cost, machine, one.dtype, product=one.is_product)
            reach = attainable(machine, one.dtype, one.cost.intensity)
            cells += [found.bound, reach if one.is_product else None, found.seconds]
        if self._measured:
            cells.append(one.seconds)
            for machine in self.machines:
                given = one.seconds is not None and one.is_product
                share = mfu(one.cost.flops, one.seconds or 1.0, machine, one.dtype)
                cells.append(share if given else None)
        return tuple(cells)

    def plane(self) -> Plane:
        """The picture: a roof for each machine and dtype, and the operations under them.

        A measured operation stands at the speed that it reached, any other on the roof of the
        first machine.

        >>> len(Roofline("", (machine_for("TPU v5e"),), dtypes=("bfloat16",)).plane().lines)
        1
        """
        points = [point for one in self.operations if (point := self._point(one)) is not None]
        roofs = self.roofs
        ridges = [rate / machine.bandwidth for machine, _, rate in roofs]
        xs = [*ridges, *(point.x for point in points)]
        low, high = min([0.1, *xs]), 10 * max([1.0, *xs])
        lines = [
            show.plane.Line(
                f"{machine.name}, {dtype}: ridge at {number(ridge)} FLOP/B",
                ((low, low * machine.bandwidth), (ridge, rate), (high, rate)),
            )
            for (machine, dtype, rate), ridge in zip(roofs, ridges, strict=True)
        ]
        told = f"Attainable speed over FLOPs a byte on {len(self.machines)} machine"
        told += "s" * (len(self.machines) != 1)
        if points:
            told += f"; {len(points)} operation" + "s" * (len(points) != 1)
        return show.plane.Plane(
            self.title, told + ".", "FLOP/B", "FLOP/s", tuple(lines), tuple(points)
        )

    def _point(self, one: Operation) -> Point | None:
        if not one.cost.flops or not one.cost.bytes:
            return None
        name = abbreviated(one.name, 60, middle=True)
        if one.seconds is not None:
            speed = one.cost.flops / one.seconds
            told = f"{name}: {si(speed, 'FLOP/s')} in {seconds(one.seconds)}"
            return show.plane.Point(one.cost.intensity, speed, told, "measured")
        least = predict(one.cost, self.machines[0], one.dtype, product=one.is_product)
        if not least.seconds:
            return None
        told = f"{name}: at most {si(one.cost.flops / least.seconds, 'FLOP/s')}, {least.bound}"
        group = f"at most, {self.machines[0].name}"
        return show.plane.Point(one.cost.intensity, one.cost.flops / least.seconds, told, group)

    def svg(self) -> str:
        """The picture as an SVG element.

        >>> Roofline("", (machine_for("TPU v5e"),)).svg().startswith("<svg")
        True
        """
        return show.plane.draw_plane(self.plane())

    def figure(self) -> Figure:
        """The picture as a matplotlib figure; needs the `plots` extra.

        Raises MissingPackageError without matplotlib.

        >>> type(Roofline("", (machine_for("TPU v5e"),)).figure()).__name__
        'Figure'
        """
        return show.plane.plane_figure(self.plane())

    def __str__(self) -> str:
        return show.text.render(self.table(), max_rows=60)

    def _repr_html_(self) -> str:
        return self.svg()
