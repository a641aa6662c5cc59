"""Valid calls with one thing changed: whatever no longer makes sense is refused, truthfully.

Whether a changed call makes sense is decided here by a reader of its own, and what a complaint says
of ranks, sizes and places is looked up in the call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import einlab
from einlab.errors import EinlabError
from tests.strategies import Case, cases
from tests.wording import complaint, marked, suggestion

Shapes = list[tuple[int, ...]]


@dataclass
class Call:
    """An equation and shapes for it."""

    equation: str
    shapes: Shapes

    def __repr__(self) -> str:
        return f"{self.equation!r} of {self.shapes}"


def tokens(text: str) -> list[str]:
    """Letters and ellipses of a term; what is neither stands alone."""
    return re.findall(r"\.\.\.|\S", text)


def makes_sense(call: Call) -> bool:
    """Whether classic einsum's rules allow the call; size 1 is broadcast."""
    head, arrow, tail = call.equation.partition("->")
    terms, output = [tokens(term) for term in head.split(",")], tokens(tail)
    for term in (*terms, output):
        signs = [token for token in term if token != "..."]
        if not all(sign.isalpha() or sign > "\xa0" for sign in signs) or term.count("...") > 1:
            return False
    if len(terms) != len(call.shapes):
        return False
    seen: dict[str, set[int]] = {}
    for term, shape in zip(terms, call.shapes, strict=True):
        dots = len(shape) - (len(term) - 1) if "..." in term else 0
        if dots < 0 or len(term) - term.count("...") + dots != len(shape):
            return False
        named = [
            name
            for token in term
            for name in ([f"…{dots - i}" for i in range(dots)] if token == "..." else [token])
        ]
        for name, size in zip(named, shape, strict=True):
            seen.setdefault(name, set()).add(size)
    if any(len(sizes - {1}) > 1 for sizes in seen.values()):
        return False
    known = {token for term in terms for token in term}
    return not arrow or (set(output) <= known and len(set(output)) == len(output))


@st.composite
def mutated(draw: st.DrawFn) -> Call:
    """A call that made sense before one thing in it was changed, and does not now."""
    case: Case = draw(cases(most=5, blanks=False, sizes=(2, 3, 4, 1, 0)))
    call = Call(case.equation, list(case.shapes))
    assume(makes_sense(call))
    change = draw(
        st.sampled_from(
            (size, axis, axis, operand, operand, letter, letter, arrow, output, output, sign)
        )
    )
    change(draw, call)
    assume(not makes_sense(call))
    return call


def size(draw: st.DrawFn, call: Call) -> None:
    """Another size for one axis."""
    axes = [(i, a) for i, shape in enumerate(call.shapes) for a in range(len(shape))]
    assume(axes)
    place, axis = draw(st.sampled_from(axes))
    shape = list(call.shapes[place])
    shape[axis] = draw(st.integers(0, 7))
    call.shapes[place] = tuple(shape)


def axis(draw: st.DrawFn, call: Call) -> None:
    """An axis less, or one more."""
    place = draw(st.integers(0, len(call.shapes) - 1))
    shape = call.shapes[place]
    if draw(st.booleans()) and shape:
        call.shapes[place] = shape[1:]
    else:
        call.shapes[place] = (*shape, int(draw(st.integers(1, 3))))


def operand(draw: st.DrawFn, call: Call) -> None:
    """An operand dropped, given twice, or in another's place."""
    place = draw(st.integers(0, len(call.shapes) - 1))
    match draw(st.integers(0, 2)):
        case 0:
            del call.shapes[place]
        case 1:
            call.shapes.insert(place, call.shapes[place])
        case _:
            call.shapes.reverse()


def letter(draw: st.DrawFn, call: Call) -> None:
    """Another letter somewhere, or one more, or one less."""
    places = [place for place, char in enumerate(call.equation) if char.isalpha()]
    assume(places)
    place = draw(st.sampled_from(places))
    other = draw(st.sampled_from(("", "q", "Q", "行", call.equation[place] * 2, "a")))
    call.equation = call.equation[:place] + other + call.equation[place + 1 :]


def arrow(draw: st.DrawFn, call: Call) -> None:
    """A corrupted arrow."""
    other = draw(st.sampled_from(("-", ">", "=>", "→", "->->", "- >", "-->", "<-")))
    call.equation = call.equation.replace("->", other)


def output(draw: st.DrawFn, call: Call) -> None:
    """An output index given twice, or one that no operand has."""
    assume("->" in call.equation)
    place = draw(st.integers(call.equation.index("->") + 2, len(call.equation)))
    index = draw(st.sampled_from([*call.equation.replace(".", "")[-2:], "z", "列", "..."]))
    call.equation = call.equation[:place] + index + call.equation[place:]


def sign(draw: st.DrawFn, call: Call) -> None:
    """A sign that is no letter, or a dot or comma too many."""
    place = draw(st.integers(0, len(call.equation)))
    other = draw(st.sampled_from("1*;_.,-> \x00?"))
    call.equation = call.equation[:place] + other + call.equation[place:]


def check_truth(text: str, call: Call) -> None:
    """Look up in the call what the first line of a complaint says, and what its carets mark."""
    fact, marks = text.splitlines()[0], marked(text)
    head, _, tail = call.equation.partition("->")
    terms = [tokens(term) for term in head.split(",")]
    shapes = call.shapes
    pattern = {
        "rank": r"operand (\d+) has (\d+|no) ax[ei]s, but its term '(.*)' has "
        r"(at least )?(\d+|no) letters?",
        "size": r"(?:index '(.)'|an axis of '...') has size (\d+) in operand (\d+) and (\d+) in "
        r"operand (\d+)",
        "diagonal": r"index '(.)' stands for axes of sizes (\d+) and (\d+) in operand (\d+)",
        "count": r"the equation has (\d+) terms?, but (\d+|no) operands? w",
        "unknown": r"the output has (?:index '(.)'|an ellipsis), which occurs in no operand",
        "repeated": r"index '(.*)' occurs (\d+) times in the output",
        "place": r"(?:bad character )?('.*?'|\".*?\") at character (\d+)",
        "ellipses": r"(\d+) ellipses in one term",
        "arrows": r"the equation has (\d+) arrows",
    }
    kind, found = next((kind, match) for kind, p in pattern.items() if (match := re.match(p, fact)))
    if kind == "rank":
        place, rank, term, _, letters = found.groups()
        assert len(shapes[int(place)]) == int(rank.replace("no", "0"))
        assert tokens(term) == terms[int(place)]
        assert len([t for t in tokens(term) if t != "..."]) == int(letters.replace("no", "0"))
        assert f"operand {place} has shape {shapes[int(place)]}" in text
        assert marks == [term] or not term
    elif kind == "size":
        index, first, left, second, right = found.groups()
        assert first != second
        for at, operand in (first, left), (second, right):
            held = zip(terms[int(operand)], shapes[int(operand)], strict=False)
            assert "..." in terms[int(operand)] or (index, int(at)) in held
            assert int(at) in shapes[int(operand)]
            assert f"operand {operand} has shape {shapes[int(operand)]}" in text
        assert set("".join(marks)) <= {index, "."}
    elif kind == "diagonal":
        index, first, second, operand = found.groups()
        assert {int(first), int(second)} <= set(shapes[int(operand)])
        assert set("".join(marks)) == {index}
    elif kind == "count":
        assert int(found[1]) == len(terms) != len(shapes) == int(found[2].replace("no", "0"))
    elif kind == "unknown":
        assert all((found[1] or "...") not in term for term in terms)
        assert set("".join(marks)) == set(found[1] or ".")
    elif kind == "repeated":
        assert tokens(tail).count(found[1]) == int(found[2]) > 1
        assert "".join(marks) == found[1] * int(found[2])
    elif kind == "place":
        char = call.equation[int(found[2])]
        assert repr(char) == found[1]
        assert marks[0].startswith(char if char.isprintable() else " ") or not char.isprintable()
    elif kind == "ellipses":
        assert "".join(marks) == "..." * int(found[1])
    else:
        assert marks == ["->"] * int(found[1]) or "".join(marks) == "->" * int(found[1])


@settings(max_examples=250)
@given(mutated())
def test_a_plan_of_a_changed_call_is_refused_truthfully(call: Call) -> None:
    text = complaint(partial(einlab.plan, call.equation, *call.shapes))
    if call.shapes:
        check_truth(text, call)
    instead = suggestion(text)
    if instead is not None:
        einlab.plan(instead, *call.shapes)


@settings(max_examples=60)
@given(mutated())
def test_a_changed_call_is_refused_alike_with_arrays(call: Call) -> None:
    text = complaint(partial(einlab.plan, call.equation, *call.shapes))
    arrays = [np.zeros(shape, np.float32) for shape in call.shapes]
    assert complaint(partial(einlab.contract, call.equation, *arrays)) == text or not arrays
    assert complaint(partial(einlab.contract_path, call.equation, *arrays)) == text


@given(
    st.text(st.sampled_from("ijk行é.,-> \t1*\ud800\u0301\u200d…→"), max_size=14) | st.text(),
    st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), max_size=4),
    st.sampled_from((None, "letters", "named")),
)
@settings(max_examples=300)
def test_any_text_is_an_equation_or_refused(
    equation: str, shapes: Shapes, axes: str | None
) -> None:
    call = partial(einlab.plan, equation, *shapes, axes=axes)
    refused = False
    try:
        call()
    except EinlabError:
        refused = True
    if refused:
        instead = suggestion(complaint(call))
        if instead is not None:
            einlab.plan(instead, *shapes, axes=axes)
