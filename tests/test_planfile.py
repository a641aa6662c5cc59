"""Stored plans: each is read back as it was, or refused with what is wrong."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einlab
from einlab.errors import ArgumentTypeError, PlanError
from einlab.planning import Plan
from tests.strategies import Case, cases
from tests.wording import complaint

CHAIN = einlab.plan("ij,jk,kl->il", (2, 3), (3, 4), (4, 5), precision="high")
SLICED = einlab.plan("ij,jk,kl->il", (9, 9), (9, 9), (9, 9), memory_limit="1400B")
NAMED = einlab.plan("row key, key out -> out row", (2, 3), (3, 4), dtype="bfloat16")
COMPLEX = einlab.plan("ij,jk->ik", (2, 3), (3, 4), dtype=("complex64", "float32"))
FOR_MACHINE = einlab.plan("ij,jk->ik", (2, 3), (3, 4), machine="h100-sxm")
PLANS = [CHAIN, SLICED, NAMED, COMPLEX, FOR_MACHINE]


def tampered(plan: Plan = CHAIN, **fields: Any) -> str:
    """The JSON text of a plan with other fields; None takes a field away."""
    data = json.loads(plan.to_json()) | fields
    return json.dumps({name: value for name, value in data.items() if value is not ...})


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.eq)
def test_a_plan_is_read_back_as_it_was_written(plan: Plan) -> None:
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.to_json() == plan.to_json()
    assert again.searched_by == plan.searched_by
    assert Plan.from_json(plan.to_json().encode()) == plan  # type: ignore[arg-type]


@given(cases(most=5))
def test_the_plan_of_any_contraction_is_read_back_as_it_was(case: Case) -> None:
    plan = einlab.plan(case.equation, *case.shapes, dtype=case.dtypes)
    assert Plan.from_json(plan.to_json()) == plan


TEXTS: list[tuple[Any, str]] = [
    ("", "the plan is empty"),
    (" \n", "the plan is empty"),
    ("{", "the plan is cut short"),
    ("nonsense", "the plan is no JSON text: Expecting value at line 1, column 1"),
    ('{"format": einlab}', "at line 1, column 12"),
    ("[" * 100_000, "the plan is"),
    ("1" * 5000, "the plan is no JSON text that can be read"),
    (b"\xff\xfe\x00", "the plan is no text in UTF-8"),
    ("[]", "no plan of einlab"),
    ("null", "no plan of einlab"),
    ('{"format": "other"}', "no plan of einlab"),
    (tampered(version=99), "is of version 99; this einlab reads versions 1 to 5"),
    (tampered(version="1"), "is of version '1'"),
]
FIELDS: list[tuple[dict[str, Any], str]] = [
    *(
        ({name: ...}, f"the plan lacks {name!r}")
        for name in ("terms", "output", "shapes", "dtypes", "pairs", "orders", "dtype", "sliced")
    ),
    ({"terms": None}, "'terms' is None, no list"),
    ({"terms": [["i", 1], ["j"]]}, "'terms' holds something else than text"),
    ({"terms": [["i", "j"]]}, "1 terms, 3 shapes and 3 dtypes"),
    ({"terms": [["i"], ["j", "k"], ["k", "l"]]}, "operand 0 of the plan has shape (2, 3)"),
    ({"terms": [["i", "j,"], ["j,", "k"], ["k", "l"]]}, "an index 'j,'"),
    ({"terms": [["i", ""], ["", "k"], ["k", "l"]]}, "an index ''"),
    ({"equation": "ij,jk,kl->li"}, "equation is 'ij,jk,kl->li', but its terms"),
    ({"output": ["i", "z"]}, "has one of no operand"),
    ({"output": ["i", "i"]}, "repeats an index"),
    ({"shapes": [[2, 3], [4, 4], [4, 5]]}, "index 'j' has size 3 in operand 0 and 4 in operand 1"),
    ({"shapes": [[2, -3], [-3, 4], [4, 5]]}, "-3 in the plan is no size"),
    ({"shapes": [[2, math.nan], [3, 4], [4, 5]]}, "nan in the plan is no size"),
    ({"shapes": [[2, True], [True, 4], [4, 5]]}, "True in the plan is no size"),
    ({"shapes": [[2, 3.0], [3.0, 4], [4, 5]]}, "3.0 in the plan is no size"),
    ({"dtypes": ["float32", "float32", "bogus"]}, "'bogus' is no dtype"),
    ({"dtypes": ["complex64"] * 3}, "cannot be given as float32"),
    ({"dtype": "int7"}, "'int7' is no dtype"),
    ({"pairs": [[0, 0], [1, 2]]}, "step 0 contracts arrays 0 and 0"),
    ({"pairs": [[0, 1]]}, "2 arrays are left"),
    ({"pairs": [[0, 1, 2]]}, "does not take two arrays"),
    ({"pairs": [[0, 9], [1, 2]]}, "array 9 is not there"),
    ({"pairs": [[0, -1], [1, 2]]}, "-1 in the plan"),
    ({"pairs": [[0, 1], [0, 2]]}, "step 1 contracts arrays 0 and 2, but array 0 is not there"),
    ({"orders": [["i", "l"]]}, "not one index order for each step"),
    ({"orders": [["z"], ["i", "l"]]}, "step 0 of the plan orders ['z']"),
    ({"orders": "il"}, "'orders' is 'il', no list"),
    ({"sliced": ["z"]}, "slices an index twice, or one that it does not have"),
    ({"sliced": ["j", "j"]}, "slices an index twice"),
    ({"precision": "bogus"}, "unknown precision 'bogus'"),
    ({"precision": 7}, "not 7"),
    ({"objective": 7}, "'objective' is 7, no str"),
    ({"searched_by": 7}, "'searched_by' is 7, no str"),
    ({"machine": {"name": "mine"}}, "'machine' has other fields"),
    ({"machine": "mine"}, "'machine' is 'mine', no dict"),
]


@pytest.mark.parametrize(
    ("text", "says"),
    [*TEXTS, *((tampered(**fields), says) for fields, says in FIELDS)],
    ids=[says for _, says in [*TEXTS, *FIELDS]],
)
def test_a_damaged_or_tampered_plan_is_refused(text: Any, says: str) -> None:
    complaint(lambda: Plan.from_json(text), PlanError, (says,))


@pytest.mark.parametrize("text", [None, {}, 3, Path("plan.json")])
def test_what_is_no_text_is_refused(text: Any) -> None:
    complaint(lambda: Plan.from_json(text), ArgumentTypeError, (f"not from {text!r}",))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.eq)
def test_a_plan_cut_short_anywhere_is_refused(plan: Plan) -> None:
    text = plan.to_json()
    for length in range(0, len(text), 7):
        complaint(partial(Plan.from_json, text[:length]), PlanError)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.sampled_from("ijkl"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@given(st.sampled_from(PLANS), st.data())
def test_whatever_stands_in_a_field_gives_a_plan_or_one_kind_of_error(
    plan: Plan, data: st.DataObject
) -> None:
    fields = json.loads(plan.to_json())
    name = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(values)
    if isinstance(fields[name], list) and fields[name] and data.draw(st.booleans()):
        fields[name][data.draw(st.integers(0, len(fields[name]) - 1))] = value
    else:
        fields[name] = value
    try:
        read = Plan.from_json(json.dumps(fields))
    except PlanError:
        return
    assert str(read)
    assert Plan.from_json(read.to_json()) == read


@given(st.text() | st.binary())
def test_no_text_raises_anything_but_a_plan_error(text: Any) -> None:
    complaint(lambda: Plan.from_json(text), PlanError)


def test_a_plan_runs_arrays_of_its_own_shapes_alone() -> None:
    a, b, c = (np.ones(shape, np.float32) for shape in CHAIN.contraction.shapes)
    again = Plan.from_json(CHAIN.to_json())
    np.testing.assert_array_equal(einlab.contract(again, a, b, c), np.full((2, 5), 12))
    expression = einlab.contract_expression(again)
    for call in (partial(einlab.contract, again), expression):
        text = complaint(
            partial(call, a, b, b),
            PlanError,
            ("operand 2 has shape (3, 4), but the plan is for shape (4, 5)", "'ij,jk,kl->il'"),
        )
        assert "plan again" in text
    for operands, given_ in ((a, b), "2 were given"), ((a,), "1 was given"), ((), "0 were given"):
        complaint(
            partial(einlab.contract, again, *operands),
            PlanError,
            ("the plan takes 3 operands", given_),
        )
    complaint(
        lambda: einlab.contract(again, a, b, c, optimize="greedy"),
        ArgumentTypeError,
        ("a plan is run as it is", "optimize="),
    )
    complaint(lambda: einlab.contract_expression(again, a), ArgumentTypeError, ("a plan has its",))


def test_reading_a_plan_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    complaint(lambda: Plan.from_json("{"), PlanError)
    assert list(tmp_path.iterdir()) == []
