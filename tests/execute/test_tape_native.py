"""Tapes in native code inside programs of the caller: loops, slices, several devices, exports."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import einlab
from einlab.execute.lowering import run_plan
from einlab.execute.programs import program_bytes
from tests.execute.networks import Net, assert_contracts, network

pytestmark = pytest.mark.usefixtures("device", "x64")

NATIVE = "einlab_native"


def planned(net: Net, **options: Any) -> einlab.Plan:
    """A plan in native code."""
    given = {"dtype": "float64", "optimize": "greedy", "compile_budget": 0.01, **options}
    plan = einlab.plan(net.equation, *net.shapes, **given)
    assert plan.compilation.form == "native"
    return plan


def operands(net: Net) -> list[jax.Array]:
    return [jnp.asarray(x) for x in net.arrays("float64")]


def assert_alike(got: Any, expected: Any) -> None:
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        most = float(jnp.max(jnp.abs(other)))
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10 * most)


def text_of(function: Any, *arrays: Any) -> str:
    return str(jax.jit(function).lower(*arrays).as_text())


def test_many_steps_are_one_call() -> None:
    net = network(60, 1)
    arrays = operands(net)
    assert text_of(partial(einlab.contract, planned(net)), *arrays).count(f"@{NATIVE}") == 1


def test_a_contraction_within_a_loop_and_its_gradient_are_those_of_one_program() -> None:
    net = network(45, 2)
    first, *rest = operands(net)
    plan = planned(net)

    def walked(run: Any, x: Any) -> Any:
        @jax.checkpoint
        def body(total: Any, shift: Any) -> Any:
            return total + jnp.sum(jnp.tanh(run(x + total * shift, *rest))), shift * 2

        return jax.lax.scan(body, jnp.zeros(()), jnp.array([0.1, 0.3, -0.2]))

    def slope(run: Any) -> Any:
        return jax.jit(lambda x: jax.value_and_grad(lambda y: walked(run, y)[0])(x))(first)

    assert_alike(slope(partial(einlab.contract, plan)), slope(partial(run_plan, plan)))


def test_derivatives_backwards_twice_and_mapped_are_those_of_one_program() -> None:
    net = network(40, 3, outputs=1)
    first, second, *rest = operands(net)
    plan = planned(net)

    def many(run: Any, x: Any, y: Any) -> Any:
        def loss(a: Any, b: Any) -> Any:
            return jnp.sum(jnp.sin(run(a, b, *rest)))

        def size(a: Any) -> Any:
            return jnp.sum(jax.grad(loss)(a, y) ** 2)

        batch = jnp.stack([x, 2 * x, x - 1])
        mapped = jax.vmap(jax.grad(loss, argnums=(0, 1)), in_axes=(0, None))(batch, y)
        return jax.grad(size)(x), jax.jvp(size, (x,), (x + 1,)), mapped, jax.hessian(loss)(x, y)

    found, expected = (
        jax.jit(partial(many, run))(first, second)
        for run in (partial(einlab.contract, plan), partial(run_plan, plan))
    )
    assert_alike(found, expected)


@pytest.mark.parametrize(("count", "seed"), [(80, 1), pytest.param(150, 3, marks=pytest.mark.long)])
def test_slices_run_in_native_code_and_so_do_their_gradients(count: int, seed: int) -> None:
    net = network(count, seed, outputs=0)
    arrays = operands(net)
    whole = planned(net)
    plan = planned(net, memory_limit=whole.size // 8)
    assert 1 < plan.slices < 1000
    sliced = partial(einlab.contract, plan)
    assert f"@{NATIVE}" in text_of(sliced, *arrays)
    assert_contracts(sliced(*arrays), net, plan.path, arrays, "float64")
    gradient = jax.grad(sliced, argnums=(0, count // 2))
    assert f"@{NATIVE}" in text_of(gradient, *arrays)
    expected = jax.grad(partial(einlab.contract, whole), argnums=(0, count // 2))
    assert_alike(jax.jit(gradient)(*arrays), expected(*arrays))


def test_a_memory_limit_is_kept_in_native_code() -> None:
    net = network(120, 5, outputs=0)
    arrays = [x.astype("float32") for x in operands(net)]
    free = planned(net, dtype="float32")
    limit = f"{free.peak}B"
    options: dict[str, Any] = {"optimize": "greedy", "compile_budget": 0.01, "memory_limit": limit}
    result = einlab.contract(net.equation, *arrays, **options)
    assert_contracts(result, net, free.path, arrays, "float32")
    held = program_bytes(
        jax.jit(partial(einlab.contract, net.equation, **options)).lower(*arrays).compile()
    )
    assert held is not None
    assert held <= free.peak


def test_what_is_exported_needs_no_native_code() -> None:
    net = network(50, 6)
    arrays = operands(net)
    plan = planned(net)
    made = export.export(jax.jit(partial(einlab.contract, plan)))(*arrays)
    assert NATIVE not in made.mlir_module()
    assert_contracts(made.call(*arrays), net, plan.path, arrays, "float64")


SHARDED = """
import jax, jax.numpy as jnp, numpy as np, einlab
from functools import partial
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from einlab.execute.lowering import run_plan
from tests.execute.networks import network

mesh = Mesh(np.array(jax.devices()), ("x",))
net = network(50, 7, outputs=0)
plan = einlab.plan(net.equation, *net.shapes, optimize="greedy", compile_budget=0.01)
assert plan.compilation.form == "native"
arrays = [jnp.asarray(x, jnp.float32) for x in net.arrays("float32")]
first = next(i for i, x in enumerate(arrays) if x.ndim == 3)
parts = jnp.stack([arrays[first] * s for s in (1.0, 2.0, -1.0, 0.5)])
rest = [x for i, x in enumerate(arrays) if i != first]

def loss(run, part, *rest):
    every = [*rest[:first], part, *rest[first:]]
    return jnp.sum(jnp.tanh(run(*every)))

def all_of(run, parts, *rest):
    slope = jax.value_and_grad(partial(loss, run))
    return jax.vmap(slope, in_axes=(0, *[None] * len(rest)))(parts, *rest)

native, plain = partial(einlab.contract, plan), partial(run_plan, plan)
expected = jax.jit(partial(all_of, plain))(parts, *rest)
mapped = jax.shard_map(partial(all_of, native), mesh=mesh, in_specs=(P("x"), *[P()] * len(rest)),
                       out_specs=P("x"))
spread = jax.device_put(parts, NamedSharding(mesh, P("x")))
for got in (jax.jit(mapped)(spread, *rest), jax.jit(partial(all_of, native))(spread, *rest)):
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-5 * float(abs(other).max()))
"""


def test_gradients_are_sharded_over_several_devices() -> None:
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
