"""`strict=True` refuses what is legal but often a slip, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import einlab
from einlab.errors import DtypeError, EinlabError, ShapeError
from tests.strategies import Case, cases
from tests.wording import complaint, marked


@pytest.mark.parametrize(
    ("equation", "shapes", "says", "marks"),
    [
        (
            "ij,jk->ik",
            ((2, 3), (1, 4)),
            "broadcasting: index 'j' has size 1 in operand 1 and 3 in operand 0",
            ["j", "j"],
        ),
        (
            "行列,列数->行数",
            ((2, 1), (3, 4)),
            "broadcasting: index '列' has size 1 in operand 0 and 3 in operand 1",
            ["列", "列"],
        ),
        (
            "ij,jk->k",
            ((2, 3), (3, 4)),
            "a lone sum: index 'i' occurs in operand 0 alone and not in the output",
            ["i"],
        ),
        ("ijj->i", ((2, 3, 3),), "index 'j' occurs in operand 0 alone", ["j"]),
        (
            "batch key, key out -> out",
            ((2, 3), (3, 4)),
            "index 'batch' occurs in operand 0 alone",
            ["batch"],
        ),
    ],
)
def test_broadcasting_and_lone_sums_are_refused(
    equation: str, shapes: tuple[tuple[int, ...], ...], says: str, marks: list[str]
) -> None:
    einlab.plan(equation, *shapes)
    text = complaint(partial(einlab.plan, equation, *shapes, strict=True), ShapeError, (says,))
    assert text.startswith("strict=True refuses ")
    assert marked(text) == marks
    arrays = [np.zeros(shape, np.float32) for shape in shapes]
    assert complaint(partial(einlab.contract, equation, *arrays, strict=True)) == text


@pytest.mark.parametrize(
    ("dtypes", "wide", "refused"),
    [
        (("int8", "int8"), None, True),
        (("int8", "int8"), "int16", True),
        (("int8", "int8"), "int32", False),
        (("uint8", "bool"), None, True),
        (("bool", "bool"), None, False),
        (("float32", "int8"), None, False),
        (("bool", "bool"), "int8", False),
    ],
)
def test_integers_that_can_wrap_are_refused(
    dtypes: tuple[str, str], wide: str | None, refused: bool
) -> None:
    call = partial(
        einlab.plan,
        *("ij,jk->ik", (2, 3), (3, 4)),
        dtype=dtypes,
        preferred_element_type=wide,
        strict=True,
    )
    if refused:
        complaint(call, DtypeError, ("integers that can wrap", "preferred_element_type"))
    else:
        assert call().contraction.dtypes == dtypes


def test_the_bound_of_integers_is_the_largest_sum_there_can_be() -> None:
    """10 products of 100 · 100, each exact, exceed 16 bits and not 32."""
    a = np.full((1, 10), -128, np.int8)
    exact = einlab.contract("ij,kj->ik", a, a, preferred_element_type="int32", strict=True)
    assert int(exact[0, 0]) == 163_840
    says = "can reach 163,840"
    complaint(
        partial(einlab.contract, "ij,kj->ik", a, a, preferred_element_type="int16", strict=True),
        DtypeError,
        (says,),
    )


@given(cases(most=4, broadcasts=False))
def test_a_call_that_is_not_refused_means_the_same(case: Case) -> None:
    plan: Any = partial(einlab.plan, case.equation, *case.shapes)
    held = [index for term in case.terms for index in set(term)]
    lone = {index for index in held if held.count(index) == 1} - set(case.output)
    try:
        strict = plan(strict=True)
    except EinlabError:
        assert lone
    else:
        assert not lone
        assert strict == plan()
