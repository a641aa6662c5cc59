"""Equations cut into tokens: nothing is lost, and each token stands where it says."""

from __future__ import annotations

import opt_einsum
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einlab
from einlab.tokens import BLANKS, cut, is_letter, without_blanks


@given(st.text(), st.sampled_from(["letters", "named"]))
def test_tokens_stand_where_they_say(equation: str, reading: str) -> None:
    terms, output = cut(equation, reading)
    parts = [*terms, output] if output else terms
    for part in parts:
        for token in part.tokens:
            assert equation[slice(*token.span)] == token.text
        if part.tokens:
            assert part.span == (part.tokens[0].span[0], part.tokens[-1].span[1])
        assert part.indices + part.dots * 1 <= len(part.tokens)
    assert len(terms) == equation.partition("->")[0].count(",") + 1
    assert (output is None) == ("->" not in equation)


@given(st.text(st.sampled_from("ij行 ,.\t"), max_size=20))
def test_no_sign_of_an_equation_in_letters_is_lost(equation: str) -> None:
    terms, _ = cut(equation, "letters")
    assert "".join(token.text for term in terms for token in term.tokens) == without_blanks(
        equation
    ).replace(",", "")


@pytest.mark.parametrize("char", ["i", "Z", "é", "行", "β", "→", "🍎", "\u0301", "\u1680"])
def test_letters_and_signs_beyond_ascii_stand_for_indices(char: str) -> None:
    assert is_letter(char)


@pytest.mark.parametrize("char", [*BLANKS, *"0189.,->_*", "\x00", "\x7f", "\ud800"])
def test_digits_blanks_and_signs_of_ascii_do_not(char: str) -> None:
    assert not is_letter(char)


def test_the_symbols_of_opt_einsum_are_letters() -> None:
    assert all(map(is_letter, map(opt_einsum.get_symbol, range(55_000))))


def test_more_than_5620_indices_are_told_apart() -> None:
    """Symbol 5,620 of opt_einsum is a blank of Unicode."""
    symbols = [opt_einsum.get_symbol(place) for place in (5619, 5620, 5621)]
    equation = "{0}{1},{1}{2}->{0}{2}".format(*symbols)
    assert einlab.plan(equation, (2, 3), (3, 4)).contraction.shape == (2, 4)
    labels: list[object] = []
    for place in range(5700):
        labels += [(1, 1), [place, place + 1]]
    assert len(einlab.plan(*labels, [0, 5700], optimize="greedy").contraction.sizes) == 5701
