"""Constants are found again from times that the model itself made, noisy and disturbed ones too."""

from __future__ import annotations

import numpy as np
import pytest

from einlab.calibration.calibrating import figures
from einlab.calibration.fitting import Fit, fit, predicted
from einlab.calibration.probes import KINDS, probes
from einlab.planning import Plan, plan
from einlab.stepmodel import Calling, Constants

TRUE = Constants(
    itemsize=4.0,
    rate=1.2e11,
    half_m=15.0,
    half_k=12.0,
    half_n=40.0,
    matrix=1.5e-7,
    loop_rate=9e9,
    vector_bandwidth=3e10,
    bandwidth=2e10,
    cache=6e6,
    cache_bandwidth=6e10,
    launch=1.5e-6,
    product_launch=2e-6,
    batched=0.6,
    gain=0.8,
    gain_from=1e-3,
    threads=3e-5,
    threads_from=3e5,
    sum_bandwidth=3e10,
    half_sum=4.0,
    permute_bandwidth=4e10,
    run=2e-10,
    crossed=2.5,
    multiply=8e-11,
    reduce_bandwidth=2e10,
    iteration=3e-6,
    allocation=4e-10,
    allocation_from=32 * 2.0**20,
)
CALLING = Calling(call=8e-6, wake=2e-5, wake_from=3e-7)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [plan(one.equation, *one.shapes, optimize="greedy") for one in probes(4)]


def of_the_model(plans: list[Plan]) -> np.ndarray:
    return np.array([predicted(TRUE, CALLING, one) for one in plans])


def furthest(found: Fit) -> float:
    one, other = figures(found.constants, found.calling), figures(TRUE, CALLING)
    return max(abs(np.log(one[name] / other[name])) for name in one)


def test_times_that_the_model_made_are_explained(plans):
    found = fit(plans, of_the_model(plans).tolist(), 4)
    assert found.error < 0.15
    assert furthest(found) < 0.2


def test_a_few_disturbed_times_bend_nothing(plans):
    random = np.random.default_rng(1)
    seconds = of_the_model(plans) * np.exp(random.normal(0, 0.05, len(plans)))
    seconds[::12] *= 5
    assert furthest(fit(plans, seconds.tolist(), 4)) < 0.35


def test_a_machine_twice_as_slow_is_found_to_be(plans):
    once = fit(plans, of_the_model(plans).tolist(), 4)
    twice = fit(plans, (2 * of_the_model(plans)).tolist(), 4)
    one, other = (figures(each.constants, each.calling) for each in (once, twice))
    assert all(1.5 < other[name] / one[name] < 2.6 for name in one)


def test_probes_are_the_same_every_time_and_of_every_kind():
    assert probes(4) == probes(4)
    assert {one.kind for one in probes(8)} == set(KINDS)
    assert set(probes(4, quick=True)) < set(probes(4))
