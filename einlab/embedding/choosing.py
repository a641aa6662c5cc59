"""Which method is faster: seconds predicted from what each method took on this machine.

Both take a time for each id: the look-up's depends on the width of a row, the product's on the
width and the number of rows. XLA copies short rows on a CPU entry by entry and long ones as blocks,
so the time over the width has a step; it is measured at several widths and taken in between. Where
nothing was measured the look-up is chosen: it moves the fewest bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax

from einlab import machinestore
from einlab.arguments import whole
from einlab.dtypes import dtype_name
from einlab.machines import Machine, machine_for

__all__ = [
    "MEASURED",
    "ROWS",
    "WIDTHS",
    "RowFigures",
    "chosen_method",
    "figures_of",
    "predicted_seconds",
]

WIDTHS = (8, 16, 32, 64, 80, 96, 512)
"""Entries of a row at which both methods are measured."""
ROWS = (2, 8, 24)
"""Rows of the tables with which the product is."""


@dataclass(frozen=True, slots=True)
class RowFigures:
    """What the methods take on one device in one dtype; seconds of one id, at each of `WIDTHS`."""

    gather: tuple[float, ...]
    one_hot: tuple[tuple[float, ...], ...]
    """For each of `ROWS`."""
    start: float
    """More for a call of a product than for one of a look-up."""

    def seconds(self, count: int, rows: int, width: int) -> dict[str, float]:
        """Seconds of each method, without what a call takes in any case."""
        gather, one_hot = self._each(rows, width)
        return {"gather": count * gather, "one_hot": self.start + count * one_hot}

    def _each(self, rows: int, width: int) -> tuple[float, float]:
        """Seconds of one id by each method."""
        measured = [_on_line(WIDTHS, values, width) for values in self.one_hot]
        return _on_line(WIDTHS, self.gather, width), _on_line(ROWS, measured, rows)

    def crossover(self, width: int) -> int:
        """The most rows of a table for which the product is faster, with as many ids as one likes.

        At most a million; 0 where the look-up is always faster.
        """
        faster = 0
        for step in (2**power for power in range(20, -1, -1)):
            gather, one_hot = self._each(faster + step, width)
            faster += step if one_hot < gather else 0
        return min(faster, 10**6)

    def to_dict(self) -> dict[str, float]:
        """The figures under the names by which a calibration keeps them."""
        named = {"one_hot_start": self.start}
        for place, width in enumerate(WIDTHS):
            named[f"gather_{width}"] = self.gather[place]
            for rows, values in zip(ROWS, self.one_hot, strict=True):
                named[f"one_hot_{width}_{rows}"] = values[place]
        return named


def _on_line(places: Sequence[int], values: Sequence[float], at: int) -> float:
    """The value on the lines between measured ones; before the first as there, never below 0."""
    if at <= places[0]:
        return values[0]
    last = min(bisect_left(places, at), len(places) - 1)
    low, high = places[last - 1], places[last]
    part = (at - low) / (high - low)
    return max(0.0, values[last - 1] * (1 - part) + values[last] * part)


MARGIN = 0.95
"""The product is taken where it should be faster by more than a twentieth: it spreads NaN."""

MEASURED = RowFigures(
    gather=(6.2e-10, 1.13e-9, 4.24e-9, 1.04e-8, 3.81e-9, 4.51e-9, 3.15e-8),
    one_hot=(
        (2.28e-9, 2.87e-9, 3.79e-9, 4.53e-9, 7.23e-9, 6.93e-9, 3.04e-8),
        (3.46e-9, 4.24e-9, 4.90e-9, 6.71e-9, 1.38e-8, 1.07e-8, 4.54e-8),
        (1.12e-8, 1.39e-8, 1.59e-8, 2.15e-8, 2.85e-8, 3.02e-8, 1.32e-7),
    ),
    start=1.3e-5,
)
"""float32 on one core of an AMD EPYC with JAX 0.12.0.1, `calibrate_embedding`, 2026-11-22."""


def figures_of(dtype: str, machine: Machine | None = None) -> RowFigures | None:
    """The figures of a machine, by default of this one; None where none are known.

    A CPU that was not calibrated is taken to be the one that `MEASURED` comes from.
    """
    platform = jax.default_backend()
    found = machinestore.here() if machine is None else machine
    if found is not None and (machine is not None or found.kind == platform):
        known = found.measured.get(dtype, {})
        if f"one_hot_{WIDTHS[0]}_{ROWS[0]}" in known:
            return _read(known)
    return MEASURED if machine is None and platform == "cpu" and dtype == "float32" else None


def _read(known: Mapping[str, float]) -> RowFigures:
    return RowFigures(
        tuple(known[f"gather_{width}"] for width in WIDTHS),
        tuple(tuple(known[f"one_hot_{width}_{rows}"] for width in WIDTHS) for rows in ROWS),
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

    >>> slow = RowFigures((1e-8,) * 7, ((2e-9,) * 7, (8e-9,) * 7, (2.4e-8,) * 7), 0.0)
    >>> machine = Machine("slow", {"float32": 1e9}, 1e9, 1e9, measured={"float32": slow.to_dict()})
    >>> {name: f"{s:.1e}" for name, s in predicted_seconds(100, 20, 64, machine=machine).items()}
    {'gather': '1.0e-06', 'one_hot': '2.0e-06'}
    """
    sizes = (whole(count, "count"), whole(rows, "rows"), whole(width, "width"))
    given = None if machine is None else machine_for(machine)
    figures = figures_of(dtype_name(dtype), given)
    return {} if figures is None else figures.seconds(*sizes)
