"""Portions of a plan hold every step once, and those that are alike say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import einlab
from einlab.portions import SIZES, largest_within, portions, signature
from tests.execute.networks import network, one_by_one, overlap


@pytest.mark.parametrize("most", [1, 2, 7, 64, 1000])
def test_every_step_is_in_one_portion_after_all_that_it_needs(most: int) -> None:
    net = network(120, 2)
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy")
    made = set(range(len(plan.contraction.terms)))
    cut = portions(plan.steps, most)
    for portion in cut:
        assert made.issuperset(portion.taken)
        assert 0 < len(portion.steps) <= most
        inside = set(portion.taken)
        for place in portion.steps:
            assert inside.issuperset(plan.steps[place].operands)
            inside.add(plan.steps[place].result)
        made.add(plan.steps[portion.steps[-1]].result)
    assert sorted(place for portion in cut for place in portion.steps) == list(
        range(len(plan.steps))
    )


def test_steps_of_alike_portions_have_one_signature_each_and_join_alike() -> None:
    net = overlap(60, 3)
    plan = einlab.plan(net.equation, *net.shapes, optimize=one_by_one(120))
    cut = portions(plan.steps, 6)
    of_form = {portion.form: portion for portion in cut}
    assert len(of_form) < len(cut) / 2
    for portion in cut:
        first = of_form[portion.form]
        for here, there in zip(portion.steps, first.steps, strict=True):
            assert signature(plan.steps[here]) == signature(plan.steps[there])
            taken = zip(plan.steps[here].operands, plan.steps[there].operands, strict=True)
            for value, other in taken:
                assert (value in portion.taken) == (other in first.taken)


def test_the_largest_portions_within_a_budget_are_found() -> None:
    def seconds_of(steps: Sequence[Any]) -> float:
        return 0.05 + 0.01 * len(steps)

    net = overlap(60, 3)
    steps = einlab.plan(net.equation, *net.shapes, optimize=one_by_one(120)).steps
    for budget in (0.01, 0.3, 0.6, 100.0):
        most, seconds, count = largest_within(steps, budget, seconds_of)
        assert count == len(portions(steps, most))
        for larger in SIZES[: SIZES.index(most)]:
            forms = {portion.form for portion in portions(steps, larger)}
            assert sum(map(seconds_of, forms)) > min(budget, seconds)
    assert most == SIZES[0]
