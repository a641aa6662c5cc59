"""Numbers as people read them: SI prefixes for work, binary prefixes for bytes, exact counts.

A value written without a decimal point is exact (`20 MFLOP` is 20,000,000); one with decimals is
rounded (`20.00 MFLOP` is near it). Bytes carry binary prefixes only, everything else SI prefixes
only, so GB and GiB never meet.
"""

from __future__ import annotations

import math
from decimal import Decimal

from einlab.table import Column, Fact, Value

__all__ = [
    "binary",
    "cell",
    "count",
    "exact",
    "fact",
    "heading",
    "number",
    "percent",
    "ratio",
    "seconds",
    "si",
    "sizes",
    "unit_of",
]

NOTHING = "–"
"""Stands where there is no value."""

SI_PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
BINARY_PREFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def count(value: int | float) -> str:
    """A number of things, exactly, in groups of three digits; from 10^24 up as a power of ten.

    >>> count(20010000), count(2.5), count(3 * 10**30)
    ('20,010,000', '2.5', '3.000e30')
    """
    if not _finite(value):
        return _odd(value)
    return f"{value:,}" if abs(value) < 10**24 else _power(Decimal(value), 4)


def si(value: int | float, unit: str = "", *, digits: int = 4) -> str:
    """A measure in `unit` with an SI prefix; beyond yotta as a power of ten.

    >>> si(20_010_000, "FLOP"), si(20_000_000, "FLOP"), si(36, "FLOP"), si(999_999, "MAC")
    ('20.01 MFLOP', '20 MFLOP', '36 FLOP', '1.000 MMAC')
    >>> si(1234 * 10**40, "FLOP"), si(20_500)
    ('1.234e43 FLOP', '20.5 k')
    """
    text, prefix = _scaled(value, 1000, SI_PREFIXES, digits)
    return f"{text} {prefix}{unit}".rstrip()


def binary(value: int | float, unit: str = "B") -> str:
    """A number of bytes, or bytes a second, with a binary prefix.

    >>> binary(1023), binary(8_000_000), binary(2**30), binary(3.2e12, "B/s")
    ('1023 B', '7.63 MiB', '1 GiB', '2.91 TiB/s')
    """
    text, prefix = _scaled(value, 1024, BINARY_PREFIXES, 3)
    return f"{text} {prefix}{unit}"


def seconds(value: int | float) -> str:
    """A time, in the unit that leaves one to three digits before the point.

    >>> seconds(0.0125), seconds(3.2e-6), seconds(75), seconds(5000), seconds(0)
    ('12.5 ms', '3.2 µs', '75 s', '1 h 23 min', '0 s')
    """
    if not _finite(value):
        return f"{_odd(value)} s"
    if abs(value) >= 3600:
        return f"{int(value // 3600)} h {int(value % 3600 // 60)} min"
    if abs(value) >= 600:
        return f"{int(value // 60)} min {int(value % 60)} s"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if float(f"{abs(value) / size:.3g}") >= 1:
            return f"{float(f'{value / size:.3g}'):g} {unit}"
    return "0 s" if value == 0 else f"{value:.2e} s"


def ratio(value: int | float) -> str:
    """How many times as much.

    >>> ratio(550), ratio(1.254), ratio(1234567.0)
    ('550×', '1.25×', '1,234,567×')
    """
    return f"{number(value)}×"


def number(value: int | float) -> str:
    """A number with three significant digits, and every digit of its whole part.

    >>> number(0.123456), number(12.0), number(1234.5), number(0)
    ('0.123', '12', '1,234', '0')
    """
    if not _finite(value):
        return _odd(value)
    if abs(value) >= 10**12:
        return _power(Decimal(value), 3)
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def percent(share: float) -> str:
    """A share of the whole, in percent.

    >>> percent(0.5), percent(0.00012), percent(0), percent(0.0456)
    ('50 %', '< 0.1 %', '0 %', '4.6 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.0995 else f"{100 * share:.1f} %"


def sizes(shape: tuple[int, ...]) -> str:
    """A shape as people write it.

    >>> sizes((1000, 10)), sizes(())
    ('1000×10', 'scalar')
    """
    return "×".join(str(size) for size in shape) if shape else "scalar"


def unit_of(kind: str, unit: str) -> str:
    """The unit in which the raw numbers of a column or a fact are.

    >>> unit_of("bytes", ""), unit_of("bytes", "B/s"), unit_of("quantity", "FLOP")
    ('B', 'B/s', 'FLOP')
    """
    return unit or {"bytes": "B", "seconds": "s"}.get(kind, "")


def heading(column: Column) -> str:
    """The name of a column, with the unit of its values where cells and name do not tell it.

    >>> heading(Column("FLOPs", "quantity", "FLOP")), heading(Column("speed", "quantity", "FLOP/s"))
    ('FLOPs', 'speed, FLOP/s')
    """
    told = column.kind in ("bytes", "seconds") or column.unit.lower() in column.name.lower()
    return column.name if told else f"{column.name}, {column.unit}"


def cell(column: Column, value: Value) -> str:
    """One value as it stands under the heading of its column.

    >>> cell(Column("FLOPs", "quantity", "FLOP"), 20_010_000), cell(Column("x", "bytes"), 2048)
    ('20.01 M', '2 KiB')
    """
    unit = "" if column.kind in ("quantity", "number", "count") else column.unit
    return _written(value, column.kind, unit)


def fact(item: Fact) -> str:
    """The value of a fact with its unit and its remark.

    >>> fact(Fact("total", 20_010_000, "quantity", "FLOP", "550× the best"))
    '20.01 MFLOP, 550× the best'
    """
    value = _written(item.value, item.kind, item.unit)
    return f"{value}, {item.remark}" if item.remark else value


def exact(value: Value, unit: str = "") -> str:
    """A value with all its digits and its unit, for the place where a reader asks for them.

    >>> exact(20010000, "FLOP"), exact("ij"), exact(None)
    ('20,010,000 FLOP', 'ij', '–')
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{count(value)} {unit}".rstrip()
    return _written(value, "text", "")


def _written(value: Value, kind: str, unit: str) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, str) or kind in ("text", "code"):
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)
    if kind == "bytes":
        return binary(value, unit or "B")
    if kind == "quantity":
        return si(value, unit)
    if kind == "seconds":
        return seconds(value)
    if kind == "ratio":
        return ratio(value)
    return f"{count(value) if kind == 'count' else number(value)} {unit}".rstrip()


def _scaled(
    value: int | float, base: int, prefixes: tuple[str, ...], digits: int
) -> tuple[str, str]:
    """`value` over a power of `base`, rounded to `digits`, and the prefix of that power."""
    if not _finite(value):
        return _odd(value), ""
    exact_value = Decimal(value)
    for power, prefix in enumerate(prefixes):
        scaled = exact_value / base**power
        text = _significant(scaled, digits)
        if abs(Decimal(text)) < base:
            return text, prefix
    return _power(exact_value, digits), ""


def _significant(value: Decimal, digits: int) -> str:
    """`value` to `digits` significant digits; decimals are shown only if there are any."""
    if value == value.to_integral_value() and abs(value) < 10_000:
        return f"{value:.0f}"
    if abs(value) < Decimal("0.9"):  # what is nearer to 1 rounds to it under the next prefix
        return f"{float(value):.{digits - 1}g}"
    places = max(digits - 1 - max(value.adjusted(), 0), 0)
    text = f"{value:.{places}f}"
    short = text.rstrip("0").rstrip(".")
    return short if Decimal(short) == value else text


def _power(value: Decimal, digits: int) -> str:
    """A number too large for a prefix, as a power of ten: 1.234e43."""
    return f"{value:.{digits - 1}e}".replace("e+", "e")


def _finite(value: int | float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _odd(value: int | float) -> str:
    """What is no finite number."""
    return "unknown" if value != value else "∞" if value > 0 else "-∞"
