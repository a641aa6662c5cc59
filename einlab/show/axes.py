"""Scales of charts: round marks on a linear axis, powers of ten on a logarithmic one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Scale", "decades", "linear", "power"]

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: where a value lies between its ends, 0 to 1, and the values that are marked."""

    low: float
    """The value at 0; its logarithm to base 10 on a logarithmic axis."""
    high: float
    marks: tuple[float, ...]
    """Values, or their logarithms, that have a mark."""
    logarithmic: bool

    def at(self, value: float) -> float:
        """Where a value lies; what is below the lower end lies at 0."""
        if self.logarithmic:
            value = math.log10(value) if value > 0 else self.low
        return max(0.0, (value - self.low) / (self.high - self.low))

    def along(self, mark: float) -> float:
        """Where a mark lies."""
        return (mark - self.low) / (self.high - self.low)


def decades(values: Iterable[float], most: int = 7) -> Scale:
    """A logarithmic scale over whole powers of ten that holds all positive values.

    >>> decades([3, 40_000]).marks
    (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    >>> decades([7, 10**90]).marks
    (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    """
    logs = [math.log10(value) for value in values if value > 0] or [0.0]
    low = math.floor(min(logs) + 1e-9)
    high = max(math.ceil(max(logs) - 1e-9), low + 1)
    rough = (high - low) / most
    unit = 10 ** max(math.ceil(math.log10(rough)) - 1, 0)
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
    low = step * (low // step)
    high = low + step * math.ceil((high - low) / step)
    return Scale(low, high, tuple(float(mark) for mark in range(low, high + 1, step)), True)


def linear(low: float, high: float, most: int = 10) -> Scale:
    """A scale from low to high with marks at round numbers.

    >>> linear(0, 95).marks
    (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
    """
    high = high if high > low else low + 1
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Scale(low, high, tuple(step * mark for mark in range(first, last + 1)), False)


def power(exponent: float) -> str:
    """A power of ten in writing; 1 and 10 as such.

    >>> power(12.0), power(0.0), power(-3.0)
    ('10¹²', '1', '10⁻³')
    """
    if exponent in (0, 1):
        return str(10 ** int(exponent))
    return f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
