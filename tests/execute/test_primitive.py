"""Every transformation of JAX passes through the primitive and gives what it gives elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.errors import MemoryLimitError
from einlab.execute.primitive import contract_p
from tests.execute.test_lowering import operations
from tests.reference import naive_sum
from tests.strategies import Case, cases, law

pytestmark = pytest.mark.usefixtures("device", "x64")

Function = Callable[..., jax.Array]
EQUATIONS = ("ij,jk,kl->il", "iij,jk,,lj->li", "i,i,i->i", "bij,bjk,b->ik")
SIZES = {"b": 2, "i": 2, "j": 3, "k": 2, "l": 3}


def operands_of(equation: str, seed: int = 0) -> list[Any]:
    random = np.random.default_rng(seed)
    terms = equation.split("->")[0].split(",")
    return [jnp.asarray(random.normal(size=[SIZES[i] for i in term])) for term in terms]


def ours(equation: str) -> Function:
    return lambda *operands: einlab.contract(equation, *operands)


def theirs(equation: str) -> Function:
    return lambda *operands: jnp.einsum(equation, *operands)


def squares(function: Function) -> Function:
    """A scalar that is not linear in any operand."""
    return lambda *operands: jnp.sum(jnp.sin(function(*operands)) ** 2)


def gradient(function: Function, *operands: Any) -> Any:
    return jax.grad(squares(function), argnums=tuple(range(len(operands))))(*operands)


def tangent(function: Function, *operands: Any) -> Any:
    return jax.jvp(function, operands, tuple(jnp.cos(x) for x in operands))


def hessian(function: Function, *operands: Any) -> Any:
    return jax.hessian(squares(function), argnums=(0, 1))(*operands)


def reverse_over_reverse(function: Function, *operands: Any) -> Any:
    def slope(*inner: Any) -> Any:
        return sum(jnp.sum(part**3) for part in gradient(function, *inner))

    return jax.grad(slope)(*operands)


def reverse_over_forward(function: Function, *operands: Any) -> Any:
    def slope(*inner: Any) -> Any:
        return jnp.sum(tangent(function, *inner)[1] ** 2)

    return jax.grad(slope)(*operands)


def many(operands: tuple[Any, ...]) -> list[Any]:
    """Three of each operand along a new first axis."""
    return [jnp.stack([x, x + 1, 2 * x]) for x in operands]


def batched_gradient(function: Function, *operands: Any) -> Any:
    return jax.vmap(partial(gradient, function))(*many(operands))


def gradient_of_batch(function: Function, *operands: Any) -> Any:
    return gradient(jax.vmap(function), *many(operands))


def batch_of_batches(function: Function, *operands: Any) -> Any:
    inner = jax.vmap(function, in_axes=(0, *[None] * (len(operands) - 1)))
    return jax.vmap(inner, in_axes=(None, *[0] * (len(operands) - 1)))(*many(operands))


def rematerialised(function: Function, *operands: Any) -> Any:
    return gradient(jax.checkpoint(function), *operands)


def scanned(function: Function, *operands: Any) -> Any:
    def walk(*inner: Any) -> Any:
        def body(total: Any, first: Any) -> Any:
            result = function(first, *inner[1:])
            return total + jnp.sum(result), result

        total, results = jax.lax.scan(body, 0.0, many(inner)[0])
        return total + jnp.sum(results**2)

    return walk(*operands), jax.grad(walk)(*operands)


def linearised(function: Function, *operands: Any) -> Any:
    result, linear = jax.linearize(function, *operands)
    return result, linear(*(jnp.cos(x) for x in operands))


def transposed(function: Function, *operands: Any) -> Any:
    result = function(*operands)
    results = []
    for place in range(len(operands)):

        def linear(operand: Any, place: int = place) -> Any:
            return function(*operands[:place], operand, *operands[place + 1 :])

        results.append(jax.linear_transpose(linear, operands[place])(result))
    return results


def with_a_rule_of_its_own(function: Function, *operands: Any) -> Any:
    @jax.custom_jvp
    def ruled(first: Any) -> Any:
        return function(first, *operands[1:])

    @ruled.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return ruled(*primals), 3 * function(*tangents, *operands[1:])

    return jax.grad(squares(ruled))(operands[0]), jax.vmap(jax.grad(squares(ruled)))(
        jnp.stack([operands[0], operands[0] + 1])
    )


def jitted(function: Function, *operands: Any) -> Any:
    return jax.jit(function)(*operands)


def branched(function: Function, *operands: Any) -> Any:
    double = partial(jax.lax.cond, True, function, lambda *x: 2 * function(*x))
    return gradient(double, *operands)


TRANSFORMATIONS = (
    gradient,
    tangent,
    hessian,
    reverse_over_reverse,
    reverse_over_forward,
    batched_gradient,
    gradient_of_batch,
    batch_of_batches,
    rematerialised,
    scanned,
    linearised,
    transposed,
    with_a_rule_of_its_own,
    jitted,
    branched,
)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS, ids=lambda t: t.__name__)
@pytest.mark.parametrize(
    "equation", [EQUATIONS[1], *(pytest.param(e, marks=pytest.mark.long) for e in EQUATIONS)]
)
def test_a_transformed_contraction_is_the_transformed_sum(
    equation: str, transformation: Callable[..., Any]
) -> None:
    operands = operands_of(equation)
    got = transformation(ours(equation), *operands)
    expected = transformation(theirs(equation), *operands)
    same: bool = jax.tree.structure(got) == jax.tree.structure(expected)  # type: ignore[operator]
    assert same
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


@law(cases(most=5, dtypes=("float64",), sizes=(2, 3, 1)), st.data(), quick=25, long=300)
def test_vmap_over_any_axes_adds_an_index(case: Case, data: st.DataObject) -> None:
    random = np.random.default_rng(case.seed)
    places = [data.draw(st.one_of(st.none(), st.integers(0, len(t)))) for t in case.terms]
    if all(place is None for place in places):
        places[0] = 0
    terms, arrays = [], []
    for term, shape, place in zip(case.terms, case.shapes, places, strict=True):
        if place is not None:
            term = (*term[:place], "vmap", *term[place:])
            shape = (*shape[:place], 3, *shape[place:])
        terms.append(term)
        arrays.append(random.normal(size=shape))
    out = data.draw(st.integers(0, len(case.output)))
    with jax.enable_x64(True):
        function = jax.vmap(ours(case.equation), in_axes=tuple(places), out_axes=out)
        got = function(*arrays)
    expected = naive_sum(terms, (*case.output[:out], "vmap", *case.output[out:]), arrays)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_a_program_holds_one_contraction_by_name() -> None:
    operands = operands_of(EQUATIONS[0])
    traced = jax.make_jaxpr(ours(EQUATIONS[0]))(*operands)
    (outer,) = traced.jaxpr.eqns
    assert outer.params["name"] == "contract"
    (inner,) = outer.params["jaxpr"].jaxpr.eqns
    assert inner.primitive is contract_p
    assert inner.params["planned"].plan.flops == einlab.plan(EQUATIONS[0], *operands).flops


def test_shapes_are_known_without_computing() -> None:
    operands = operands_of(EQUATIONS[3])
    shaped = jax.eval_shape(ours(EQUATIONS[3]), *operands)
    assert (shaped.shape, shaped.dtype) == ((2, 2), "float64")


def test_a_gradient_shares_the_intermediates_of_the_planned_tree() -> None:
    # Reverse mode through a tree of n - 1 products is 2(n - 1) products more, however long.
    equation = "ab,bc,cd,de,ef->af"
    operands = [jnp.ones((2, 2))] * 5

    def back(*inner: Any) -> Any:
        result, pull = jax.vjp(ours(equation), *inner)
        return result, pull(result)

    text = jax.jit(back).lower(*operands).as_text()
    assert text.count("stablehlo.dot_general") == 3 * 4


def test_an_operand_that_does_not_vary_costs_nothing_in_a_gradient() -> None:
    operands = [jnp.ones((2, 2))] * 2
    text = jax.jit(jax.grad(squares(ours("ab,bc->ac")))).lower(*operands).as_text()
    assert text.count("stablehlo.dot_general") == 2


def test_vmap_plans_anew_and_a_given_plan_keeps_its_tree() -> None:
    shapes = ((2, 8), (8, 8), (8, 8))
    plan = einlab.plan("ab,bc,cd->ad", *shapes, dtype="float64", optimize=[(1, 2), (0, 1)])
    operands = [jnp.ones((5, *shape)) for shape in shapes]

    def plan_inside(function: Any) -> einlab.Plan:
        traced = jax.make_jaxpr(jax.vmap(function))(*operands)
        (found,) = [e for e in operations(traced.jaxpr) if e.primitive is contract_p]
        inside: einlab.Plan = found.params["planned"].plan
        return inside

    kept = plan_inside(lambda *x: einlab.contract(plan, *x))
    assert kept.path == plan.path
    free = plan_inside(ours("ab,bc,cd->ad"))
    assert free.path == [(0, 1), (0, 1)]


def test_slices_of_a_given_plan_stay_under_vmap() -> None:
    sizes = dict.fromkeys("abcd", 8)
    plan = einlab.plan("ab,bc,cd->ad", sizes=sizes, dtype="float64", memory_limit="2200 B")
    assert plan.sliced
    operands = [jnp.asarray(np.random.default_rng(1).normal(size=(3, 8, 8))) for _ in range(3)]
    function = jax.vmap(lambda *x: einlab.contract(plan, *x))
    traced = jax.make_jaxpr(function)(*operands)
    (found,) = [e for e in operations(traced.jaxpr) if e.primitive is contract_p]
    assert found.params["planned"].plan.sliced == plan.sliced
    expected = jnp.einsum("zab,zbc,zcd->zad", *operands)
    np.testing.assert_allclose(function(*operands), expected, rtol=1e-12)


def test_a_memory_limit_holds_for_the_whole_batch() -> None:
    operands = [jnp.ones((64, 8, 8))] * 2
    limited = partial(einlab.contract, "ab,bc->ac", memory_limit="2kB")
    limited(*(x[0] for x in operands))
    with pytest.raises(MemoryLimitError, match="smallest memory limit that would do is 98,304"):
        jax.vmap(limited)(*operands)


def test_gradients_of_integers_and_bools_are_those_of_jax() -> None:
    a, b = jnp.ones((2, 3)), jnp.ones((3,), "int8")
    got = jax.grad(lambda x: jnp.sum(einlab.contract("ij,j->i", x, b)))(a)
    np.testing.assert_array_equal(got, np.ones((2, 3)))
    _, back = jax.vjp(ours("ij,j->i"), a, b)
    assert back(jnp.ones(2))[1].dtype == jax.dtypes.float0


SHARDED = """
import jax, jax.numpy as jnp, numpy as np, einlab
from functools import partial
from jax.sharding import PartitionSpec as P, NamedSharding

assert jax.device_count() == 2
mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
random = np.random.default_rng(0)
a, b, c = (random.normal(size=s).astype("float32") for s in ((4, 6), (6, 8), (8, 2)))
expected = a @ b @ c

def ours(a, b, c):
    return einlab.contract("ij,jk,kl->il", a, b, c)

def summed(a, b, c):
    return jax.lax.psum(ours(a, b, c), "x")

def close(got, expected=expected):
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)

rows = jax.shard_map(ours, mesh=mesh, in_specs=(P("x"), P(), P()), out_specs=P("x"))
close(rows(a, b, c))
inner = jax.shard_map(summed, mesh=mesh, in_specs=(P(None, "x"), P("x"), P()), out_specs=P())
close(inner(a, b, c))
close(jax.jit(inner)(a, b, c))

def loss(function, *operands):
    return jnp.sum(function(*operands) ** 2)

plain = lambda a, b, c: a @ b @ c
for function in (rows, inner):
    got = jax.grad(partial(loss, function), argnums=(0, 1, 2))(a, b, c)
    for one, other in zip(got, jax.grad(partial(loss, plain), argnums=(0, 1, 2))(a, b, c)):
        close(one, other)

plan = einlab.plan("ij,jk,kl->il", (2, 6), (6, 8), (8, 2), memory_limit="350 B")
assert plan.sliced, plan.peak
sliced = jax.shard_map(partial(einlab.contract, plan), mesh=mesh,
                       in_specs=(P("x"), P(), P()), out_specs=P("x"))
close(sliced(a, b, c))

split = NamedSharding(mesh, P("x"))
placed = jax.device_put(a, split)
close(einlab.contract("ij,jk,kl->il", placed, b, c))

explicit = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
with jax.set_mesh(explicit):
    placed = jax.device_put(a, NamedSharding(explicit, P("x", None)))
    got = jax.jit(ours)(placed, b, c)
    close(got)
    assert jax.typeof(got).sharding.spec == P("x", None), jax.typeof(got)
print("sharded contractions agree")
"""


def test_contractions_are_sharded_over_two_devices() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHARDED],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"},
    )
    assert done.stdout.strip() == "sharded contractions agree", done.stderr[-2000:]
