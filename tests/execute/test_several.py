"""Plans in several programs give what one gives, and compile what is alike once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import einlab
from einlab.compiling import program_seconds
from einlab.config import config
from einlab.execute import several
from einlab.execute.dispatch import run_now
from einlab.execute.lowering import run_step
from einlab.execute.several import run_in_portions
from einlab.plans import Plan
from einlab.portions import portions
from tests.execute.networks import Net, network, one_by_one, overlap

DTYPES = ["float32", "complex64", "bfloat16", "int32", "bool"]
SITES, BOND = 60, 12
PATH = one_by_one(2 * SITES)
BUDGET = 0.4
"""Seconds that one program of so many steps exceeds."""


@pytest.fixture(autouse=True)
def without_native_code() -> Iterator[None]:
    config.native = "off"
    several._program.cache_clear()
    several._calls.cache_clear()
    yield
    config.native = None


def planned(net: Net, budget: float = BUDGET, dtype: str = "complex64") -> Plan:
    return einlab.plan(net.equation, *net.shapes, dtype=dtype, compile_budget=budget, optimize=PATH)


@pytest.mark.parametrize("dtype", DTYPES)
def test_portions_give_what_one_program_gives(dtype: str) -> None:
    net = network(24, 1)
    arrays = net.arrays(dtype)
    plan = einlab.plan(net.equation, *net.shapes, optimize="greedy", dtype=dtype)
    whole = np.asarray(einlab.contract(net.equation, *arrays, optimize=plan.path))
    for most in (1, 5):
        found = np.asarray(run_in_portions(plan, most, *arrays))
        assert found.dtype == whole.dtype
        assert found.shape == whole.shape
        if dtype in ("int32", "bool"):
            np.testing.assert_array_equal(found, whole)
        else:
            wide = complex if "complex" in dtype else float
            np.testing.assert_allclose(
                found.astype(wide), whole.astype(wide), rtol=0.1 if dtype == "bfloat16" else 1e-4,
                atol=1e-3 * float(np.max(np.abs(whole.astype(wide)))),
            )  # fmt: skip


def test_alike_portions_are_traced_and_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = overlap(SITES, BOND)
    plan = planned(net)
    assert plan.compilation.form == "several"
    assert plan.compilation.seconds <= BUDGET < program_seconds(plan.steps)
    traced: list[Any] = []
    inner = run_step

    def counted(*given: Any) -> Any:
        traced.append(given)
        return inner(*given)

    monkeypatch.setattr(several, "run_step", counted)
    arrays = net.arrays("complex64")
    first = run_now(plan, *arrays)
    forms = {portion.form for portion in portions(plan.steps, plan.compilation.most)}
    assert len(traced) == sum(map(len, forms)) < len(plan.steps)
    again = run_now(plan, *arrays)
    assert len(traced) == sum(map(len, forms))
    np.testing.assert_array_equal(first, again)


def test_the_budget_decides_between_one_program_and_several() -> None:
    net = overlap(SITES, BOND)
    assert planned(net, 60.0).compilation.form == "program"
    small, large = (planned(net, budget).compilation for budget in (0.2, BUDGET))
    assert small.form == large.form == "several"
    assert small.seconds <= 0.2
    assert 1 < small.most < large.most
    assert planned(net, 0.01).compilation.form != "program"


def test_calls_and_gradients_agree_with_one_program() -> None:
    net = overlap(SITES, BOND)
    arrays = [x / 5 for x in net.arrays("complex64")]
    few = tuple(range(3))

    def squared(*operands: Any, budget: float = BUDGET) -> Any:
        return (
            abs(einlab.contract(net.equation, *operands, compile_budget=budget, optimize=PATH)) ** 2
        )

    whole = squared(*arrays, budget=100.0)
    np.testing.assert_allclose(squared(*arrays), whole, rtol=1e-4)
    wanted = jax.grad(lambda *x: squared(*x, budget=100.0), few)(*arrays)
    for function in (jax.grad(squared, few), jax.jit(jax.grad(squared, few))):
        for got, expected in zip(function(*arrays), wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


def test_arrays_stay_on_the_device_that_holds_them() -> None:
    net = overlap(SITES, BOND)
    device = jax.devices()[0]
    arrays = [jax.device_put(x, device) for x in net.arrays("complex64")]
    plan = planned(net)
    assert run_now(plan, *arrays).devices() == {device}
    assert all(not array.is_deleted() for array in arrays)


def test_what_compiling_took_is_said(caplog: pytest.LogCaptureFixture) -> None:
    net = overlap(SITES, BOND + 1)
    plan = planned(net)
    with caplog.at_level(logging.DEBUG, "einlab"):
        run_now(plan, *net.arrays("complex64"))
    (said,) = [r.getMessage() for r in caplog.records if "new programs" in r.getMessage()]
    assert f"estimated {plan.compile_estimate:.2f} s" in said
    assert "several" in str(plan)
