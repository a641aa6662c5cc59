"""Steps: what kind each is, what it counts, and that together they make the result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import einlab
from einlab.steps import Gemm
from tests.reference import naive_sum
from tests.strategies import Case, cases, law, with_paths


@law(with_paths(cases(dtypes=("float64",))), quick=100, long=500)
def test_each_step_done_naively_gives_the_whole(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, dtype="float64", optimize=path)
    arrays = case.arrays()
    contraction = plan.contraction
    values = {
        place: array.reshape([contraction.sizes[i] for i in contraction.squeezed[place]])
        for place, array in enumerate(arrays)
    }
    result = values[0]
    for step in plan.steps:
        taken = [values.pop(operand) for operand in step.operands]
        assert [array.shape for array in taken] == list(step.shapes)
        result = values[step.result] = naive_sum(step.terms, step.output, taken)
        assert result.shape == step.shape
    assert list(values) == [plan.steps[-1].result] if plan.steps else [0]
    expected = naive_sum(case.terms, case.output, arrays)
    np.testing.assert_allclose(result.reshape(expected.shape), expected, rtol=1e-9, atol=1e-9)


@law(with_paths(cases()), quick=100, long=500)
def test_the_kind_of_a_step_says_what_it_does(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, optimize=path)
    for step in plan.steps:
        inside = [set(term) for term in step.terms]
        together = set().union(*inside)
        summed = math.prod(plan.size_dict[index] for index in together - set(step.output))
        if len(step.operands) == 1:
            assert step.kind in ("diagonal", "sum", "permute")
            repeats = len(step.terms[0]) > len(inside[0])
            assert (step.kind == "diagonal") == repeats
            assert (step.kind == "permute") == (len(step.terms[0]) == len(step.output))
            assert step.gemm is None
        elif step.kind == "product":
            assert step.gemm is not None
            assert step.gemm.k == summed != 1
            sides = step.gemm.batch * step.gemm.m * step.gemm.n
            assert sides == math.prod(step.shape)
        else:
            assert summed == 1
            assert step.gemm is None
            assert (step.kind == "scale") == (set() in inside)
            assert step.cost.flops == math.prod(step.shape)


@pytest.mark.parametrize(
    ("equation", "kinds"),
    [
        ("ij,jk->ik", ["product"]),
        ("i,j->ij", ["outer"]),
        ("ij,ij->ij", ["elementwise"]),
        ("ij,j->ij", ["elementwise"]),
        (",ij->ij", ["scale"]),
        ("ii->i", ["diagonal"]),
        ("ii->", ["diagonal", "sum"]),
        ("ij->j", ["sum"]),
        ("ij->ji", ["permute"]),
        ("ij->ij", []),
        ("->", []),
        ("ijk,k->i", ["sum", "product"]),
        ("iij,j->i", ["diagonal", "product"]),
    ],
)
def test_steps_of_small_equations(equation: str, kinds: list[str]) -> None:
    plan = einlab.plan(equation, sizes=dict.fromkeys("ijk", 3))
    assert [step.kind for step in plan.steps] == kinds


def test_a_gemm_prints_its_sizes() -> None:
    assert str(Gemm(1, 2, 3, 4)) == "2×3×4"
    assert str(Gemm(5, 2, 3, 4)) == "5·(2×3×4)"


def test_the_operand_whose_index_the_result_has_first_is_the_left_one() -> None:
    (step,) = einlab.plan("jk,ij->ik", sizes=dict.fromkeys("ijk", 3)).steps
    assert step.operands == (1, 0)
    assert step.equation == "ij,jk->ik"
