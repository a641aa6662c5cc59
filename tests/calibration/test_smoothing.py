"""Residuals are learnt from programs near a step, reach no further, and bear disturbed times."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from einlab.calibration.probes import probes
from einlab.calibration.smoothing import smoothed
from einlab.planning import Plan, plan
from einlab.predicting import plan_seconds, step_bar
from einlab.stepmodel import StepModel
from einlab.stepwork import work_of
from tests.calibration.samples import CALLING, CONSTANTS

MODEL = StepModel("one", "float32", CONSTANTS, 0.3, CALLING)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [plan(one.equation, *one.shapes, optimize="greedy") for one in probes(4)]


def by_the_formulas(plans: list[Plan]) -> np.ndarray:
    return np.array([plan_seconds(MODEL, one.steps) for one in plans])


def is_permutation(made: Plan) -> bool:
    return len(made.steps) == 1 and made.steps[0].kind == "permute"


def mended(plans: list[Plan], seconds: np.ndarray) -> np.ndarray:
    found = smoothed(MODEL, plans, seconds.tolist()).residuals
    model = StepModel("one", "float32", CONSTANTS, 0.3, CALLING, residuals=found)
    return np.array([plan_seconds(model, one.steps) for one in plans])


def test_where_the_formulas_are_right_nothing_is_mended(plans):
    seconds = by_the_formulas(plans)
    assert mended(plans, seconds) == pytest.approx(seconds, rel=1e-3)


def test_a_kind_of_steps_that_takes_twice_as_long_is_predicted_so(plans):
    seconds = by_the_formulas(plans)
    chosen = np.array([is_permutation(one) for one in plans])
    seconds[chosen] *= 2
    assert np.median(mended(plans, seconds)[chosen] / seconds[chosen]) == pytest.approx(1, abs=0.1)


def test_left_out_programs_are_judged_by_their_neighbours(plans):
    seconds = by_the_formulas(plans)
    disturbed = next(place for place, one in enumerate(plans) if is_permutation(one))
    seconds[disturbed] *= 10
    found = smoothed(MODEL, plans, seconds.tolist())
    (place,) = np.flatnonzero(found.places == disturbed)
    assert found.left_out[place] == pytest.approx(math.log(10), rel=0.3)
    others = np.delete(found.left_out, place)
    misled = np.abs(others) > math.log(10) / 2
    assert misled.sum() <= 1  # its twin, if it has one
    assert np.median(np.abs(others)) < 0.02


def test_one_program_alone_teaches_nothing(plans):
    few = [one for one in plans if is_permutation(one)][:2]
    assert smoothed(MODEL, few, [1.0, 1.0]).residuals.known == {}


def test_error_bars_hold_nine_of_ten_programs_that_were_not_measured(plans):
    random = np.random.default_rng(2)
    plans = [one for one in plans if len(one.steps) == 1]
    seconds = by_the_formulas(plans) * np.exp(random.normal(0, 0.3, len(plans)))
    found = smoothed(MODEL, plans[::2], seconds[::2].tolist())
    model = replace(MODEL, residuals=found.residuals)
    asked = [(one, took) for one, took in zip(plans[1::2], seconds[1::2], strict=True)]
    held = [
        abs(math.log(plan_seconds(model, one.steps) / took))
        < step_bar(model, work_of(one.steps[0]))
        for one, took in asked
        if work_of(one.steps[0]).alike in found.residuals.known
    ]
    assert 0.8 < np.mean(held) < 0.97
