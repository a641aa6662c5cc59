"""Residuals go through text unchanged, reach as far as their scales, and are refused if damaged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.errors import ArgumentError
from einlab.residuals import MOST, SCALES, UNKNOWN, Known, Residuals

TRAITS = len(SCALES["sum"])
sizes = st.lists(st.floats(0, 30, width=16), min_size=TRAITS, max_size=TRAITS)


def one(traits: list[float], weight: float) -> Residuals:
    measured = Known(np.array([traits]) / SCALES["sum"], np.array([weight]), np.array([0.04]), 0.8)
    return Residuals({"sum": measured})


@given(traits=sizes, asked=sizes, weight=st.floats(-2, 2))
def test_text_keeps_what_they_say(traits, asked, weight):
    made = one(traits, weight)
    read = Residuals.from_text(made.to_text())
    assert read.factor("sum", asked) == pytest.approx(made.factor("sum", asked), rel=0.05)
    assert read.bar("sum", asked) == pytest.approx(made.bar("sum", asked), abs=0.05)


@given(traits=sizes, weight=st.floats(-9, 9))
def test_a_factor_is_the_weight_at_the_program_and_never_wild(traits, weight):
    factor = one(traits, weight).factor("sum", traits)
    assert factor == pytest.approx(math.exp(max(-MOST, min(MOST, weight))))


@given(traits=sizes, weight=st.floats(-2, 2))
def test_far_from_everything_nothing_is_mended(traits, weight):
    far = [size + 100 * scale for size, scale in zip(traits, SCALES["sum"], strict=True)]
    assert one(traits, weight).factor("sum", far) == pytest.approx(1.0)


@given(traits=sizes, asked=sizes)
def test_an_error_bar_is_narrow_at_a_program_and_widens_away_from_it(traits, asked):
    made = one(traits, 1.0)
    near, away = made.bar("sum", traits), made.bar("sum", asked)
    assert 0 < near <= away + 1e-9
    assert away <= 0.8 * math.sqrt(1.04) + 1e-9
    assert made.bar("permute", [0.0]) == UNKNOWN


@pytest.mark.parametrize("text", ["", "[]", '{"sum": 3}', '{"sum": [1, "?", "?"]}', '{"no": []}'])
def test_damaged_text_is_refused(text):
    with pytest.raises(ArgumentError, match="run 'einlab calibrate' again"):
        Residuals.from_text(text)


def test_numbers_that_are_none_are_refused():
    made = one([math.nan] * TRAITS, 1.0)
    with pytest.raises(ArgumentError, match="damaged"):
        Residuals.from_text(made.to_text())
