"""What the time of a native product depends on is what its kernel does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.contraction import Contraction
from einlab.formsearch import native_form
from einlab.nativemodel import NATIVE_COSTS, NO_ROWS, Walk, native_seconds
from einlab.nativework import NativeWork, native_work
from einlab.residuals import SCALES
from einlab.search.tree import Tree
from einlab.steps import build_steps

extents = st.lists(st.integers(1, 40), min_size=4, max_size=4)


def native(equation: str, sizes: dict[str, int]) -> NativeWork:
    """Of a product of two arrays that runs natively."""
    left, right, output = map(tuple, equation.replace("->", ",").split(","))
    shapes = tuple(tuple(sizes[index] for index in term) for term in (left, right))
    contraction = Contraction((left, right), output, shapes, ("float32",) * 2)
    form = native_form(left, right, output)
    (step,) = build_steps(Tree(contraction, ((0, 1),)), (output,), "float32", None, (form,))
    assert step.roles is not None
    return native_work(step, step.roles, sizes)


@given(extents=extents, output=st.permutations("abc"))
def test_a_result_has_no_more_runs_than_entries(extents: list[int], output: list[str]) -> None:
    sizes = dict(zip("abck", extents, strict=True))
    found = native(f"abk,kc->{''.join(output)}", sizes)
    for (entries, run), axes in zip(found.arrays, ("abk", "kc", "abc"), strict=True):
        assert entries == math.prod(sizes[index] for index in axes)
        assert 1 <= run <= entries
    assert len(found.traits) + 1 == len(SCALES[found.alike])


@given(extents=extents)
def test_names_of_indices_do_not_matter(extents: list[int]) -> None:
    one = native("abcd,bd->ca", dict(zip("abcd", extents, strict=True)))
    other = native("wxyz,xz->yw", dict(zip("wxyz", extents, strict=True)))
    assert one == other


def test_a_matrix_is_scaled_row_by_row() -> None:
    found = native("ij,j->ij", {"i": 300, "j": 640})
    assert (found.alike, found.walk) == ("direct", Walk(300.0, 0.0, True))


def test_what_lies_otherwise_than_the_result_is_staged() -> None:
    sizes = {"i": 300, "j": 640}
    assert native("ij,j->ij", sizes).walk.staged == 0
    assert native("ij,j->ji", sizes).walk.staged >= 300 * 640


def test_one_number_is_made_by_one_thread() -> None:
    assert not native("i,i->", {"i": 2**20}).walk.is_shared


def test_products_of_matrices_have_no_rows() -> None:
    found = native("ij,jk->ik", dict.fromkeys("ijk", 64))
    assert (found.alike, found.walk) == ("native", NO_ROWS)


@pytest.mark.parametrize(
    "walk", [Walk(1e4, 0.0, True), Walk(0.0, 1e7, True), Walk(0.0, 0.0, False)]
)
def test_whatever_a_walk_takes_makes_a_step_slower(walk: Walk) -> None:
    c, sizes = NATIVE_COSTS["float32"], (1.0, 1e3, 1e3, 1.0)
    arrays = ((1e6, 1e3), (1e3, 1e3), (1e3, 1e3))
    assert native_seconds(c, sizes, arrays, walk) > native_seconds(c, sizes, arrays)
