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
