"""Gradients keep the memory limit, and are those of JAX whatever is sliced, kept or made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.checkpointing import Backward, keeping_all, regions
from einlab.errors import MemoryLimitError
from einlab.execute.gradients import gradient
from einlab.execute.programs import program_bytes
from tests.execute.test_primitive import (
    EQUATIONS,
    TRANSFORMATIONS,
    batched_gradient,
    operands_of,
    reverse_over_reverse,
    scanned,
    tangent,
    theirs,
    transposed,
)
from tests.execute.test_primitive import gradient as gradient_of
from tests.strategies import Case, cases, law

pytestmark = pytest.mark.usefixtures("device", "x64")

OFTEN = {gradient_of, tangent, reverse_over_reverse, batched_gradient, scanned, transposed}

CLIQUE = "abcd,aefg,behi,cfhj,dgij->"
SHAPES = ((7, 7, 7, 7),) * 5
EVERY = tuple(range(5))


def assert_alike(got: Any, wanted: Any) -> None:
    same: bool = jax.tree.structure(got) == jax.tree.structure(wanted)  # type: ignore[operator]
    assert same
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def sliced(equation: str, *indices: str) -> Callable[..., jax.Array]:
    """The contraction, over slices of these indices."""
    plan = replace(einlab.plan(equation, *operands_of(equation)), sliced=indices)
    return lambda *operands: einlab.contract(plan, *operands)


@pytest.mark.parametrize(
    "transformation",
    [pytest.param(t, marks=[] if t in OFTEN else pytest.mark.long) for t in TRANSFORMATIONS],
    ids=lambda t: t.__name__,
)
def test_slices_pass_every_transformation(transformation: Callable[..., Any]) -> None:
    equation = EQUATIONS[1]
    operands = operands_of(equation)
    got = transformation(sliced(equation, "j", "l"), *operands)
    assert_alike(got, transformation(theirs(equation), *operands))


def floats(seed: int = 0) -> list[jax.Array]:
    random = np.random.default_rng(seed)
    return [jnp.asarray(random.normal(size=shape) / 7, jnp.float32) for shape in SHAPES]


def gradient_of_each(function: Callable[..., jax.Array], arrays: list[jax.Array]) -> Any:
    def squared(*inner: Any) -> Any:
        return jnp.sum(function(*inner) ** 2)

    return jax.vmap(jax.grad(squared, argnums=EVERY))(*map(three, arrays))


def gradient_of_all(function: Callable[..., jax.Array], arrays: list[jax.Array]) -> Any:
    def squared(*inner: Any) -> Any:
        return jnp.sum(jax.vmap(function)(*inner) ** 2)

    return jax.grad(squared, argnums=EVERY)(*map(three, arrays))


def three(array: jax.Array) -> jax.Array:
    """A batch of three."""
    return jnp.stack([array, -array, 2 * array])


@pytest.mark.parametrize("share", [2, 4])
def test_a_program_and_its_gradient_keep_the_limit(share: int) -> None:
    arrays = floats()
    free = program_bytes(jax.jit(lambda *x: einlab.contract(CLIQUE, *x)).lower(*arrays).compile())
    assert free is not None
    limit = free // share

    def limited(*operands: Any) -> jax.Array:
        return einlab.contract(CLIQUE, *operands, memory_limit=f"{limit}B")

    def slope(function: Callable[..., jax.Array]) -> Callable[..., Any]:
        return jax.grad(lambda *x: jnp.sum(jnp.sin(function(*x))), argnums=EVERY)

    held = program_bytes(jax.jit(limited).lower(*arrays).compile())
    assert held is not None
    assert held <= limit
    wanted = jnp.einsum(CLIQUE, *arrays)
    np.testing.assert_allclose(limited(*arrays), wanted, rtol=1e-3)
    held = program_bytes(jax.jit(slope(limited)).lower(*arrays).compile())
    assert held is not None
    assert held <= limit
    for one, other in zip(
        slope(limited)(*arrays),
        slope(lambda *x: jnp.einsum(CLIQUE, *x))(*arrays),
        strict=True,
    ):
        scale = float(jnp.abs(other).max())
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize(
    "transformation", [gradient_of_each, gradient_of_all], ids=lambda t: t.__name__
)
def test_a_batch_of_gradients_keeps_the_limit_of_the_whole_batch(
    transformation: Callable[..., Any],
) -> None:
    arrays = floats()

    def limited(*operands: Any) -> jax.Array:
        return einlab.contract(CLIQUE, *operands, memory_limit="1MB")

    def theirs(*operands: Any) -> jax.Array:
        return jnp.einsum(CLIQUE, *operands)

    text = str(jax.make_jaxpr(lambda *x: transformation(limited, x))(*arrays))
    assert "einlab_gradient" in text
    for one, other in zip(
        jax.tree.leaves(transformation(limited, arrays)),
        jax.tree.leaves(transformation(theirs, arrays)),
        strict=True,
    ):
        scale = float(jnp.abs(other).max())
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * scale)


def test_a_gradient_that_cannot_keep_the_limit_says_which_would_do() -> None:
    arrays = floats()
    given = sum(array.nbytes for array in arrays)

    def limited(*operands: Any) -> jax.Array:
        return jnp.sum(einlab.contract(CLIQUE, *operands, memory_limit=f"{int(given * 1.6)}B"))

    with pytest.raises(MemoryLimitError) as caught:
        jax.grad(limited, argnums=EVERY)(*arrays)
    assert caught.value.smallest is not None
    assert caught.value.smallest > given * 1.6


@law(
    cases(least=3, most=6, sizes=(2, 3, 1), dtypes=("float64", "complex128")), st.data(),
    quick=12, long=300,
)  # fmt: skip
def test_gradients_do_not_depend_on_what_is_sliced_or_kept(case: Case, data: Any) -> None:
    random = np.random.default_rng(case.seed)
    arrays = [jnp.asarray(array) for array in case.arrays()]
    plan = einlab.plan(case.equation, *arrays)
    indices = sorted(plan.contraction.sizes)
    if indices:
        chosen = data.draw(st.lists(st.sampled_from(indices), unique=True, max_size=2))
        plan = replace(plan, sliced=tuple(chosen))
    inner = sorted(keeping_all(plan).kept)
    kept = frozenset(array for array in inner if data.draw(st.booleans()))
    shape = plan.contraction.shape
    sent = jnp.asarray(random.normal(size=shape), plan.dtype)
    places = tuple(range(len(arrays)))
    got = gradient(Backward(plan, kept, 0), places, *arrays, sent)
    whole = replace(plan, sliced=())
    wanted = jax.vjp(lambda *x: einlab.contract(whole, *x), *arrays)[1](sent)
    assert_alike(got, list(wanted))


@law(cases(least=2, most=6, sizes=(2, 3, 1)), st.data(), quick=20, long=300)
def test_regions_make_what_the_plan_makes(case: Case, data: Any) -> None:
    arrays = case.arrays()
    plan = einlab.plan(case.equation, *arrays)
    inner = sorted(keeping_all(plan).kept)
    kept = frozenset(array for array in inner if data.draw(st.booleans()))
    parts = regions(plan, kept)
    made = {region.result for region in parts}
    assert kept <= made
    assert sum(len(region.plan.pairs) for region in parts) == len(plan.pairs)
    assert sum(region.plan.flops for region in parts) == plan.flops
    for region in parts:
        assert all(place < len(arrays) or place in made for place in region.inputs)
