"""The form of a plan keeps its compile budget by estimate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

import einlab
from einlab.compiling import DEFAULT_BUDGET, LIMITS, divide
from einlab.config import config
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.plans import Plan
from einlab.portions import signature
from tests.execute.networks import network


def chain(count: int, size: int) -> einlab.Plan:
    """Matrices in a row."""
    names = [chr(0x4E00 + i) for i in range(count + 1)]
    terms = [a + b for a, b in pairwise(names)]
    equation = f"{','.join(terms)}->{names[0]}{names[-1]}"
    left = [(0, 1)] + [(0, count - 1 - step) for step in range(1, count - 1)]
    return einlab.plan(equation, *[(size, size)] * count, optimize=left, compile_budget=0.01)


def test_few_steps_are_one_program() -> None:
    plan = einlab.plan("ij,jk,kl->il", (2, 3), (3, 4), (4, 5))
    assert plan.compilation.form == "program"
    assert 0 < plan.compile_estimate < DEFAULT_BUDGET


@pytest.fixture
def without_native_code() -> Iterator[None]:
    config.native = "off"
    yield
    config.native = None


def test_many_small_steps_run_in_native_code() -> None:
    net = network(300, 0)
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy")
    assert plan.compilation.form == plan.compilation.traced == "native"
    assert plan.compile_estimate <= DEFAULT_BUDGET


@pytest.mark.usefixtures("without_native_code")
def test_many_small_steps_go_on_a_tape_where_there_is_no_native_code() -> None:
    net = network(300, 0)
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy")
    assert plan.compilation.form == plan.compilation.traced == "tape"
    assert plan.compile_estimate <= DEFAULT_BUDGET


def test_native_code_is_for_a_cpu_and_for_floats_that_it_computes_with() -> None:
    net = network(300, 0)
    complex_plan = einlab.plan(net.equation, *net.shapes, optimize="greedy", dtype="complex64")
    assert complex_plan.compilation.form == "tape"
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy")
    assert plan.on("H100 SXM").compilation.form == "tape"


def test_a_large_budget_keeps_one_program() -> None:
    net = network(300, 0)
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy", compile_budget="1min")
    assert plan.compilation.form == "program"
    assert plan.compile_estimate > DEFAULT_BUDGET


@pytest.mark.usefixtures("without_native_code")
def test_many_large_steps_that_are_alike_share_kernels() -> None:
    plan = chain(100, 300)
    assert plan.compilation.form == "kernels"
    assert plan.compilation.traced == "program"
    assert len({signature(step) for step in plan.steps}) <= 3


@pytest.mark.usefixtures("without_native_code")
def test_sliced_plans_and_empty_results_are_one_program() -> None:
    net = network(120, 1)
    sliced = einlab.plan(net.equation, *net.shapes, optimize="greedy", memory_limit=8)
    assert sliced.sliced
    assert sliced.compilation.form == "program"
    shapes = [(0, *shape[1:]) if i == 0 else shape for i, shape in enumerate([(2, 2)] * 120)]
    names = [chr(0x4E00 + i) for i in range(121)]
    terms = ",".join(a + b for a, b in pairwise(names))
    empty = einlab.plan(f"{terms}->{names[0]}", *shapes, optimize="greedy")
    assert empty.compilation.form == "program"


@pytest.mark.parametrize("natively", [False, True])
@pytest.mark.parametrize("limit", [0, 64, *LIMITS])
def test_parts_hold_every_step_once_after_what_it_needs(limit: int, natively: bool) -> None:
    net = network(200, 2)
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy")
    parts = divide(plan.steps, limit, natively=natively)
    order = [place for part in parts for place in part.steps]
    assert sorted(order) == list(range(len(plan.steps)))
    assert any(part.on_tape for part in parts) == (limit > 0)
    made = set(range(len(plan.contraction.terms)))
    for place in order:
        step = plan.steps[place]
        assert made.issuperset(step.operands)
        made.add(step.result)


@pytest.mark.parametrize(
    ("budget", "error"),
    [("soon", ArgumentError), (0, ArgumentError), (-1.0, ArgumentError), ([1], ArgumentTypeError),
     (True, ArgumentTypeError), (float("inf"), ArgumentError)],
)  # fmt: skip
def test_a_budget_that_is_no_time_is_refused(budget: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="compile_budget"):
        einlab.plan("ij,jk->ik", (2, 3), (3, 4), compile_budget=budget)


def test_a_plan_keeps_its_budget_as_json() -> None:
    plan = einlab.plan("ij,jk->ik", (2, 3), (3, 4), compile_budget="2s")
    assert plan.compile_budget == 2.0
    again = Plan.from_json(plan.to_json())
    assert again == plan
    data = json.loads(plan.to_json())
    del data["compile_budget"]
    assert Plan.from_json(json.dumps(data)).compile_budget == DEFAULT_BUDGET
