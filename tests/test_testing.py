from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.testing import assert_cost
from einlab.trace.reporting import report

X = jax.ShapeDtypeStruct((8, 8), jnp.float32)
FOUND = report(jnp.matmul, X, X)


def test_a_cost_that_is_as_expected_passes():
    assert_cost(FOUND, flops=1024, macs=512, bytes=768, ideal_bytes=768, peak=768)


@pytest.mark.parametrize("name", ["flops", "bytes", "peak", "macs"])
@pytest.mark.parametrize("change", [1, -1])
def test_a_cost_that_rose_or_fell_fails_and_says_by_how_much(name, change):
    value = getattr(FOUND, name) + change
    with pytest.raises(AssertionError, match=f"{name}: expected {value:,}"):
        assert_cost(FOUND, **{name: value})


def test_a_tolerance_is_relative():
    assert_cost(FOUND, flops=1000, tolerance=0.03)
    with pytest.raises(AssertionError):
        assert_cost(FOUND, flops=1000, tolerance=0.02)


def test_unknown_operations_fail_unless_they_are_allowed():
    found = report(lambda x: jax.pure_callback(np.sin, x, x), X)
    with pytest.raises(AssertionError, match="unknown: pure_callback"):
        assert_cost(found, flops=0)
    assert_cost(found, flops=0, unknown=True)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="no flop"):
        assert_cost(FOUND, flop=3)
    with pytest.raises(ArgumentError, match="give what"):
        assert_cost(FOUND)
    with pytest.raises(ArgumentError, match="tolerance"):
        assert_cost(FOUND, flops=1024, tolerance=-1)
    with pytest.raises(ArgumentTypeError):
        assert_cost(3, flops=1)  # type: ignore[arg-type]
