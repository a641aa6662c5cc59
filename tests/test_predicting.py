"""What calling takes, error bars, and when one plan is surely faster than another."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.planning import Plan, plan
from einlab.predicting import calling_seconds, plan_seconds, step_bar, surplus, waking
from einlab.stepmodel import StepModel
from einlab.stepwork import work_of
from tests.calibration.samples import CALLING, CONSTANTS, RESIDUALS, stored
from tests.formed import plan_for_xla

MODEL = StepModel("one", "float32", CONSTANTS, 0.3, CALLING, residuals=RESIDUALS)
BARE = replace(MODEL, residuals=None)
sizes = st.lists(st.integers(2, 300), min_size=5, max_size=5)
PATHS = ([(0, 1), (0, 2), (0, 1)], [(2, 3), (1, 2), (0, 1)], [(0, 1), (0, 1), (0, 1)])


def chain(extents: list[int], path: list[tuple[int, int]]) -> Plan:
    return plan("ab,bc,cd,de->ae", *pairwise(extents), optimize=path)


@given(extents=sizes)
def test_a_plan_is_never_surely_faster_than_itself(extents):
    steps = chain(extents, PATHS[0]).steps
    assert surplus(MODEL, steps, steps) == 0


@given(extents=sizes, one=st.sampled_from(PATHS), other=st.sampled_from(PATHS))
def test_of_two_plans_one_at_most_is_surely_faster(extents, one, other):
    first, second = chain(extents, one).steps, chain(extents, other).steps
    there, back = surplus(BARE, first, second), surplus(BARE, second, first)
    assert there + back >= -1e-12
    assert there >= plan_seconds(BARE, first) - plan_seconds(BARE, second) - 1e-12


@given(extents=sizes)
def test_what_both_plans_do_widens_no_error_bar(extents):
    first, second = chain(extents, PATHS[0]).steps, chain(extents, PATHS[2]).steps
    shared = plan("xy,yz->xz", (999, 999), (999, 999)).steps
    apart = surplus(BARE, first, second)
    together = surplus(BARE, (*first, *shared), (*second, *shared))
    assert together == pytest.approx(apart, rel=0.2, abs=CALLING.wake + 1e-9)


def test_a_wider_error_bar_makes_less_sure():
    first, second = chain([200, 3, 200, 3, 200], PATHS[1]), chain([200, 3, 200, 3, 200], PATHS[0])
    found = [
        surplus(replace(BARE, error=error), first.steps, second.steps) for error in (0.0, 0.2, 0.9)
    ]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_step_of_a_kind_that_nothing_is_known_of_has_a_wide_bar():
    (product,) = plan("ij,jk->ik", (64, 64), (64, 64)).steps
    (sum_,) = plan_for_xla("ij->i", (64, 64)).steps
    assert step_bar(MODEL, work_of(product)) == pytest.approx(math.log(3))
    assert step_bar(MODEL, work_of(sum_)) < math.log(3)
    assert step_bar(BARE, work_of(product)) == pytest.approx(math.log(1.3))


def test_programs_of_few_flops_run_in_the_thread_that_calls():
    assert waking(CALLING, 1e-3, 999.0) == 0
    assert waking(CALLING, 1e-3, 1000.0) == pytest.approx(CALLING.wake, rel=0.01)
    small, large = plan("ij,jk->ik", (7, 8), (8, 8)), plan("ij,jk->ik", (8, 8), (8, 8))
    assert calling_seconds(MODEL, small.steps) == CALLING.call
    assert calling_seconds(MODEL, large.steps) > CALLING.call


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", ((5, 6), (6, 7))),
        ("bij,bjk->bki", ((3, 5, 6), (3, 6, 7))),
        ("ij,j->ij", ((5, 6), (6,))),
        ("ijk->ki", ((5, 6, 7),)),
        ("iij->ji", ((5, 5, 6),)),
        ("ij->ji", ((5, 6),)),
    ],
)
def test_work_counts_the_flops_that_the_step_costs(equation, shapes):
    (step,) = plan(equation, *shapes).steps
    assert work_of(step).flops == step.cost.flops


def test_a_plan_without_a_step_still_copies_its_operand():
    small, large = (plan("ij->ij", (n, n), machine=stored().machine) for n in (8, 1000))
    assert small.steps == large.steps == ()
    assert small.seconds == pytest.approx(CALLING.call + CONSTANTS.launch, rel=0.01)
    assert large.seconds is not None
    assert large.seconds > 2 * 4 * 10**6 / CONSTANTS.cache_bandwidth
