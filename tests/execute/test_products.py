"""The forms of a product: each gives the same sum, its derivatives, and the FLOPs that are said."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.execute.lowering import for_backend, run_plan, run_step
from einlab.forms import ProductForm
from einlab.machines import machine_for
from einlab.orders import Roles
from tests.execute.test_lowering import counted_as_lowered, operations
from tests.formed import plan_for_xla, with_random_forms
from tests.reference import assert_contracts_to
from tests.strategies import Case, cases, law, with_paths

pytestmark = pytest.mark.usefixtures("device")

DTYPES = ("float32", "float16", "complex64", "int8", "bool", "bfloat16")
SEEDS = st.integers(0, 2**16)
FIRST_OF_ALL = (2, 3, 1, 2, 3)


def formed(case: Case, path: Any, seed: int) -> einlab.Plan:
    plan = einlab.plan(
        case.equation, *case.shapes, dtype=case.dtypes, optimize=path, axes="letters"
    )
    return with_random_forms(plan, seed)


@law(
    with_paths(cases(dtypes=DTYPES, same_dtype=True, sizes=FIRST_OF_ALL, most=4)),
    SEEDS,
    quick=60,
    long=1500,
)
def test_every_form_gives_the_naive_sum(case_and_path: tuple[Case, Any], seed: int) -> None:
    case, path = case_and_path
    plan = formed(case, path, seed)
    arrays = case.arrays()
    got = jax.jit(partial(run_plan, plan))(*arrays)
    assert_contracts_to(got, case.terms, case.output, arrays, plan.dtype)


@law(
    with_paths(cases(dtypes=("float32",), sizes=FIRST_OF_ALL, least=2, most=3)),
    SEEDS,
    quick=20,
    long=300,
)
def test_every_form_has_the_derivatives_of_the_plain_plan(
    case_and_path: tuple[Case, Any], seed: int
) -> None:
    case, path = case_and_path
    plan = formed(case, path, seed)
    plain = einlab.plan(case.equation, *case.shapes, dtype="float32", optimize=path, axes="letters")
    arrays = [jnp.asarray(array) for array in case.arrays()]
    everywhere = tuple(range(len(arrays)))

    def gradient(of: einlab.Plan) -> Any:
        return jax.grad(lambda *xs: jnp.sum(run_plan(of, *xs) ** 2), everywhere)

    for got, wanted in zip(gradient(plan)(*arrays), gradient(plain)(*arrays), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-4)
    pushed = jax.jvp(partial(run_plan, plan), arrays, arrays)[1]
    np.testing.assert_allclose(pushed, len(arrays) * run_plan(plain, *arrays), rtol=2e-4, atol=2e-4)


def test_a_loop_is_differentiated_twice_mapped_and_checkpointed() -> None:
    plan = looped("ik,kj->ij", 5, 4, 3)
    left, right = jnp.arange(20.0).reshape(5, 4), jnp.arange(12.0).reshape(4, 3)

    def energy(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(einlab.contract(plan, x, right)))

    def plainly(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(x @ right))

    np.testing.assert_allclose(
        jax.hessian(energy)(left), jax.hessian(plainly)(left), rtol=1e-4, atol=1e-3
    )
    many = jnp.stack([left, 2 * left])
    np.testing.assert_allclose(
        jax.vmap(jax.grad(jax.checkpoint(energy)))(many),
        jax.vmap(jax.grad(plainly))(many),
        rtol=1e-4,
        atol=1e-3,
    )


def looped(equation: str, *sizes: int) -> einlab.Plan:
    """A plan of one product, in a loop over the first index of the result."""
    plan = einlab.plan(equation, sizes=dict(zip("ikj", sizes, strict=True)))
    roles = Roles((), ("i",), ("k",), ("j",))
    return replace(plan, product_forms=(ProductForm("loop", False, roles, ("i",)),))


@law(
    with_paths(cases(dtypes=("float32", "complex64"), same_dtype=True, sizes=(2, 3), most=3)),
    SEEDS,
    quick=60,
    long=800,
)
def test_xla_counts_what_each_form_says(case_and_path: tuple[Case, Any], seed: int) -> None:
    """A dot counts 2·batch·m·k·n, a loop its body once, and what sums k products 2k - 1 an entry.

    XLA counts a complex operation as one real operation.
    """
    plan = formed(*case_and_path, seed)
    real = 4 if plan.dtype == "complex64" else 1
    for step in plan.steps:
        if step.form is None or step.is_native:
            continue
        operands = [jax.ShapeDtypeStruct(shape, plan.dtype) for shape in step.shapes]
        alone = partial(_alone, step)
        entries = math.prod(step.shape)
        if step.form == "loop":
            assert step.cost.flops == real * flops_of_loops(jax.make_jaxpr(alone)(*operands))
        elif step.form == "dot":
            assert step.cost.flops == real * counted_as_lowered(alone, *operands)
        else:
            assert step.cost.flops // real - entries == counted_as_lowered(alone, *operands)


def _alone(step: Any, *arrays: jax.Array) -> jax.Array:
    return run_step(step, list(arrays), None)


def flops_of_loops(traced: Any) -> int:
    """Of the products inside scans, times the length of each scan."""
    total = 0
    for scan in operations(traced.jaxpr):
        if scan.primitive.name != "scan":
            continue
        for equation in operations(scan.params["jaxpr"].jaxpr):
            if equation.primitive.name == "dot_general":
                (summed, _), _ = equation.params["dimension_numbers"]
                left, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
                k = math.prod(left[axis] for axis in summed)
                total += 2 * scan.params["length"] * k * math.prod(out)
    return total


def test_a_loop_writes_blocks_and_holds_no_second_result() -> None:
    plan = plan_for_xla(
        "gfbc,dega->abcdef", sizes={**dict.fromkeys("bcef", 16), **dict.fromkeys("adg", 24)}
    )
    (form,) = plan.product_forms
    assert form is not None
    assert form.kind == "loop"
    structs = [jax.ShapeDtypeStruct(shape, "float32") for shape in plan.contraction.shapes]
    compiled = jax.jit(partial(run_plan, plan)).lower(*structs).compile()
    memory: Any = compiled.memory_analysis()
    result = 4 * math.prod(plan.contraction.shape)
    assert memory.output_size_in_bytes == result
    assert memory.temp_size_in_bytes < result / 4
    assert plan.peak - result < result / 4


def test_a_plan_for_another_kind_of_device_runs_as_plain_products() -> None:
    plan = looped("ik,kj->ij", 5, 4, 3)
    assert for_backend(plan, "cpu") == plan
    assert [step.form for step in for_backend(plan, "gpu").steps] == ["dot"]
    on_gpu = replace(plan, machine=machine_for("h100-sxm"))
    assert for_backend(on_gpu, "gpu") == on_gpu
    assert for_backend(on_gpu, "cpu").product_forms == ()


def test_sums_of_16_bit_floats_are_added_up_in_32_in_every_form() -> None:
    ones = jnp.ones((3, 3000), "bfloat16")
    plan = einlab.plan("ij,ij->i", ones, ones)
    for seed in range(6):
        got = run_plan(with_random_forms(plan, seed), ones, ones)
        np.testing.assert_array_equal(got, np.full(3, 3008, "bfloat16"))
