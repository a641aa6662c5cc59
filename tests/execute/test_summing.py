"""Sums in two steps give what one step gives, for arrays that lie in any way."""

from __future__ import annotations

from itertools import permutations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einlab
from einlab.execute.native_steps import can_run
from einlab.execute.summing import in_two
from einlab.execute.tape_program import row_major


@st.composite
def sums(draw: st.DrawFn) -> tuple[dict[str, int], str]:
    """Sizes of the axes of an array in their order, and the axes that are kept."""
    names = "abcd"[: draw(st.integers(1, 4))]
    sizes = {name: draw(st.sampled_from((1, 2, 3, 8, 30, 64, 97))) for name in names}
    kept = "".join(name for name in names if draw(st.booleans()))
    return sizes, kept


@given(sums())
def test_both_steps_together_read_every_entry_once(case: tuple[dict[str, int], str]) -> None:
    sizes, kept = case
    strides = dict(zip(sizes, row_major(list(sizes.values())), strict=True))
    found = in_two(strides, kept, sizes)
    if found is None:
        return
    places = np.zeros(1, int)
    for axis, stride in found.strides.items():
        places = np.add.outer(places, stride * np.arange(found.sizes[axis])).ravel()
    assert sorted(places) == list(range(np.prod(list(sizes.values()))))
    assert set(kept) <= set(found.stretch) < set(found.strides)
    assert all(found.sizes[axis] == sizes[axis] for axis in kept)


@pytest.mark.parametrize(
    ("shape", "kept"),
    [((40, 50, 20), "b"), ((600, 4, 11), "b"), ((3000, 14), "b"), ((5, 90, 8, 30), "db")],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_in_two_steps_is_as_exact(shape: tuple[int, ...], kept: str, dtype: str) -> None:
    assert can_run(dtype)
    names = "abcd"[: len(shape)]
    strides = dict(zip(names, row_major(list(shape)), strict=True))
    assert in_two(strides, kept, dict(zip(names, shape, strict=True))) is not None
    plan = einlab.plan(f"{names}->{kept}", shape, dtype=dtype)
    assert [step.form for step in plan.steps] == ["native"]
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    wanted = np.einsum(f"{names}->{kept}", array.astype("float64"))
    with jax.enable_x64(dtype == "float64"):
        found = np.asarray(einlab.contract(plan, array))
    rounding = np.finfo(found.dtype).eps * np.abs(array).sum() / wanted.size
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2 * rounding)


def test_nothing_is_done_twice_where_one_step_is_as_fast() -> None:
    sizes = {"a": 40, "b": 50, "c": 20}
    for kept in ("ab", "a", "bc", "abc"):
        assert in_two({"a": 1000, "b": 20, "c": 1}, kept, sizes) is None
    for order in permutations("abc"):
        tiny = dict(zip(order, row_major([3, 4, 5]), strict=True))
        assert in_two(tiny, "b", {"a": 3, "b": 4, "c": 5}) is None
