"""What runs is what the plan says: one operation a step, and XLA counts the FLOPs we count."""

from __future__ import annotations

import math
import random
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import einlab
from einlab.execute import lowering
from einlab.execute.lowering import run_plan
from tests.conftest import DEVICE
from tests.strategies import Case, cases, law, with_paths

pytestmark = pytest.mark.usefixtures("device", "xla_alone")

on_cpu = pytest.mark.skipif(DEVICE != "cpu", reason="how XLA compiles for a CPU")

REAL_PARTS = {"product": 4, "outer": 6, "elementwise": 6, "scale": 6, "sum": 2}
"""XLA counts a complex operation as one real operation; we count its real operations."""


def structs(plan: einlab.Plan) -> list[jax.ShapeDtypeStruct]:
    contraction = plan.contraction
    return [
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in zip(contraction.shapes, contraction.dtypes, strict=True)
    ]


def counted_as_lowered(function: Any, *arguments: Any) -> int:
    """FLOPs of a program before XLA optimises it."""
    analysis = jax.jit(function).lower(*arguments).cost_analysis()
    return int((analysis or {}).get("flops", 0))


def counted_as_compiled(plan: einlab.Plan) -> int:
    """FLOPs of the program that XLA makes of a plan."""
    compiled = jax.jit(partial(run_plan, plan)).lower(*structs(plan)).compile()
    return int((compiled.cost_analysis() or {}).get("flops", 0))


def planned(case: Case, path: Any = "auto") -> einlab.Plan:
    operands = [
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in zip(case.shapes, case.dtypes, strict=True)
    ]
    return einlab.plan(case.equation, *operands, optimize=path)


def operations(jaxpr: Any) -> list[Any]:
    """All equations of a jaxpr, those inside others too."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation)
        for inner in jaxprs_in_params(equation.params):
            found += operations(inner)
    return found


@law(with_paths(cases(dtypes=("float32", "complex64", "int32"), same_dtype=True)),
     quick=100, long=2000)  # fmt: skip
def test_the_flops_of_every_product_step_are_xlas_as_lowered(
    case_and_path: tuple[Case, Any],
) -> None:
    plan = planned(*case_and_path)
    for step in plan.steps:
        if step.kind != "product" or math.prod(step.shape) == 0:
            continue  # an empty result has no count: XLA drops the product
        assert step.gemm is not None
        if step.gemm.k < 2:
            continue
        operands = [jax.ShapeDtypeStruct(shape, plan.dtype) for shape in step.shapes]

        def alone(*arrays: jax.Array, step: Any = step) -> jax.Array:
            return lowering._OPERATIONS[step.kind](step, list(arrays), None)

        times = REAL_PARTS["product"] if plan.dtype == "complex64" else 1
        assert step.cost.flops == times * counted_as_lowered(alone, *operands)


@law(with_paths(cases(dtypes=("float32", "complex64", "int32"), same_dtype=True,
                      sizes=(2, 3, 1, 4))), quick=100, long=1000)  # fmt: skip
def test_the_flops_of_a_whole_plan_are_xlas_as_lowered(case_and_path: tuple[Case, Any]) -> None:
    plan = planned(*case_and_path)
    counted = counted_as_lowered(partial(run_plan, plan), *structs(plan))
    if plan.dtype != "complex64":
        assert counted == plan.flops
    else:
        as_real = sum(step.cost.flops // REAL_PARTS.get(step.kind, 1) for step in plan.steps)
        assert counted == as_real


@law(with_paths(cases()), quick=60, long=600)
def test_a_step_is_one_operation_over_fused_axes(case_and_path: tuple[Case, Any]) -> None:
    plan = planned(*case_and_path)
    traced = jax.make_jaxpr(partial(run_plan, plan))(*structs(plan))
    names = [equation.primitive.name for equation in operations(traced.jaxpr)]
    kinds = [step.kind for step in plan.steps]
    assert names.count("dot_general") == kinds.count("product")
    assert names.count("reduce_sum") == kinds.count("sum")
    assert names.count("mul") == sum(kinds.count(k) for k in ("outer", "elementwise", "scale"))
    assert not {"while", "scan", "gather", "einsum"} & set(names)
    for equation in operations(traced.jaxpr):
        if equation.primitive.name == "dot_general":
            (contracted, batch) = equation.params["dimension_numbers"]
            assert [len(contracted[0]), len(contracted[1])] == [1, 1]
            assert len(batch[0]) == len(batch[1]) <= 1
            assert all(len(operand.aval.shape) <= 3 for operand in equation.invars)


@pytest.mark.parametrize(
    "equation",
    ["ij,jk->ik", "ij,kj->ik", "ji,jk->ik", "bij,bjk->bik", "ij,jk->ki", "abij,abjk->abik"],
)
def test_a_plain_product_moves_no_data(equation: str) -> None:
    sizes = dict.fromkeys("abijk", 3)
    plan = einlab.plan(equation, sizes=sizes)
    traced = jax.make_jaxpr(partial(run_plan, plan))(*structs(plan))
    names = {equation.primitive.name for equation in operations(traced.jaxpr)}
    assert names <= {"dot_general", "reshape"}


def test_sums_of_16_bit_floats_are_added_up_in_32() -> None:
    ones = jnp.ones((3, 5000), "bfloat16")
    np.testing.assert_array_equal(einlab.contract("ij->i", ones), np.full(3, 4992, "bfloat16"))
    plan = einlab.plan("ij->i", ones)
    traced = jax.make_jaxpr(partial(run_plan, plan))(ones)
    (summing,) = [e for e in operations(traced.jaxpr) if e.primitive.name == "reduce_sum"]
    assert summing.invars[0].aval.dtype == "float32"


def test_steps_are_named_in_the_program() -> None:
    plan = einlab.plan("ij,jk,kl->il", (2, 3), (3, 4), (4, 5), optimize=[(0, 1), (0, 1)])
    text = jax.jit(partial(run_plan, plan)).lower(*structs(plan)).as_text(debug_info=True)
    for step in plan.steps:
        assert f"einlab:{step.equation}" in text


def test_xla_counts_the_body_of_a_loop_over_slices_once() -> None:
    sizes = dict.fromkeys("ijkl", 8)
    whole = einlab.plan("ij,jk,kl->il", sizes=sizes)
    plan = einlab.plan("ij,jk,kl->il", sizes=sizes, memory_limit="1100 B")
    assert plan.sliced
    assert plan.slices > 1
    counted = counted_as_lowered(partial(run_plan, plan), *structs(plan))
    once = sum(step.cost.flops for step in plan.steps)
    assert once <= counted < 2 * once + 200  # beside the steps, a few sums of loop counters
    assert plan.flops >= plan.slices * once
    assert plan.flops >= whole.flops


@on_cpu
@pytest.mark.parametrize(
    ("equation", "shapes", "compiled"),
    [
        # A product with m = n = 1 becomes a multiplication and a sum: 2k - 1 an entry.
        ("i,i->", [(7,), (7,)], 2 * 7 - 1),
        ("bi,bi->b", [(3, 7), (3, 7)], 3 * (2 * 7 - 1)),
        # What sums nothing is one multiplication an entry, in both counts.
        ("i,j->ij", [(3,), (4,)], 12),
        ("ij,ij->ij", [(3, 4), (3, 4)], 12),
        # Any other product keeps its count.
        ("ij,jk->ik", [(3, 4), (4, 5)], 2 * 3 * 4 * 5),
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)], 2 * 2 * 3 * 4 * 5),
        # An empty result has no count.
        ("ij,jk->ik", [(0, 4), (4, 5)], 0),
    ],
)
def test_the_compiled_count_differs_for_reasons_we_know(
    equation: str, shapes: list[tuple[int, ...]], compiled: int
) -> None:
    assert counted_as_compiled(einlab.plan(equation, *shapes)) == compiled


@on_cpu
def test_float16_is_billed_for_its_conversions_once_compiled() -> None:
    plan = einlab.plan("ij,jk->ik", (3, 4), (4, 5), dtype="float16")
    assert counted_as_lowered(partial(run_plan, plan), *structs(plan)) == plan.flops == 120
    assert counted_as_compiled(plan) > plan.flops


def test_complex_products_are_counted_as_real_by_xla() -> None:
    plan = einlab.plan("ij,jk->ik", (3, 4), (4, 5), dtype="complex64")
    assert plan.flops == 4 * counted_as_lowered(partial(run_plan, plan), *structs(plan)) == 480


def test_what_feeds_an_empty_result_is_dropped_by_xla_and_counted_by_us() -> None:
    plan = einlab.plan("ca,ab->c", (0, 2), (2, 2))
    assert counted_as_lowered(partial(run_plan, plan), *structs(plan)) == 0
    assert [step.cost.flops for step in plan.steps if step.is_product] == [0]
    assert plan.flops == 2  # the sum over b of the second operand


@on_cpu
@pytest.mark.parametrize("limited", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_compiled_program_needs_what_the_plan_says(limited: bool) -> None:
    for seed in range(3):
        plan = einlab.plan(*network(seed))
        if limited:
            given = sum(math.prod(shape) * 4 for shape in plan.contraction.shapes)
            limit = f"{(given + plan.peak) // 2} B"
            plan = einlab.plan(*network(seed), memory_limit=limit)
            assert plan.sliced
        compiled = jax.jit(partial(run_plan, plan)).lower(*structs(plan)).compile()
        memory: Any = compiled.memory_analysis()
        needed = memory.argument_size_in_bytes + memory.output_size_in_bytes
        needed += memory.temp_size_in_bytes - memory.alias_size_in_bytes
        assert needed <= 1.3 * plan.peak


def network(seed: int) -> tuple[Any, ...]:
    """A tensor network of four operands whose axes lie in a random order."""
    draw = random.Random(seed)
    terms: list[list[str]] = [["h"], [], [], ["k"]]
    for index in "abcdefg":
        for place in draw.sample(range(4), 2):
            terms[place].insert(draw.randint(0, len(terms[place])), index)
    shapes = [(8,) * len(term) for term in terms]
    return f"{','.join(map(''.join, terms))}->hk", *shapes
