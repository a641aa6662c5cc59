"""Numbers are exact where they look exact, and carry one family of prefixes each."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.show import units
from einlab.table import Column

SI = {prefix: 1000**power for power, prefix in enumerate(units.SI_PREFIXES)}
BINARY = {prefix: 1024**power for power, prefix in enumerate(units.BINARY_PREFIXES)}


def read(text: str, unit: str, prefixes: dict[str, int]) -> Decimal:
    found = re.fullmatch(rf"(\S+) (\S*){unit}", text)
    assert found, text
    return Decimal(found[1]) * prefixes[found[2]]


@given(st.integers(0, 10**27 - 10**23))
def test_an_si_measure_is_within_half_a_unit_of_its_fourth_digit(value: int) -> None:
    assert abs(read(units.si(value, "FLOP"), "FLOP", SI) - value) <= Decimal(value) / 2000


@given(st.integers(0, 2**69))
def test_bytes_are_within_half_a_unit_of_their_third_digit(value: int) -> None:
    assert abs(read(units.binary(value), "B", BINARY) - value) <= Decimal(value) / 200


@given(st.integers(0, 10**27 - 10**23))
def test_a_measure_without_decimals_is_exact(value: int) -> None:
    text = units.si(value, "FLOP")
    if "." not in text:
        assert read(text, "FLOP", SI) == value


@given(st.integers(0, 10**24 - 1))
def test_counts_are_exact(value: int) -> None:
    assert int(units.count(value).replace(",", "")) == value


@given(st.integers(1, 2**80), st.floats(0, 1e30))
def test_binary_and_si_prefixes_never_mix(value: int, measure: float) -> None:
    assert re.fullmatch(r"[\d.e]+ ([KMGTPE]i)?B", units.binary(value))
    assert "i" not in units.si(measure, "FLOP")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 FLOP"),
        (999, "999 FLOP"),
        (1000, "1 kFLOP"),
        (999_949, "999.9 kFLOP"),
        (999_951, "1.000 MFLOP"),
        (1.5, "1.5 FLOP"),
        (0.25, "0.25 FLOP"),
        (10**400, "1.000e400 FLOP"),
        (math.inf, "∞ FLOP"),
        (math.nan, "unknown FLOP"),
        (-20_010_000, "-20.01 MFLOP"),
    ],
)
def test_measures_at_the_edges(value: float, shown: str) -> None:
    assert units.si(value, "FLOP") == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 s"),
        (1e-12, "1.00e-12 s"),
        (9.996e-4, "1 ms"),
        (0.9996, "1 s"),
        (59.94, "59.9 s"),
        (725, "12 min 5 s"),
        (7322, "2 h 2 min"),
        (math.nan, "unknown s"),
    ],
)
def test_times_at_the_edges(value: float, shown: str) -> None:
    assert units.seconds(value) == shown


@pytest.mark.parametrize("value", [10**5000, 7 * 10**30], ids=["10^5000", "7e30"])
def test_huge_counts_become_powers_of_ten(value: int) -> None:
    assert re.fullmatch(r"\d\.\d{3}e\d+", units.count(value))


def test_what_is_missing_or_true_is_told_in_words() -> None:
    assert units.cell(Column("n", "count"), None) == "–"
    assert [units.cell(Column("x"), value) for value in (True, False)] == ["yes", "no"]


def test_a_heading_names_the_unit_unless_its_name_or_its_cells_do() -> None:
    assert units.heading(Column("FLOPs", "quantity", "FLOP")) == "FLOPs"
    assert units.heading(Column("intensity", "number", "FLOP/B")) == "intensity, FLOP/B"
    assert units.heading(Column("peak", "bytes", "B")) == "peak"
