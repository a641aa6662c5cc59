"""Equations that cannot be meant: every way in refuses them, in the same words, and says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import einlab
from einlab.errors import EinlabError, EquationError, ShapeError
from tests.wording import complaint, marked, suggestion

Shapes = tuple[tuple[int, ...], ...]

MATRICES: Shapes = ((2, 3), (3, 4))


@dataclass(frozen=True)
class Fault:
    """A faulty equation, its error with phrases of it, what the carets mark, what to type."""

    equation: str
    shapes: Shapes
    error: type[EinlabError]
    says: tuple[str, ...]
    marks: list[str]
    instead: str | None = None

    def __str__(self) -> str:
        return repr(self.equation)


def unread(equation: str, says: str, marks: list[str], instead: str | None = None) -> Fault:
    """A fault of the text alone, for two matrices."""
    return Fault(equation, MATRICES, EquationError, (says,), marks, instead)


def misfit(
    equation: str,
    shapes: Shapes,
    says: tuple[str, ...],
    marks: list[str],
    instead: str | None = None,
) -> Fault:
    """A fault of ranks or sizes."""
    return Fault(equation, shapes, ShapeError, says, marks, instead)


FAULTS = [
    # The output.
    unread("ij,jk->iz", "has index 'z', which occurs in no operand", ["z"], "ij,jk->ik"),
    unread("ij,jk->ikz", "index 'z'", ["z"], "ij,jk->ik"),
    unread("ij,jk->z", "index 'z'", ["z"]),
    unread("ij,jk->iki", "index 'i' occurs 2 times in the output", ["i", "i"], "ij,jk->ik"),
    unread("ij,jk->ii", "index 'i' occurs 2 times", ["ii"], "ij,jk->ik"),
    unread("ij,jk->...ik", "an ellipsis, which occurs in no operand", ["..."], "ij,jk->ik"),
    unread("行列,列数->行数学", "index '学'", ["学"], "行列,列数->行数"),
    unread("iJ,Jk->ij", "index 'j'", ["j"], "iJ,Jk->ik"),
    unread("🍎j,jk->k🍐", "index '🍐'", ["🍐"], "🍎j,jk->k🍎"),
    unread("ij, jk->\n iz", "index 'z'", ["z"], "ij, jk->\n ik"),
    # Arrows, commas, dots.
    unread("ij->jk->ik", "2 arrows", ["->", "->"], "ij,jk->ik"),
    unread("ij,jk-ik", "'-' at character 5", ["-"], "ij,jk->ik"),
    unread("ij,jk>ik", "'>' at character 5", [">"], "ij,jk->ik"),
    unread("ij,jk<-ik", "'-' at character 6", ["-"], "ij,jk->ik"),
    unread("ij,jk=>ik", "'>' at character 6", [">"], "ij,jk->ik"),
    unread("ij,jk-->ik", "'-' at character 5", ["-"], "ij,jk->ik"),
    unread("ij,jk- >ik", "'-' at character 5", ["-", ">"], "ij,jk->ik"),
    unread("ij,jk->i,k", "',' at character 8 stands in the output", [","], "ij,jk->ik"),
    unread("..ij,jk->ik", "'.' at character 0", ["."]),
    unread("....ij,jk->...ik", "'.' at character 3", ["."], "...ij,jk->...ik"),
    unread("i.j,jk->ik", "'.' at character 1", ["."], "ij,jk->ik"),
    unread("......ij,jk->ik", "2 ellipses in one term", ["......"]),
    unread("...ij,jk->...i...k", "2 ellipses in one term", ["...", "..."]),
    # Characters.
    unread("i1,1k->ik", "bad character '1' at character 1", ["1"]),
    unread("ij;jk->ik", "bad character ';' at character 2", [";"], "ij,jk->ik"),
    unread("ij*jk->ik", "bad character '*' at character 2", ["*"], "ij,jk->ik"),
    unread("ij,jk->i k!", "bad character '!' at character 10", ["!"], "ij,jk->i k"),
    unread("行列,列1->行1", "bad character '1' at character 4", ["1"]),
    unread("ij\x00,jk->ik", "bad character '\\x00' at character 2", [" "], "ij,jk->ik"),
    unread("'ij,jk->ik'", 'bad character "\'" at character 0', ["'"]),
    unread("ij,jk->ik\ud800", "bad character '\\ud800' at character 9", [""], "ij,jk->ik"),
    # The number of terms.
    unread("ij->ij", "the equation has 1 term, but 2 operands were given", ["ij"]),
    unread("ij,jk,kl->il", "3 terms, but 2 operands were given", ["kl"]),
    unread("ij,jk,->ik", "3 terms, but 2 operands were given", ["-"], "ij,jk->ik"),
    unread(",ij,jk->ik", "3 terms, but 2 operands were given", ["jk"], "ij,jk->ik"),
    Fault("ij,jk->ik", ((2, 3),), EquationError, ("2 terms, but 1 operand was",), ["jk"]),
    # Ranks.
    misfit(
        "ij,j->i",
        MATRICES,
        ("operand 1 has 2 axes, but its term 'j' has 1 letter", "operand 1 has shape (3, 4)"),
        ["j"],
    ),
    misfit("ijk,kl->il", MATRICES, ("operand 0", "2 axes", "3 letters"), ["ijk"], "ik,kl->il"),
    misfit("ij,j->i", ((3,), (2, 3)), ("operand 0 has 1 axis",), ["ij"], "j,ij->i"),
    misfit("ij,jk->ik", ((7, 2, 3), (3, 4)), ("operand 0",), ["ij"], "...ij,jk->...ik"),
    misfit("...ijk,kl->il", MATRICES, ("at least 3 letters",), ["...ijk"], "...ik,kl->il"),
    misfit("i,i->", ((), (3,)), ("operand 0 has no axes", "shape ()"), ["i"]),
    misfit(",->", ((2,), ()), ("operand 0 has 1 axis", "no letters"), [","], "...,->..."),
    misfit("ij,jk→ik", MATRICES, ("operand 1", "5 letters"), ["jk→ik"], "ij,jk->ik"),
    misfit("…ij,jk->…ik", MATRICES, ("operand 0",), ["…ij"], "...ij,jk->...ik"),
    misfit("ij，jk->ik", ((2, 3),), ("operand 0",), ["ij，jk"]),
    # Sizes.
    misfit(
        "ij,kj->ik",
        MATRICES,
        ("index 'j' has size 3 in operand 0 and 4 in operand 1", "(2, 3)", "(3, 4)"),
        ["j", "j"],
        "ij,jk->ik",
    ),
    misfit(
        "ij,jk,kl->il",
        (*MATRICES, (5, 4)),
        ("index 'k' has size 4 in operand 1 and 5 in operand 2",),
        ["k", "k"],
        "ij,jk,lk->il",
    ),
    misfit("ii->", ((2, 3),), ("index 'i' stands for axes of sizes 2 and 3 in operand 0",), ["ii"]),
    misfit("ij,jk->ik", ((3, 4), (2, 3)), ("size 4", "and 2"), ["j", "j"], "jk,ij->ik"),
    misfit("行列,数列->行数", MATRICES, ("index '列'", "size 3"), ["列", "列"], "行列,列数->行数"),
    misfit(
        "i...,...->i",
        ((2, 3), (4,)),
        ("an axis of '...' has size 3 in operand 0 and 4 in operand 1",),
        ["...", "..."],
        "...,i...->i",
    ),
    misfit("i,i->", ((0,), (2,)), ("size 0 in operand 0 and 2 in operand 1",), ["i", "i"]),
    misfit("a\u0301,\u0301->a", ((2, 3), (4,)), ("size 3", "and 4"), ["a,"]),
    # Axis names.
    unread(
        "batch key, key out -> batch ouput",
        "has index 'ouput', which occurs in no operand",
        ["ouput"],
        "batch key, key out -> batch out",
    ),
    unread(
        "batch key, key out -> batch batch",
        "index 'batch' occurs 2 times",
        ["batch", "batch"],
        "batch key, key out -> batch out",
    ),
    unread("batch key, key out", "needs its output", [""]),
    unread(
        "batch k+ey, key out -> batch out",
        "'+' at character 7 of an axis name",
        ["+"],
        "batch key, key out -> batch out",
    ),
    unread("batch 2key, 2key out -> batch out", "'2key' at character 6", ["2key"]),
    misfit(
        "batch query key, key out -> batch out",
        MATRICES,
        ("operand 0 has 2 axes, but its term 'batch query key' has 3 axis names",),
        ["batch query key"],
        "batch key, key out -> batch out",
    ),
    misfit(
        "batch key, out key -> batch out",
        MATRICES,
        ("index 'key' has size 3 in operand 0 and 4 in operand 1",),
        ["key", "key"],
        "batch key, key out -> batch out",
    ),
]


def arrays(shapes: Shapes) -> list[np.ndarray]:
    """Zeros of these shapes."""
    return [np.zeros(shape, np.float32) for shape in shapes]


def under_vmap(equation: str, shapes: Shapes) -> Any:
    """The call with one axis more in each operand, which `vmap` takes away."""
    stacked = [np.zeros((2, *shape), np.float32) for shape in shapes]
    return jax.vmap(lambda *operands: einlab.contract(equation, *operands))(*stacked)


WAYS: dict[str, Callable[[str, Shapes], Any]] = {
    "plan": lambda eq, shapes: einlab.plan(eq, *shapes),
    "contract": lambda eq, shapes: einlab.contract(eq, *arrays(shapes)),
    "contract_path": lambda eq, shapes: einlab.contract_path(eq, *arrays(shapes)),
    "of shapes": lambda eq, shapes: einlab.contract_path(eq, *shapes, shapes=True),
    "contract_expression": lambda eq, shapes: einlab.contract_expression(eq, *shapes),
}
TRANSFORMED: dict[str, Callable[[str, Shapes], Any]] = {
    "jit": lambda eq, shapes: jax.jit(lambda *x: einlab.contract(eq, *x))(*arrays(shapes)),
    "grad": lambda eq, shapes: jax.grad(lambda *x: einlab.contract(eq, *x).sum())(*arrays(shapes)),
    "vmap": under_vmap,
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_faulty_equation_is_refused_alike_by_every_way_in(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = complaint(lambda: WAYS["plan"](fault.equation, fault.shapes), fault.error, fault.says)
    assert marked(text) == fault.marks
    for name, way in (WAYS | TRANSFORMED).items():
        call = partial(way, fault.equation, fault.shapes)
        assert complaint(call, fault.error, transformed=name in TRANSFORMED) == text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_suggested_equation_passes(fault: Fault) -> None:
    text = complaint(lambda: einlab.plan(fault.equation, *fault.shapes))
    instead = suggestion(text)
    assert instead == fault.instead
    if instead is not None:
        for call in (*WAYS.values(), *TRANSFORMED.values()):
            if call is TRANSFORMED["grad"] and "->" not in instead:
                continue
            call(instead, fault.shapes)


def test_there_are_enough_malformed_equations() -> None:
    assert len(FAULTS) == len({(fault.equation, fault.shapes) for fault in FAULTS}) >= 55


@pytest.mark.parametrize(
    ("equation", "axes", "note"),
    [
        ("batch key, key out -> batch", None, "(read as axis names between blanks)"),
        ("batch key, out key -> batch", None, "(read as axis names between blanks)"),
        ("i j, k j -> ik", None, "(read as letters, one an axis)"),
        ("ij,jk->ik", "named", "(read as axis names between blanks)"),
        ("batch key, key out -> batch out", "letters", "(read as letters, one an axis)"),
    ],
)
def test_an_error_names_the_reading_that_was_used(
    equation: str, axes: str | None, note: str
) -> None:
    shapes = ((2, 3), (4, 5))
    text = complaint(lambda: einlab.plan(equation, *shapes, axes=axes))
    assert text.endswith(note)


def test_an_equation_in_one_reading_only_says_nothing_of_readings() -> None:
    text = complaint(lambda: einlab.plan("ij, jk -> ik", (2, 3), (4, 5)))
    assert "read as" not in text


@pytest.mark.parametrize("fault", ["out", "size", "rank", "count", "character"])
def test_thousands_of_terms_are_cut_around_the_fault(fault: str) -> None:
    count = 4000
    letters = [chr(0x4E00 + place) for place in range(count + 1)]
    terms = ["".join(pair) for pair in pairwise(letters)]
    equation = ",".join(terms)
    shapes: list[tuple[int, ...]] = [(2, 2)] * count
    expected = {
        "out": ["z"],
        "size": [letters[count - 1]] * 2,
        "rank": [terms[-1]],
        "count": [terms[-1]],
        "character": ["?"],
    }
    equation += {"out": "->z", "character": "?"}.get(fault, "")
    if fault == "count":
        shapes.pop()
    shapes[-1] = {"size": (3, 2), "rank": (2,)}.get(fault, (2, 2))
    text = complaint(lambda: einlab.plan(equation, *shapes))
    assert marked(text) == expected[fault]
    assert len(text) < 500
    assert f"of {len(equation)})" in text
