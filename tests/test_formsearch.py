"""The search for the fastest form of one product, by hand-picked costs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from einlab.forms import Copies, ProductForm, copies, default_form
from einlab.formsearch import _Side, best_form, form_seconds, native_form
from einlab.machines import machine_for
from einlab.orders import roles
from einlab.permuting import FORM_COSTS, Sizes, contiguous_run, costs_of, form_costs

CPU = replace(form_costs("cpu", "float32"), native=None)


def found(equation: str, sizes: dict[str, int], kind: str = "cpu") -> ProductForm | None:
    """The best form where there are no native products."""
    left, right, result = (tuple(term) for term in equation.replace("->", ",").split(","))
    costs = replace(form_costs(kind, "float32"), native=None)
    return best_form(left, right, result, sizes, costs)[1]


@pytest.mark.parametrize("equation", ["ij,jk->ik", "bij,bjk->bik", "abij,abjk->abik", "ji,jk->ik"])
def test_a_product_without_permutation_keeps_its_default_form(equation: str) -> None:
    assert found(equation, dict.fromkeys("abijk", 40)) is None


def test_what_sums_nothing_is_left_to_the_compiler() -> None:
    assert found("ij,kl->lkji", dict.fromkeys("ijkl", 64)) is None


def test_a_large_permuted_result_is_made_in_a_loop_over_some_of_its_indices() -> None:
    form = found(
        "gfbc,dega->abcdef", dict(zip("abcdefg", (24, 16, 16, 24, 16, 16, 24), strict=True))
    )
    assert form is not None
    assert form.kind == "loop"
    assert set(form.looped) <= set("abcdef")


def test_a_loop_goes_over_an_outer_index_of_the_operand_where_that_is_the_large_array() -> None:
    form = found("bda,dc->abc", {"a": 312, "b": 312, "c": 24, "d": 312})
    assert form is not None
    assert (form.kind, form.looped) == ("loop", ("b",))


@pytest.mark.parametrize("size", [1, 2, 7, 24, 96])
def test_a_loop_takes_blocks_that_divide_the_index(size: int) -> None:
    sizes = {"a": size, "b": 312, "c": 24, "d": 312 * 312 // size}
    left, right, result = (tuple(term) for term in ("bda", "dc", "abc"))
    side = _Side(left, right, result, sizes, CPU)
    loops = side.loops(roles(left, right, result))
    assert loops
    for seconds, _, over in loops:
        assert seconds > 0
        for index, block in zip(*over, strict=True):
            assert sizes[index] % block == 0
            assert block < sizes[index]


def test_an_iteration_whose_arrays_leave_the_cache_of_a_core_is_dear() -> None:
    assert CPU.overflowing(2**10) == 0
    assert CPU.overflowing(2**22) > CPU.overflowing(2**21) > 0


def test_a_vector_for_each_of_a_batch_that_lies_inside_is_reduced_as_it_lies() -> None:
    form = found("bhd,bkhd->bhk", {"b": 4, "h": 8, "k": 2048, "d": 128})
    assert form is not None
    assert form.kind == "reduce"


def test_a_large_operand_is_not_reduced_across_the_order_in_which_it_lies() -> None:
    form = found("cba,ac->ab", {"a": 49, "b": 565, "c": 156})
    assert form is None or form.kind == "dot"


def test_reading_across_is_dear_only_where_lines_are_not_read_again() -> None:
    sizes = Sizes(49, 565, 156, 1)
    assert CPU.reducing(sizes, along=False) > 2 * CPU.reducing(sizes)
    small = Sizes(4, 8, 16, 1)
    assert CPU.reducing(small, along=False) == CPU.reducing(small)


def test_batches_of_tiny_matrices_are_written_out() -> None:
    form = found("bij,bjk->bik", {"b": 5000, "i": 4, "j": 4, "k": 4})
    assert form is not None
    assert form.kind == "unroll"


@pytest.mark.parametrize("kind", ["gpu", "tpu"])
@pytest.mark.parametrize(
    ("equation", "sizes"),
    [
        ("gfbc,dega->abcdef", dict.fromkeys("abcdefg", 16)),
        ("bhd,bkhd->bhk", dict.fromkeys("bhkd", 64)),
        ("bij,bjk->bik", {"b": 5000, "i": 4, "j": 4, "k": 4}),
    ],
)
def test_an_accelerator_runs_products_of_matrices(
    kind: str, equation: str, sizes: dict[str, int]
) -> None:
    form = found(equation, sizes, kind)
    assert form is None or form.kind == "dot"


def test_the_best_form_is_never_predicted_slower_than_the_default() -> None:
    slow = replace(CPU, iteration=math.inf, multiply=math.inf, unrolled_k=0)
    for equation in ("gfbc,dega->abcdef", "bhd,bkhd->bhk", "acd,dbc->ab", "ebad,ce->abcd"):
        left, right, result = (tuple(term) for term in equation.replace("->", ",").split(","))
        sizes = dict.fromkeys("abcdefghk", 12)
        best = best_form(left, right, result, sizes, CPU)[0]
        assert best <= best_form(left, right, result, sizes, slow)[0]


def test_named_algorithms_of_precision_run_as_products_of_matrices_alone() -> None:
    costs = costs_of(None, "float32", "BF16_BF16_F32")
    assert costs.unrolled_k == 0
    assert costs.multiply == math.inf
    assert costs.native is None
    assert costs_of(None, "float32", "highest") == form_costs("cpu", "float32")
    assert costs_of(machine_for("h100-sxm"), "float32").iteration == math.inf


def test_seconds_of_moving_grow_with_bytes_and_fall_with_the_run() -> None:
    for kind in FORM_COSTS:
        narrow, wide = form_costs(kind, "float32"), form_costs(kind, "float64")
        for entries in (2**10, 2**20, 2**26):
            assert narrow.permuting(entries, 1) >= narrow.permuting(entries, 32)
            assert wide.permuting(entries, 4) > narrow.permuting(entries, 4) > 0
    assert contiguous_run("abcd", "bacd", dict.fromkeys("abcd", 3)) == 9


def test_copies_are_what_the_default_form_cannot_take_as_it_lies() -> None:
    sizes = dict.fromkeys("ijkl", 3)

    def copied(left: str, right: str, result: str) -> tuple[bool, bool, bool]:
        terms = tuple(left), tuple(right), tuple(result)
        form = default_form(*terms)
        first, second = (terms[1], terms[0]) if form.swapped else terms[:2]
        one = copies(form, first, second, terms[2], sizes)
        return one.left, one.right, one.result

    assert copied("ik", "kj", "ij") == (False, False, False)
    assert copied("ki", "jk", "ij") == (False, False, False)
    assert copied("ikl", "lkj", "ij") == (False, True, False)
    assert copied("ikl", "kj", "ilj") == (True, False, False)
    assert copied("ilk", "kj", "ijl") == (False, False, True)
    sizes["l"] = 1  # an axis of length 1 moves without a copy
    assert copied("ilk", "kj", "ijl") == (False, False, False)


@pytest.mark.parametrize(
    "equation",
    ["bda,dc->abc", "bhd,bkhd->bhk", "gfbc,dega->abcdef", "bij,bjk->bik", "ij,kj->ki"],
)
def test_operands_and_results_of_native_products_lie_as_they_are(equation: str) -> None:
    left, right, result = (tuple(term) for term in equation.replace("->", ",").split(","))
    sizes = dict.fromkeys("abcdefghijk", 24)
    form = native_form(left, right, result)
    assert copies(form, left, right, result, sizes) == Copies(False, False, False)
    both = form_costs("cpu", "float32")
    for one in ((left, right), (right, left)):
        assert form_seconds(form, *one, result, sizes, both) == pytest.approx(
            form_seconds(form, left, right, result, sizes, both)
        )
    assert form_seconds(form, left, right, result, sizes, CPU) == math.inf


@pytest.mark.parametrize("dtype", ["complex64", "float16", "bfloat16", "int32", "bool"])
def test_only_floats_of_32_and_64_bits_run_natively(dtype: str) -> None:
    assert form_costs("cpu", dtype).native is None
    assert form_costs("cpu", "float64").native is not None


@pytest.mark.parametrize("kind", ["gpu", "tpu"])
def test_accelerators_have_no_native_products(kind: str) -> None:
    assert form_costs(kind, "float32").native is None


def test_without_native_code_no_product_is_planned_natively(xla_alone: None) -> None:
    assert costs_of(None, "float32") == CPU
