"""What may stand as an operand, and the dtype of what comes out: as NumPy and JAX document it."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import einlab
from einlab.errors import DtypeError
from tests.test_peers_behaviours import JAX, assert_as_peers, random_arrays

pytestmark = pytest.mark.usefixtures("device", "x64")


def test_dtype_is_the_dtype_of_the_result() -> None:
    a, b = (x.astype("float32") for x in random_arrays((2, 3), (3, 4)))
    assert einlab.contract("ij,jk->ik", a, b, dtype="float64").dtype == "float64"
    assert einlab.contract("ij,jk->ik", a, b, dtype=None).dtype == "float32"
    assert einlab.contract("ij,jk->ik", a, b, dtype=np.complex128).dtype == "complex128"


NAMES = ("bool", "int8", "uint8", "int16", "uint32", "int32", "int64", "float16", "bfloat16",
         "float32", "float64", "complex64", "complex128")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_dtypes_are_promoted_as_jax_promotes_them(name: str) -> None:
    one = jnp.ones((2, 3), name)
    for other in NAMES:
        two = jnp.ones((3,), other)
        expected = jnp.einsum("ij,j->i", one, two)
        got = jax.eval_shape(lambda x, y: einlab.contract("ij,j->i", x, y), one, two)
        wanted = "bool" if name == other == "bool" else expected.dtype
        assert got.dtype == wanted, (name, other)


@pytest.mark.parametrize("scalar", [True, 2, 2.5, 2 + 1j])
@pytest.mark.parametrize("name", ["int8", "float16", "bfloat16", "float32", "complex64", "bool"])
def test_python_scalars_give_way_to_arrays(scalar: Any, name: str) -> None:
    vector = jnp.ones((3,), name)
    got = einlab.contract(",i->i", scalar, vector)
    expected = jnp.asarray(scalar) * vector if name != "bool" else scalar * vector
    weak = scalar * vector if not (scalar is True and name == "bool") else vector
    assert got.dtype == weak.dtype
    np.testing.assert_allclose(got, np.asarray(expected).astype(weak.dtype))


def test_a_weak_array_gives_way_too() -> None:
    weak = jnp.asarray(2.5)
    assert weak.weak_type
    half = jnp.ones(3, "float16")
    assert einlab.contract(",i->i", weak, half).dtype == jnp.einsum(",i->i", weak, half).dtype


def test_int8_accumulates_in_int8_and_wraps_as_jax_does() -> None:
    a = jnp.full((2, 300), 100, "int8")
    np.testing.assert_array_equal(einlab.contract("ij,ij->i", a, a), jnp.einsum("ij,ij->i", a, a))
    wide = einlab.contract("ij,ij->i", a, a, preferred_element_type="int32")
    np.testing.assert_array_equal(wide, [3_000_000] * 2)
    with pytest.raises(DtypeError, match="wrap"):
        einlab.contract("ij,ij->i", a, a, strict=True)


@pytest.mark.parametrize("wanted", ["float32", "float64", "bfloat16"])
def test_preferred_element_type_is_that_of_jax(wanted: str) -> None:
    a, b = (jnp.asarray(x, "bfloat16") for x in random_arrays((4, 8), (8, 4)))
    got = einlab.contract("ij,jk->ik", a, b, preferred_element_type=wanted)
    expected = jnp.einsum("ij,jk->ik", a, b, preferred_element_type=wanted)
    assert got.dtype == expected.dtype == wanted
    np.testing.assert_allclose(
        np.asarray(got, "float64"), np.asarray(expected, "float64"), rtol=2e-2, atol=2e-2
    )


@pytest.mark.parametrize("precision", ["highest", "high", "default", jax.lax.Precision.HIGHEST,
                                       ("highest", "default"), None])  # fmt: skip
def test_precision_is_taken_as_jax_takes_it(precision: Any) -> None:
    a, b = random_arrays((2, 3), (3, 4))
    assert_as_peers((JAX,), "ij,jk->ik", a, b, precision=precision)


def test_bool_contracts_to_bool_by_and_and_or() -> None:
    a, b = np.eye(3, dtype=bool), np.ones((3, 2), bool)
    got = einlab.contract("ij,jk->ik", a, b)
    assert got.dtype == "bool"
    np.testing.assert_array_equal(got, np.einsum("ij,jk->ik", a, b))
    np.testing.assert_array_equal(einlab.contract("ij->j", a & False), [False] * 3)


class Exchanged:
    """An array of a library that knows nothing of NumPy's and JAX's but the DLPack protocol."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


class Convertible:
    """An object that NumPy can read as an array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.arange(6.0).reshape(2, 3)


def frozen() -> np.ndarray:
    values = np.arange(6.0).reshape(2, 3)
    values.setflags(write=False)
    return values


OPERANDS: dict[str, Callable[[], Any]] = {
    "a list of lists": lambda: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    "a tuple of tuples": lambda: ((0.0, 1.0, 2.0), (3.0, 4.0, 5.0)),
    "a list of NumPy arrays": lambda: [np.arange(3.0), np.arange(3.0, 6.0)],
    "a list of JAX arrays": lambda: [jnp.arange(3.0), jnp.arange(3.0, 6.0)],
    "a list with a JAX scalar": lambda: [[jnp.zeros(()), 1.0, 2.0], [3.0, 4.0, 5.0]],
    "a NumPy array": lambda: np.arange(6.0).reshape(2, 3),
    "a read-only array": frozen,
    "every other column": lambda: np.arange(12.0).reshape(2, 6)[:, ::2] / 2,
    "columns first": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "negative strides": lambda: np.arange(5.0, -1.0, -1.0).reshape(2, 3)[::-1, ::-1],
    "the other byte order": lambda: np.arange(6.0).astype(">f8").reshape(2, 3),
    "a memoryview": lambda: memoryview(np.arange(6.0).reshape(2, 3)),
    "DLPack alone": lambda: Exchanged(np.arange(6.0).reshape(2, 3)),
    "__array__ alone": Convertible,
    "a JAX array": lambda: jnp.arange(6.0).reshape(2, 3),
}


@pytest.mark.parametrize("make", OPERANDS.values(), ids=OPERANDS.keys())
def test_anything_that_holds_numbers_is_an_operand(make: Callable[[], Any]) -> None:
    got = einlab.contract("ij,j->ij", make(), np.ones(3))
    assert isinstance(got, jax.Array)
    np.testing.assert_array_equal(got, np.arange(6.0).reshape(2, 3))


def test_an_array_without_stride_is_an_operand() -> None:
    rows = np.broadcast_to(np.arange(3.0), (2, 3))
    np.testing.assert_array_equal(einlab.contract("ij->j", rows), [0.0, 2.0, 4.0])


SCALARS: dict[str, Callable[[], Any]] = {
    "float": lambda: 2.0,
    "int": lambda: 2,
    "NumPy's float64": lambda: np.float64(2),
    "NumPy's float32": lambda: np.float32(2),
    "an array without axes": lambda: np.array(2.0),
    "a JAX array without axes": lambda: jnp.full((), 2.0),
}


@pytest.mark.parametrize("make", SCALARS.values(), ids=SCALARS.keys())
def test_scalars_of_every_kind_are_operands(make: Callable[[], Any]) -> None:
    np.testing.assert_array_equal(einlab.contract(",i->i", make(), np.ones(3)), [2.0, 2.0, 2.0])


def test_lists_of_arrays_in_the_other_byte_order_are_operands() -> None:
    swapped = np.arange(3.0).astype(">f4")
    np.testing.assert_array_equal(einlab.contract("ij->ij", [swapped]), [[0.0, 1.0, 2.0]])
    np.testing.assert_array_equal(einlab.contract("->", np.array(2.5, ">f8")), 2.5)
    np.testing.assert_array_equal(einlab.contract("i,->i", np.ones(2), swapped[2]), [2.0, 2.0])


def test_buffers_of_the_standard_library_are_operands() -> None:
    np.testing.assert_array_equal(einlab.contract("i->", array.array("d", [1.0, 2.5])), 3.5)


def test_arrays_of_torch_are_operands() -> None:
    torch = pytest.importorskip("torch", reason="another framework, tried where it is installed")
    tensor = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    np.testing.assert_array_equal(einlab.contract("ij->j", tensor), [3.0, 5.0, 7.0])


def test_operands_are_never_changed_and_the_result_is_not_a_view() -> None:
    values = np.arange(6.0).reshape(2, 3)
    got = einlab.contract("ij->ji", values)
    same = einlab.contract("ij->ij", values)
    values[:] = -1
    np.testing.assert_array_equal(got, np.arange(6.0).reshape(2, 3).T)
    np.testing.assert_array_equal(same, np.arange(6.0).reshape(2, 3))


def test_narrow_dtypes_are_as_jax_has_them() -> None:
    for name in ("float8_e4m3fn", "float8_e5m2", "int4", "uint4"):
        a = np.ones((2, 3), getattr(ml_dtypes, name))
        got = einlab.contract("ij,ij->i", a, a)
        assert got.dtype == jnp.einsum("ij,ij->i", a, a).dtype == name
        np.testing.assert_array_equal(np.asarray(got, "float32"), [3, 3])
