"""Operands made ready: what passes as it is, what is read, and which warning is given."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.errors import ArgumentError, OperandError
from einlab.execute import arrays
from einlab.execute.arrays import explain, ready


def test_arrays_and_scalars_pass_as_they_are() -> None:
    given = (jnp.ones(2), np.ones(2, np.float32), np.float32(1), 2, 2.5, True, 1j)
    made = ready(given)
    assert all(one is other for one, other in zip(made, given, strict=True))


def test_tracers_pass_as_they_are() -> None:
    def function(x: Any) -> Any:
        assert ready([x])[0] is x
        return x

    jax.jit(function)(1.0)


@pytest.mark.parametrize(
    "operand", [[1, 2], (1.5, 2), [[True]], range(3), memoryview(b"ab"), [np.ones(2)] * 2]
)
def test_what_numpy_reads_becomes_an_array(operand: Any, only_32_bits: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        (made,) = ready([operand])
    np.testing.assert_array_equal(made, np.asarray(operand))


def test_a_list_of_traced_values_is_stacked() -> None:
    @jax.jit
    def function(x: Any) -> Any:
        return ready([[x, 2 * x]])[0]

    np.testing.assert_array_equal(function(1.0), [1, 2])

    @jax.jit
    def ragged(x: Any) -> Any:
        return ready([[x, [x, x]]])[0]

    with pytest.raises(OperandError, match="operand 0 is a ragged list"):
        ragged(1.0)


class Exporter:
    """An array of another library, known by `__dlpack__` alone."""

    def __init__(self, array: np.ndarray, works: bool) -> None:
        self.array, self.works = array, works
        self.shape, self.dtype = array.shape, array.dtype

    def __dlpack__(self, **options: Any) -> Any:
        if not self.works:
            raise BufferError("on another device")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return self.array


@pytest.mark.parametrize("works", [True, False])
def test_arrays_of_other_libraries_are_read_by_dlpack_or_numpy(works: bool) -> None:
    array = np.arange(4, dtype=np.float32)
    (made,) = ready([Exporter(array, works)])
    np.testing.assert_array_equal(made, array)


def test_the_number_of_the_operand_is_named() -> None:
    with pytest.raises(OperandError, match="operand 2 is 'x'"):
        ready([1, 2.0, "x"])


def test_integers_beyond_64_bits_are_refused(x64: None) -> None:
    assert ready([2**63 - 1, -(2**63)]) == (2**63 - 1, -(2**63))
    for large in (2**63, -(2**63) - 1):
        with pytest.raises(OperandError, match="beyond the integers of 64 bits"):
            ready([large])


def test_integers_beyond_32_bits_are_refused_where_jax_has_no_more(only_32_bits: None) -> None:
    assert ready([2**31 - 1, -(2**31)]) == (2**31 - 1, -(2**31))
    for large in (2**31, -(2**31) - 1):
        with pytest.raises(OperandError, match="beyond the integers of 32 bits"):
            ready([large])


def test_what_jax_refuses_for_other_reasons_is_left_to_it() -> None:
    explain(ValueError("something else"), [jnp.ones(2)], None)
    explain(RuntimeError("about precision"), [jnp.ones(2)], None)
    with pytest.raises(ArgumentError, match="precision 'F16_F16_F32'"):
        explain(ValueError("the precision is not supported"), [], "F16_F16_F32")


def test_types_that_were_looked_at_once_are_known() -> None:
    ready([jnp.ones(2)])
    assert type(jnp.ones(2)) in arrays.READY
    assert np.ndarray not in arrays.READY
