"""Laws of operands that stand for factors: the result is that of the dense matrix, always."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einlab
from einlab import contract, contract_expression, contract_many, lowrank, plan, plan_many, report
from einlab.errors import ArgumentTypeError, EquationError, OperandError, PlanError, ShapeError
from einlab.lowrank import LowRank
from tests.wording import complaint

R = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    return R.standard_normal(shape).astype(np.float32)


L = LowRank(numbers(6, 2), numbers(2, 5))
DENSE = np.asarray(L.left) @ np.asarray(L.right)
X = numbers(5, 3)


def same(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(got), expected, rtol=2e-5, atol=2e-5)


EQUATIONS = (
    "mn,nk->mk",
    "mn,nk",
    " m n , n k -> k m ",
    "ab,bc->ac",
    "ab,...c->...a",
    "...b,bc->...c",
    "rs,st->rt",
    "row column, column key -> key row",
    "r r2, r2 key -> r key",
    "m n, n k -> ",
)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_the_result_is_that_of_the_dense_matrix(equation):
    x = np.ones((5, 3), np.float32) if "...c" in equation and "ab," in equation else X
    same(contract(equation, L, x), contract(equation, DENSE, x))


def test_labels_may_stand_between_the_operands():
    same(contract(L, [0, 1], X, [1, 2], [2, 0]), (DENSE @ X).T)
    same(contract(X, ["n", "k"], L, ["m", "n"]), (DENSE @ X).T)


@given(
    terms=st.lists(
        st.sampled_from(["ab", "bc", "cd", "da", "aa", "b", ""]), min_size=1, max_size=4
    ),
    factored=st.sets(st.integers(0, 3)),
    data=st.data(),
)
@settings(max_examples=25)
def test_any_of_several_operands_may_stand_for_factors(terms, factored, data):
    held = sorted(set("".join(terms)))
    output = "".join(data.draw(st.permutations(held)))[: data.draw(st.integers(0, 2))]
    equation = f"{','.join(terms)}->{output}"
    operands: list[Any] = []
    for place, term in enumerate(terms):
        if len(term) == 2 and place in factored:
            operands.append(LowRank(numbers(3, 2), numbers(2, 3)))
        else:
            operands.append(numbers(*(3,) * len(term)))
    dense = [x.dense() if isinstance(x, LowRank) else x for x in operands]
    expected = np.einsum(equation, *(np.asarray(x, np.float64) for x in dense))
    np.testing.assert_allclose(contract(equation, *operands), expected, rtol=1e-3, atol=1e-3)


def test_stacks_broadcast_as_dense_stacks_do():
    stack = LowRank(numbers(4, 6, 2), numbers(2, 5))
    assert stack.shape == (4, 6, 5)
    same(stack.dense(), np.asarray(stack.left) @ np.asarray(stack.right))
    same(contract("...mn,nk->...mk", stack, X), np.asarray(stack.dense()) @ X)
    same(contract("bmn,bnk->bmk", stack, numbers(1, 5, 3) * 0 + X), np.asarray(stack.dense()) @ X)
    same(stack.mT.dense(), np.asarray(stack.dense()).swapaxes(1, 2))


def test_a_plan_shows_both_factors_and_runs_them():
    made = plan("row col, col key -> row key", L, (5, 3))
    assert made.eq == "row r, r col, col key -> row key"
    assert made.contraction.shapes == ((6, 2), (2, 5), (5, 3))
    same(contract(made, L, X), DENSE @ X)
    assert einlab.contract_path("mn,nk->mk", L, X)[1].eq == "mr,rn,nk->mk"
    assert plan("mr,rk->mk", L, (5, 3)).eq == "ma,ar,rk->mk"


def test_the_planner_merges_factors_only_where_that_is_cheaper():
    thin, many = LowRank(numbers(6, 2), numbers(2, 5)), (5, 1000)
    wide = LowRank(numbers(6, 40), numbers(40, 5))
    assert (0, 1) not in plan("mn,nk->mk", thin, many).pairs
    assert plan("mn,nk->mk", wide, many).pairs[0] == (0, 1)


def test_dtypes_that_a_plan_is_given_are_those_of_all_factors():
    made = plan("mn,nk->mk", L, (5, 3), dtype=["bfloat16", "float16"])
    assert made.contraction.dtypes == ("bfloat16", "bfloat16", "float16")
    assert plan("mn,nk->mk", L, (5, 3)).contraction.dtypes == ("float32",) * 3


@pytest.mark.parametrize("constants", [None, [0], [1], [0, 1]])
def test_expressions_take_factors_as_constants_and_as_variables(constants):
    given = [L, X if constants and 1 in constants else (5, 3)]
    made = contract_expression("mn,nk->mk", *given, constants=constants)
    variables = [x for place, x in enumerate((L, X)) if place not in (constants or [])]
    same(made(*variables), DENSE @ X)


def test_several_results_share_factors():
    calls = [("mn,nk->mk", L, X), ("mn,nk->m", L, X)]
    product, sums = contract_many(calls)
    same(product, DENSE @ X)
    same(sums, (DENSE @ X).sum(1))
    assert (
        plan_many(calls).flops
        == plan_many(
            [("mr,rn,nk->mk", L.left, L.right, X), ("mr,rn,nk->m", L.left, L.right, X)]
        ).flops
    )


def test_transformations_reach_the_factors():
    weights = numbers(6, 3)

    def loss(matrix: Any) -> jax.Array:
        return (contract("mn,nk->mk", matrix, X) * weights).sum()

    got = jax.jit(jax.grad(loss))(L)
    assert isinstance(got, LowRank)
    whole = weights @ X.T
    same(got.left, whole @ np.asarray(L.right).T)
    same(got.right, np.asarray(L.left).T @ whole)
    stack = LowRank(numbers(4, 6, 2), numbers(4, 2, 5))
    mapped = jax.vmap(lambda one: contract("mn,nk->mk", one, X))(stack)
    same(mapped, np.asarray(stack.dense()) @ X)


def test_options_reach_the_contraction_of_the_factors():
    same(contract("mn,nk->mk", L, X, memory_limit="1MiB", axes="letters"), DENSE @ X)
    same(contract("i j, j k -> i k", L, X, axes="named"), DENSE @ X)
    assert contract("mn,nk->mk", L, X, preferred_element_type="bfloat16").dtype == jnp.bfloat16
    assert report(contract, "mn,nk->mk", L, X).flops == plan("mn,nk->mk", L, X).flops


def test_decompositions_stand_for_their_factors_too():
    cube = numbers(3, 4, 5)
    for found in (
        lowrank.cp(cube, 2, sweeps=2),
        lowrank.tucker(cube, 2, sweeps=1),
        lowrank.tensor_train(cube, 2),
    ):
        assert found.shape == cube.shape
        same(
            contract("abc,bd->acd", found, np.eye(4, dtype=np.float32)),
            np.moveaxis(np.asarray(found.dense()), 1, 2),
        )
        complaint(found.low_rank, ShapeError, ("a LowRank is a matrix",))


def test_factors_of_factors_are_unfolded():
    class Twice:
        def einsum_factors(self) -> tuple[str, tuple[Any, ...]]:
            return "ab,bc->ac", (L, L.mT)

    assert plan("mn,nk->mk", Twice(), (6, 2)).eq == "mr,rb,bd,dn,nk->mk"
    same(contract("mn->m", Twice()), (DENSE @ DENSE.T).sum(1))


def test_abstract_factors_are_enough_for_a_plan():
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), L)
    assert plan("mn,nk->mk", shapes, X) == plan("mn,nk->mk", L, X)
    assert contract_expression("mn,nk->mk", shapes, (5, 3)).plan == plan("mn,nk->mk", L, X)


def test_what_does_not_fit_is_refused_about_the_equation_as_it_was_written():
    complaint(lambda: contract("mn,mk->mk", L, X), ShapeError, ("'m' has size 6", "(6, 5)"))
    complaint(lambda: contract("mn,nk->mz", L, X), EquationError, ("'z'",))
    complaint(lambda: contract("mn,nk->mk", L, "x"), OperandError, ("operand 1 is 'x'",))
    complaint(lambda: contract("mnp,nk->mk", L, X), ShapeError, ("operand 0 has 2 axes",))
    complaint(lambda: contract(plan("mn,nk->mk", L, X), X), PlanError, ("takes 3 operands",))
    made = contract_expression("mn,nk->mk", L, X)
    complaint(lambda: made(L), ArgumentTypeError, ("takes 3 operands, but 2",))
    complaint(
        lambda: contract_expression("mn,nk->mk", (6, 5), (5, 3))(L, X),
        OperandError,
        ("stands for 2 factors",),
    )
    complaint(lambda: einlab.measure(made.plan, L, X), OperandError, ("arrays alone",))
