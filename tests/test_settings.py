"""Settings: what may be written, what is refused, and what a refusal proposes."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import opt_einsum
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einlab
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    EinlabError,
    PathError,
)
from einlab.search.budget import Trials
from einlab.settings import ALGORITHMS, PRECISIONS, Settings, settings_from
from tests.wording import complaint, suggestion

A, B, C = (np.zeros(shape, np.float32) for shape in ((2, 3), (3, 4), (4, 5)))


def two(**options: Any) -> Any:
    """A contraction of two operands."""
    return einlab.contract("ij,jk->ik", A, B, **options)


def three(**options: Any) -> Any:
    """A contraction of three operands, whose path is looked at."""
    return einlab.contract("ij,jk,kl->il", A, B, C, **options)


class Callback:
    """Something that has no place among settings."""


class Keyless:
    """A search that cannot be a key."""

    def __call__(self, *_: object) -> list[tuple[int, int]]:
        return [(0, 1)]

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


REFUSED: list[tuple[str, Any, type[EinlabError], str]] = [
    ("budget", 0, ArgumentError, "budget is 0"),
    ("budget", -1.5, ArgumentError, "budget is -1.5"),
    ("budget", math.nan, ArgumentError, "budget is nan"),
    ("budget", math.inf, ArgumentError, "budget is inf"),
    ("budget", "0s", ArgumentError, "budget is '0s'"),
    ("budget", "soon", ArgumentError, "budget 'soon' is no time"),
    ("budget", "2 bananas", ArgumentError, "budget '2 bananas' is no time"),
    ("budget", [1], ArgumentTypeError, "not [1]"),
    ("budget", True, ArgumentTypeError, "not True"),
    ("budget", Trials(0), ArgumentError, "Trials(trials=0)"),
    ("budget", Trials(-3), ArgumentError, "Trials(trials=-3)"),
    ("seed", -1, ArgumentError, "seed is -1"),
    ("seed", 1.5, ArgumentTypeError, "not 1.5"),
    ("seed", "0", ArgumentTypeError, "not '0'"),
    ("seed", None, ArgumentTypeError, "not None"),
    ("seed", True, ArgumentTypeError, "not True"),
    ("precision", "hihgest", ArgumentError, "unknown precision 'hihgest'"),
    ("precision", "F99_BOGUS", ArgumentError, "unknown precision 'F99_BOGUS'"),
    ("precision", "bf16_bf16_f32", ArgumentError, "unknown precision 'bf16_bf16_f32'"),
    ("precision", "", ArgumentError, "unknown precision ''"),
    ("precision", 3, ArgumentTypeError, "not 3"),
    ("precision", ("high", "low"), ArgumentError, "unknown precision 'low'"),
    ("precision", ("high",) * 3, ArgumentTypeError, "two for the left and right operand"),
    ("precision", ("F32_F32_F32", "high"), ArgumentError, "unknown precision 'F32_F32_F32'"),
    ("preferred_element_type", "float31", DtypeError, "'float31' is no dtype"),
    ("preferred_element_type", "str", DtypeError, "dtype 'str'"),
    ("preferred_element_type", object, DtypeError, "dtype 'object'"),
    ("preferred_element_type", "i4,f4", DtypeError, "cannot be contracted"),
    ("preferred_element_type", ["float32"], DtypeError, "['float32'] is no dtype"),
    ("preferred_element_type", {}, DtypeError, "{} is no dtype"),
    ("preferred_element_type", 7, DtypeError, "7 is no dtype"),
    ("dtype", "floaty32", DtypeError, "'floaty32' is no dtype"),
    ("strict", 1, ArgumentTypeError, "not 1"),
    ("strict", "no", ArgumentTypeError, "not 'no'"),
    ("axes", "words", ArgumentError, "not 'words'"),
    ("axes", ["named"], ArgumentTypeError, "not ['named']"),
    ("objective", "flopz", ArgumentError, "no objective 'flopz'"),
    ("objective", 3, ArgumentTypeError, "not 3"),
    ("objective", ["flops"], ArgumentTypeError, "not ['flops']"),
    ("optimize", "gredy", ArgumentError, "no search 'gredy'"),
    ("optimize", "", ArgumentError, "no search ''"),
    ("optimize", "zzz", ArgumentError, "no search 'zzz'"),
    ("optimize", 3, ArgumentTypeError, "not 3"),
    ("optimize", {}, ArgumentTypeError, "not {}"),
    ("optimize", {(0, 1)}, ArgumentTypeError, "not {(0, 1)}"),
    ("optimize", b"auto", ArgumentTypeError, "not b'auto'"),
    ("optimize", opt_einsum.RandomGreedy, ArgumentTypeError, "the class RandomGreedy"),
    ("optimize", Keyless(), ArgumentTypeError, "of type Keyless, whose objects have no hash"),
    ("machine", 3, ArgumentTypeError, "not 3"),
    ("machine", "abacus", ArgumentError, "unknown machine 'abacus'"),
    ("optimise", "auto", ArgumentTypeError, "unknown argument optimise="),
    ("optimise", 7, ArgumentTypeError, "unknown argument optimise=; known are axes,"),
    ("shapes", True, ArgumentTypeError, "unknown argument shapes=; known are axes,"),
    ("memorylimit", "1GiB", ArgumentTypeError, "unknown argument memorylimit="),
    ("banana", 2, ArgumentTypeError, "unknown argument banana="),
    ("out", np.zeros((2, 4)), ArgumentTypeError, "out= is refused; JAX arrays are immutable"),
    ("order", "F", ArgumentTypeError, "order= is refused; a JAX array is always C-contiguous"),
    ("order", np.zeros(3), ArgumentTypeError, "order= is refused"),
    ("casting", "unsafe", ArgumentTypeError, "casting= is refused; JAX promotes dtypes"),
]


def _name(value: object) -> str:
    return value.__name__ if isinstance(value, type) else repr(value)[:20]


@pytest.mark.parametrize(("name", "value", "error", "says"), REFUSED, ids=_name)
def test_a_setting_that_cannot_be_is_refused_by_every_call_that_takes_it(
    name: str, value: Any, error: type[EinlabError], says: str
) -> None:
    calls: list[Callable[..., Any]] = [
        lambda **options: einlab.plan("ij,jk->ik", (2, 3), (3, 4), **options),
        two,
        lambda **options: einlab.contract(A, [0, 1], B, [1, 2], **options),
        lambda **options: einlab.contract_path("ij,jk->ik", A, B, **options),
        lambda **options: einlab.contract_expression("ij,jk->ik", (2, 3), (3, 4), **options),
    ]
    if name == "dtype":
        del calls[0]  # there it is the dtype of the operands
    if name in ("optimise", "objective", "optimize"):
        calls.append(lambda **options: einlab.contract("ij->i", A, **options))
    if name == "shapes":
        del calls[3]  # which takes it
    for call in calls:
        complaint(partial(call, **{name: value}), error, (says,))
    jitted = jax.jit(lambda a, b: einlab.contract("ij,jk->ik", a, b, **{name: value}))
    complaint(lambda: jitted(A, B), error, (says,), transformed=True)


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("optimize", "gredy", "greedy"),
        ("optimize", "optimall", "optimal"),
        ("optimize", "random_greedy", "random-greedy"),
        ("objective", "flopz", "flops"),
        ("precision", "hihgest", "highest"),
        ("precision", "BF16_BF16_F23", "BF16_BF16_F32"),
        ("preferred_element_type", "float31", "float32"),
        ("preferred_element_type", "bfloat61", "bfloat16"),
        ("optimise", "auto", "optimize="),
        ("memorylimit", "1GiB", "memory_limit="),
        ("memory_limit", "2gib", "2GiB"),
    ],
)
def test_a_suggested_setting_passes(name: str, value: str, instead: str) -> None:
    found = suggestion(complaint(lambda: three(**{name: value})))
    assert found == instead
    if instead.endswith("="):
        three(**{instead[:-1]: value})
    else:
        three(**{name: instead})


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ([(0, 0), (0, 1)], "step 0 of the path, (0, 0), repeats an operand"),
        ([(0, 1)], "leaves 2 of 3 operands"),
        ([], "leaves 3 of 3 operands"),
        (["einsum_path"], "leaves 3 of 3 operands"),
        ([(0, 5), (0, 1)], "names operand 5, but only operands 0 to 2 are left"),
        ([(-4, 0), (0, 1)], "names operand -4"),
        ([(0, 1), (0, 1), (0, 1)], "step 2 of the path, (0, 1), names operand 1, but only op"),
        ([(), (0, 1), (0, 1)], "step 0 of the path is ()"),
        ([(0.5, 1), (0, 1)], "step 0 of the path is (0.5, 1)"),
        ([(math.inf, 1), (0, 1)], "step 0 of the path is (inf, 1)"),
        ([(0, 1), ("a", "b")], "step 1 of the path is ('a', 'b')"),
        ([0, 1], "step 0 of the path is 0"),
        (["01", "01"], "step 0 of the path is '01'"),
        ([([0, 1], [0, 1])], "step 0 of the path is ([0, 1], [0, 1])"),
        (np.array([[0, 0], [0, 1]]), "repeats an operand"),
    ],
)
def test_a_path_that_repeats_skips_or_invents_an_operand_is_refused(path: Any, says: str) -> None:
    complaint(lambda: three(optimize=path), PathError, (says,))
    shapes = (2, 3), (3, 4), (4, 5)
    complaint(lambda: einlab.plan("ij,jk,kl->il", *shapes, optimize=path), PathError, (says,))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ([(0, 7)], "names operand 7"),
        ([(0, 1)], "leaves 2 of 3"),
        (None, "gave None"),
        (7, "gave 7"),
    ],
)
def test_a_search_that_gives_no_path_is_refused(path: Any, says: str) -> None:
    complaint(lambda: three(optimize=lambda *_: path), PathError, (says,))


def test_what_a_search_itself_raises_is_passed_on() -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        three(optimize=broken)


def test_harmless_values_of_what_is_refused_are_taken() -> None:
    assert settings_from({"out": None, "order": "K", "casting": "safe"}) == Settings()


def test_dtype_means_preferred_element_type_and_may_not_contradict_it() -> None:
    assert settings_from({"dtype": "f4"}).preferred_element_type == "float32"
    same = settings_from({"dtype": "f4", "preferred_element_type": np.float32})
    assert same.preferred_element_type == "float32"
    complaint(
        lambda: two(dtype="float16", preferred_element_type="float32"),
        ArgumentError,
        ("dtype=", "'float16'", "'float32'"),
    )


def test_a_complex_product_is_not_given_as_real() -> None:
    complaint(
        lambda: einlab.contract("i,i->", A[0].astype("c8"), A[0], preferred_element_type="f4"),
        DtypeError,
        ("complex64 and float32", "float32", ".real"),
    )


@pytest.mark.parametrize("options", [{"backend": "numpy"}, {"backend": "jax", "use_blas": True}])
def test_backend_and_use_blas_are_ignored_with_one_warning_at_the_callers_line(
    options: dict[str, Any],
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: einlab.contract("ij,jk->ik", A, B, **options),
        lambda: einlab.contract_path("ij,jk->ik", A, B, **options),
        lambda: einlab.plan("ij,jk->ik", (2, 3), (3, 4), **options),
        lambda: einlab.contract_expression("ij,jk->ik", (2, 3), (3, 4), **options),
    ]
    expression = einlab.contract_expression("ij,jk->ik", (2, 3), (3, 4))
    calls.append(lambda: expression(A, B, **options))
    for call in calls:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        if call is calls[0] and not caught:
            continue  # the same call has been remembered, warning given
        (warning,) = caught
        assert warning.category is DeprecationWarning
        assert warning.filename == __file__
        for name in options:
            assert f"{name}= is ignored" in str(warning.message)


def test_the_known_algorithms_are_those_of_jax() -> None:
    presets = {preset.name for preset in jax.lax.DotAlgorithmPreset} - {"DEFAULT"}
    assert presets == set(ALGORITHMS)
    for preset in jax.lax.DotAlgorithmPreset:
        assert settings_from({"precision": preset}).precision in (*ALGORITHMS, "default")
    for precision in jax.lax.Precision:
        assert settings_from({"precision": precision}).precision in PRECISIONS


def test_a_precision_that_the_device_lacks_is_refused_in_our_words() -> None:
    if jax.default_backend() != "cpu":
        pytest.skip("each device lacks others")
    call: list[Callable[[], object]] = [
        lambda: two(precision="F16_F16_F32"),
        lambda: einlab.contract_expression("ij,jk->ik", (2, 3), (3, 4), precision="F16_F16_F32")(
            A, B
        ),
        lambda: einlab.contract(
            einlab.plan("ij,jk->ik", (2, 3), (3, 4), precision="F16_F16_F32"), A, B
        ),
    ]
    for one in call:
        complaint(one, ArgumentError, ("precision 'F16_F16_F32'", "CPU"))


@given(
    st.sampled_from([name for name, *_ in REFUSED]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.binary(max_size=3),
        st.complex_numbers(),
        st.decimals(),
        st.lists(
            st.one_of(st.integers(), st.text(max_size=2), st.lists(st.integers())), max_size=3
        ),
        st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
        st.from_regex(re.compile(r"[0-9. ]{0,4} ?([kMG]i?B|ms|s|min)?"), fullmatch=True),
        st.just(Callback()),
    ),
)
def test_any_value_is_either_a_setting_or_refused(name: str, value: Any) -> None:
    try:
        settings = settings_from({name: value})
    except EinlabError:
        return
    assert hash(settings) == hash(settings_from({name: value}))
