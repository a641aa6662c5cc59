"""Which method is faster: seconds predicted from what each method took on this machine.

Both take a time for each id: the look-up's depends on the width of a row, the product's on the
width and, in a straight line, on the number of rows. XLA copies short rows on a CPU entry by entry
and long ones as blocks, so the time over the width has a step; it is measured at several widths and
taken in between. Where nothing was measured the look-up is chosen: it moves the fewest bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

import jax

from einlab import machinestore
from einlab.arguments import whole
from einlab.dtypes import dtype_name
from einlab.machines import Machine, machine_for

__all__ = ["MEASURED", "WIDTHS", "RowFigures", "chosen_method", "figures_of", "predicted_seconds"]

WIDTHS = (8, 16, 32, 64, 80, 96, 512)
"""Entries of a row at which both methods are measured."""


@dataclass(frozen=True, slots=True)
class RowFigures:
    """What the methods take on one device in one dtype; seconds, at each of `WIDTHS`."""

    gather: tuple[float, ...]
    """Of one id looked up."""
    one_hot: tuple[float, ...]
    """Of one id multiplied, for a table without rows."""
    each_row: tuple[float, ...]
    """Of one id multiplied, more for each row of the table."""
    start: float
    """More for a call of a product than for one of a look-up."""

    def seconds(self, count: int, rows: int, width: int) -> dict[str, float]:
        """Seconds of each method, without what a call takes in any case."""
        gather, one_hot, each_row = (
            count * _between(values, width) for values in (self.gather, self.one_hot, self.each_row)
        )
        return {"gather": gather, "one_hot": self.start + one_hot + rows * each_row}

    def crossover(self, width: int) -> int:
        """The most rows of a table for which the product is faster, with as many ids as one likes.

        0 where the look-up always is, -1 where the product is whatever the number of rows.
        """
        gather, one_hot, each_row = (
            _between(values, width) for values in (self.gather, self.one_hot, self.each_row)
        )
        if gather <= one_hot:
            return 0
        return int((gather - one_hot) / each_row) if each_row else -1

    def to_dict(self) -> dict[str, float]:
        """The figures under the names by which a calibration keeps them."""
        named = {"one_hot_start": self.start}
        for place, width in enumerate(WIDTHS):
            named[f"gather_{width}"] = self.gather[place]
            named[f"one_hot_{width}"] = self.one_hot[place]
            named[f"one_hot_{width}_row"] = self.each_row[place]
        return named


def _between(values: tuple[float, ...], width: int) -> float:
    """The value at a width: on the line between two that were measured, in proportion beyond."""
    if width >= WIDTHS[-1]:
        return values[-1] * width / WIDTHS[-1]
    if width <= WIDTHS[0]:
        return values[0]
    place = bisect_left(WIDTHS, width)
    low, high = WIDTHS[place - 1], WIDTHS[place]
    part = (width - low) / (high - low)
    return values[place - 1] * (1 - part) + values[place] * part


MARGIN = 0.95
"""The product is taken where it should be faster by more than a twentieth: it spreads NaN."""

MEASURED = RowFigures(
    gather=(1.0e-9, 1.4e-9, 4.6e-9, 10.4e-9, 3.8e-9, 6.2e-9, 3.0e-8),
    one_hot=(1.0e-9, 1.4e-9, 4.6e-9, 10.4e-9, 3.8e-9, 6.2e-9, 3.0e-8),
    each_row=(1.0e-9, 1.4e-9, 4.6e-9, 10.4e-9, 3.8e-9, 6.2e-9, 3.0e-8),
    start=1.5e-5,
)


def figures_of(dtype: str, machine: Machine | None = None) -> RowFigures | None:
    """The figures of a machine, by default of this one; None where none are known.

    A CPU that was not calibrated is taken to be the one that `MEASURED` comes from.
    """
    platform = jax.default_backend()
    found = machinestore.here() if machine is None else machine
    if found is not None and (machine is not None or found.kind == platform):
        known = found.measured.get(dtype, {})
        if f"gather_{WIDTHS[0]}" in known:
            return _read(known)
    return MEASURED if machine is None and platform == "cpu" and dtype == "float32" else None


def _read(known: Mapping[str, float]) -> RowFigures:
    return RowFigures(
        tuple(known[f"gather_{width}"] for width in WIDTHS),
        tuple(known[f"one_hot_{width}"] for width in WIDTHS),
        tuple(known[f"one_hot_{width}_row"] for width in WIDTHS),
        known["one_hot_start"],
    )


def chosen_method(count: int, rows: int, width: int, dtype: str) -> str:
    """The method that "auto" takes for so many ids and a table of so many rows of a width."""
    figures = figures_of(dtype)
    if figures is None:
        return "gather"
    seconds = figures.seconds(count, rows, width)
    return "one_hot" if seconds["one_hot"] < MARGIN * seconds["gather"] else "gather"


def predicted_seconds(
    count: int,
    rows: int,
    width: int,
    dtype: str = "float32",
    machine: Machine | str | None = None,
) -> dict[str, float]:
    """Seconds that each method should take for `count` ids, beside what any call takes.

    They are made of what `calibrate_embedding` found on the machine, by default this one. Without
    that the dictionary is empty, and "auto" looks up; only for float32 on a CPU do figures of
    another CPU stand in.

    Raises ArgumentError for a number below 1 or an unknown machine.

    >>> slow = RowFigures((1e-8,) * 7, (0.0,) * 7, (1e-9,) * 7, 0.0)
    >>> machine = Machine("slow", {"float32": 1e9}, 1e9, 1e9, measured={"float32": slow.to_dict()})
    >>> {name: f"{s:.1e}" for name, s in predicted_seconds(100, 20, 64, machine=machine).items()}
    {'gather': '1.0e-06', 'one_hot': '2.0e-06'}
    """
    sizes = (whole(count, "count"), whole(rows, "rows"), whole(width, "width"))
    given = None if machine is None else machine_for(machine)
    figures = figures_of(dtype_name(dtype), given)
    return {} if figures is None else figures.seconds(*sizes)
