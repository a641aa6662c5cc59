"""Suggestions: only what would pass is proposed, and few things are tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.suggestions import (
    LONGEST,
    other_index,
    other_ranks,
    other_sizes,
    plainly,
    splice,
    suggest,
)
from einlab.tokens import Part, cut


def test_the_first_candidate_that_passes_is_proposed() -> None:
    found = suggest("i->k", ["i->k", "i->i ", "i->"], lambda other: other in ("i->i", "i->"))
    assert found == "did you mean 'i->i'?"


def test_nothing_is_proposed_that_does_not_pass_or_cannot_be_tried() -> None:
    assert suggest("i->k", ["i->i"], lambda other: False) is None
    assert suggest("i->k", ["i->i"], None) is None


def test_nothing_is_tried_for_a_long_equation() -> None:
    def never(other: str) -> bool:
        raise AssertionError(other)

    assert suggest("i" * (LONGEST + 1), ["i"], never) is None


@pytest.mark.parametrize(
    ("equation", "plain"),
    [
        ("ij,jk=>ik", "ij,jk->ik"),
        ("ij,jk→ik", "ij,jk->ik"),
        ("ij,jk — ik", "ij,jk-> ik"),
        ("ij;jk->ik", "ij,jk->ik"),
        ("ij，jk->ik", "ij,jk->ik"),
        ("ij @ jk -> ik", "ij , jk-> ik"),
        ("…i->…i", "...i->...i"),
        ("e\u0301j->j", "éj->j"),
        ("i\u3000j->j", "i j->j"),
    ],
)
def test_what_other_keyboards_write_is_understood(equation: str, plain: str) -> None:
    assert next(plainly(equation)) == plain


def test_empty_terms_and_bad_characters_are_left_out() -> None:
    assert "ij,jk->ik" in plainly("ij,,jk,->ik")
    assert "ij,jk->ik" in plainly("?ij,jk->ik!", [(0, 1), (10, 11)])


@given(
    st.text(st.sampled_from("ijkl,. "), max_size=LONGEST),
    st.text(st.sampled_from("ij."), max_size=4),
)
def test_few_candidates_are_tried(head: str, tail: str) -> None:
    equation = f"{head}->{tail}"
    terms, output = cut(equation, "letters")
    assert isinstance(output, Part)
    ranks = [term.indices + 1 for term in terms]
    operands = list(range(len(terms)))[:2]
    tried = [
        *other_sizes(equation, terms, operands, ""),
        *(other for place in operands for other in other_ranks(equation, terms, place, ranks)),
    ]
    for token in output.tokens:
        tried += other_index(equation, terms, output.tokens, token)
    assert len(tried) <= 2 * 120 + 3 * 40 + LONGEST
    assert all(isinstance(other, str) for other in tried)


@given(st.text(max_size=9), st.text(max_size=3), st.data())
def test_splicing_replaces_one_span(equation: str, text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(equation)))
    stop = data.draw(st.integers(start, len(equation)))
    spliced = splice(equation, (start, stop), text)
    assert spliced.startswith(equation[:start] + text)
    assert spliced.endswith(equation[stop:])
    assert len(spliced) == len(equation) - (stop - start) + len(text)
