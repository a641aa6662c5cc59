"""Complaints by themselves: which fault comes first, which reading is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.complaints import about, likely_reading, marked, without_size
from einlab.contraction import Contraction
from einlab.notation import parse
from tests import wording


@pytest.mark.parametrize(
    ("equation", "reading"),
    [
        ("ij,jk->iz", "letters"),
        ("i j, j k -> i z", "letters"),
        ("ab cd, cd ef -> ab", "letters"),
        ("batch key, key out -> ouput", "named"),
        ("... key, key -> ...", "named"),
        ("batch", "letters"),
        ("", "letters"),
    ],
)
def test_the_likelier_reading_is_that_of_longer_words(equation: str, reading: str) -> None:
    assert likely_reading(equation) == reading


@pytest.mark.parametrize(
    ("equation", "first"),
    [
        ("i1->j->i", "2 arrows"),
        ("i1-j,->ii", "'-' at character 2"),
        ("i1......,->ii", "bad character '1'"),
        ("......,->ii", "2 ellipses"),
        ("i,j->ii", "2 terms, but 1 operand"),
        ("ij->z", "operand 0 has 1 axis"),
        ("i->z", "index 'z'"),
    ],
)
def test_faults_are_told_from_the_text_to_the_shapes(equation: str, first: str) -> None:
    _, text = about(equation, "letters", ((3,),), None)
    assert first in text.splitlines()[0]


def test_ranks_and_sizes_are_faults_of_shape_and_all_else_of_the_equation() -> None:
    assert about("ij->i", "letters", ((3,),), None)[0] == "shape"
    assert about("i->z", "letters", ((3,),), None)[0] == "equation"
    assert about("i,i->i", "letters", ((3,),), None)[0] == "equation"


def test_without_shapes_the_text_alone_is_looked_at() -> None:
    assert "index 'z'" in about("ijk->z", "letters", None, None)[1]


@given(st.text(max_size=20), st.sampled_from(["letters", "named"]))
def test_any_text_gets_a_complaint(equation: str, reading: str) -> None:
    kind, text = about(equation, reading, ((2, 3), (4,)), None)
    assert kind in ("equation", "shape")
    assert text.splitlines()[0]


def test_indices_without_a_size_are_marked_wherever_they_stand() -> None:
    text = without_size("ij,jk,k->i", "letters", {"i": 2})
    assert "no size is given for 'j' and 'k'" in text
    assert wording.marked(text) == ["j", "jk", "k"]


@pytest.mark.parametrize("equation", ["行列,列数->行数", "row key, key -> row"])
def test_axes_of_a_contraction_are_marked_in_its_own_equation(equation: str) -> None:
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {
        "行列,列数->行数": ((2, 3), (3, 4)),
        "row key, key -> row": ((2, 3), (3,)),
    }
    made = parse(equation, shapes[equation], ("float32",) * 2)
    assert isinstance(made, Contraction)
    index = made.terms[1][0]
    assert wording.marked(marked("fact", made, [(0, 1), (1, 0)])) == [index, index]
