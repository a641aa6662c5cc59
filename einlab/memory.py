"""Amounts of memory as a user writes them, and the memory of this computer."""

from __future__ import annotations

import math
import os
import re
from decimal import Decimal
from numbers import Real
from typing import Any

from einlab.errors import ArgumentError, ArgumentTypeError, listing

__all__ = ["host_memory", "memory_limit"]

UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,3})?")


def memory_limit(value: object) -> tuple[int | None, int | str | None]:
    """A memory limit as (bytes, elements): text with a unit or "auto" is bytes, a number elements.

    Raises ArgumentError for what is no amount, ArgumentTypeError for what is no text or number.

    >>> memory_limit("1.5 KiB"), memory_limit(1000), memory_limit("max_input"), memory_limit(-1)
    ((1536, None), (None, 1000), (None, 'max_input'), (None, None))
    """
    if value is None:
        return None, None
    if isinstance(value, str):
        if value == "max_input":
            return None, value
        return (host_memory() if value == "auto" else _bytes(value)), None
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        raise ArgumentTypeError(
            "memory_limit is text with a unit ('2GiB'), 'auto', 'max_input' or a number of "
            f"elements, not {value!r:.60}"
        )
    number: Any = value
    if number == -1:
        return None, None
    if math.isnan(number) or number < 1:
        raise ArgumentError(
            f"memory_limit is {value}; a number of elements is at least 1, and -1 means no limit"
        )
    return None, None if math.isinf(number) else math.floor(number)


def _bytes(text: str) -> int:
    found = re.fullmatch(rf"\s*([+-]?)({_NUMBER.pattern})\s*(.*?)\s*", text)
    if found is None:
        raise ArgumentError(
            f"memory_limit {text!r:.60} is no amount of memory: a number and a unit, such as '2GiB'"
        )
    sign, number, unit = found.groups()
    amount = Decimal(number)
    if sign == "-" or amount == 0:
        raise ArgumentError(f"memory_limit {text!r:.60} leaves no memory; '2GiB', for instance")
    if unit not in UNITS:
        alike = [known for known in UNITS if known.lower() in (unit.lower(), unit.lower() + "b")]
        if not unit:
            fact = f"memory_limit {text!r:.60} has no unit"
            hint = f"did you mean '{number}B' for bytes, or the number {number} for elements?"
        else:
            fact = f"memory_limit {text!r:.60} has the unit {unit!r:.30}, which is none of memory"
            hint = f"did you mean '{number}{alike[0]}'?" if alike else f"units: {listing(UNITS)}"
        raise ArgumentError(f"{fact}; {hint}")
    if amount * UNITS[unit] < 1:
        raise ArgumentError(f"memory_limit {text!r:.60} is less than a byte")
    return math.floor(amount * UNITS[unit])


def host_memory() -> int:
    """Physical memory of this computer in bytes.

    Raises ArgumentError where the operating system does not tell.
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        raise ArgumentError(
            "memory_limit='auto' needs to know the memory of this computer, which its system does "
            "not tell; give it as text, for instance '8GiB'"
        ) from None
