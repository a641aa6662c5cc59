"""Memory limits as text and numbers."""

from __future__ import annotations

import math
import os
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einlab
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    EinlabError,
    MemoryLimitError,
)
from einlab.memory import UNITS, host_memory, memory_limit
from tests.strategies import Case, cases
from tests.wording import complaint, suggestion


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (None, None)),
        (-1, (None, None)),
        (-1.0, (None, None)),
        (math.inf, (None, None)),
        ("max_input", (None, "max_input")),
        (1000, (None, 1000)),
        (np.int64(7), (None, 7)),
        (2.5, (None, 2)),
        (2**70, (None, 2**70)),
        (Decimal("1e3"), (None, 1000)),
        (Fraction(7, 2), (None, 3)),
        ("2GiB", (2**31, None)),
        (" 1.5 KiB ", (1536, None)),
        (".5kB", (500, None)),
        ("1e3 MB", (10**9, None)),
        ("100B", (100, None)),
        ("1.9B", (1, None)),
    ],
)
def test_text_with_a_unit_is_bytes_and_a_number_elements(
    value: Any, expected: tuple[int | None, int | str | None]
) -> None:
    assert memory_limit(value) == expected


def test_auto_is_the_memory_of_this_computer() -> None:
    assert memory_limit("auto") == (host_memory(), None)
    assert host_memory() > 2**20


def test_a_system_that_does_not_tell_its_memory_is_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sysconf")
    complaint(lambda: memory_limit("auto"), ArgumentError, ("memory_limit='auto'", "'8GiB'"))


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (0, ArgumentError, "memory_limit is 0; a number of elements is at least 1"),
        (-2, ArgumentError, "memory_limit is -2"),
        (0.5, ArgumentError, "memory_limit is 0.5"),
        (-math.inf, ArgumentError, "memory_limit is -inf"),
        (math.nan, ArgumentError, "memory_limit is nan"),
        (Decimal("nan"), ArgumentError, "memory_limit is NaN"),
        (np.float32("nan"), ArgumentError, "memory_limit is nan"),
        ("2 bananas", ArgumentError, "'2 bananas' has the unit 'bananas', which is none of memory"),
        ("two GiB", ArgumentError, "'two GiB' is no amount of memory"),
        ("", ArgumentError, "'' is no amount of memory"),
        ("GiB", ArgumentError, "'GiB' is no amount of memory"),
        ("nan GiB", ArgumentError, "'nan GiB' is no amount of memory"),
        ("0 GiB", ArgumentError, "'0 GiB' leaves no memory"),
        ("-1 GiB", ArgumentError, "'-1 GiB' leaves no memory"),
        ("0 bananas", ArgumentError, "'0 bananas' leaves no memory"),
        ("0.2B", ArgumentError, "'0.2B' is less than a byte"),
        ("1e-9 kB", ArgumentError, "'1e-9 kB' is less than a byte"),
        ("1e9999GiB", ArgumentError, "'1e9999GiB'"),
        ("100", ArgumentError, "'100' has no unit"),
        ("2gb", ArgumentError, "has the unit 'gb'"),
        ("max-input", ArgumentError, "'max-input' is no amount"),
        (True, ArgumentTypeError, "not True"),
        ([1], ArgumentTypeError, "not [1]"),
        (b"2GiB", ArgumentTypeError, "not b'2GiB'"),
        (1j, ArgumentTypeError, "not 1j"),
        (np.zeros(3), ArgumentTypeError, "not array"),
    ],
)
def test_what_is_no_amount_of_memory_is_refused(
    value: Any, error: type[EinlabError], says: str
) -> None:
    a = np.zeros((2, 2), np.float32)
    for call in (
        lambda: einlab.plan("ij,jk->ik", (2, 2), (2, 2), memory_limit=value),
        lambda: einlab.contract("ij,jk->ik", a, a, memory_limit=value),
        lambda: einlab.contract_path("ij,jk->ik", a, a, memory_limit=value),
        lambda: einlab.contract_expression("ij,jk->ik", (2, 2), (2, 2), memory_limit=value),
    ):
        complaint(call, error, (says,))


@given(st.integers(1, 999), st.sampled_from([*UNITS, *(u[0] for u in UNITS)]), st.booleans())
def test_a_suggested_unit_passes(number: int, unit: str, lower: bool) -> None:
    text = f"{number}{unit.lower() if lower else unit}"
    if unit in UNITS and not lower:
        assert memory_limit(text) == (number * UNITS[unit], None)
        return
    if text[-1] == "B" or text[len(str(number)) :] in UNITS:
        return
    instead = suggestion(complaint(lambda: memory_limit(text)))
    assert instead is not None
    assert memory_limit(instead)[0] in {number * size for size in UNITS.values()}


@given(cases(most=4, sizes=(2, 3, 5)))
def test_the_limit_that_a_refusal_names_would_do(case: Case) -> None:
    plan = einlab.plan(case.equation, *case.shapes)
    text = complaint(
        lambda: einlab.plan(case.equation, *case.shapes, memory_limit="1B"), MemoryLimitError
    )
    found = re.search(r"smallest memory limit that would do is ([\d,]+) bytes", text)
    assert found is not None
    least = int(found[1].replace(",", ""))
    assert 1 < least <= plan.peak
    assert einlab.plan(case.equation, *case.shapes, memory_limit=f"{least}B").peak <= least
    complaint(
        lambda: einlab.plan(case.equation, *case.shapes, memory_limit=f"{least - 1}B"),
        MemoryLimitError,
        (found[1],),
    )
