"""Reading equations: what is written is read back, in letters, words and labels."""

from __future__ import annotations

from typing import Any

import opt_einsum
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from einlab.contraction import Contraction, equation_of
from einlab.errors import ArgumentTypeError, EinlabError, EquationError, ShapeError
from einlab.labels import from_labels
from einlab.notation import parse, shapes_from_sizes
from tests.strategies import DOTS, Case, cases, law


def read(case: Case, equation: str | None = None) -> Contraction:
    return parse(case.equation if equation is None else equation, case.shapes, case.dtypes)


def without_dots(contraction: Contraction, case: Case) -> Contraction:
    """The contraction with the symbols that stand for an ellipsis named as the case names them."""
    names: dict[str, str] = {}
    for ours, theirs in zip(contraction.terms, case.terms, strict=True):
        names.update(zip(ours, theirs, strict=True))
    assert len(set(names.values())) == len(names)
    return Contraction(
        tuple(tuple(names[i] for i in term) for term in contraction.terms),
        tuple(names[i] for i in contraction.output),
        contraction.shapes,
        contraction.dtypes,
    )


@law(cases(), quick=200, long=1000)
def test_an_equation_means_the_terms_it_was_written_from(case: Case) -> None:
    found = without_dots(read(case), case)
    assert found.terms == case.terms
    assert found.output == case.output


@law(cases(), quick=200, long=1000)
def test_what_is_shown_is_read_back(case: Case) -> None:
    contraction = read(case)
    assert read(case, contraction.equation) == contraction


WORDS = ("row", "key", "t2", "x_y", "größe", "b")


@law(cases(symbols="abcdef", ellipses=False, blanks=False), st.permutations(WORDS),
     quick=100, long=1000)  # fmt: skip
def test_an_equation_in_words_means_what_it_means_in_letters(
    case: Case, words: tuple[str, ...]
) -> None:
    named = dict(zip("abcdef", words, strict=True))
    terms = [tuple(named[index] for index in term) for term in case.terms]
    output = tuple(named[index] for index in case.output)
    text = equation_of(terms, output)
    assume("  " not in text.strip() and " " in text.strip())
    found = parse(text, case.shapes, case.dtypes, "named")
    assert found.terms == tuple(terms)
    assert found.output == output
    assert parse(found.equation, case.shapes, case.dtypes, "named") == found


@law(cases(ellipses=False), st.data(), quick=100, long=1000)
def test_blanks_anywhere_change_nothing(case: Case, data: Any) -> None:
    equation = case.equation.replace(" ", "")
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(equation)))
        if equation[place - 1 : place + 1] != "->":
            blank = data.draw(st.sampled_from(" \t"))
            equation = f"{equation[:place]}{blank}{equation[place:]}"
    assert read(case, equation) == read(case)


@law(cases(ellipses=True), quick=100, long=1000)
def test_labels_mean_what_letters_mean(case: Case) -> None:
    lists = [[... if i in DOTS else ord(i) for i in term] for term in case.terms]
    lists = [[i for n, i in enumerate(x) if i is not ... or ... not in x[:n]] for x in lists]
    for term, labels in zip(case.terms, lists, strict=True):
        held = tuple(index for index in term if index in DOTS)
        assume(held in ((), DOTS, DOTS[1:]))
        assume((... in labels) == bool(held))
    output: list[Any] = [... if i in DOTS else ord(i) for i in case.output]
    output = [i for n, i in enumerate(output) if i is not ... or ... not in output[:n]]
    mixed = [part for p, labels in enumerate(lists) for part in (f"operand {p}", labels)]
    labelled = from_labels([*mixed, output])
    assert labelled.operands == tuple(f"operand {p}" for p in range(case.count))
    found = without_dots(read(case, labelled.equation), case)
    assert (found.terms, found.output) == (case.terms, case.output)


def test_implied_output_is_in_the_order_of_the_labels_beyond_any_alphabet() -> None:
    labels = list(range(1000, 1060))
    arguments: list[object] = []
    for one, other in zip(labels[1:], labels, strict=False):
        arguments += [f"{one}", [one, other]]
    labelled = from_labels(arguments)
    output = labelled.equation.split("->")[1]
    names = dict(labelled.labels)
    assert [names[letter] for letter in output] == ["1000", "1059"]


@pytest.mark.parametrize(
    ("equation", "shapes", "output"),
    [
        ("ba", [(2, 3)], "ab"),
        ("bA", [(2, 3)], "Ab"),
        ("ab,bc", [(2, 3), (3, 4)], "ac"),
        ("ca,ab", [(2, 3), (3, 4)], "bc"),
        ("aa", [(2, 2)], ""),
        ("a,a", [(2,), (2,)], ""),
        ("ab->", [(2, 3)], ""),
        ("", [()], ""),
        (",", [(), ()], ""),
        ("é行", [(2, 3)], "é行"),
    ],
)
def test_an_output_left_out_is_what_occurs_once_in_alphabetical_order(
    equation: str, shapes: list[tuple[int, ...]], output: str
) -> None:
    found = parse(equation, tuple(shapes), ("float32",) * len(shapes))
    assert "".join(found.output) == output


@pytest.mark.parametrize(
    ("equation", "shapes", "shape"),
    [
        ("...", [(2, 3)], (2, 3)),
        ("...->...", [(2, 3)], (2, 3)),
        ("i...->...i", [(2, 3, 4)], (3, 4, 2)),
        ("b...a", [(2, 3, 4, 5)], (3, 4, 5, 2)),  # the ellipsis first, then the letters in order
        ("...ij,...jk", [(7, 2, 3), (3, 4)], (7, 2, 4)),
        ("...i,...i->...i", [(5, 1, 2), (6, 2)], (5, 6, 2)),
        ("i...,...j->ij...", [(2, 5), (5, 3)], (2, 3, 5)),
        ("...,...", [(), (3,)], (3,)),
        ("i...->i", [(2, 3)], (2,)),  # an ellipsis that the output leaves out is summed
        ("... i, i -> ...", [(4, 2), (2,)], (4,)),
    ],
)
def test_ellipses_stand_for_the_axes_left_and_broadcast_from_the_right(
    equation: str, shapes: list[tuple[int, ...]], shape: tuple[int, ...]
) -> None:
    assert parse(equation, tuple(shapes), ("float32",) * len(shapes)).shape == shape


def test_letters_win_where_they_fit_and_words_elsewhere() -> None:
    two = (2, 3), (3, 4)
    letters = parse("i j, j k -> i k", two, ("float32",) * 2)
    assert letters.terms == (("i", "j"), ("j", "k"))
    words = parse("row key, key column -> row column", two, ("float32",) * 2)
    assert words.terms == (("row", "key"), ("key", "column"))
    forced = parse("i j, j k -> i k", two, ("float32",) * 2, "named")
    assert forced.terms == letters.terms
    # Two letters for one axis each would fit (2, 3): forcing words makes it one axis.
    assert parse("ab -> ab", ((2, 3),), ("float32",)).terms == (("a", "b"),)
    assert parse("ab -> ab", ((6,),), ("float32",), "named").terms == (("ab",),)


def test_words_need_an_output() -> None:
    with pytest.raises(EquationError, match="output"):
        parse("row key, key column", ((2, 3), (3, 4)), ("float32",) * 2)


def test_shapes_come_from_sizes_of_letters_or_words() -> None:
    sizes = {"i": 2, "j": 3, "k": 4}
    assert shapes_from_sizes("ij,jk", sizes) == ((2, 3), (3, 4))
    assert shapes_from_sizes("row key, key -> row", {"row": 2, "key": 5}) == ((2, 5), (5,))
    with pytest.raises(EquationError, match="k"):
        shapes_from_sizes("ij,jk->ik", {"i": 2, "j": 3})
    with pytest.raises(EinlabError):
        shapes_from_sizes("...i->i", sizes)


@given(st.text(alphabet="ij.,->: é行\t1", max_size=12), st.lists(st.integers(0, 3), max_size=3))
def test_any_text_is_read_or_refused_in_our_own_words(text: str, ranks: list[int]) -> None:
    shapes = tuple((2,) * rank for rank in ranks)
    try:
        contraction = parse(text, shapes, ("float32",) * len(shapes))
    except (EquationError, ShapeError):
        pass
    else:
        assert [len(term) for term in contraction.terms] == ranks


def test_more_letters_than_the_alphabet_are_read() -> None:
    symbols = "".join(opt_einsum.get_symbol(place) for place in range(200))
    found = parse(f"{symbols}->{symbols[::-1]}", ((1,) * 200,), ("float32",))
    assert found.output == tuple(symbols[::-1])


def test_labels_that_are_none_are_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="hashable"):
        from_labels(["A", [[0], 1]])
    with pytest.raises(ArgumentTypeError):
        from_labels(["A", 5])
    with pytest.raises(EquationError, match="two ellipses"):
        from_labels(["A", [..., 1, ...]])
    with pytest.raises(EquationError, match="7"):
        from_labels(["A", [0, 1], [7]])
