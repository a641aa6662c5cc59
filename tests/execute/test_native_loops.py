"""Contractions and gradients in one call of native code keep limits, and give what is right."""

from __future__ import annotations

import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import einlab
from einlab.errors import MemoryLimitError
from einlab.execute.executable import checked_way
from einlab.execute.native_loops import Nested, gradient_within, nested_within
from einlab.execute.programs import program_bytes
from einlab.native.calling import available, leaving_all_to_xla
from einlab.settings import settings_from

NATIVE = pytest.mark.skipif(
    not available() or jax.default_backend() != "cpu", reason="needs native code"
)
CLIQUE = "ij,jk,kl,li,ik->jl"
CROSSED = "ab,bc,cd,de,ef,fa,ad,be,cf->"


def drawn(equation: str, size: int, dtype: str = "float32") -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    terms = equation.split("->")[0].split(",")
    return [draw.standard_normal((size,) * len(term)).astype(dtype) for term in terms]


def exact(equation: str, arrays: list[np.ndarray]) -> Any:
    wide = [array.astype(np.float64) for array in arrays]
    return np.einsum(equation, *wide, optimize=True)


def limits(equation: str, arrays: list[np.ndarray], most: int = 4) -> list[int]:
    """Shares of what a call holds without a limit: halves, quarters and so on."""
    function: Any = jax.jit(lambda *x: einlab.contract(equation, *x))
    held = program_bytes(function.lower(*arrays).compile())
    assert held is not None
    return [held // share for share in (2, 4, 8) if share <= most]


def nested_for(equation: str, arrays: list[np.ndarray], limit: int) -> Nested | None:
    contraction = einlab.plan(equation, *arrays).contraction
    return nested_within(contraction, settings_from({"memory_limit": f"{limit}B"}))


@NATIVE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("equation", "size", "share"), [(CLIQUE, 40, 8), (CROSSED, 14, 4)])
def test_smaller_and_smaller_limits_are_kept_in_one_call(
    equation: str, size: int, share: int, dtype: str
) -> None:
    with jax.enable_x64(dtype == "float64"):
        arrays = drawn(equation, size, dtype)
        wanted = exact(equation, arrays)
        for limit in limits(equation, arrays, share):
            assert nested_for(equation, arrays, limit) is not None

            def limited(*operands: Any, limit: int = limit) -> jax.Array:
                return einlab.contract(equation, *operands, memory_limit=f"{limit}B")

            program = jax.jit(limited).lower(*arrays)
            assert program.as_text().count("custom_call @einlab_native") == 1
            held = program_bytes(program.compile())
            assert held is not None
            assert held <= limit
            found = np.asarray(limited(*arrays))
            assert found.dtype == dtype
            tolerance = 1e-4 if dtype == "float32" else 1e-11
            np.testing.assert_allclose(found, wanted, atol=tolerance * abs(wanted).max())


@NATIVE
@pytest.mark.parametrize("seed", range(6))
def test_drawn_networks_keep_drawn_limits(seed: int) -> None:
    """Hyperedges, open, broadcast and diagonal axes, sizes that blocks do not divide."""
    draw = random.Random(seed)
    sizes = {name: draw.choice((3, 5, 7)) for name in "abcdefgh"}
    terms = ["".join(draw.sample("abcdefgh", 3)) for _ in range(5)]
    terms[0] += terms[0][0]
    open_ = "".join(draw.sample(sorted(set("".join(terms))), 2))
    equation = f"{','.join(terms)}->{open_}"
    values = np.random.default_rng(seed)
    arrays = [
        values.standard_normal(
            [1 if term == terms[1] and i == 0 else sizes[name] for i, name in enumerate(term)]
        ).astype(np.float32)
        for term in terms
    ]
    wanted: Any = np.einsum(equation, *[array.astype(np.float64) for array in arrays])
    at_rest = sum(array.nbytes for array in arrays) + wanted.size * 4
    for room in (20_000, 6_000):
        try:
            found = einlab.contract(equation, *arrays, memory_limit=f"{at_rest + room}B")
        except MemoryLimitError:
            continue
        np.testing.assert_allclose(found, wanted, atol=1e-4 * abs(wanted).max())


@NATIVE
def test_gradients_keep_limits_and_agree_with_those_without() -> None:
    arrays = drawn(CLIQUE, 40)
    places = tuple(range(5))

    def slope(**options: Any) -> Any:
        def loss(*x: Any) -> jax.Array:
            return jnp.sum(jnp.cos(einlab.contract(CLIQUE, *x, **options)))

        return jax.jit(jax.grad(loss, argnums=places))

    free = slope()
    held = program_bytes(free.lower(*arrays).compile())
    assert held is not None
    wanted = free(*arrays)
    for share in (2, 4):
        settings = settings_from({"memory_limit": f"{held // share}B"})
        contraction = einlab.plan(CLIQUE, *arrays).contraction
        assert gradient_within(contraction, settings, places) is not None
        limited = slope(memory_limit=f"{held // share}B")
        for got, right in zip(limited(*arrays), wanted, strict=True):
            np.testing.assert_allclose(got, right, atol=2e-3 * float(jnp.abs(right).max()))


@NATIVE
def test_derivatives_and_vmap_of_a_limited_contraction_are_those_of_the_free_one() -> None:
    arrays = drawn(CLIQUE, 24)
    limit = f"{limits(CLIQUE, arrays)[1]}B"

    def limited(x: Any) -> jax.Array:
        return einlab.contract(CLIQUE, x, *arrays[1:], memory_limit=limit)

    def free(x: Any) -> jax.Array:
        return einlab.contract(CLIQUE, x, *arrays[1:])

    x = jnp.asarray(arrays[0])
    for make in (
        lambda f: jax.jvp(f, (x,), (2 * x,)),
        lambda f: jax.grad(lambda y: jnp.sum(f(y) ** 2))(x),
        lambda f: jax.vmap(f)(jnp.stack([x, -x])),
        lambda f: jax.jvp(jax.grad(lambda y: jnp.sum(f(y) ** 2)), (x,), (x,)),
    ):
        for got, wanted in zip(
            jax.tree.leaves(make(limited)), jax.tree.leaves(make(free)), strict=True
        ):
            np.testing.assert_allclose(got, wanted, atol=1e-3 * float(jnp.abs(wanted).max()))


@NATIVE
def test_a_batch_is_one_call_that_keeps_the_limit_of_all_of_it() -> None:
    arrays = drawn(CLIQUE, 24)
    limit = limits(CLIQUE, arrays)[1]

    def limited(x: Any) -> jax.Array:
        return einlab.contract(CLIQUE, x, *arrays[1:], memory_limit=f"{limit}B")

    batch = np.stack([arrays[0], -arrays[0], 2 * arrays[0]])
    lowered = jax.jit(jax.vmap(limited)).lower(batch)
    assert lowered.as_text().count("custom_call @einlab_native") == 1
    wanted = exact(CLIQUE, arrays)
    for found, factor in zip(jax.vmap(limited)(batch), (1, -1, 2), strict=True):
        np.testing.assert_allclose(found, factor * wanted, atol=2e-4 * abs(wanted).max())


@NATIVE
def test_elsewhere_the_plan_runs_in_slices() -> None:
    arrays = drawn(CLIQUE, 24)
    limit = limits(CLIQUE, arrays)[1]
    settings = settings_from({"memory_limit": f"{limit}B"})
    contraction = einlab.plan(CLIQUE, *arrays).contraction
    way = checked_way(contraction, settings)
    assert way.nested is not None
    assert way.plan.peak <= limit
    wanted = exact(CLIQUE, arrays)
    with leaving_all_to_xla():
        found = jax.jit(lambda *x: way.run(settings, *x))(*arrays)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * abs(wanted).max())


def test_other_dtypes_and_limits_without_room_are_left_to_slices() -> None:
    arrays = drawn(CLIQUE, 8)
    at_rest = sum(array.nbytes for array in arrays) + 8 * 8 * 4
    assert nested_for(CLIQUE, arrays, at_rest) is None
    whole = [array.astype(np.int32) for array in arrays]
    assert nested_for(CLIQUE, whole, 10**6) is None
