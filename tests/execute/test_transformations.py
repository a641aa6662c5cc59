"""Complex gradients follow JAX's conventions, and slices pass through shard_map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import einlab
from tests.execute.test_primitive import EQUATIONS, operands_of, theirs
from tests.two_devices import run_on_two_devices

pytestmark = pytest.mark.usefixtures("device", "x64")

Function = Callable[..., jax.Array]
EQUATION = EQUATIONS[1]


def mixed() -> list[jax.Array]:
    """Complex operands, the second one real."""
    real, imaginary = operands_of(EQUATION), operands_of(EQUATION, seed=1)
    made = [a + 1j * b for a, b in zip(real, imaginary, strict=True)]
    return [made[0], real[1], *made[2:]]


def in_slices(*operands: Any) -> jax.Array:
    plan = replace(einlab.plan(EQUATION, *operands), sliced=("j", "l"))
    return einlab.contract(plan, *operands)


def in_one(*operands: Any) -> jax.Array:
    return einlab.contract(EQUATION, *operands)


def every(operands: list[jax.Array]) -> tuple[int, ...]:
    return tuple(range(len(operands)))


def of_a_real_loss(function: Function, operands: list[jax.Array]) -> Any:
    def loss(*inner: Any) -> Any:
        return jnp.sum(jnp.abs(function(*inner)) ** 2)

    return jax.value_and_grad(loss, argnums=every(operands))(*operands)


def holomorphic(function: Function, operands: list[jax.Array]) -> Any:
    def total(*inner: Any) -> Any:
        return jnp.sum(jnp.sin(function(*inner)))

    analytic = [operand + 0j for operand in operands]
    return jax.grad(total, argnums=every(operands), holomorphic=True)(*analytic)


def pulled_back(function: Function, operands: list[jax.Array]) -> Any:
    result, back = jax.vjp(function, *operands)
    return back(result * (1 - 2j))


def pushed_forward(function: Function, operands: list[jax.Array]) -> Any:
    return jax.jvp(function, operands, [jnp.cos(operand) for operand in operands])


def curvature(function: Function, operands: list[jax.Array]) -> Any:
    def loss(real: Any) -> Any:
        return jnp.sum(jnp.abs(function(operands[0], real, *operands[2:])) ** 2)

    return jax.hessian(loss)(operands[1])


@pytest.mark.parametrize("ours", [in_one, in_slices], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "transformation",
    [of_a_real_loss, holomorphic, pulled_back, pushed_forward, curvature],
    ids=lambda t: t.__name__,
)
def test_complex_conventions_are_those_of_jax(
    ours: Function, transformation: Callable[..., Any]
) -> None:
    operands = mixed()
    got, wanted = transformation(ours, operands), transformation(theirs(EQUATION), operands)
    same: bool = jax.tree.structure(got) == jax.tree.structure(wanted)  # type: ignore[operator]
    assert same
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_limited_gradients_of_gradients_in_a_scan_are_those_of_jax() -> None:
    operands = operands_of(EQUATION)

    def walk(function: Function, *inner: Any) -> Any:
        def body(total: Any, shift: Any) -> Any:
            return total + jnp.sum(jnp.sin(function(inner[0] + shift, *inner[1:])) ** 2), None

        return jax.lax.scan(jax.checkpoint(body), 0.0, jnp.arange(3.0))[0]

    def slope(function: Function, *inner: Any) -> Any:
        return sum(jnp.sum(g**2) for g in jax.grad(partial(walk, function), argnums=(0, 1))(*inner))

    limited = partial(einlab.contract, EQUATION, memory_limit="1 kB")
    got = jax.grad(partial(slope, limited), argnums=(0, 1))(*operands)
    wanted = jax.grad(partial(slope, theirs(EQUATION)), argnums=(0, 1))(*operands)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


SHARDED = """
import jax, jax.numpy as jnp, numpy as np, einlab
from dataclasses import replace
from functools import partial
from jax.sharding import PartitionSpec as P

mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
random = np.random.default_rng(0)
a, b, c = (random.normal(size=s).astype("float32") for s in ((4, 6), (6, 8), (8, 2)))
plan = einlab.plan("ij,jk,kl->il", (2, 6), (6, 8), (8, 2))

def loss(function, *operands):
    return jnp.sum(jnp.sin(function(*operands)))

wanted = jax.grad(partial(loss, lambda a, b, c: a @ b @ c), argnums=(0, 1, 2))(a, b, c)
for sliced in (("j",), ("k", "l"), ("i",)):
    ours = partial(einlab.contract, replace(plan, sliced=sliced))
    rows = jax.shard_map(ours, mesh=mesh, in_specs=(P("x"), P(), P()), out_specs=P("x"))
    got = jax.jit(jax.grad(partial(loss, rows), argnums=(0, 1, 2)))(a, b, c)
    for one, other in zip(got, wanted):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
print("sharded gradients agree")
"""


def test_gradients_of_slices_are_sharded_over_two_devices() -> None:
    assert run_on_two_devices(SHARDED) == "sharded gradients agree"
