"""Operands whose own steps run natively: which, in which calls, at what predicted time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import einlab
from einlab.config import config
from einlab.nativecalls import call_bytes, native_calls
from einlab.planning import left_to_xla
from einlab.predicting import count_native, work_seconds
from einlab.stepmodel import Constants
from einlab.steps import Step
from einlab.stepwork import work_of

LARGE = (
    ("ij->ji", (2000, 2000)),
    ("abcd->dbca", (40, 40, 40, 40)),
    ("ijk->k", (200, 200, 200)),
    ("iij->j", (300, 300, 400)),
    ("ii->", (5000, 5000)),
)


def forms_of(plan: einlab.Plan) -> list[str | None]:
    return [step.form for step in plan.steps]


@pytest.mark.parametrize(("equation", "shape"), LARGE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_arrays_are_permuted_and_summed_natively(
    equation: str, shape: tuple[int, ...], dtype: str
) -> None:
    plan = einlab.plan(equation, shape, dtype=dtype)
    assert plan.native_operands == (0,)
    assert plan.steps[-1].form == "native"
    assert count_native(plan.steps) == 1


def test_what_is_small_or_of_another_dtype_is_left_to_xla() -> None:
    assert einlab.plan("ij->ji", (9, 9)).native_operands == ()
    for dtype in ("complex64", "bfloat16", "int32"):
        assert einlab.plan("ij->ji", (2000, 2000), dtype=dtype).native_operands == ()
    config.native = "off"
    try:
        assert einlab.plan("ij->ji", (2000, 2000)).native_operands == ()
    finally:
        config.native = None


def test_a_diagonal_that_is_summed_natively_is_only_looked_at() -> None:
    plan = einlab.plan("iij->j", (300, 300, 400))
    assert forms_of(plan) == ["view", "native"]
    assert native_calls(plan.steps) == (plan.steps,)
    looked_at = work_of(plan.steps[0])
    assert work_seconds(Constants(4.0, rate=1e9, launch=1.0), looked_at) == 0
    assert not looked_at.computes


def test_operands_of_native_products_are_prepared_in_their_call() -> None:
    plan = einlab.plan("iij,kk,jl->l", (50, 50, 60), (70, 70), (60, 300))
    assert plan.native_operands == ()
    assert {step.form for step in plan.steps} == {"view", "native"}
    assert len(native_calls(plan.steps)) == 1


def with_plain_products(plan: einlab.Plan) -> einlab.Plan:
    return replace(plan, product_forms=(), native_operands=(0, 1))


def test_steps_that_no_native_product_takes_are_a_call_of_their_own() -> None:
    plan = with_plain_products(einlab.plan("iija,jkb->ik", (9, 9, 8, 3), (8, 7, 5)))
    assert forms_of(plan) == ["view", "native", "native", "dot"]
    assert [len(call) for call in native_calls(plan.steps)] == [3, 1]
    assert call_bytes(plan.steps, "float32") > plan.steps[0].live
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(shape).astype("float32") for shape in plan.contraction.shapes]
    wanted = np.einsum("iija,jkb->ik", *arrays)
    np.testing.assert_allclose(einlab.contract(plan, *arrays), wanted, rtol=1e-5, atol=1e-4)


def test_left_to_xla_nothing_is_native() -> None:
    plan = with_plain_products(einlab.plan("iija,jkb->ik", (9, 9, 8, 3), (8, 7, 5)))
    for one in (plan, einlab.plan("ij->ji", (2000, 2000))):
        assert not any(step.is_native for step in left_to_xla(one).steps)


def test_native_copies_and_sums_are_kinds_of_their_own() -> None:
    kinds = [work_of(step_of(equation, shape)).alike for equation, shape in LARGE[:3]]
    assert kinds == ["native permute", "native permute", "native sum"]


def step_of(equation: str, shape: tuple[int, ...]) -> Step:
    return einlab.plan(equation, shape).steps[-1]


def test_the_table_of_a_plan_names_the_form() -> None:
    assert "permute native" in str(einlab.plan("ij->ji", (2000, 2000)))
    assert "sum native" in str(einlab.plan("iij->j", (300, 300, 400)))
    assert "diagonal view" in str(einlab.plan("iij->j", (300, 300, 400)))


def test_an_element_wise_product_is_native_where_waking_a_thread_takes_longest() -> None:
    assert forms_of(einlab.plan("ij,ij->ij", (60, 60), (60, 60))) == ["native"]
    assert forms_of(einlab.plan("ij,ij->ij", (2000, 2000), (2000, 2000))) == [None]
    assert forms_of(einlab.plan("ij,ij->ij", (9, 9), (9, 9))) == [None]
