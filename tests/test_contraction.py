"""`Contraction`: sizes, broadcast axes, and what a search sees of it."""

from __future__ import annotations

import math
import pickle
from collections import Counter

import pytest

from einlab.contraction import Contraction, SizeClash, equation_of, index_sizes
from einlab.errors import ShapeError
from tests.reference import index_sizes as sizes_of
from tests.strategies import Case, cases, law


def contraction_of(case: Case) -> Contraction:
    return Contraction(case.terms, case.output, case.shapes, case.dtypes)


@law(cases(), quick=100, long=500)
def test_the_size_of_an_index_is_the_one_that_is_not_1(case: Case) -> None:
    contraction = contraction_of(case)
    assert contraction.sizes == sizes_of(case.terms, case.shapes)
    assert contraction.shape == tuple(contraction.sizes[index] for index in case.output)
    assert contraction.volume(contraction.sizes) == math.prod(contraction.sizes.values())


@law(cases(), quick=100, long=500)
def test_leaves_hold_what_other_operands_or_the_output_need(case: Case) -> None:
    contraction = contraction_of(case)
    held = Counter(
        index
        for operand, term in enumerate(case.terms)
        for index in {
            i for axis, i in enumerate(term) if not contraction.is_broadcast(operand, axis)
        }
    )
    for operand, leaf in enumerate(contraction.leaves):
        own = [
            index
            for axis, index in enumerate(case.terms[operand])
            if not contraction.is_broadcast(operand, axis)
        ]
        needed = [i for i in own if held[i] > 1 or i in case.output]
        assert list(leaf) == list(dict.fromkeys(needed))
    network = contraction.network
    names = list(contraction.sizes)
    assert [[names[n] for n in term] for term in network.terms] == [
        list(leaf) for leaf in contraction.leaves
    ]
    assert [names[n] for n in network.output] == list(case.output)


@law(cases(sizes=(2, 3)), quick=50, long=300)
def test_slices_have_length_1_and_nothing_else_changes(case: Case) -> None:
    contraction = contraction_of(case)
    for index in contraction.sizes:
        one = contraction.one_slice({index})
        assert one.sizes == {**contraction.sizes, index: 1}
        assert (one.terms, one.output) == (contraction.terms, contraction.output)
    assert contraction.one_slice(()) is contraction


@law(cases(), quick=50, long=300)
def test_a_contraction_is_a_value(case: Case) -> None:
    one, other = contraction_of(case), contraction_of(case)
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one


def test_sizes_that_clash_name_both_operands() -> None:
    with pytest.raises(SizeClash, match="'j' has size 3 in operand 0 and 4 in operand 1") as info:
        index_sizes([("i", "j"), ("j", "k")], [(2, 3), (4, 5)])
    assert info.value.axes == ((0, 1), (1, 0))
    assert isinstance(info.value, ShapeError)
    with pytest.raises(SizeClash):
        index_sizes([("i", "i")], [(2, 3)])
    with pytest.raises(SizeClash):
        index_sizes([("i",), ("i",)], [(0,), (2,)])


def test_a_size_of_1_gives_way_to_any_other_in_any_order() -> None:
    for size in (0, 1, 5):
        for shapes in ([(1,), (size,)], [(size,), (1,)]):
            assert index_sizes([("i",), ("i",)], shapes) == {"i": size}


def test_long_names_make_an_equation_of_words() -> None:
    assert equation_of([("row", "j")], ("j",)) == "row j -> j"
    assert equation_of([()], ()) == "->"
    assert equation_of([("行", "é")], ("é",)) == "行é->é"
