"""Calls that are put together wrongly: labels, expressions, constants, paths; and faults of peers.

What other einsum libraries are known to get wrong in such calls is tested at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import einlab
from einlab import contract, contract_expression, contract_path, plan
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    EinlabError,
    EquationError,
    OperandError,
    PlanError,
    ShapeError,
)
from tests.wording import complaint, marked, suggestion

A, B, C = (np.ones(shape, np.float32) for shape in ((2, 3), (3, 4), (4, 5)))

BOTH_FORMS = ("contract('ij,jk->ik', a, b)", "contract(a, [0, 1], b, [1, 2], [0, 2])")

LABELS: list[tuple[tuple[Any, ...], type[EinlabError], tuple[str, ...]]] = [
    ((A, 0, B, 1), ArgumentTypeError, ("labels of operand 0", "not 0", *BOTH_FORMS)),
    ((A, [0, 1], B, None), ArgumentTypeError, ("labels of operand 1", "not None", *BOTH_FORMS)),
    ((A, {0, 1}, B, [1, 2]), ArgumentTypeError, ("labels of operand 0", "not {0, 1}")),
    ((A, {0: 1, 1: 2}, B, [1, 2]), ArgumentTypeError, ("labels of operand 0",)),
    ((A, [0, 1], B, [1, 2], {0, 2}), ArgumentTypeError, ("labels of the output",)),
    ((A, [0, [1]], B, [1, 2]), ArgumentTypeError, ("label [1] of operand 0 is not hashable",)),
    ((A, [0, 1], B, [1, {}]), ArgumentTypeError, ("label {} of operand 1 is not hashable",)),
    ((A, B), ArgumentTypeError, ("an array stands where the labels of operand 0", *BOTH_FORMS)),
    ((A, B, "ij,jk->ik"), ArgumentTypeError, ("an array stands where the labels", *BOTH_FORMS)),
    ((A, B[:, 0]), ArgumentTypeError, ("an array stands where the labels of operand 0",)),
    ((A, "ij,jk->ik", B), ArgumentTypeError, ("'ij,jk->ik' stands where the labels",)),
    ((b"ij,jk->ik", A, B), ArgumentTypeError, ("an array stands where the labels",)),
    ((None, A, B), ArgumentTypeError, ("an array stands where the labels", *BOTH_FORMS)),
    ((3, A, B), ArgumentTypeError, ("an array stands where the labels",)),
    ((A,), ArgumentTypeError, ("the first argument is an equation", "got ndarray alone")),
    ((None,), ArgumentTypeError, ("the first argument is an equation",)),
    (("ij,jk->ik",), EquationError, ("no operand was given for 'ij,jk->ik'",)),
    ((A, [0, ..., 1, ...]), EquationError, ("labels of operand 0, [0, ..., 1, ...]", "two")),
    ((A, [0, 1], [0, 5]), EquationError, ("the output has label 5", "operands have 0 and 1")),
    ((A, ["row", "key"], ["kye"]), EquationError, ("label 'kye'", "'key' and 'row'")),
    ((A, [0, 1], B, [1, 2], [0, 0]), EquationError, ("'a' occurs 2 times", "a is 0")),
    ((A, [0, 1, 2], B, [1, 2]), ShapeError, ("operand 0 has 2 axes", "a is 0, b is 1 and c is 2")),
    ((A, [0, 1], B, [2, 1]), ShapeError, ("'b' has size 3 in operand 0 and 4", "b is 1")),
    ((A, ["row", "key"], B, ["out", "key"]), ShapeError, ("'a' has size 3", "a is 'key'")),
]


@pytest.mark.parametrize(("arguments", "error", "says"), LABELS, ids=range(len(LABELS)))
def test_labels_that_cannot_be_are_refused(
    arguments: tuple[Any, ...], error: type[EinlabError], says: tuple[str, ...]
) -> None:
    calls: list[Callable[..., Any]] = [contract, contract_path]
    if arguments[0] is A:
        calls += [plan, contract_expression]
    texts = {complaint(partial(call, *arguments), error, says) for call in calls}
    assert len(texts) == 1


def test_a_complaint_about_labels_marks_their_letters() -> None:
    text = complaint(lambda: contract(A, ["row", "key"], B, ["out", "key"], ["row", "out"]))
    assert marked(text) == ["a", "a"]
    assert suggestion(text) == "ca,ab->cb"
    contract("ca,ab->cb", A, B)


def test_labels_may_be_text_or_an_array_of_numbers() -> None:
    for labels in ("ij", np.array([0, 1]), range(2), ("i", "j"), iter("ij")):
        np.testing.assert_array_equal(contract(A, labels), A)


def test_no_argument_at_all_is_pythons_own_complaint() -> None:
    calls: list[Callable[..., Any]] = [contract, contract_path, contract_expression, plan]
    for call in calls:
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'equation'"):
            call()


def test_an_expression_takes_its_variables_and_nothing_else() -> None:
    both = contract_expression("ij,jk->ik", (2, 3), (3, 4))
    one = contract_expression("ij,jk->ik", (2, 3), B, constants=[1])
    none = contract_expression("ij,jk->ik", A, B, constants=[0, 1])
    for call, count in (both, 2), (one, 1), (none, 0):
        for given in range(4):
            if given != count:
                takes = f"takes {count} operand{'s' * (count != 1)}, but {given} w"
                complaint(partial(call, *[A] * given), ArgumentTypeError, (takes, "ij,jk->ik"))
    complaint(
        lambda: both(A, C),
        PlanError,
        ("operand 1 has shape (4, 5), but the plan is for shape (3, 4)", "'ij,jk->ik'"),
    )
    complaint(lambda: both(A, "B"), OperandError, ("operand 1 is 'B'",))
    for name in ("optimize", "precision", "banana"):
        complaint(
            partial(both, A, B, **{name: "auto"}),
            ArgumentTypeError,
            (f"{name}= belongs to contract_expression",),
        )
    complaint(lambda: both(A, B, out=A), ArgumentTypeError, ("out= is refused",))
    np.testing.assert_array_equal(both(A, B, out=None, evaluate_constants=False), A @ B)


def test_an_expression_numbers_operands_as_its_equation_does() -> None:
    """Whatever it has folded inside."""
    big = np.ones((9, 9), np.float32)
    for limit in (None, "1700B"):
        call = contract_expression(
            "ij,jk,kl->il", big, (9, 9), big, constants=[0, 2], memory_limit=limit
        )
        complaint(
            partial(call, A),
            PlanError,
            ("operand 1 has shape (2, 3), but the plan is for shape (9, 9)", "'ij,jk,kl->il'"),
        )
        assert call(big).shape == (9, 9)


@pytest.mark.parametrize(
    ("constants", "error", "says"),
    [
        ([2], ArgumentError, "constants names operand 2, but there are 2"),
        ([-1], ArgumentError, "constants names operand -1"),
        ([0, 1.5], ArgumentTypeError, "constants holds 1.5"),
        ([1, "b"], ArgumentTypeError, "constants holds 'b'"),
        ([None], ArgumentTypeError, "constants holds None"),
        ([True], ArgumentTypeError, "constants holds True"),
        ([[1]], ArgumentTypeError, "constants holds [1]"),
        ("1", ArgumentTypeError, "not '1'"),
        (1, ArgumentTypeError, "not 1"),
        ([0], OperandError, "operand 0 is in constants, so its array stands there, not the shape"),
    ],
)
def test_constants_that_cannot_be_are_refused(
    constants: Any, error: type[EinlabError], says: str
) -> None:
    call = partial(contract_expression, "ij,jk->ik", (2, 3), B, constants=constants)
    complaint(call, error, (says,))


def test_a_constant_is_an_operand_like_others() -> None:
    call = partial(contract_expression, "ij,jk->ik", (2, 3), constants=[1])
    complaint(partial(call, "B"), OperandError, ("operand 1 is 'B'",))
    complaint(partial(call, C), ShapeError, ("index 'j' has size 3 in operand 0 and 4",))


def test_nothing_is_left_behind_by_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file, nor a call remembered that would skip the check the next time."""
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        complaint(lambda: contract("ij,jk->iz", A, B), EquationError)
        complaint(lambda: contract("ij,jk->ik", A, B, seed=-1), ArgumentError)
        complaint(lambda: contract("ij,jk->ik", A, B, optimize="gredy"), ArgumentError)
    np.testing.assert_array_equal(contract("ij,jk->ik", A, B, seed=1), A @ B)
    assert list(tmp_path.iterdir()) == []


def test_the_same_call_passes_after_it_failed_with_other_operands() -> None:
    for _ in range(2):
        complaint(lambda: contract("ij,jk->ik", A, A), ShapeError)
        np.testing.assert_array_equal(contract("ij,jk->ik", A, B), A @ B)


# Faults that peers are known for.


def test_a_scalar_times_small_integers_passes_with_64_bits(x64: None) -> None:
    for call in (contract, jax.jit(contract, static_argnums=0)):
        result = call(",i->i", 3, jnp.ones(2, jnp.int8))
        assert result.dtype == jnp.int8
        np.testing.assert_array_equal(result, [3, 3])


def test_a_path_that_takes_one_operand_alone_changes_nothing() -> None:
    """`a,a,a->a` is a product of three, whichever of them a step first takes by itself."""
    x, y, z = (np.arange(1, 4, dtype=np.float32) ** power for power in (1, 2, 3))
    for alone in range(3):
        path = [(alone,), (0, 1), (0, 1)]
        result = contract("a,a,a->a", x, y, z, optimize=path)
        np.testing.assert_array_equal(result, x * y * z)
    matrix = np.arange(9, dtype=np.float32).reshape(3, 3)
    result = contract("aa,ab,b->", matrix, matrix, x, optimize=[(0,), (1,), (0, 1), (0, 1)])
    np.testing.assert_allclose(result, np.einsum("aa,ab,b->", matrix, matrix, x))
    np.testing.assert_array_equal(contract("ii->i", matrix, optimize=[(0,)]), matrix.diagonal())


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_an_unknown_search_is_no_key_error_for_any_number_of_operands(count: int) -> None:
    equation = ",".join("i" * count) + "->i"
    for call in (
        partial(contract, equation, *[A[0]] * count),
        partial(plan, equation, *[(3,)] * count),
    ):
        complaint(partial(call, optimize="gredy"), ArgumentError, ("'gredy'", "'greedy'?"))


def test_an_unknown_label_is_no_key_error() -> None:
    complaint(lambda: contract(A, [0, 1], [2]), EquationError, ("label 2",))
    complaint(lambda: contract("ij->k", A), EquationError, ("index 'k'",))


def test_a_negative_size_is_refused() -> None:
    for shapes in itertools.permutations([(-2, 3), (3, -2)]):
        for call in (plan, contract_expression):
            complaint(partial(call, "ij,jk->ik", *shapes), ShapeError, ("operand 0", "negative"))
    complaint(lambda: plan("i->", sizes={"i": -1}), ShapeError, ("index 'i' is -1",))


def test_an_error_under_a_transformation_is_still_einlabs() -> None:
    """With tracers, inside of scan, checkpoint and others."""

    def wrong(x: Any) -> jax.Array:
        return contract("ij,kj->ik", x, jnp.asarray(B)).sum()

    transformed: list[Callable[[], Any]] = [
        lambda: jax.eval_shape(wrong, A),
        lambda: jax.value_and_grad(wrong)(A),
        lambda: jax.jvp(wrong, (A,), (A,)),
        lambda: jax.vmap(wrong)(np.stack([A, A])),
        lambda: jax.checkpoint(wrong)(A),
        lambda: jax.make_jaxpr(wrong)(A),
        lambda: jax.lax.scan(lambda carry, x: (wrong(x), None), 0.0, np.stack([A, A])),
        lambda: jax.jit(jax.grad(lambda x: jax.vmap(wrong)(x[None])[0]))(A),
    ]
    for call in transformed:
        text = complaint(
            call,
            ShapeError,
            ("index 'j' has size 3 in operand 0 and 4 in operand 1",),
            transformed=True,
        )
        assert suggestion(text) == "ij,jk->ik"


def test_einlab_has_no_error_that_a_caller_of_numpy_would_not_catch() -> None:
    for call in (lambda: contract("ij,jk->iz", A, B), lambda: contract("ij,jk", A, object())):
        with pytest.raises(ValueError):
            call()
    assert issubclass(einlab.errors.EinlabError, ValueError)
