"""Folding: a plan cut at its constants is two plans that give what the whole gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import einlab
from einlab.folding import split
from tests.reference import naive_sum
from tests.strategies import Case, cases, law, paths


@law(cases(most=7, dtypes=("float64",)), st.data(), quick=100, long=500)
def test_the_parts_of_a_split_plan_contract_to_the_whole(case: Case, data: Any) -> None:
    path = data.draw(paths(case.count))
    plan = einlab.plan(case.equation, *case.shapes, dtype="float64", optimize=path)
    constants = data.draw(st.sets(st.integers(0, case.count - 1)))
    parts = split(plan, constants)
    arrays = case.arrays()

    def contracted(part: einlab.Plan, operands: list[Any]) -> Any:
        contraction = part.contraction
        shaped = [x.reshape(s) for x, s in zip(operands, contraction.shapes, strict=True)]
        return naive_sum(contraction.terms, contraction.output, shaped)

    folded = [contracted(f.plan, [arrays[p] for p in f.operands]) for f in parts.folded]
    variables = [arrays[place] for place in parts.variables]
    got = contracted(parts.rest, [*folded, *variables])
    expected = naive_sum(case.terms, case.output, arrays)
    assert got.shape == expected.shape
    scale = 1 + np.sum(np.abs(expected))
    assert np.all(np.abs(got - expected) <= 1e-9 * scale)


@law(cases(most=7), st.data(), quick=100, long=500)
def test_each_constant_is_folded_once_and_no_work_is_added(case: Case, data: Any) -> None:
    path = data.draw(paths(case.count))
    plan = einlab.plan(case.equation, *case.shapes, optimize=path)
    constants = data.draw(st.sets(st.integers(0, case.count - 1)))
    parts = split(plan, constants)
    assert sorted(p for folded in parts.folded for p in folded.operands) == sorted(constants)
    assert list(parts.variables) == sorted(set(range(case.count)) - constants)
    flops = parts.rest.flops + sum(folded.plan.flops for folded in parts.folded)
    assert flops == plan.flops
    for folded in parts.folded:
        assert len(folded.plan.pairs) == len(folded.operands) - 1


def test_a_chain_of_constants_becomes_one_array() -> None:
    sizes = dict.fromkeys("ijklm", 3)
    plan = einlab.plan("ij,jk,kl,lm->im", sizes=sizes, optimize=[(2, 3), (1, 2), (0, 1)])
    parts = split(plan, {1, 2, 3})
    assert [folded.operands for folded in parts.folded] == [(1, 2, 3)]
    assert parts.rest.eq == "jm,ij->im"
    assert split(plan, {1, 2}).rest.eq == "jk,kl,ij,lm->im"
    assert split(plan, ()).rest == plan
