"""Dtypes are promoted as JAX promotes them."""

import itertools

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from einlab.dtypes import all_names, dtype_name, itemsize, largest_integer, narrowed, promote
from einlab.errors import DtypeError, EinlabError

WEAK = {"int*": 1, "float*": 1.0, "complex*": 1j}


def jax_promotion(*names: str) -> str | None:
    operands = [WEAK[n] if n in WEAK else jnp.dtype(getattr(ml_dtypes, n, n)) for n in names]
    try:
        with jax.enable_x64(True):
            return str(jnp.result_type(*operands))
    except (TypeError, ValueError):  # JAX's TypePromotionError is one of them
        return None


def ours(*names: str) -> str | None:
    try:
        return promote(names)
    except DtypeError:
        return None


def test_every_pair_is_promoted_as_jax_promotes_it():
    names = [*all_names(), *WEAK]
    wrong = [
        (a, b, ours(a, b), jax_promotion(a, b))
        for a, b in itertools.product(names, repeat=2)
        if ours(a, b) != jax_promotion(a, b)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "names", [("int8", "int*", "float16"), ("bool", "bool", "uint8"), ("uint8", "int8", "bfloat16")]
)
def test_three_are_promoted_as_jax_promotes_them(names):
    assert ours(*names) == jax_promotion(*names)


def test_a_dtype_is_known_by_each_of_its_names():
    for given in ("bfloat16", ml_dtypes.bfloat16, np.dtype("bfloat16"), jnp.bfloat16):
        assert dtype_name(given) == "bfloat16"
    assert dtype_name(float) == dtype_name("f8") == "float64"


@pytest.mark.parametrize("given", ["object", "U3", "datetime64[s]", "flaot32", 3.5, object()])
def test_what_is_no_dtype_of_arrays_is_refused(given):
    with pytest.raises(EinlabError) as caught:
        dtype_name(given)
    assert isinstance(caught.value, TypeError)
    assert "dtype" in str(caught.value)


def test_bytes_and_ranges_are_those_of_numpy():
    assert {name: itemsize(name) for name in ("bool", "float16", "complex128")} == {
        "bool": 1,
        "float16": 2,
        "complex128": 16,
    }
    assert largest_integer("int32") == 2**31
    assert [narrowed(name) for name in ("float64", "complex64")] == ["float32", "complex64"]
