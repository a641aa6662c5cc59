"""What is seen of a call from outside, and what changes it: logs, profiles, settings, devices."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import einlab
from einlab import contracting, planning
from einlab.config import config
from einlab.errors import EinlabError
from tests.two_devices import run_on_two_devices

pytestmark = pytest.mark.usefixtures("device")


def test_a_new_call_says_its_plan_and_form_and_a_known_one_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    contracting._forget()
    a = np.ones((3, 3), "float32")
    with caplog.at_level(logging.DEBUG, "einlab"):
        einlab.contract("ab,bc,cd->ad", a, a, a)
        (told,) = [record.getMessage() for record in caplog.records]
        assert told == "ab,bc,cd->ad: 2 steps in the order of 'exact', 1 slices, as program"
        caplog.clear()
        einlab.contract("ab,bc,cd->ad", a, a, a)
        assert not caplog.records
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_a_call_under_a_memory_limit_says_what_its_program_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    a = np.ones((4, 4), "float32")
    with caplog.at_level(logging.DEBUG, "einlab"):
        einlab.contract("xy,yz->xz", a, a, memory_limit="1 MB")
    assert "a program of 1 slices holds" in caplog.text


def test_an_order_from_the_cache_names_its_entry(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    terms = [chr(0x100 + i) + chr(0x101 + i) for i in range(18)]
    equation = f"{','.join(terms)}->{terms[0][0]}{terms[-1][1]}"
    arrays = [np.ones((2, 2), "float32")] * 18
    with config.using(cache_dir=tmp_path), caplog.at_level(logging.DEBUG, "einlab"):
        einlab.plan(equation, *arrays)
        planning._recent.clear()
        planning.make_plan.cache_clear()
        einlab.plan(equation, *arrays)
        (entry,) = [
            file.name for file in (tmp_path / "plans").glob("*") if file.name in caplog.text
        ]
    assert f"18 operands: entry {entry} of the plan cache" in caplog.text


def test_sizes_that_are_symbols_are_refused_by_name() -> None:
    rows = jax.export.symbolic_shape("rows, 3")
    with pytest.raises(EinlabError, match="rows"):
        jax.export.export(jax.jit(lambda x: einlab.contract("ij->i", x)))(
            jax.ShapeDtypeStruct(rows, jnp.float32)
        )


@pytest.mark.parametrize("options", [{}, {"memory_limit": "1 MB"}], ids=["plain", "limited"])
def test_64_bits_take_effect_at_the_next_call(options: Any) -> None:
    a = np.full((2, 2), 1 + 2.0**-40)
    for wide in (True, False, True):
        with jax.enable_x64(wide):
            result = einlab.contract("ij,jk->ik", jnp.asarray(a), jnp.asarray(a), **options)
            assert result.dtype == ("float64" if wide else "float32")
            assert bool(result[0, 0] != 2) is wide


def test_the_precision_of_jax_takes_effect_at_the_next_call() -> None:
    contracting._forget()
    a = jnp.ones((3, 3))
    einlab.contract("uv,vw->uw", a, a)
    function: Any = contracting._functions["uv,vw->uw"]
    before = function._cache_size()
    with jax.default_matmul_precision("highest"):
        assert "HIGHEST" in function.lower(a, a).as_text()
        einlab.contract("uv,vw->uw", a, a)
        assert function._cache_size() == before + 1
    assert "HIGHEST" not in function.lower(a, a).as_text()


def test_a_setting_of_ours_takes_effect_at_the_next_call(tmp_path: Path) -> None:
    a = jnp.ones((2, 2))
    einlab.contract("ij,jk->ik", a, a)
    assert contracting._functions
    with config.using(cache_dir=tmp_path):
        assert not contracting._functions


DEVICES = """
import jax, numpy as np, einlab
first, second = jax.devices()
a = np.arange(9, dtype="float32").reshape(3, 3)
expression = einlab.contract_expression(
    "ij,jk,kl->il", (3, 3), a, a, constants=[1, 2], optimize=[(1, 2), (0, 1)])
for options in ({}, {"memory_limit": "1MB"}):
    for device in (first, second, first):
        with jax.default_device(device):
            result = einlab.contract("ij,jk->ik", a, a, **options)
            assert result.devices() == {device}, (options, device, result.devices())
            np.testing.assert_array_equal(result, a @ a)
for device in (first, second, second, first):
    with jax.default_device(device):
        result = expression(a)
        assert result.devices() == {device}, (device, result.devices())
        np.testing.assert_array_equal(result, a @ a @ a)
assert set(expression._by_device) == {first, second}
assert {next(iter(x.devices())) for x in expression._by_device[second]} == {second}
placed = jax.device_put(a, second)
assert expression(placed).devices() == {second}
np.testing.assert_array_equal(jax.jit(expression)(placed), a @ a @ a)
bound = einlab.contract_expression("ij,jk->ik", (3, 3), placed, constants=[1])
assert bound(a).devices() == {second}
print("every device has its own")
"""


def test_constants_are_folded_once_a_device_and_the_default_device_is_heeded() -> None:
    assert run_on_two_devices(DEVICES) == "every device has its own"
