"""Long rows that begin anywhere: written whole, and nothing beside them."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

import einlab
from einlab.execute.native_steps import can_run
from einlab.formsearch import native_form


@pytest.mark.parametrize("equation", ["i,j->ij", "ij,i->ij", "ij,ij->ij", "ij,j->ij", "i,jk->jik"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_any_length_are_products_entry_by_entry(equation: str, dtype: str) -> None:
    assert can_run(dtype)
    random = np.random.default_rng(0)
    for length in (127, 257, 390):
        sizes = {"i": 5, "j": length, "k": length + 3}
        terms = equation.split("->")[0].split(",")
        arrays = [
            random.standard_normal([sizes[index] for index in term]).astype(dtype) for term in terms
        ]
        plan = einlab.plan(equation, *(array.shape for array in arrays), dtype=dtype)
        (step,) = plan.steps
        left, right = (term for _, term in sorted(zip(step.operands, step.terms, strict=True)))
        plan = replace(plan, product_forms=(native_form(left, right, step.output),))
        with jax.enable_x64(dtype == "float64"):
            found = np.asarray(einlab.contract(plan, *arrays))
        np.testing.assert_array_equal(found, np.einsum(equation, *arrays))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_are_summed_end_anywhere(dtype: str) -> None:
    random = np.random.default_rng(1)
    for length in (33, 129, 1031):
        array = random.standard_normal((9, length)).astype(dtype)
        plan = replace(einlab.plan("ij->i", array.shape, dtype=dtype), native_operands=(0,))
        with jax.enable_x64(dtype == "float64"):
            found = np.asarray(einlab.contract(plan, array))
        exact = array.astype("float64").sum(1)
        np.testing.assert_allclose(found, exact, rtol=0, atol=length * np.finfo(dtype).eps)
