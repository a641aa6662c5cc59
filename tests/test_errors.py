"""Messages: widths, carets, and the family of errors."""

from __future__ import annotations

import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab import errors
from einlab.errors import EinlabError, display_width, listing, message, outside, underline
from tests.wording import columns, marked

KINDS = [
    kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Exception)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_a_value_error_one_level_below_the_base(
    kind: type[Exception],
) -> None:
    assert issubclass(kind, ValueError)
    assert kind is EinlabError or EinlabError in kind.__bases__
    assert kind.__doc__


def test_errors_of_type_are_type_errors_too() -> None:
    of_type = {kind.__name__ for kind in KINDS if issubclass(kind, TypeError)}
    assert of_type == {"ArgumentTypeError", "DtypeError", "OperandError"}


def test_every_error_is_public() -> None:
    assert sorted(kind.__name__ for kind in KINDS) == sorted(
        name for name in errors.__all__ if name[0].isupper()
    )


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("ij,jk->ik", 9),
        ("行列", 4),
        ("ｉ", 2),  # fullwidth
        ("e\u0301", 1),
        ("\u20dd", 0),  # an enclosing circle joins what it encloses
        ("각", 2),
        ("\u1100\u1161\u11a8", 2),  # the same syllable in three parts
        ("🍎", 2),
        ("é", 1),
        ("→", 1),
    ],
)
def test_width_counts_columns(text: str, width: int) -> None:
    assert display_width(text) == width


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_width_agrees_with_the_unicode_database(text: str) -> None:
    text = "".join(char for char in text if not "\u1160" <= char <= "\u11ff")
    assert display_width(text) == sum(map(columns, text))


words = st.text(
    st.characters(codec="utf-8", categories=["Lu", "Ll", "Lo", "Po", "Sm"]), min_size=1
).map(lambda text: "".join(char for char in text if not "\u1160" <= char <= "\u11ff") or "x")


@given(words, st.data())
def test_carets_stand_under_the_marked_characters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, min(len(text), 90) - 1))
    stop = data.draw(st.integers(start + 1, min(len(text), 90)))
    assert "".join(marked(underline(text[:90], [(start, stop)]))) == text[start:stop]


@given(st.integers(0, 999), st.integers(1, 5))
def test_a_long_text_is_cut_around_its_first_mark(place: int, length: int) -> None:
    text = "".join(chr(0x4E00 + i) for i in range(1000))
    shown = underline(text, [(place, min(place + length, 1000))])
    above, below, where = shown.splitlines()
    assert "".join(marked(f"{above}\n{below}")) == text[place : place + length]
    pieces = above.strip().strip("…")
    assert len(pieces) == errors.WIDEST
    first = text.index(pieces)
    assert where.strip() == f"(characters {first} to {first + errors.WIDEST - 1} of 1000)"
    assert above.strip().startswith("…") == (first > 0)
    assert above.endswith("…") == (first + errors.WIDEST < 1000)


def test_a_mark_past_the_end_stands_past_the_end() -> None:
    assert underline("行j", [(2, 3)], indent="") == "行j\n   ^"


def test_a_combining_mark_is_marked_on_its_letter() -> None:
    assert underline("ae\u0301b", [(2, 3)], indent="") == "ae\u0301b\n ^"
    assert underline("\u0301b", [(0, 1)], indent="") == "◌\u0301b\n^"


def test_signs_that_do_not_print_are_shown_as_blanks() -> None:
    shown = underline("i\x00\n\u200dj", [(1, 2), (3, 4)], indent="")
    assert shown == "i   j\n ^ ^"
    assert all(unicodedata.category(char) != "Cf" for char in shown)


def test_a_message_has_the_fact_the_place_the_details_and_the_hint_in_this_order() -> None:
    text = message(
        "two arrows",
        equation="i->j->k",
        spans=[(1, 3), (4, 6)],
        details=["a", "b"],
        hint="keep one",
    )
    assert text == ("two arrows\n    i->j->k\n     ^^ ^^\n    a\n    b\n    keep one")
    assert message("short") == "short"


def test_a_listing_reads_as_a_sentence() -> None:
    assert listing(["a"]) == "a"
    assert listing("abc") == "a, b and c"


def test_a_warning_names_the_line_outside_of_einlab() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("here", UserWarning, stacklevel=outside())
    assert caught[0].filename == __file__
