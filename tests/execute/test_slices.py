"""Limits of memory: plans that keep them, by slices in one program, give the right results."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.errors import MemoryLimitError
from tests.strategies import Case, cases, law
from tests.test_contracting import assert_cotangents_right, assert_right, forward_and_back

pytestmark = pytest.mark.usefixtures("device")


@law(cases(least=2, most=5, sizes=(2, 3, 4, 1), dtypes=("float32", "bool", "int8")),
     st.floats(0, 1), quick=30, long=300)  # fmt: skip
def test_a_memory_limit_is_kept_by_plans_that_give_the_right_result(
    case: Case, share: float
) -> None:
    arrays = case.arrays()
    free = einlab.plan(case.equation, *arrays)
    given = sum(array.nbytes for array in arrays)
    limit = max(given + int(share * (free.peak - given)), 1)
    try:
        plan = einlab.plan(case.equation, *arrays, memory_limit=f"{limit}B")
    except MemoryLimitError as error:
        least = str(error).split("would do is ")[1].split(" bytes")[0].replace(",", "")
        assert int(least) > limit
        plan = einlab.plan(case.equation, *arrays, memory_limit=f"{least}B")
        limit = int(least)
    assert plan.peak <= limit
    assert_right(einlab.contract(plan, *arrays), case, arrays)


@law(cases(least=2, most=4, sizes=(2, 3), dtypes=("float32",)), quick=12, long=200)
def test_gradients_through_slices_are_right(case: Case) -> None:
    arrays = case.arrays()
    free = einlab.plan(case.equation, *arrays)
    given = sum(array.nbytes for array in arrays)
    for share in (0.0, 0.3, 0.6, 1.0):
        try:
            limit = f"{max(given + int(share * (free.peak - given)), 1)}B"
            plan = einlab.plan(case.equation, *arrays, memory_limit=limit)
        except MemoryLimitError:
            continue
        break
    else:
        plan = free

    def contracted(*operands: Any) -> jax.Array:
        return einlab.contract(plan, *operands)

    result, cotangent, sent = forward_and_back(contracted, arrays, case.seed)
    assert_right(result, case, arrays)
    assert_cotangents_right(sent, case, arrays, cotangent)


@law(cases(least=2, most=5, sizes=(2, 3, 4)), st.integers(1, 12), quick=25, long=300)
def test_a_limit_of_elements_bounds_every_intermediate(case: Case, limit: int) -> None:
    arrays = case.arrays()
    plan = einlab.plan(case.equation, *arrays, memory_limit=limit)
    products = [step for step in plan.steps if step.is_product]
    for step in products[:-1]:
        assert np.prod(step.shape) <= limit
    assert_right(einlab.contract(plan, *arrays), case, arrays)


RING = "abc,bcd,def,efg,fgh,gha->"


def test_every_limit_from_the_smallest_on_has_a_plan() -> None:
    shapes = [(6, 6, 6)] * 6
    with pytest.raises(MemoryLimitError) as refused:
        einlab.plan(RING, *shapes, memory_limit="1KiB")
    smallest, free = refused.value.smallest, einlab.plan(RING, *shapes).peak
    assert smallest is not None
    assert smallest < free
    costs = []
    for limit in [*range(smallest, free, (free - smallest) // 24), free]:
        plan = einlab.plan(RING, *shapes, memory_limit=f"{limit}B")
        assert plan.peak <= limit
        costs.append(plan.flops)
    assert costs[-1] == einlab.plan(RING, *shapes).flops


def test_small_slices_are_not_lost_beside_the_sum_of_a_hundred_thousand() -> None:
    draw = np.random.default_rng(0)
    arrays = [draw.uniform(0.5, 1, (5, 5, 5)).astype(np.float32) for _ in range(6)]
    with pytest.raises(MemoryLimitError) as refused:
        einlab.plan(RING, *arrays, memory_limit="1KiB")
    plan = refused.value.plan
    assert isinstance(plan, einlab.Plan)
    assert plan.slices == 5**8
    whole = np.einsum(RING, *[array.astype(np.float64) for array in arrays], optimize=True)
    found = einlab.contract(plan, *arrays)
    np.testing.assert_allclose(found, whole, rtol=2e-7)
    gradient = jax.grad(lambda a: einlab.contract(plan, a, *arrays[1:]))(arrays[0])
    rest = [array.astype(np.float64) for array in arrays[1:]]
    expected = np.einsum("bcd,def,efg,fgh,gha->abc", *rest, optimize=True)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3)  # sums of sums, not carried along
