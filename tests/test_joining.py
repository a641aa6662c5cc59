"""Native products of a tree: those that follow each other share a call, none is slower for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

import einlab
from einlab.arranging import arrange, seconds_of
from einlab.config import config
from einlab.formsearch import native_form
from einlab.joining import _cheapest, _Choice, _seconds, join_native
from einlab.permuting import form_costs
from tests.strategies import Case, cases, law, with_paths

CPU = form_costs("cpu", "float32")
NATIVE = native_form(("i",), ("i",), ())


@pytest.mark.parametrize("call", [0.0, 1.5, 4.0, 20.0])
@pytest.mark.parametrize("seed", range(6))
def test_no_other_choice_of_native_products_takes_less(call: float, seed: int) -> None:
    without = [float((7 * place + 3 * seed) % 11) for place in range(7)]
    within = [float((5 * place + 2 * seed) % 9) for place in range(7)]
    choices = [_Choice(None, a, NATIVE, b) for a, b in zip(without, within, strict=True)]
    least = min(_seconds(choices, list(one), call) for one in product((False, True), repeat=7))
    assert _seconds(choices, _cheapest(choices, call), call) == least


def test_small_steps_of_one_expression_are_one_call() -> None:
    sizes = dict(zip("abcdxyst", (48, 48, 48, 48, 5, 5, 2, 2), strict=True))
    plan = einlab.plan("axb,asc,xsty,btd->cyd", sizes=sizes)
    assert {step.form for step in plan.steps if step.is_product} == {"native"}


def test_what_computes_next_to_nothing_is_left_alone() -> None:
    assert einlab.plan("ij,jk,kl->il", sizes=dict.fromkeys("ijkl", 3)).product_forms == ()


@law(with_paths(cases(dtypes=("float32",), sizes=(2, 16, 32))), quick=60, long=600)
def test_a_tree_without_native_code_keeps_its_forms(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    tree = einlab.plan(case.equation, *case.shapes, optimize=path).tree
    xla = replace(CPU, native=None)
    arranged = arrange(tree, xla)
    assert join_native(tree, arranged.orders, arranged.forms, xla) == arranged.forms
    assert all(form is None or form.kind != "native" for form in arranged.forms)


def test_bytes_alive_count_what_a_call_makes_on_the_way() -> None:
    plan = einlab.plan("ij,jk,kl,lm->im", sizes=dict.fromkeys("ijklm", 64))
    assert [step.form for step in plan.steps] == ["native"] * 3
    matrix = 4 * 64 * 64
    assert plan.peak >= 4 * matrix + 3 * matrix  # operands, and a result of each step
    config.native = "off"
    try:
        assert einlab.plan("ij,jk,kl,lm->im", sizes=dict.fromkeys("ijklm", 64)).peak < plan.peak
    finally:
        config.native = None


def test_forms_are_chosen_by_what_they_take_together() -> None:
    plan = einlab.plan("ij,jk,kl->il", sizes=dict.fromkeys("ijkl", 64))
    arranged = arrange(plan.tree, CPU)
    assert seconds_of(plan.tree, arranged, CPU) > 0
    assert [form and form.kind for form in arranged.forms] == ["native", "native"]
