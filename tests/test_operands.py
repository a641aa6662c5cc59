"""Operands: what is an array of numbers is read, all else is refused with what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

import einlab
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    EinlabError,
    OperandError,
    ShapeError,
)
from einlab.operands import checked_sizes, spec, specs
from tests.wording import complaint

A = np.ones((2, 3), np.float32)


class DataFrame:
    """What is known of a pandas table: rows by position, and a conversion to NumPy."""

    iloc = None

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        return A


class Sparse:
    """What is known of torch's sparse tensors."""

    is_sparse = True
    shape = (2, 3)
    dtype = np.dtype("float32")


class Thing:
    """No array at all."""


def _ragged() -> list[list[int]]:
    return [[1, 2], [3]]


REFUSED: list[tuple[Any, str]] = [
    ("A", "is 'A', no array"),
    ("ij,jk->ik", "is 'ij,jk->ik', no array; the equation comes first"),
    (b"abc", "is b'abc', no array"),
    (None, "is None, no array"),
    (Thing(), "is a Thing, no array"),
    ({"a": 1}, "is a dict, no array"),
    ({1, 2}, "is a set, no array"),
    ((entry for entry in (1, 2)), "is a generator, which has no shape; pass list(x)"),
    (len, "is 'len', which is to be called, no array"),
    (np.ndarray, "is 'ndarray', which is to be called, no array"),
    (range, "is 'range', which is to be called, no array"),
    (DataFrame(), "is a pandas DataFrame; pass its values, dataframe.to_numpy()"),
    (Sparse(), "is a sparse Sparse; einlab contracts dense arrays"),
    (scipy.sparse.csr_matrix(A), "is a sparse csr_matrix; einlab contracts dense arrays"),
    (scipy.sparse.coo_array(A), "is a sparse coo_array; einlab contracts dense arrays"),
    (np.ma.masked_array(A), "is a masked array, whose mask would be lost; pass x.filled(0)"),
    (_ragged(), "is a ragged list: its rows have different lengths"),
    (tuple(_ragged()), "is a ragged tuple"),
    ([["a", "b"]], "is a list that holds text, not only numbers"),
    ([None, 1], "is a list that holds Python objects"),
    ([Thing()], "is a list that holds Python objects"),
    (np.zeros((2, 3), object), "holds Python objects (dtype 'object'), no numbers"),
    (np.array([["a"]]), "holds text (dtype '<U1'), no numbers"),
    (np.array([b"a"]), "holds bytes (dtype '|S1'), no numbers"),
    (np.zeros(2, "M8[s]"), "holds dates (dtype 'datetime64[s]'), no numbers"),
    (np.zeros(2, "m8[s]"), "holds durations (dtype 'timedelta64[s]'), no numbers"),
    (np.datetime64("2026-11-21"), "holds dates"),
    (np.zeros(2, [("a", "f4")]), "has dtype"),
    (np.zeros(2, np.longdouble), "and JAX has no such numbers"),
    (2**70, "is 1180591620717411303424, beyond the integers of 32 bits"),
    (-(2**70), "beyond the integers of 32 bits"),
    (10**5000, "is a whole number, beyond the integers of 32 bits"),
]
if find_spec("pandas"):
    import pandas  # type: ignore[import-untyped]

    REFUSED += [
        (pandas.DataFrame(A), "is a pandas DataFrame"),
        (pandas.Series([1.0, 2.0]), "is a pandas Series; pass its values, series.to_numpy()"),
    ]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("operand", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_is_no_array_of_numbers_is_refused_by_its_number(
    operand: Any, says: str, place: int, only_32_bits: None
) -> None:
    both = [A, A]
    both[place] = operand
    first: Any = both[0]
    says = f"operand {place} {says}" if not says.startswith(("and", "bey")) else says
    number = f"operand {place}"
    expression = einlab.contract_expression("ij,ij->", (2, 3), (2, 3))
    calls: list[Callable[[], Any]] = [
        lambda: einlab.contract("ij,ij->", *both),
        lambda: expression(*both),
    ]
    if not isinstance(first, str):  # text that comes first is an equation
        calls.append(lambda: einlab.contract(both[0], [0, 1], both[1], [0, 1]))
    if not isinstance(operand, int):  # to a plan every whole number is one of 64 bits
        calls.append(lambda: einlab.contract_path("ij,ij->", *both))
    for call in calls:
        complaint(call, OperandError, (number, says))
    other = 1 - place
    traced = jax.jit(lambda x: einlab.contract("ij,ij->", *sorted_pair(x, operand, other)))
    complaint(lambda: traced(A), OperandError, (number, says), transformed=True)


def sorted_pair(array: Any, operand: Any, place: int) -> list[Any]:
    """The array at `place`, the operand at the other place."""
    return [array, operand] if place == 0 else [operand, array]


def test_an_array_of_random_keys_is_refused() -> None:
    keys = jax.random.split(jax.random.key(0))
    complaint(
        lambda: einlab.contract("i,ij->j", keys, A), OperandError, ("operand 0 has dtype 'key<",)
    )


def test_a_deleted_array_is_named() -> None:
    gone = jnp.ones((2, 3))
    gone.delete()
    for call in (
        lambda: einlab.contract("ij,ij->", A, gone),
        lambda: einlab.contract_expression("ij,ij->", (2, 3), (2, 3))(A, gone),
    ):
        complaint(call, OperandError, ("operand 1 has been deleted",))


@pytest.mark.parametrize(
    ("shape", "error", "says"),
    [
        ((2, -3), ShapeError, "operand 0 has shape (2, -3); a size cannot be negative"),
        ((2, 3.5), ArgumentTypeError, "not (2, 3.5)"),
        ((2, True), ArgumentTypeError, "not (2, True)"),
        ((2, "3"), ArgumentTypeError, "not (2, '3')"),
        ((2, None), ArgumentTypeError, "not (2, None)"),
        ("23", ArgumentTypeError, "not '23'"),
        (3, ArgumentTypeError, "not 3"),
        (None, ArgumentTypeError, "not None"),
    ],
)
def test_what_is_no_shape_is_refused(shape: Any, error: type[EinlabError], says: str) -> None:
    for call in (
        lambda: einlab.plan("ij,ij->", shape, (2, 3)),
        lambda: einlab.contract_expression("ij,ij->", shape, (2, 3)),
        lambda: einlab.contract_path("ij,ij->", shape, (2, 3), shapes=True),
    ):
        complaint(call, error, ("operand 0", says))


@pytest.mark.parametrize(
    ("sizes", "error", "says"),
    [
        ({"i": 1, "j": 2}, EinlabError, "no size is given for 'k'"),
        ({"i": 1, "j": 2, "k": -4}, ShapeError, "the size of index 'k' is -4"),
        ({"i": 1, "j": 2, "k": "4"}, ArgumentTypeError, "the size of index 'k' is '4'"),
        ({"i": 1, "j": 2, "k": 1.5}, ArgumentTypeError, "the size of index 'k' is 1.5"),
        ({"i": 1, "j": 2, "k": True}, ArgumentTypeError, "the size of index 'k' is True"),
        ([1, 2, 3], ArgumentTypeError, "not [1, 2, 3]"),
        ({}, EinlabError, "no size is given for 'i', 'j' and 'k'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: Any, error: type[EinlabError], says: str) -> None:
    complaint(lambda: einlab.plan("ij,jk->ik", sizes=sizes), error, (says,))


def test_sizes_stand_alone_and_cannot_say_an_ellipsis() -> None:
    for call in (
        lambda: einlab.plan("ij->i", (2, 3), sizes={"i": 2, "j": 3}),
        lambda: einlab.plan((2, 3), [0, 1], sizes={"i": 2}),
    ):
        complaint(call, ArgumentTypeError, ("shapes or sizes=",))
    text = complaint(lambda: einlab.plan("...i->i", sizes={"i": 2}), EinlabError, ("ellipsis",))
    assert "^^^" in text
    complaint(
        lambda: einlab.plan("row key, key -> row", sizes={"row": 2, "kye": 3}),
        EinlabError,
        ("'key'", "'row' and 'kye'", "axis names"),
    )


@pytest.mark.parametrize(
    ("dtype", "error", "says"),
    [
        (("float32",), ArgumentError, "dtype= holds 1 dtypes, but there are 2 operands"),
        (("float32", "floaty"), DtypeError, "'floaty' is no dtype"),
        ("floaty", DtypeError, "'floaty' is no dtype"),
    ],
)
def test_dtypes_that_cannot_be_are_refused(dtype: Any, error: type[EinlabError], says: str) -> None:
    complaint(lambda: einlab.plan("ij,ij->", (2, 3), (2, 3), dtype=dtype), error, (says,))


def test_dtypes_without_a_common_one_are_named() -> None:
    x, y = jnp.zeros(2, "float8_e4m3fn"), jnp.zeros(2, "float32")
    complaint(
        lambda: einlab.contract("i,i->", x, y),
        DtypeError,
        ("float8_e4m3fn", "float32", "x.astype('float32')"),
    )


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        (True, ((), "bool")),
        (3, ((), "int*")),
        (2.5, ((), "float*")),
        (1j, ((), "complex*")),
        (np.float64(1), ((), "float64")),
        ([[1, 2], [3, 4]], ((2, 2), "int64")),
        ([1.0, 2.0], ((2,), "float64")),
        (range(3), ((3,), "int64")),
        (np.zeros((2, 0), "int8"), ((2, 0), "int8")),
        (jax.ShapeDtypeStruct((4, 5), jnp.bfloat16), ((4, 5), "bfloat16")),
        (np.zeros(2, jnp.float8_e4m3fn), ((2,), "float8_e4m3fn")),
    ],
)
def test_shape_and_dtype_are_read_from_what_is_an_array(
    operand: Any, expected: tuple[tuple[int, ...], str]
) -> None:
    assert spec(operand, 0) == expected


def test_weak_scalars_take_the_dtype_of_the_arrays_beside_them() -> None:
    assert specs([np.zeros(2, "int8"), 3], None, as_shapes=False) == (((2,), ()), ("int8",) * 2)
    assert specs([3, 2.5], None, as_shapes=False)[1] == ("float64", "float64")


def test_a_scalar_times_small_integers_is_no_error_in_64_bits(x64: None) -> None:
    for scalar in (3, True, np.int8(3)):
        result = einlab.contract("i,->i", np.ones(2, np.int8), scalar)
        np.testing.assert_array_equal(result, np.full(2, int(scalar), np.int8))
        assert result.dtype == np.int8


def test_sizes_are_checked_and_copied() -> None:
    given = {"i": np.int64(3)}
    assert checked_sizes(given) == {"i": 3}
    assert type(checked_sizes(given)["i"]) is int


def test_tuples_that_look_like_shapes_are_pointed_out() -> None:
    says = "tuples are operands here; shapes need shapes=True"
    call = partial(einlab.contract_path, "ij,jk->ik", (2, 3), (3, 4))
    complaint(call, ShapeError, ("operand 0 has 1 axis", says))
    call(shapes=True)
    complaint(partial(einlab.contract_path, "ij,jk->ik", (2, 3), (4, 4), shapes=True), ShapeError)
