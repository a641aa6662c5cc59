"""`contract`: every equation gives the naive sum, forward and backward, in every dtype."""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import opt_einsum
import pytest
from hypothesis import strategies as st

import einlab
from einlab import contracting
from einlab.errors import ArgumentTypeError, PlanError, ShapeError
from einlab.execute import arrays as ready_arrays
from tests.reference import assert_contracts_to, naive_cotangent, widened
from tests.strategies import (
    ALL_FLOATS,
    COMPLEX,
    FLOAT8,
    INT4,
    INTEGERS,
    PROMOTABLE,
    WIDE,
    Case,
    cases,
    law,
    random_array,
    with_paths,
)
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")


def assert_right(got: object, case: Case, arrays: list[np.ndarray]) -> None:
    """The result has the dtype of JAX's promotion, and the values of the naive sum."""
    dtype = jnp.result_type(*arrays).name
    assert_contracts_to(got, case.terms, case.output, arrays, dtype)


def assert_cotangents_right(
    got: list[Any], case: Case, arrays: list[np.ndarray], cotangent: np.ndarray
) -> None:
    """What comes back to each operand is what the naive sum sends there."""
    wide = [widened(array, cotangent.dtype.name) for array in arrays]
    back = widened(cotangent, cotangent.dtype.name)
    for which, array in enumerate(arrays):
        where = (case.terms, case.output)
        expected = naive_cotangent(*where, wide, back, which)
        magnitude = naive_cotangent(*where, list(map(np.abs, wide)), np.abs(back), which)
        if not np.iscomplexobj(array):
            expected = expected.real
        assert_close(got[which], expected, magnitude, array.dtype.name)


def forward_and_back(function: Callable[..., Any], arrays: list[Any], seed: int) -> Any:
    """The result, a random cotangent of it, and what comes back to each operand."""
    shaped = jax.eval_shape(function, *arrays)
    random = np.random.default_rng(seed)
    cotangent = random_array(random, shaped.shape, shaped.dtype.name)

    @jax.jit
    def both(operands: list[Any], cotangent: Any) -> Any:
        result, back = jax.vjp(function, *operands)
        return result, back(cotangent)

    result, sent = both(arrays, cotangent)
    return result, cotangent, sent


@law(cases(dtypes=PROMOTABLE), quick=60, long=600)
def test_a_contraction_of_any_dtypes_equals_the_naive_sum(case: Case) -> None:
    arrays = case.arrays()
    assert_right(einlab.contract(case.equation, *arrays), case, arrays)


@law(cases(dtypes=(*ALL_FLOATS, *COMPLEX)), quick=120, long=2000)
def test_results_and_gradients_equal_those_of_the_naive_sum(case: Case) -> None:
    arrays = case.arrays()

    def contracted(*operands: Any) -> jax.Array:
        return einlab.contract(case.equation, *operands)

    result, cotangent, sent = forward_and_back(contracted, arrays, case.seed)
    assert_right(result, case, arrays)
    assert_cotangents_right(sent, case, arrays, cotangent)


@law(cases(dtypes=(*WIDE, "float32", "int32", "uint32", "bool")), quick=30, long=300)
def test_64_bits_are_kept_where_jax_has_them(case: Case) -> None:
    with jax.enable_x64(True):
        arrays = case.arrays()
        assert_right(einlab.contract(case.equation, *arrays), case, arrays)


@law(cases(dtypes=("float64", "complex128"), most=5), quick=20, long=300)
def test_gradients_of_64_bits_equal_those_of_the_naive_sum(case: Case) -> None:
    with jax.enable_x64(True):
        arrays = case.arrays()

        def contracted(*operands: Any) -> jax.Array:
            return einlab.contract(case.equation, *operands)

        result, cotangent, sent = forward_and_back(contracted, arrays, case.seed)
        assert_right(result, case, arrays)
        assert_cotangents_right(sent, case, arrays, cotangent)


@law(cases(dtypes=INTEGERS, most=5), quick=30, long=300)
def test_integers_wrap_around_as_jax_lets_them(case: Case) -> None:
    arrays = case.arrays()
    assert_right(einlab.contract(case.equation, *arrays), case, arrays)


@law(cases(dtypes=(*FLOAT8, *INT4, "bool"), same_dtype=True, most=5), quick=30, long=300)
def test_numbers_of_8_bits_and_less_are_contracted(case: Case) -> None:
    arrays = case.arrays()
    got = einlab.contract(case.equation, *arrays)
    assert_contracts_to(got, case.terms, case.output, arrays, case.dtypes[0])


@law(with_paths(cases(dtypes=("float32", "complex64"))), quick=40, long=600)
def test_any_path_gives_the_same_result(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    arrays = case.arrays()
    assert_right(einlab.contract(case.equation, *arrays, optimize=path), case, arrays)


@law(cases(most=6), st.sampled_from(("auto", "optimal", "greedy", "eager", True, False)),
     quick=20, long=200)  # fmt: skip
def test_any_search_gives_the_same_result(case: Case, search: Any) -> None:
    arrays = case.arrays()
    assert_right(einlab.contract(case.equation, *arrays, optimize=search), case, arrays)


def labels(case: Case, of: Callable[[str], Any]) -> list[list[Any]]:
    """The terms as lists of labels, the axes of an ellipsis included."""
    return [[of(index) for index in term] for term in (*case.terms, case.output)]


@law(cases(most=4, ellipses=False), quick=10, long=150)
def test_interleaved_labels_of_any_kind_mean_what_letters_mean(case: Case) -> None:
    arrays = case.arrays()
    for kind in (str, hash, lambda i: (i, 1), lambda i: frozenset([i]), ord):
        *terms, output = labels(case, kind)
        mixed = [part for pair in zip(arrays, terms, strict=True) for part in pair]
        assert_right(einlab.contract(*mixed, output), case, arrays)


def test_labels_that_cannot_be_sorted_are_numbered_as_they_come() -> None:
    a, b = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")
    assert einlab.contract(a, [None, "x"], b, ["x", 7]).shape == (2, 4)
    assert einlab.contract(a, [..., "x"], b, ["x", None], [None, ...]).shape == (4, 2)


def test_an_equation_is_compiled_once_for_each_set_of_shapes() -> None:
    contracting._functions.clear()
    for size in (2, 3, 2, 3):
        a = np.ones((size, size), "float32")
        einlab.contract("ab,bc->ca", a, a)
        einlab.contract("ab,bc->ca", a, a, precision="highest")
        einlab.contract(a, ["r", "s"], a, ["s", "t"], ["t", "r"])
    assert len(contracting._functions) == 3
    plain: Any = contracting._functions["ab,bc->ca"]
    assert plain._cache_size() == 2


def test_first_calls_in_many_threads_at_once_agree() -> None:
    contracting._functions.clear()
    random = np.random.default_rng(2)
    arrays = [random.normal(size=(3, 3)).astype("float32") for _ in range(3)]
    expected = arrays[0] @ arrays[1] @ arrays[2]
    start = threading.Barrier(16)

    def call(number: int) -> np.ndarray:
        start.wait()
        return np.asarray(einlab.contract("pq,qr,rs->ps", *arrays))

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(16)))
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    plain: Any = contracting._functions["pq,qr,rs->ps"]
    assert plain._cache_size() == 1


def test_options_that_compare_equal_but_differ_in_type_are_not_confused() -> None:
    a = np.ones((2, 3), "float32")
    assert einlab.contract("ab->a", a, strict=False).shape == (2,)
    with pytest.raises(ArgumentTypeError):
        einlab.contract("ab->a", a, strict=0)  # type: ignore[arg-type]
    with pytest.raises(ShapeError):
        einlab.contract("ab->a", a, strict=True)


def test_a_path_as_lists_and_one_as_tuples_are_the_same_option() -> None:
    a = np.ones((2, 2), "float32")
    for path in ([(1, 2), (0, 1)], ((1, 2), (0, 1)), [[1, 2], [0, 1]], np.array([[1, 2], [0, 1]])):
        got = einlab.contract("ab,bc,cd->ad", a, a, a, optimize=path)
        np.testing.assert_array_equal(got, np.full((2, 2), 4.0))


def test_searches_of_opt_einsum_are_taken() -> None:
    a = np.ones((2, 2), "float32")
    for search in (opt_einsum.DynamicProgramming(), opt_einsum.RandomGreedy(max_repeats=2)):
        got = einlab.contract("ab,bc,cd->ad", a, a, a, optimize=search)
        np.testing.assert_array_equal(got, np.full((2, 2), 4.0))


@pytest.mark.parametrize(
    "operands", [60, pytest.param(300, marks=pytest.mark.long)], ids=lambda n: f"{n} operands"
)
def test_a_long_chain_beyond_the_alphabet_is_contracted(operands: int) -> None:
    symbols = [opt_einsum.get_symbol(place) for place in range(operands + 1)]
    terms = ["".join(symbols[place : place + 2]) for place in range(operands)]
    random = np.random.default_rng(3)
    arrays = [random.normal(size=(2, 2)).astype("float32") for _ in terms]
    got = einlab.contract(f"{','.join(terms)}->{symbols[0]}{symbols[-1]}", *arrays)
    expected = np.linalg.multi_dot([array.astype("float64") for array in arrays])
    magnitude = np.linalg.multi_dot([np.abs(array.astype("float64")) for array in arrays])
    assert np.all(np.abs(got - expected) <= operands * 2.0**-22 * magnitude)


def test_a_plan_runs_on_arrays_of_its_shapes_and_of_other_dtypes() -> None:
    plan = einlab.plan("ab,bc->ac", (2, 3), (3, 4))
    a, b = np.ones((2, 3), "float16"), np.ones((3, 4), "float16")
    assert einlab.contract(plan, a, b).dtype == "float16"
    wanted = einlab.plan("ab,bc->ac", (2, 3), (3, 4), preferred_element_type="bfloat16")
    assert einlab.contract(wanted, a, b).dtype == "bfloat16"


def test_a_plan_refuses_other_shapes_and_options() -> None:
    plan = einlab.plan("ab,bc->ac", (2, 3), (3, 4))
    a = np.ones((2, 3), "float32")
    with pytest.raises(PlanError, match=r"operand 1 has shape \(2, 3\).*\(3, 4\)"):
        einlab.contract(plan, a, a)
    with pytest.raises(PlanError, match="2 operands"):
        einlab.contract(plan, a)
    with pytest.raises(ArgumentTypeError, match="precision"):
        einlab.contract(plan, a, a, precision="highest")


def test_preferred_element_type_is_the_dtype_of_the_result() -> None:
    a = np.full((2, 100), 100, "int8")
    wide = einlab.contract("ab,ab->a", a, a, preferred_element_type="int32")
    np.testing.assert_array_equal(wide, np.array([1_000_000] * 2, "int32"))
    assert wide.dtype == "int32"
    same = einlab.contract("ab,ab->a", a, a, dtype=jnp.int32)
    np.testing.assert_array_equal(same, wide)
    h = np.ones((2, 4096), "float16")
    got = einlab.contract("ab,ab->a", h, h, preferred_element_type="float32")
    np.testing.assert_array_equal(got, np.full(2, 4096.0, "float32"))


def test_an_integer_asked_of_floats_is_the_integer_part_of_their_sum() -> None:
    a, b = np.arange(6, dtype="float32").reshape(2, 3), np.full(3, 1.6, "float32")
    got = einlab.contract("ij,j->i", a, b, preferred_element_type="int32")
    np.testing.assert_array_equal(got, np.array([4, 19], "int32"))
    theirs = jnp.einsum("ij,j->i", a, b, preferred_element_type="int32")
    np.testing.assert_array_equal(got, theirs)


def test_fewer_bits_asked_for_are_taken_from_the_result_alone() -> None:
    large, small = np.full(3, 1e6, "float32"), np.full(3, 1e-6, "float32")
    got = einlab.contract("i,i->", large, small, preferred_element_type="float16")
    np.testing.assert_array_equal(got, np.float16(3))
    a, b = np.full(3, 100, "int32"), np.full(3, 7, "int32")
    wraps = einlab.contract("i,i->", a, b, preferred_element_type="int8")
    np.testing.assert_array_equal(wraps, np.array(2100).astype("int8"))


@law(cases(most=4, dtypes=("float32", "bfloat16", "int16", "bool")),
     st.sampled_from(("float32", "float16", "complex64")), quick=20, long=300)  # fmt: skip
def test_any_wider_dtype_may_be_asked_for(case: Case, wanted: str) -> None:
    arrays = case.arrays()
    small = [
        array if array.dtype == bool else (array * 0 + 1).astype(array.dtype) for array in arrays
    ]
    got = einlab.contract(case.equation, *small, preferred_element_type=wanted)
    assert_contracts_to(got, case.terms, case.output, small, wanted)


@pytest.mark.parametrize("precision", ["highest", "default", jax.lax.Precision.HIGH, None])
def test_precision_reaches_every_product(precision: Any) -> None:
    a = jnp.ones((3, 3))
    text = str(
        jax.make_jaxpr(lambda *x: einlab.contract("ab,bc,cd->ad", *x, precision=precision))(a, a, a)
    )
    assert "einlab_contract" in text
    lowered = jax.jit(lambda *x: einlab.contract("ab,bc,cd->ad", *x, precision=precision))
    stablehlo = lowered.lower(a, a, a).as_text()
    given = (
        (jax.config.jax_default_matmul_precision or "default") if precision is None else precision
    )
    wanted = given.name if isinstance(given, jax.lax.Precision) else given.upper()
    assert stablehlo.count("stablehlo.dot_general") == 2
    assert stablehlo.count(f"precision = [{wanted}, {wanted}]") == 2


def test_the_setting_of_jax_decides_where_no_precision_is_given() -> None:
    a = jnp.ones((3, 3))
    with jax.default_matmul_precision("highest"):
        lowered = jax.jit(lambda *x: einlab.contract("ab,bc->ac", *x)).lower(a, a).as_text()
    assert "precision = [HIGHEST, HIGHEST]" in lowered


def test_64_bits_without_x64_are_computed_in_32_with_one_warning(
    only_32_bits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready_arrays, "_warned", False)
    a = np.ones((2, 3))
    with pytest.warns(UserWarning, match="float64 are computed in float32.*jax_enable_x64") as seen:
        assert einlab.contract("ab->a", a).dtype == "float32"
    assert [warning.filename for warning in seen] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert einlab.contract("ab->b", a).dtype == "float32"


def test_results_of_64_bits_asked_for_without_x64_have_32_and_a_warning(
    only_32_bits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready_arrays, "_warned", False)
    a = np.ones((2, 3), "float32")
    with pytest.warns(UserWarning, match="preferred_element_type float64 .* float32"):
        got = einlab.contract("ab->ba", a, preferred_element_type="float64")
    assert got.dtype == "float32"


def test_a_promotion_to_64_bits_stays_in_32_without_x64(only_32_bits: None) -> None:
    a, b = np.ones((2, 3), "uint32"), np.ones((3,), "int32")
    assert einlab.contract("ab,b->a", a, b).dtype == jnp.result_type(a, b) == "int32"
    expression = einlab.contract_expression("ab,b->a", a, b)
    assert expression(a, b).dtype == "int32"


def test_the_signature_shows_every_option_and_no_other() -> None:
    shown = inspect.signature(einlab.contract).parameters
    keywords = {n for n, p in shown.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    ported = {"dtype", "backend", "use_blas", "out", "order", "casting"}
    assert keywords | ported == set(contracting.Options.__annotations__)
