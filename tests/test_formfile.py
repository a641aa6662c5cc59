"""Forms in stored plans: read back as they were, or refused; plans without them still run."""

from __future__ import annotations

import json
from typing import Any

import pytest

import einlab
from einlab.errors import PlanError
from tests.formed import plan_for_xla, with_random_forms
from tests.strategies import Case, cases, law, with_paths

LOOPED = plan_for_xla("gfbc,dega->abcdef", sizes=dict.fromkeys("abcdefg", 18))


@law(with_paths(cases()), quick=40, long=400)
def test_any_form_is_read_back_as_it_was(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, optimize=path)
    formed = with_random_forms(plan, case.seed)
    assert einlab.Plan.from_json(formed.to_json()) == formed


def test_a_plan_of_version_1_runs_as_products_of_matrices() -> None:
    data = json.loads(LOOPED.to_json()) | {"version": 1}
    del data["product_forms"]
    old = einlab.Plan.from_json(json.dumps(data))
    assert old.product_forms == ()
    assert [step.form for step in old.steps] == ["dot"]
    assert old.flops == LOOPED.flops


def test_a_loop_of_version_2_takes_one_value_at_a_time() -> None:
    data = json.loads(LOOPED.to_json()) | {"version": 2}
    form = data["product_forms"][0]
    form["looped"] = ["a"]
    del form["blocks"]
    (step,) = einlab.Plan.from_json(json.dumps(data)).steps
    assert (step.looped, step.blocks) == (("a",), ())


def test_the_form_stands_in_the_step() -> None:
    (step,) = LOOPED.steps
    (form,) = LOOPED.product_forms
    assert form is not None
    assert (step.form, step.looped, step.blocks) == (form.kind, form.looped, form.blocks)
    assert step.roles == form.roles


@pytest.mark.parametrize("native", ["0", [2], [-1], [0, 0], [True], [0.0], None])
def test_operands_that_run_natively_are_numbers_of_operands(native: Any) -> None:
    data = json.loads(LOOPED.to_json()) | {"native_operands": native}
    with pytest.raises(PlanError, match="'native_operands'"):
        einlab.Plan.from_json(json.dumps(data))


def test_a_plan_of_version_4_has_no_operands_that_run_natively() -> None:
    data = json.loads(einlab.plan("ij->ji", (2000, 2000)).to_json()) | {"version": 4}
    assert data.pop("native_operands") == [0]
    assert [step.form for step in einlab.Plan.from_json(json.dumps(data)).steps] == [None]


GOOD = json.loads(LOOPED.to_json())["product_forms"][0]


@pytest.mark.parametrize(
    ("forms", "said"),
    [
        ([GOOD, GOOD], "not one form for each"),
        ("loop", "not one form for each"),
        ([3], "a form that is none"),
        ([{**GOOD, "roles": {**GOOD["roles"], "k": None}}], "a form that is none"),
        ([{**GOOD, "roles": {**GOOD["roles"], "k": [1]}}], "a form that is none"),
        ([{**GOOD, "kind": "scan"}], "no known kind"),
        ([{**GOOD, "swapped": 1}], "no known kind"),
        ([{**GOOD, "roles": {**GOOD["roles"], "k": ["a"]}}], "other indices than its own"),
        ([{**GOOD, "looped": ["g"], "blocks": [1]}], "cannot run as 'loop'"),
        ([{**GOOD, "looped": ["b", "b"], "blocks": [1, 1]}], "cannot run as 'loop'"),
        ([{**GOOD, "looped": ["b"], "blocks": [5]}], "cannot run as 'loop'"),
        ([{**GOOD, "looped": ["b"], "blocks": [0]}], "cannot run as 'loop'"),
        ([{**GOOD, "looped": ["b"], "blocks": [1, 2]}], "cannot run as 'loop'"),
        ([{**GOOD, "looped": ["b"], "blocks": [True]}], "a form that is none"),
        ([{**GOOD, "looped": ["b"], "blocks": 1}], "a form that is none"),
        ([{**GOOD, "looped": []}], "cannot run as 'loop'"),
        ([{**GOOD, "kind": "dot"}], "cannot run as 'dot'"),
        ([{**GOOD, "kind": "reduce", "looped": []}], "cannot run as 'reduce'"),
        ([{**GOOD, "kind": "dot", "looped": [], "blocks": [1]}], "cannot run as 'dot'"),
    ],
)
def test_a_form_that_cannot_be_is_refused(forms: Any, said: str) -> None:
    data = json.loads(LOOPED.to_json()) | {"product_forms": forms}
    with pytest.raises(PlanError, match=said):
        einlab.Plan.from_json(json.dumps(data))
