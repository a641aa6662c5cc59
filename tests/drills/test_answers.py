"""Answers are read as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.drills import check, find
from einlab.drills.answers import canonical, number, shape
from einlab.errors import ArgumentError

FLOPS, PERCENT, MILLIS = find("order-left"), find("roofline-mfu"), find("flops-time")
PLAIN = find("hand-entry")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("6.4e1", 64),
        ("-3", -3),
        ("−3", -3),
        ("1_000", 1000),
        ("1 000 000", 1e6),
        (".5", 0.5),
        ("2 ki", 2048),
        ("3 thousand", 3000),
        ("75%", 0.75),
    ],
)
def test_a_plain_number_is_read(text, value):
    assert number(text, PLAIN) == value


@pytest.mark.parametrize(
    "text", ["22 MFLOP", "22 mflops", "0.022 GFLOP", "22 million", "22000 kFLOP"]
)
def test_a_number_with_prefix_and_unit_is_read(text):
    assert number(text, FLOPS) == pytest.approx(22e6)
    assert check(FLOPS, text).right


def test_units_that_are_prefixes_themselves_are_read_as_units():
    assert number("0.148 ms", MILLIS) == 0.148
    assert number("40 %", PERCENT) == 40
    assert number("40", PERCENT) == 40


@pytest.mark.parametrize("text", ["", "many", "1e", "3 apples", "1.2.3", "--4", "e5", "."])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ArgumentError, match=r"no number|no unit"):
        number(text, FLOPS)


@given(st.integers(-(10**15), 10**15))
def test_whole_numbers_come_back_from_every_way_of_writing_them(value):
    for text in (str(value), f"{value:,}", f"{value:_}", f"{value:.15e}"):
        assert number(text, PLAIN) == value


@given(st.lists(st.integers(0, 9999), max_size=6))
def test_shapes_come_back_from_every_way_of_writing_them(sizes):
    ways = [str(tuple(sizes)), "×".join(map(str, sizes)), " x ".join(map(str, sizes))]
    for text in ways:
        assert shape(text, PLAIN) == tuple(sizes)


@pytest.mark.parametrize("text", ["3 by 4", "m×n", "-3"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(ArgumentError, match="no shape"):
        shape(text, PLAIN)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ij,jk->ik", "ab,bc->ac", True),
        ("ij,jk", "ab,bc->ac", True),
        ("ba", "xy->yx", True),
        ("ij,jk->ik", "ij,jk->ki", False),
        ("ij,jk->ik", "jk,ij->ik", False),
        ("ii->", "ij->", False),
        ("i,j → ij", "a,b->ab", True),
    ],
)
def test_expressions_are_equal_up_to_the_names_of_their_indices(one, other, same):
    assert (canonical(one) == canonical(other)) is same


@pytest.mark.parametrize("text", ["i+j", "ij=>k", "1,2->3", "ij->k->l"])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ArgumentError, match="no einsum expression"):
        canonical(text)


def test_a_wrong_number_hears_of_the_usual_slips():
    assert "factor of 2" in check(FLOPS, "11e6").said
    assert check(FLOPS, "5").said == "too small"
    assert check(FLOPS, "5e20").said == "too large"


def test_a_wrong_shape_or_order_hears_how_near_it_is():
    assert check(find("shapes-plain"), "2×3").said == "the right sizes in another order"
    assert "2 axes" in check(find("shapes-plain"), "3×4×2").said
    drill = find("precision-bytes")
    first, *rest = drill.answer
    assert check(drill, " ".join([first, *reversed(rest)])).said.startswith("2 of 4")
    with pytest.raises(ArgumentError, match="names no options"):
        check(drill, "x y")


def test_an_option_may_be_given_by_its_text():
    assert check(find("fast-rate"), "GFLOP/s").right


def test_a_model_answer_is_not_checked():
    with pytest.raises(ArgumentError, match="by eye"):
        check(find("views-sketch"), "done")
