"""The cases: valid, drawn from a seed alone, and what the sources say they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.cases import GIB, TOLERANCES, Case, need_of, operands, reference, shrink
from benchmarks.families import FAMILIES
from benchmarks.suites import SUITES
from benchmarks.tccg import tccg, tccg_full
from einlab import contract

ALL = SUITES["all"](0, "float32")


def left_to_right(case: Case, arrays: list[np.ndarray]) -> np.ndarray:
    """The result by pairwise products in the order of the operands: an order no peer takes."""
    count = len(arrays)
    first = [(0, 1)] if count > 1 else [(0,)]
    rest = [(0, left - 1) for left in range(count - 1, 1, -1)]
    wide = [array.astype(np.float64) for array in arrays]
    return np.asarray(np.einsum(case.equation, *wide, optimize=["einsum_path", *first, *rest]))


def name_of(case: Case) -> str:
    return f"{case.family}: {case.name}"


@pytest.mark.parametrize("case", ALL, ids=name_of)
def test_a_case_has_the_shapes_its_equation_asks_for_and_an_output_it_knows(case: Case) -> None:
    assert len(case.shape) == len(case.terms[-1]) == len(set(case.terms[-1]))
    assert set(case.terms[-1]) <= set(case.sizes)
    assert all(size > 0 for size in case.sizes.values())


@pytest.mark.parametrize("case", ALL, ids=name_of)
def test_einlab_and_the_reference_agree_with_numpy_on_a_small_version_of_a_case(case: Case) -> None:
    small = shrink(case, 3)
    arrays = operands(small, 0)
    expected = left_to_right(small, arrays)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(reference(small, arrays), expected, rtol=0, atol=1e-12 * scale)
    ours = np.asarray(contract(small.equation, *arrays))
    assert ours.shape == small.shape
    np.testing.assert_allclose(ours, expected, rtol=0, atol=TOLERANCES["float32"] * scale)


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_is_the_same_for_the_same_seed(suite: str) -> None:
    assert SUITES[suite](3, "float64") == SUITES[suite](3, "float64")


@pytest.mark.parametrize("family", FAMILIES)
def test_another_seed_draws_other_sizes(family: str) -> None:
    drawn = {FAMILIES[family](seed, "float32") for seed in range(8)}
    assert len(drawn) > 1


@pytest.mark.parametrize("suite", SUITES)
def test_the_cases_of_a_suite_have_names_of_their_own(suite: str) -> None:
    names = [(case.family, case.name) for case in SUITES[suite](0, "float32")]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("seed", range(4))
def test_no_case_needs_more_than_two_gibibytes_or_seven_gigaflops(seed: int) -> None:
    for case in SUITES["all"](seed, "float64"):
        need = need_of(case)
        assert need.bytes <= 2 * GIB, case
        assert need.flops <= 7e9, case


def test_tccg_has_48_contractions_of_the_published_extents() -> None:
    published = {case.name: case.sizes for case in tccg_full(0, "float64")}
    assert len(published) == 48
    # the extents that the benchmark's own script writes for double precision
    assert published["ab-ac-cb"] == {"a": 5136, "b": 5120, "c": 5136}
    assert published["abc-bda-dc"] == {"a": 312, "b": 312, "c": 24, "d": 312}
    assert published["abcde-ecbfa-fd"] == {"a": 48, "b": 32, "c": 32, "d": 24, "e": 48, "f": 48}
    assert set(published["abcd-eafd-fbec"].values()) == {72}
    assert published["abcdef-gfbc-dega"] == {
        **dict.fromkeys("bcef", 16),
        **dict.fromkeys("adg", 24),
    }


def test_tccg_scales_only_what_is_above_six_gigaflops() -> None:
    for scaled, published in zip(tccg(0, "float32"), tccg_full(0, "float32"), strict=True):
        flops = 2 * math.prod(published.sizes.values())
        assert (scaled == published) == (flops <= 6e9)
        assert scaled.equation == published.equation


def test_operands_depend_on_the_seed_and_on_nothing_else() -> None:
    case = shrink(ALL[0], 5)
    first, second, other = operands(case, 1), operands(case, 1), operands(case, 2)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_operands_have_the_dtype_and_layout_they_are_said_to_have(dtype: str) -> None:
    for array in operands(Case("product", "tiny", "ij,jk->ik", ((2, 3), (3, 4)), dtype), 0):
        assert str(array.dtype) == dtype
        assert array.flags.c_contiguous


def test_operands_that_disagree_on_a_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'j' is 3 and 4"):
        _ = Case("product", "tiny", "ij,jk->ik", ((2, 3), (4, 5)), "float32").sizes
