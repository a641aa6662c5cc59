"""Plans in native code, with tapes and as kernels give what one program gives, also transformed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import einlab
from einlab.config import config
from einlab.execute.lowering import run_plan
from einlab.execute.packing import pack, places_of, unpack
from einlab.execute.programs import program_bytes
from einlab.execute.tape import run_tape
from einlab.execute.tape_index import tape_of
from einlab.execute.tape_steps import Run
from einlab.execute.taped import taped
from einlab.forms import NATIVE_DTYPES
from einlab.steps import Step
from tests.execute.networks import Net, assert_contracts, contracted, network
from tests.execute.test_lowering import operations

pytestmark = pytest.mark.usefixtures("device", "x64", "form")

DTYPES = (
    *("float32", "float64", "bfloat16", "float16", "complex64", "complex128"),
    *("int8", "int32", "uint8", "bool", "float8_e4m3fn", "int4"),
)


FORMS = ("native", "tape")


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    """Which form plans of many small steps have: both in turn."""
    config.native = "off" if request.param == "tape" else "auto"
    yield request.param
    config.native = None


only_a_tape = pytest.mark.parametrize("form", ["tape"], indirect=True)


def planned(net: Net, dtype: str = "float64") -> einlab.Plan:
    """A plan of enough steps that one program takes more to compile."""
    plan = einlab.plan(net.equation, *net.shapes, dtype=dtype, **settings())
    natively = config.native == "auto" and dtype in NATIVE_DTYPES
    assert plan.compilation.traced == ("native" if natively else "tape")
    return plan


def settings() -> dict[str, Any]:
    return {"optimize": "greedy", "compile_budget": 0.01}


def squares(equation: str, budget: float, *operands: Any) -> Any:
    result = einlab.contract(equation, *operands, optimize="greedy", compile_budget=budget)
    return jnp.sum(result**2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_contracted(dtype: str, form: str) -> None:
    net = network(48, 7)
    arrays = net.arrays(dtype)
    if form == "native" and dtype not in NATIVE_DTYPES:
        pytest.skip("as a tape")
    plan = planned(net, dtype)
    assert plan.compilation.form == form
    assert_contracts(einlab.contract(plan, *arrays), net, plan.path, arrays, dtype)


@pytest.mark.parametrize(
    ("count", "seed"), [(45, 1), (90, 2), (200, 3), pytest.param(700, 4, marks=pytest.mark.long)]
)
def test_many_small_steps_give_the_contraction(count: int, seed: int) -> None:
    net = network(count, seed)
    arrays = [jnp.asarray(x) for x in net.arrays("float64")]
    plan = planned(net)
    assert_contracts(einlab.contract(plan, *arrays), net, plan.path, arrays, "float64")
    traced = jax.jit(partial(einlab.contract, plan))(*arrays)
    assert_contracts(traced, net, plan.path, arrays, "float64")


@pytest.mark.parametrize(("count", "seed"), [(60, 5), pytest.param(200, 6, marks=pytest.mark.long)])
def test_each_gradient_of_a_multilinear_form_gives_the_form_back(count: int, seed: int) -> None:
    net = network(count, seed, outputs=0)
    arrays = [jnp.asarray(x) for x in net.arrays("float64")]
    plan = planned(net)
    value = einlab.contract(plan, *arrays)
    magnitude = contracted(net, plan.path, [np.abs(x) for x in arrays], "float64")
    gradients = jax.grad(partial(einlab.contract, plan), argnums=tuple(range(len(arrays))))(*arrays)
    for array, gradient in zip(arrays, gradients, strict=True):
        assert gradient.shape == array.shape
        assert abs(jnp.vdot(array, gradient) - value) <= 1e-12 * count * magnitude


def test_the_gradient_is_a_tape_whatever_the_operands() -> None:
    net = network(60, 8)
    arrays = [jnp.asarray(x) for x in net.arrays("float64")]
    whole, tape = (partial(squares, net.equation, budget) for budget in (1000.0, 0.01))
    for argnums in ((3,), (0, 7, 20)):
        expected = jax.jit(jax.grad(whole, argnums))(*arrays)
        got = jax.jit(jax.grad(tape, argnums))(*arrays)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10 * float(abs(other).max()))
    names = [e.primitive.name for e in operations(jax.make_jaxpr(jax.grad(tape))(*arrays).jaxpr)]
    assert names.count("einlab_tape") >= 2
    assert "dot_general" not in names


def test_jvp_hessian_and_vmap_are_those_of_one_program() -> None:
    net = network(45, 9)
    first, *rest = (jnp.asarray(x) for x in net.arrays("float64"))

    def of_first(budget: float, x: Any) -> Any:
        return squares(net.equation, budget, x, *rest)

    def many(budget: float, x: Any) -> Any:
        batch = jnp.stack([x, 2 * x, x - 1])
        return jax.vmap(jax.grad(partial(of_first, budget)))(batch), jax.vmap(
            lambda y: einlab.contract(
                net.equation, y, *rest, optimize="greedy", compile_budget=budget
            )
        )(batch)

    def all_of(budget: float, x: Any) -> Any:
        function = partial(of_first, budget)
        return jax.jvp(function, (x,), (jnp.cos(x),)), jax.hessian(function)(x), many(budget, x)

    expected, got = (jax.tree.leaves(jax.jit(partial(all_of, b))(first)) for b in (1000.0, 0.01))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * float(abs(other).max()))


def test_large_steps_leave_the_tape_and_small_ones_after_them_take_another(form: str) -> None:
    names = [chr(0x4E00 + i) for i in range(121)]
    sizes = {name: 900 if place in (60, 61) else 2 for place, name in enumerate(names)}
    terms = [names[i] + names[i + 1] for i in range(120)]
    shapes = tuple(tuple(sizes[name] for name in term) for term in terms)
    net = Net(f"{','.join(terms)}->{names[0]}{names[120]}", shapes)
    plan = einlab.plan(
        net.equation, *shapes, dtype="float64", optimize="greedy", compile_budget=0.55
    )
    assert plan.compilation.form == form
    if form == "tape":
        assert {type(run) for run in taped(plan).runs} == {Run, Step}
    arrays = net.arrays("float64")
    assert_contracts(einlab.contract(plan, *arrays), net, plan.path, arrays, "float64")


def test_tiny_and_huge_values_are_kept_as_one_program_keeps_them() -> None:
    net = network(60, 10)
    for scale, dtype in ((1e-90, "float64"), (1e-7, "float32")):
        plan = planned(net, dtype)
        arrays = [jnp.asarray(x * scale ** (i % 3 - 1), dtype)
                  for i, x in enumerate(net.arrays("float64"))]  # fmt: skip
        whole = jax.jit(partial(run_plan, plan))(*arrays)
        got = einlab.contract(plan, *arrays)
        assert got.dtype == dtype
        finite = np.isfinite(whole)
        np.testing.assert_array_equal(np.isfinite(got), finite)
        bound = 1e-12 if dtype == "float64" else 1e-4
        scale_of = float(jnp.max(jnp.abs(jnp.where(finite, whole, 0))))
        np.testing.assert_allclose(got[finite], whole[finite], rtol=bound, atol=bound * scale_of)


def test_a_value_that_is_no_number_reaches_only_what_it_is_multiplied_into() -> None:
    terms = [chr(0x4E00 + 2 * i) + chr(0x4E01 + 2 * i) for i in range(48)]
    output = "".join(term[0] for term in terms[:2])
    net = Net(f"{','.join(terms)}->{output}", ((2, 3),) * 48)
    arrays = net.arrays("float64")
    arrays[0][1] = np.inf
    plan = planned(net)
    result = einlab.contract(plan, *arrays)
    assert np.all(np.isfinite(result[0]))
    assert not np.any(np.isfinite(result[1]))


@only_a_tape
def test_many_large_steps_run_as_kernels() -> None:
    names = [chr(0x4E00 + i) for i in range(101)]
    terms = [names[i] + names[i + 1] for i in range(100)]
    net = Net(f"{','.join(terms)}->{names[0]}{names[100]}", ((120, 120),) * 100)
    left = [(0, 1)] + [(0, 99 - step) for step in range(1, 99)]
    plan = einlab.plan(net.equation, *net.shapes, optimize=left, compile_budget=0.01)
    assert plan.compilation.form == "kernels"
    arrays = [x / 11 for x in net.arrays("float32")]
    got = einlab.contract(plan, *arrays)
    expected = contracted(net, plan.path, arrays, "float32")
    np.testing.assert_allclose(got, expected, atol=1e-3 * float(np.max(np.abs(expected))))


def test_constants_of_an_expression_are_packed_once() -> None:
    net = network(120, 11)
    arrays = [jnp.asarray(x) for x in net.arrays("float64")]
    variables = list(range(0, len(arrays), 2))
    given = [net.shapes[i] if i in variables else x for i, x in enumerate(arrays)]
    constants = [i for i in range(len(arrays)) if i not in variables]
    expression = einlab.contract_expression(
        net.equation, *given, constants=constants, dtype="float64", **settings()
    )
    for scale in (1.0, 2.0):
        changed = [x * scale if i == 0 else x for i, x in enumerate(arrays)]
        got = expression(*(changed[i] for i in variables))
        assert_contracts(got, net, expression.plan.path, changed, "float64")
    slope = jax.grad(lambda x: jnp.sum(expression(x, *(arrays[i] for i in variables[1:]))))
    whole = jax.grad(lambda x: jnp.sum(run_plan(expression.plan, x, *arrays[1:])))
    np.testing.assert_allclose(slope(arrays[0]), jax.jit(whole)(arrays[0]), rtol=1e-9)


@only_a_tape
def test_packing_and_unpacking_are_each_others_inverse_and_transpose() -> None:
    shapes = [(2, 3), (), (4,)] * 60
    places, length = places_of(shapes)
    draw = np.random.default_rng(0)
    arrays = [jnp.asarray(draw.normal(size=shape)) for shape in shapes]
    for packing in (pack, jax.jit(pack, static_argnums=(1, 2))):
        flat = packing(arrays, places, length)
        np.testing.assert_array_equal(flat, np.concatenate([x.ravel() for x in arrays]))
        again = unpack(flat, places, tuple(shapes))
        for one, other in zip(again, arrays, strict=True):
            np.testing.assert_array_equal(one, other)
    sent = jnp.asarray(draw.normal(size=length))
    back = jax.grad(lambda parts: pack(parts, places, length) @ sent)(arrays)
    for (start, size), part in zip(places, back, strict=True):
        np.testing.assert_array_equal(part.ravel(), sent[start : start + size])
    batch = jax.vmap(lambda x: pack([arrays[0], x, arrays[2]], places_of(shapes[:3])[0], 11))(
        jnp.arange(3.0)
    )
    assert batch.shape == (3, 11)
    np.testing.assert_array_equal(batch[:, 6], np.arange(3.0))


def test_a_call_says_what_compiling_took(caplog: pytest.LogCaptureFixture, form: str) -> None:
    net = network(50, 12)
    with caplog.at_level(logging.DEBUG, "einlab"):
        einlab.contract(planned(net), *net.arrays("float64"))
    said = "with tapes in" if form == "tape" else "with native code in"
    assert any(said in record.getMessage() for record in caplog.records)


@only_a_tape
def test_a_call_says_what_compiling_one_program_took(caplog: pytest.LogCaptureFixture) -> None:
    names = [chr(0x4E00 + place) for place in range(40)]
    equation = f"{','.join(names)}->"
    with caplog.at_level(logging.DEBUG, "einlab"):
        for _ in range(2):
            assert einlab.contract(equation, *[np.ones(2)] * 40) == 2.0**40
    said = [record.getMessage() for record in caplog.records]
    assert sum("as one program in" in text and "estimated" in text for text in said) == 1


@only_a_tape
def test_a_tape_shows_in_a_jaxpr_as_one_equation() -> None:
    net = network(50, 13)
    arrays = net.arrays("float64")
    jaxpr = jax.make_jaxpr(partial(einlab.contract, planned(net)))(*arrays)
    assert len([e for e in operations(jaxpr.jaxpr) if e.primitive.name == "einlab_contract"]) == 1
    (run,) = taped(planned(net)).runs
    assert isinstance(run, Run)
    (flat,) = run_tape(run.program, None, *(jnp.ones(n) for n in run.program.inputs))
    assert flat.shape == (run.program.outputs[0].length,)
    assert tape_of(run.program).index_bytes > 0


CACHED = """
import jax, numpy as np, einlab
from tests.execute.networks import network
net = network(60, 14)
print(float(np.sum(einlab.contract(net.equation, *net.arrays("float32"), compile_budget=0.01))))
"""


def test_another_process_finds_the_program_in_jaxs_persistent_cache(
    tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "programs"
    found, printed = [], []
    for seed in ("1", "2"):
        environment = os.environ | {
            "JAX_COMPILATION_CACHE_DIR": str(folder),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "EINLAB_NATIVE": "off" if form == "tape" else "auto",
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        done = subprocess.run(
            [sys.executable, "-c", CACHED], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
        found.append({file.name for file in folder.iterdir() if "-cache" in file.name})
    assert printed[0] == printed[1]
    assert found[0] == found[1] != set()


@pytest.mark.parametrize(("count", "seed"), [(90, 1), (250, 2)])
def test_the_peak_of_a_plan_counts_what_its_tape_holds(count: int, seed: int) -> None:
    net = network(count, seed)
    plan = einlab.plan(net.equation, *net.shapes, **settings())
    types = [jax.ShapeDtypeStruct(shape, "float32") for shape in net.shapes]
    held = program_bytes(jax.jit(partial(einlab.contract, plan)).lower(*types).compile())
    assert held is not None
    assert 0.7 * held <= plan.peak <= 1.5 * held


@only_a_tape
def test_a_limit_that_a_tape_would_break_is_kept_without_one() -> None:
    net = network(60, 3)
    arrays = [jnp.asarray(x, "float32") for x in net.arrays("float64")]
    free = planned(net, "float32")
    whole = einlab.planning.in_one_program(free)
    assert whole.compilation.form == "program"
    assert whole.peak < free.peak
    limit = (whole.peak + free.peak) // 2
    made = einlab.plan(net.equation, *arrays, memory_limit=f"{limit}B", **settings())
    assert made.compilation.form == "program"
    result = einlab.contract(net.equation, *arrays, memory_limit=f"{limit}B", **settings())
    assert_contracts(result, net, made.path, arrays, "float32")
