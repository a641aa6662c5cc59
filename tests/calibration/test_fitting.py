"""Constants are found again from times that the model itself made, noisy and disturbed ones too."""

from __future__ import annotations

import numpy as np
import pytest

from einlab.calibration.calibrating import figures, planned
from einlab.calibration.fitting import Fit, fit, predicted
from einlab.calibration.probes import KINDS, probes
from einlab.nativemodel import NATIVE_COSTS
from einlab.planning import Plan
from tests.calibration.samples import CALLING, CONSTANTS

NATIVE = NATIVE_COSTS["float32"]


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return planned(probes(4), "float32")[1]


def of_the_model(plans: list[Plan]) -> np.ndarray:
    return np.array([predicted(CONSTANTS, CALLING, one) for one in plans])


def furthest(found: Fit) -> float:
    one, other = (
        figures(found.constants, found.calling, found.native),
        figures(CONSTANTS, CALLING, NATIVE),
    )
    return float(max(abs(np.log(one[name] / other[name])) for name in one))


def test_times_that_the_model_made_are_explained(plans):
    found = fit(plans, of_the_model(plans).tolist(), 4)
    assert found.error < 0.15
    assert furthest(found) < 0.2


def test_a_few_disturbed_times_bend_nothing(plans):
    random = np.random.default_rng(1)
    seconds = of_the_model(plans) * np.exp(random.normal(0, 0.05, len(plans)))
    seconds[random.random(len(plans)) < 1 / 12] *= 5
    assert furthest(fit(plans, seconds.tolist(), 4)) < 0.35


def test_a_machine_twice_as_slow_is_found_to_be(plans):
    once = fit(plans, of_the_model(plans).tolist(), 4)
    twice = fit(plans, (2 * of_the_model(plans)).tolist(), 4)
    one, other = (figures(each.constants, each.calling, each.native) for each in (once, twice))
    assert all(1.5 < other[name] / one[name] < 2.6 for name in one)


def test_probes_are_the_same_every_time_and_of_every_kind():
    assert probes(4) == probes(4)
    assert {one.kind for one in probes(8)} == set(KINDS)
    assert set(probes(4, quick=True)) < set(probes(4))
