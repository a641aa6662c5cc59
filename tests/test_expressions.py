"""`contract_expression`: planned once, constants folded once, the result that `contract` gives."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import einlab
from einlab.errors import ArgumentError, ArgumentTypeError, PlanError
from einlab.execute.primitive import contract_p
from tests.execute.test_lowering import operations
from tests.reference import assert_contracts_to
from tests.strategies import Case, cases, law, random_array

pytestmark = pytest.mark.usefixtures("device")

CHAIN = ("ij,jk,kl,lm->im", (2, 3), (3, 4), (4, 5), (5, 6))


def chain_arrays(dtype: str = "float32") -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random_array(random, shape, dtype) for shape in CHAIN[1:]]


@law(cases(most=6, dtypes=("float32", "complex64", "bfloat16", "int32")), st.data(),
     quick=40, long=600)  # fmt: skip
def test_constants_may_stand_anywhere(case: Case, data: Any) -> None:
    arrays = case.arrays()
    places = data.draw(st.lists(st.integers(0, case.count - 1), unique=True))
    given = [array if p in places else case.shapes[p] for p, array in enumerate(arrays)]
    expression = einlab.contract_expression(case.equation, *given, constants=places)
    variables = [array for place, array in enumerate(arrays) if place not in places]
    got = expression(*variables)
    dtype = jnp.result_type(*arrays).name
    assert_contracts_to(got, case.terms, case.output, arrays, dtype)


def dots(function: Any, *arguments: Any) -> int:
    """How many products a call computes."""
    traced = jax.make_jaxpr(function)(*arguments)
    (found,) = [e for e in operations(traced.jaxpr) if e.primitive is contract_p]
    return len([s for s in found.params["planned"].plan.steps if s.kind == "product"])


def test_what_constants_make_alone_is_computed_once() -> None:
    a, b, c, d = chain_arrays()
    expression = einlab.contract_expression(
        CHAIN[0], (2, 3), b, c, d, constants=[1, 2, 3], optimize=[(2, 3), (1, 2), (0, 1)]
    )
    assert dots(expression, a) == 1
    whole = einlab.contract_expression(*CHAIN, optimize=[(2, 3), (1, 2), (0, 1)])
    assert dots(whole, a, b, c, d) == 3
    np.testing.assert_allclose(expression(a), whole(a, b, c, d), rtol=1e-5)


def test_all_operands_may_be_constant() -> None:
    arrays = chain_arrays()
    expression = einlab.contract_expression(CHAIN[0], *arrays, constants=range(4))
    np.testing.assert_allclose(expression(), np.linalg.multi_dot(arrays), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64", "int8", "bool"])
def test_operands_of_other_dtypes_than_planned_are_contracted_in_theirs(dtype: str) -> None:
    a, b, c, d = chain_arrays(dtype)
    expression = einlab.contract_expression(CHAIN[0], (2, 3), b, c, (5, 6), constants=[1, 2])
    terms = [tuple(term) for term in ("ij", "jk", "kl", "lm")]
    assert_contracts_to(expression(a, d), terms, ("i", "m"), [a, b, c, d], dtype)
    assert_contracts_to(jax.jit(expression)(a, d), terms, ("i", "m"), [a, b, c, d], dtype)


def test_64_bits_are_kept_in_folded_constants(x64: None) -> None:
    a, b, c, d = chain_arrays("float64")
    expression = einlab.contract_expression(CHAIN[0], (2, 3), b, c, d, constants=[1, 2, 3])
    got = expression(a)
    assert got.dtype == "float64"
    np.testing.assert_allclose(got, np.linalg.multi_dot([a, b, c, d]), rtol=1e-13)


def test_a_sliced_plan_keeps_its_memory_with_constants() -> None:
    random = np.random.default_rng(1)
    a, b, c = (random.normal(size=(16, 16)).astype("float32") for _ in range(3))
    expression = einlab.contract_expression(
        "ij,jk,kl->il", (16, 16), b, c, constants=[1, 2], memory_limit="4800 B"
    )
    assert expression.plan.sliced
    assert expression.plan.peak <= 4800
    np.testing.assert_allclose(expression(a), a @ b @ c, rtol=1e-4, atol=1e-4)


def test_an_expression_is_transformed_like_any_function() -> None:
    a, b, c, d = chain_arrays()
    expression = einlab.contract_expression(CHAIN[0], (2, 3), b, c, (5, 6), constants=[1, 2])
    expected = jax.grad(lambda x, y: jnp.sum((x @ b @ c @ y) ** 2), argnums=(0, 1))(a, d)
    got = jax.grad(lambda x, y: jnp.sum(expression(x, y) ** 2), argnums=(0, 1))(a, d)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    many = jax.vmap(expression, in_axes=(0, None))(np.stack([a, 2 * a]), d)
    np.testing.assert_allclose(many[1], 2 * (a @ b @ c @ d), rtol=1e-4, atol=1e-4)


def test_an_expression_may_be_made_inside_a_traced_function() -> None:
    a, b, c, d = chain_arrays()

    @jax.jit
    def inside(a: Any, b: Any, c: Any, d: Any) -> Any:
        expression = einlab.contract_expression(CHAIN[0], a.shape, b, c, d.shape, constants=[1, 2])
        return expression(a, d)

    np.testing.assert_allclose(inside(a, b, c, d), a @ b @ c @ d, rtol=1e-4, atol=1e-5)


def test_a_plan_is_an_expression() -> None:
    plan = einlab.plan(*CHAIN)
    expression = einlab.contract_expression(plan)
    assert expression.plan == plan
    np.testing.assert_allclose(
        expression(*chain_arrays()), np.linalg.multi_dot(chain_arrays()), rtol=1e-4
    )
    with pytest.raises(ArgumentTypeError):
        einlab.contract_expression(plan, optimize="greedy")


def test_an_expression_prints_its_plan() -> None:
    expression = einlab.contract_expression(*CHAIN)
    assert str(expression) == str(expression.plan)
    assert repr(expression) == "<Expression ij,jk,kl,lm->im>"


def test_interleaved_labels_and_axis_names_make_expressions_too() -> None:
    a, b, *_ = chain_arrays()
    by_labels = einlab.contract_expression((2, 3), ["r", "k"], (3, 4), ["k", "c"], ["c", "r"])
    by_names = einlab.contract_expression("row key, key column -> column row", (2, 3), (3, 4))
    for expression in (by_labels, by_names):
        np.testing.assert_allclose(expression(a, b), (a @ b).T, rtol=1e-4)


def test_arguments_of_opt_einsums_expressions_are_taken() -> None:
    a, b, c, d = chain_arrays()
    expression = einlab.contract_expression(*CHAIN)
    with pytest.warns(DeprecationWarning, match="backend"):
        got = expression(a, b, c, d, backend="jax")
    np.testing.assert_allclose(got, a @ b @ c @ d, rtol=1e-4, atol=1e-5)
    with pytest.raises(ArgumentTypeError, match="out"):
        expression(a, b, c, d, out=np.empty((2, 6)))


def test_what_does_not_fit_is_refused() -> None:
    a, b, c, _ = chain_arrays()
    expression = einlab.contract_expression(*CHAIN)
    with pytest.raises(ArgumentTypeError, match="4 operands"):
        expression(a, b, c)
    with pytest.raises(PlanError, match=r"operand 3 has shape \(4, 5\)"):
        expression(a, b, c, c)
    wrong: tuple[Any, ...] = ([4], [-1], ["b"], [True])
    for places in wrong:
        with pytest.raises((ArgumentError, ArgumentTypeError)):
            einlab.contract_expression(*CHAIN, constants=places)


@pytest.mark.parametrize(
    ("equation", "shape"), [("a->", (1,)), ("ab->b", (1, 3)), ("aab->b", (1, 1, 2))]
)
def test_a_constant_alone_loses_its_axes_of_length_1(equation, shape):
    constant = np.arange(1.0, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    expression = einlab.contract_expression(equation, constant, constants=[0])
    assert np.array_equal(expression(), np.einsum(equation, constant))
